"""Files that were damaged on the way: each is refused by its name and with what is wrong, and nothing else changes.

A real file is copied, damaged by a seeded accident, and read as the book reads it. Where the accident does no harm (a
letter of a sentence), what was read must be as whole as before: `whole` looks at it with rules of its own.
"""

import copy
import datetime
import itertools
import json
import math
import random
import re
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
import torch
import yaml
from safetensors.torch import save_file

from book.extension import glossary, teaching
from book.tools import execute, lint_notebooks, repository
from book.tools.files import read_notebook
from cnnlib import create_model, load_weights
from cnnlib.chapters import named
from cnnlib.course import papers
from cnnlib.course.landing import networks
from cnnlib.course.ledger import entries as claims
from cnnlib.course.ledger.ledger import _row
from cnnlib.course.quiz import questions as quiz_questions
from cnnlib.course.quiz.quiz import _question
from cnnlib.experiments.record import read_runs
from cnnlib.models.registry import FAMILIES, list_models
from cnnlib.training import History
from cnnlib.training.checkpoint import Checkpoint

ROOT = repository.ROOT
COURSE = ROOT / "cnnlib" / "course"
CHAPTER = ROOT / "cnnlib" / "chapters" / "resnet"


class Kind(NamedTuple):
    """A kind of file: a real one, how the book reads it, and what must hold of what was read."""

    file: Path
    read: Any  # a function of the path
    whole: Any  # a function of what was read; it asserts


def texts(entries: Any, *fields: str) -> bool:
    return all(isinstance(entry[field], str) and entry[field].strip() for entry in entries for field in fields)


def whole_quiz(questions):
    assert texts(questions, "id", "kind", "section", "text")
    assert len({question["id"] for question in questions}) == len(questions)
    for question in questions:
        options = [option["correct"] for option in question.get("options", [])]
        assert not options or any(option is True for option in options)
        assert question["kind"] != "single" or options.count(True) == 1
        assert "answer" not in question or math.isfinite(question["answer"])
    for number, question in enumerate(questions, 1):
        assert "<fieldset" in _question(number, question)


def whole_ledger(entries):
    assert texts(entries, "id", "short", "statement", "source", "comment", "where")
    assert all(entry["verdict"] in claims.VERDICTS for entry in entries)
    assert len({entry["id"] for entry in entries}) == len(entries)
    for entry in entries:
        assert "<td" in _row(entry | {"chapter": "04_resnet", "value": None})


def whole_networks(found):
    assert texts(found, "name", "model", "chapter")
    assert [one["year"] for one in found] == sorted(one["year"] for one in found)
    assert len({one["name"] for one in found}) == len(found)
    for one in found:
        assert one["model"] in (*list_models(), *FAMILIES) and "</" in networks.Timeline()._item(one | {"brought": "x"})


def whole_papers(found):
    rows = [row for paper in found.values() for row in paper["numbers"]]
    assert texts(rows, "model", "quantity", "printed", "where") and texts(found.values(), "title", "reference")
    assert all(row["value"] is None or math.isfinite(row["value"]) for row in rows)


def whole_glossary(entries):
    matcher = glossary.Matcher(entries.values())
    for term, entry in entries.items():
        assert term == entry.term and entry.definition.strip() and entry.chapter.strip()
        assert entry.slug and [found.term for *_, found in matcher.find(term)]


def whole_plans(plans):
    for session in itertools.chain(*plans.values()):
        assert session["title"] + session["in class"]
        assert all(headings == "all" or list(map(str.strip, headings)) for headings in session["read"].values())
        assert all(map(str.strip, session.get("exercises", [])))


def whole_records(runs):
    for run in runs:
        assert run["device"] + run["date"] + run["versions"]["torch"]
        assert all(len(curve) == run["config"]["epochs"] for curve in run["curves"].values())
        assert all(math.isfinite(value) for curve in run["curves"].values() for value in curve)


YAML = {
    "quiz": Kind(CHAPTER / "quiz.yaml", lambda path: quiz_questions.parse(path.read_bytes(), path.name), whole_quiz),
    "ledger": Kind(CHAPTER / "ledger.yaml", lambda path: claims.parse(path.read_bytes(), path.name), whole_ledger),
    "sources": Kind(COURSE / "ledger/sources.yaml", lambda path: claims.parse_sources(path.read_bytes()), lambda known: [key + said for key, said in known.items()]),
    "networks": Kind(COURSE / "landing/networks.yaml", lambda path: networks.parse(path.read_bytes()), whole_networks),
    "papers": Kind(COURSE / "papers.yaml", lambda path: papers.parse(path.read_bytes()), whole_papers),
    "glossary": Kind(ROOT / "book/glossary.yaml", lambda path: glossary.parse(path.read_bytes()), whole_glossary),
    "sessions": Kind(ROOT / "book/sessions.yaml", lambda path: teaching.parse_plans(path.read_bytes()), whole_plans),
}  # fmt: skip
JSON_LINES = {
    "runs": Kind(CHAPTER / "runs/bench.jsonl", lambda path: read_runs(named("resnet").suite("bench"), path), whole_records),
}  # fmt: skip
JSON = {
    "notebook": Kind(ROOT / "chapters/02_vgg_receptive_fields.ipynb", read_notebook, nbformat.validate),
}


