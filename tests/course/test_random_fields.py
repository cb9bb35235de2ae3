"""What authors write, drawn at random: knobs, explorers, questions, claims and networks are taken or refused with a message."""

import math

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cnnlib.course import papers
from cnnlib.course.explorer import Explorer, Knob, views
from cnnlib.course.landing import networks
from cnnlib.course.ledger import entries as claims
from cnnlib.course.ledger.ledger import _row
from cnnlib.course.quiz import examples, questions
from cnnlib.course.quiz.quiz import _question

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
formats = st.sampled_from(["{}", "{:g}×", "{:d}", "{:,}", "{", "{0.x}", "{a}", "{}{}", "", 5, None]) | st.text(
    max_size=4
)


@given(
    st.sampled_from(["depth", "class", "the depth", "", 5, None]),
    st.text(max_size=4) | scalars,
    st.lists(scalars, max_size=5) | st.lists(values, max_size=3) | scalars,
    values,
    st.sampled_from([None, "range", "select", "dial", 3]),
    formats,
)
@example("depth", "Depth", (1, math.nan), 1, None, "{}")
@example("depth", "Depth", "01", "", None, "{}")
def test_a_knob_is_whole_or_refused(name, label, steps, default, kind, form):
    try:
        knob = Knob(name, label, steps, default, kind, form)
    except ValueError as error:
        assert str(name) in str(error)
        return
    told = knob.as_json()
    assert told["steps"][told["default"]] == knob.text(default) and told["kind"] in ("range", "select")
    assert len(set(told["steps"])) == len(steps) >= 2 and all(isinstance(step, str) for step in told["steps"])


DEPTH = Knob("depth", "Depth", (1, 2), 1)


@st.composite
def results(draw, view: str) -> dict:
    """What a function might give a view: all keys, with rows where rows belong, but here and there anything."""
    result = {"sentence": "s"}
    for key, names in views.named(view).NEEDS.items():
        row = {name: draw(st.integers(1, 9)) for name in names.split()}
        result[key] = draw(st.sampled_from([row, [row], [], 3, {}]) if names else st.sampled_from(["s", 3, [row]]))
    holder = draw(st.sampled_from([result, *(inner for inner in result.values() if isinstance(inner, dict) and inner)]))
    holder[draw(st.sampled_from(sorted(holder)))] = draw(values)
    return result


@pytest.mark.parametrize("view", views.names())
@settings(max_examples=40)
@given(st.data())
def test_an_explorer_is_drawn_or_refused(view, data):
    given_ = data.draw(st.lists(results(view) | values, min_size=2, max_size=2))
    try:
        explorer = Explorer(lambda depth: given_[depth - 1], [DEPTH], view=view, title="x")
    except ValueError as error:
        assert len(str(error)) > 20
        return
    assert "<cnn-explorer" in explorer._repr_html_()


def entries(schema: dict) -> st.SearchStrategy:
    """Fields as a schema has them, each as it should be, or anything."""
    good = {str: st.text(max_size=8), bool: st.booleans(), int: st.integers(), float: st.floats()}
    known = {
        name: st.one_of(*(good[one] for one in types if one in good), values) for name, (types, _) in schema.items()
    }
    return st.fixed_dictionaries({}, optional=known | {"anything": values})


OPTIONS = st.lists(entries(questions._OPTION), max_size=3)
QUESTIONS = st.one_of(
    [
        st.tuples(
            entries(schema),
            st.fixed_dictionaries({}, optional={"options": OPTIONS, "items": st.lists(entries(questions._ITEM), max_size=3), "wrong": st.lists(entries(questions._WRONG), max_size=2)}),
        ).map(lambda parts, kind=kind: parts[0] | parts[1] | {"kind": kind})
        for kind, schema in questions.KINDS.items()
    ]
)  # fmt: skip
# One that is as it should be but for one field that is anything: this reaches the checks behind the first.
WHOLE = examples().questions
NEARLY = st.builds(
    lambda question, name, value: question | {name: value},
    st.sampled_from(WHOLE),
    st.sampled_from(sorted({name for question in WHOLE for name in question})),
    values,
)


def refused_by_name(parse, file: str, data) -> object:
    """What `parse` makes of it, or None where it refuses it by the file's name."""
    text = yaml.safe_dump(data, sort_keys=False)
    try:
        return parse(text)
    except ValueError as error:
        assert str(error).startswith(file), error
        return None


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(QUESTIONS | NEARLY | NEARLY | values, max_size=2) | values)
def test_questions_are_shown_or_refused(data):
    for number, question in enumerate(
        refused_by_name(lambda text: questions.parse(text, "x.yaml"), "x.yaml", data) or [], 1
    ):
        assert "<fieldset" in _question(number, question)
        assert "answer" not in question or questions.is_right(question, question["answer"])


CLAIM = {"id": "a", "short": "s", "statement": "t", "source": claims.COMMON, "verdict": "confirmed", "expression": "1", "said": 1, "comment": "c"}  # fmt: skip
CLAIMS = st.builds(lambda name, value: CLAIM | {name: value}, st.sampled_from(sorted(claims._FIELDS)), values)


@given(st.lists(entries(claims._FIELDS) | CLAIMS | values, max_size=2) | values)
def test_claims_are_shown_or_refused(data):
    for entry in refused_by_name(lambda text: claims.parse(text, "x.yaml"), "x.yaml", data) or []:
        assert "<tr" in _row(entry | {"chapter": "04_resnet", "value": None})


NETWORK = {"name": "A", "model": "lenet5", "year": 1998, "chapter": "01_classic_networks", "brought": "b", "section": "s",
           "error": {"paper": "alexnet", "model": "1 network", "quantity": "top-5 validation", "how": "one network"}}  # fmt: skip
NETWORKS = st.builds(lambda name, value: NETWORK | {name: value}, st.sampled_from(sorted(NETWORK)), values)


@given(st.lists(entries(networks._FIELDS) | NETWORKS | values, max_size=2) | values)
def test_networks_are_shown_or_refused(data):
    for one in refused_by_name(networks.parse, "networks.yaml", data) or []:
        assert networks._place(one) and (networks._citation(one) if "error" in one else True)


NUMBER = {"model": "a", "quantity": "q", "value": 1.5, "printed": "1.5", "where": "Table 1"}
NUMBERS = st.builds(lambda name, value: NUMBER | {name: value}, st.sampled_from(sorted(NUMBER)), values)
PAPERS = st.builds(
    lambda rows, name, value: {"x": {"title": "t", "reference": "r", "numbers": rows} | {name: value}},
    st.lists(NUMBERS | values, min_size=1, max_size=2),
    st.sampled_from(["title", "more"]),
    st.just("t") | values,
)


@given(PAPERS | values)
def test_papers_are_read_or_refused(data):
    for paper in (refused_by_name(papers.parse, "papers.yaml", data) or {}).values():
        assert all(row["value"] is None or math.isfinite(row["value"]) for row in paper["numbers"])
