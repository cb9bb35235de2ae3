"""The landing page's networks: their figures are the models', their errors the papers', their links lead to headings."""

import json
import re
from pathlib import Path

import pytest
import torch
from bs4 import BeautifulSoup

import cnnlib
from cnnlib.course import NetworkTable, Timeline, reported
from cnnlib.course.html import anchor
from cnnlib.course.landing import networks

ROOT = Path(__file__).parents[2]
ALL = networks.load()
ONE = "- {name: A, model: lenet5, year: 1998, chapter: 01_one}"


def headings(chapter: str) -> set[str]:
    cells = json.loads((ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return set(re.findall(r"^## (.+)$", text, re.MULTILINE))


@pytest.mark.parametrize("one", ALL, ids=lambda one: one["name"])
def test_figures_are_the_models(one):
    with torch.device("meta"):
        model = cnnlib.create_model(one["model"], **one.get("options", {}))
    cells = networks.figures(one)
    assert cells["parameters"].value == sum(parameter.numel() for parameter in model.parameters())
    seen = cnnlib.anatomy(model)
    assert (cells["MACs"].value, cells["layers"].value) == (seen.macs, seen.depth)
    assert (cells["kept for training"].value, cells["field"].value) == (seen.saved_bytes, seen.receptive_field[0])
    assert cells["input"].value == model.input_size[-1] == model.input_size[-2]
    assert seen.receptive_field[0] == seen.receptive_field[1]  # one number says it


@pytest.mark.parametrize("one", ALL, ids=lambda one: one["name"])
def test_each_leads_to_a_heading_of_its_chapter(one):
    assert one["section"] in headings(one["chapter"])


@pytest.fixture(scope="module")
def table() -> str:
    """The table in HTML; its figures take seconds."""
    return NetworkTable()._repr_html_()


def test_every_cited_paper_is_in_the_bibliography(table):
    keys = re.findall(r"^@\w+\{(\w+),", (ROOT / "book/references.bib").read_text(encoding="utf-8"), flags=re.MULTILINE)
    links = re.findall(r'href="references.html#(\w+)"', table + Timeline()._repr_html_())
    assert links and set(links) <= set(keys)


def test_the_table_has_every_network_and_its_error_as_printed(table):
    page = BeautifulSoup(table, "html.parser")
    rows = {row.th.text: [cell.text for cell in row.find_all("td")] for row in page.select("tbody tr")}
    assert list(rows) == [one["name"] for one in ALL]
    assert len({len(cells) for cells in rows.values()} | {len(page.select("thead th")) - 1}) == 1
    printed = {row["model"]: row["printed"] for row in reported("resnet") if row["quantity"] == "top-5"}
    assert rows["ResNet-50"][-2:] == [f"{printed['resnet50']}%", "one network, ten crops; Table 3"]
    assert rows["LeNet-5"][-2:] == ["–", ""]


def test_the_timeline_goes_by_year_and_has_what_each_brought():
    page = BeautifulSoup(Timeline()._repr_html_(), "html.parser")
    years = [int(year.text) for year in page.select(".cnn-year")]
    assert years == sorted(years) and len(years) == sum("brought" in one for one in ALL)
    first = page.select_one("li a")
    assert (first.text, first["href"]) == (
        "LeNet-5",
        "../chapters/01_classic_networks.html#" + anchor("What was LeNet-5, exactly?"),
    )


def test_a_network_whose_section_is_to_come_has_no_link(monkeypatch):
    late = networks.parse("- {name: Late, model: densenet121, year: 2017, chapter: 09_late}")
    monkeypatch.setattr(networks, "load", lambda: late)
    assert "<a" not in NetworkTable()._repr_html_().split("<style")[0]


@pytest.mark.parametrize(
    ("count", "text"), [(853, "853"), (853018, "853 k"), (1198810, "1.20 M"), (15470264320, "15.5 G")]
)
def test_numbers_are_written_with_three_digits(count, text):
    assert networks._short(count).replace("\u202f", " ").strip() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: A, year: 1998, chapter: b}", r"network 1 \(A\), model: missing"),
        (ONE.replace("model", "modle"), r"network 1 \(A\), modle: no such field; did you mean model"),
        (ONE.replace("1998", "long ago"), r"network 1 \(A\), year: must be int, got 'long ago'"),
        (ONE.replace("1998", "2012") + "\n" + ONE.replace("A", "B"), r"network 2 \(B\), year: 1998 stands after 2012"),
        (ONE + "\n" + ONE, r"network 2 \(A\), name: used twice"),
        (
            ONE.replace("lenet5", "lenet6"),
            r"network 1 \(A\), model: no model is called 'lenet6'; did you mean 'lenet5'",
        ),
        (ONE[:-1] + ", error: {paper: vgg}}", r"network 1 \(A\), error, model: missing"),
        (
            ONE[:-1] + ", error: {paper: vgg, model: vgg12, quantity: top-5, how: b}}",
            r"papers.yaml has 0 rows for 'vgg12', 'top-5' of vgg",
        ),
    ],
)
def test_a_slip_in_the_file_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        networks.parse(text)