# ---------------------------------------------------------------------------------- what happens to the bytes of a file


def cut_off(raw: bytes, dice: random.Random) -> bytes:
    return raw[: dice.randrange(len(raw))]


def flipped(raw: bytes, dice: random.Random) -> bytes:
    """Three bytes with some of their bits turned over."""
    changed = bytearray(raw)
    for _ in range(3):
        changed[dice.randrange(len(raw))] ^= dice.randrange(1, 256)
    return bytes(changed)


def garbage(raw: bytes, dice: random.Random) -> bytes:
    return dice.randbytes(500)


def empty(raw: bytes, dice: random.Random) -> bytes:
    return b""


def other_encoding(raw: bytes, dice: random.Random) -> bytes:
    """As an editor that knows no UTF-8 saves it; a sign that Latin-1 lacks becomes one that it has."""
    return b"# \xe9\xff\n" + raw.decode().encode("latin-1", errors="replace")


def a_hole(raw: bytes, dice: random.Random) -> bytes:
    """A block of the disk that was never written."""
    start = dice.randrange(len(raw))
    return raw[:start] + bytes(512) + raw[start + 512 :]


def nested(raw: bytes, dice: random.Random) -> bytes:
    return b"[" * 1_200


def itself(raw: bytes, dice: random.Random) -> bytes:
    """YAML that contains itself; for JSON no JSON at all."""
    return b"&a [*a, {id: x}]"


def a_scalar(raw: bytes, dice: random.Random) -> bytes:
    return dice.choice([b"5", b'"text"', b"null", b"[]", b"{}", b"[5]", b"true"])


BYTES = [cut_off, flipped, garbage, empty, other_encoding, a_hole, nested, itself, a_scalar]
HARMLESS = (cut_off, flipped)  # what may leave a file of its kind: a list less its end, another letter


# -------------------------------------------------------------------------------------- what happens to what is in a file


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of all that a value holds, at any depth."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in pairs:
        found += [(value, key), *places(inner)]
    return found


def field_lost(data: Any, dice: random.Random) -> None:
    holder, key = dice.choice([place for place in places(data) if isinstance(place[0], dict)])
    del holder[key]


def other_type(data: Any, dice: random.Random) -> None:
    holder, key = dice.choice(places(data))
    others = [5, -1.5, True, None, "", "text", [], [1, {"a": 2}], {}, {"text": 5}, {1: 2}, datetime.date(2026, 11, 21)]
    holder[key] = dice.choice([other for other in others if type(other) is not type(holder[key])])


def not_a_number(data: Any, dice: random.Random) -> None:
    numbers = [(holder, key) for holder, key in places(data) if type(holder[key]) in (int, float)] or places(data)
    holder, key = dice.choice(numbers)
    holder[key] = dice.choice([math.nan, math.inf, -math.inf, 10**400])


def twice(data: Any, dice: random.Random) -> None:
    """An entry is there a second time."""
    lists = [holder for holder, key in places(data) if isinstance(holder, list) and isinstance(holder[key], dict)]
    chosen = dice.choice(lists or [None])
    if chosen is not None:
        chosen.append(copy.deepcopy(dice.choice(chosen)))


def renamed_field(data: Any, dice: random.Random) -> None:
    holder, key = dice.choice([place for place in places(data) if isinstance(place[0], dict)])
    holder[f"{key}s"] = holder.pop(key)


CONTENTS = [field_lost, other_type, not_a_number, twice, renamed_field]


def damaged(raw: bytes, accident: Any, dice: random.Random, kind: Kind) -> bytes:
    if accident in BYTES:
        return accident(raw, dice)
    if kind in JSON_LINES.values():
        data = [json.loads(line) for line in raw.splitlines()]
        accident(data, dice)
        return "\n".join(json.dumps(entry, default=str) for entry in data).encode()
    data = yaml.safe_load(raw) if kind in YAML.values() else json.loads(raw)
    accident(data, dice)
    if kind in YAML.values():
        return yaml.safe_dump(data, allow_unicode=True, sort_keys=False).encode()
    return json.dumps(data, default=str).encode()


SEEDS = range(2)
CASES = [
    pytest.param(kind, accident, seed, id=f"{name}-{accident.__name__}-{seed}")
    for name, kind in (YAML | JSON | JSON_LINES).items()
    for accident in BYTES + CONTENTS
    for seed in SEEDS
    if seed == 0 or accident not in (empty, other_encoding, nested, itself)  # which know no chance
]
USELESS = re.compile(r"\wError\(|Traceback|object has no attribute|not subscriptable|unhashable|codec can't decode$")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(("kind", "accident", "seed"), CASES)
def test_a_damaged_file_is_named_with_what_is_wrong(kind, accident, seed, tmp_path, request):
    path = tmp_path / kind.file.name
    dice = random.Random(request.node.callspec.id)
    path.write_bytes(damaged(kind.file.read_bytes(), accident, dice, kind))
    before = contents(tmp_path)
    try:
        read = kind.read(path)
    except ValueError as error:
        said = str(error)
        assert path.name in said
        assert len(said) > len(path.name) + 12 and not USELESS.search(said), said
    else:
        assert accident in (*HARMLESS, *CONTENTS), f"it was let through: {read!r:.200}"
        kind.whole(read)
    assert contents(tmp_path) == before


# ------------------------------------------------------------------------------------------------- notebooks, the address


@pytest.mark.parametrize(
    "accident", [cut_off, garbage, empty, a_scalar, nested], ids=lambda accident: accident.__name__
)
def test_lint_and_execute_name_a_damaged_notebook_and_leave_it(accident, tmp_path, capsys):
    path = tmp_path / "chapter.ipynb"
    path.write_bytes(accident((ROOT / "chapters/02_vgg_receptive_fields.ipynb").read_bytes(), random.Random(1)))
    before = contents(tmp_path)
    (finding,) = lint_notebooks.findings(path)
    assert "chapter.ipynb is no notebook" in finding
    assert execute.main([str(path)]) == 1
    assert "it is left as it was" in capsys.readouterr().out and contents(tmp_path) == before


def test_a_notebook_with_two_cells_of_one_id_is_refused(tmp_path):
    path = tmp_path / "chapter.ipynb"
    cells = [nbformat.v4.new_markdown_cell("a", id="here"), nbformat.v4.new_markdown_cell("b", id="here")]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"chapter.ipynb: two cells have the id 'here'"):
        read_notebook(path)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'{"github": 5}', b'{"github": "a/b", "branch": 5}', b'{"home": "a/b"}', b"\xff\xfe\x00"]
)
def test_a_damaged_address_changes_no_file(text, tmp_path, capsys):
    for name in (repository.ADDRESS, "chapters/01_classic_networks.ipynb", "README.md", "CITATION.cff"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / repository.ADDRESS).write_bytes(text)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"cnnlib/course/repository.json must be"):
        repository.Repository.read(tmp_path)
    assert repository.main(["owner/name"], tmp_path) == 1
    assert "repository.json must be" in capsys.readouterr().out and contents(tmp_path) == before


# ------------------------------------------------------------------------------------------------- weights, checkpoints


class Code:
    """A pickle that would create a file if what is in it were run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def network(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return create_model("lenet5_modern")


def values(model: torch.nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def alike(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def tensors(state: Any) -> list[tuple[Any, Any]]:
    return [(holder, key) for holder, key in places(state) if isinstance(holder[key], torch.Tensor)]


def other_shape(state: Any, dice: random.Random) -> None:
    holder, key = dice.choice(tensors(state))
    holder[key] = torch.zeros(2, 3)


def other_name(state: Any, dice: random.Random) -> None:
    holder, key = dice.choice(tensors(state))
    holder["another.thing"] = holder.pop(key)


def tensor_lost(state: Any, dice: random.Random) -> None:
    holder, key = dice.choice(tensors(state))
    del holder[key]


def not_a_tensor(state: Any, dice: random.Random) -> None:
    holder, key = dice.choice(tensors(state))
    holder[key] = dice.choice([None, 5, "text", [1.0], {"a": 1}])


def nan_inside(state: Any, dice: random.Random) -> None:
    holder, key = dice.choice([place for place in tensors(state) if place[0][place[1]].is_floating_point()])
    holder[key].view(-1)[0] = dice.choice([math.nan, math.inf])


def complex_numbers(state: Any, dice: random.Random) -> None:
    holder, key = dice.choice(tensors(state))
    holder[key] = holder[key].to(torch.complex64)


RAW = [cut_off, flipped, garbage, empty, a_hole]
TENSORS = [other_shape, tensor_lost, not_a_tensor, nan_inside, complex_numbers]
WEIGHTS = [
    pytest.param(form, accident, seed, id=f"{form}-{accident.__name__}-{seed}")
    for form in ("pt", "safetensors")
    for accident in RAW + TENSORS
    for seed in (SEEDS if accident in RAW else (0,))
    if (form, accident) not in {("safetensors", not_a_tensor)}  # which that format cannot hold
]


def save(state: dict, path: Path) -> None:
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)


@pytest.mark.parametrize(("form", "accident", "seed"), WEIGHTS)
def test_damaged_weights_are_named_and_none_is_loaded(form, accident, seed, tmp_path, request):
    dice, path = random.Random(request.node.callspec.id), tmp_path / f"weights.{form}"
    state = dict(network(1).state_dict())
    good = [value.clone() for value in state.values()]
    if accident in RAW:
        save(state, path)
        path.write_bytes(accident(path.read_bytes(), dice))
    else:
        accident(state, dice)
        save(state, path)
    before, model = contents(tmp_path), network(2)
    own = values(model)
    try:
        load_weights(model, path)
    except ValueError as error:
        assert "weights." + form in str(error) and not USELESS.search(str(error)), error
        assert alike(values(model), own)
    else:  # safetensors keeps no checksum: a wrong number that is finite cannot be told from a right one
        assert accident in (flipped, a_hole)
        assert form == "safetensors" or alike(values(model), good)
        assert all(value.isfinite().all() for value in values(model))
    assert contents(tmp_path) == before


def test_weights_that_would_run_code_are_not_run(tmp_path):
    torch.save({"weight": Code(tmp_path / "was run")}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"weights.pt cannot be read: it is damaged, or holds something else"):
        load_weights(network(1), tmp_path / "weights.pt")
    assert not (tmp_path / "was run").exists()


def test_weights_of_a_file_are_those_that_were_saved(tmp_path):
    for form in ("pt", "safetensors"):
        save(network(1).state_dict(), tmp_path / f"weights.{form}")
        assert alike(values(load_weights(network(2), tmp_path / f"weights.{form}")), values(network(1)))
    with pytest.raises(OSError, match=r"nothing.pt"):
        load_weights(network(2), tmp_path / "nothing.pt")


def run_of(path: Path, seed: int) -> tuple[Checkpoint, History, torch.nn.Module]:
    """A run as `fit` keeps it: a model and its optimiser after one step, and generators."""
    model = network(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    sum(parameter.sum() for parameter in model.parameters()).backward()
    optimizer.step()
    generators = {"shuffle": torch.Generator().manual_seed(seed)}
    history = History([0.5] * seed, [0.5] * seed, [0.5] * seed, [0.5] * seed, 1.0)
    return Checkpoint(path, {"epochs": 9}, {"model": model, "optimizer": optimizer}, generators), history, model


def held(checkpoint: Checkpoint) -> list[torch.Tensor]:
    """All tensors of a run's state."""
    return [holder[key].clone() for holder, key in tensors(checkpoint.states())]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("part", "accident"),
    [(None, accident) for accident in RAW]
    + [("model", accident) for accident in TENSORS[:3]]
    + [("history", accident) for accident in (field_lost, other_type, renamed_field)]
    + [("settings", field_lost)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_damaged_checkpoint_is_named_and_the_run_is_as_before(part, accident, seed, tmp_path, request):
    dice, path = random.Random(request.node.callspec.id), tmp_path / "run.pt"
    saved, history, _ = run_of(path, 3)
    saved.save(history)
    good = held(saved)
    if part is None:
        path.write_bytes(accident(path.read_bytes(), dice))
    else:
        state = torch.load(path, weights_only=True)
        accident(state[part], dice)
        torch.save(state, path)
    before = contents(tmp_path)
    ours, history, _ = run_of(path, 2)
    own, unread = held(ours), copy.deepcopy(history)
    try:
        epochs = ours.load(history)
    except ValueError as error:
        assert "run.pt" in str(error) and not USELESS.search(str(error)), error
        assert alike(held(ours), own) and history == unread
    else:  # what was hit stands between the parts of the file
        assert accident is flipped and epochs == 3 and alike(held(ours), good)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["model", "optimizer", "settings", "history", "generators"])
def test_a_checkpoint_that_lacks_a_part_is_refused(name, tmp_path):
    saved, history, _ = run_of(tmp_path / "run.pt", 3)
    saved.save(history)
    state = torch.load(tmp_path / "run.pt", weights_only=True)
    del state[name]
    torch.save(state, tmp_path / "run.pt")
    ours, history, _ = run_of(tmp_path / "run.pt", 2)
    own = held(ours)
    with pytest.raises(ValueError, match=r"run.pt is (no checkpoint|damaged)"):
        ours.load(history)
    assert alike(held(ours), own)
