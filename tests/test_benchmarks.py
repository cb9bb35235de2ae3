"""What the benchmarks keep and say; nothing is timed here."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import building, inference, testing, widgets
from benchmarks.timing import Row, Unavailable, table

IMPORT, ANALYSIS, PAGES = (bench.PARTS[name] for name in ("importing", "analysis", "pages"))
SLOW = Row("a thing", 0.0045, "a peer", 0.009, "3 ms", False, "A reason")
QUICK = Row("another", 2.0, "–", None, "60 s", True, "Never said")


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "RESULTS.md")
    return bench.RESULTS


def test_a_missed_budget_is_named_with_its_reason_and_a_kept_one_is_not():
    text = table([SLOW, QUICK])
    assert "a thing  4.5 ms  a peer  9.0 ms           0.50  3 ms    NO\n" in text
    assert "another  2.00 s  –            –              –  60 s    yes\n" in text
    assert text.endswith("\n- **Missed**: a thing: 4.5 ms, allowed: 3 ms. A reason.")
    assert "Why is not known yet." in table([SLOW._replace(why="")])


def test_a_part_takes_its_own_place_and_leaves_the_others(results):
    bench.keep(PAGES, "the pages")
    bench.keep("Training on the abacus", f"of another machine\n\n{table([SLOW])}")
    bench.keep(IMPORT, "first")
    results.write_text(
        results.read_text(encoding="utf-8") + "\n## A part that is no more\n\nfigures\n", encoding="utf-8"
    )
    before = results.read_text(encoding="utf-8")
    bench.keep(ANALYSIS, table([SLOW, QUICK, SLOW]))
    bench.keep(IMPORT, "second")
    whole = results.read_text(encoding="utf-8")
    headings = [line for line in whole.splitlines() if line.startswith("## ")]
    assert headings == [f"## {heading}" for heading in (IMPORT, ANALYSIS, PAGES, "Training on the abacus")]
    for section in before.split("\n## ")[2:-1]:
        assert section in whole
    assert "\nfirst\n" not in whole and "\nsecond\n" in whole
    assert f"Budgets missed: 2 in “{ANALYSIS}”; 1 in “Training on the abacus”." in whole
    assert before.count("Budgets missed: 1 in “Training on the abacus”.") == 1


@pytest.mark.parametrize("error", [Unavailable("no Chromium starts here"), ImportError("no Chromium starts here")])
def test_a_part_that_cannot_be_measured_says_so_and_keeps_nothing(results, monkeypatch, capsys, error):
    def report():
        raise error

    bench.keep(PAGES, "of another day")
    before = results.read_text(encoding="utf-8")
    monkeypatch.setitem(sys.modules, "benchmarks.pages", SimpleNamespace(report=report))
    assert bench.measure("pages") == 1
    assert "pages is not measured: no Chromium starts here" in capsys.readouterr().out
    assert results.read_text(encoding="utf-8") == before


def test_a_measured_part_is_kept_with_the_day_the_machine_and_the_command(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "benchmarks.pages", SimpleNamespace(report=lambda: "figures"))
    assert bench.measure("pages") == 0
    assert results.read_text(encoding="utf-8").endswith(f"## {PAGES}\n\n{bench.measured('pages')}\n\nfigures\n")
    assert f"torch {torch.__version__}" in results.read_text(
        encoding="utf-8"
    ) and "`python -m benchmarks pages`" in results.read_text(encoding="utf-8")


def test_after_a_part_that_fails_the_rest_goes_on(results, monkeypatch, capsys):
    def run(command):
        return subprocess.CompletedProcess(command, command[-1] == "analysis")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "importing", "analysis", "pages"])
    assert bench.main() == 1
    assert "Not measured: analysis." in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["benchmarks", "importing", "pages"])
    assert bench.main() == 0


def test_a_part_that_is_not_there_is_named_with_those_that_are(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "pages", "paces"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "there is no part 'paces'; there are importing, analysis," in capsys.readouterr().err


def test_networks_that_differ_are_not_compared():
    pair = inference.torchvisions("alexnet")
    theirs = torch.linspace(-1, 4, 9)
    assert inference.apart(theirs, theirs, pair) == 0
    assert inference.apart(theirs + 4e-6, theirs, pair) == pytest.approx(1e-6, rel=0.1)
    for ours in (theirs + 4e-3, theirs * torch.nan):
        with pytest.raises(ValueError, match="alexnet: with the same weights our outputs and torchvision's differ by"):
            inference.apart(ours, theirs, pair)


def test_operations_that_only_one_of_two_networks_runs():
    image = torch.zeros(1, 3, 4, 4)
    plain, in_place = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten()), torch.nn.ReLU(inplace=True)
    ours, theirs = inference.operations(plain, image), inference.operations(in_place, image)
    assert (dict(ours - theirs), dict(theirs - ours)) == ({"relu": 1, "flatten": 1}, {"relu_": 1})


def test_projections_follow_the_rest_of_their_unit():
    names = ["stem.conv.weight", "stages.0.blocks.0.downsample.conv.weight", "stages.0.blocks.0.conv1.weight"]
    names += ["stages.0.blocks.1.conv1.weight", "stages.1.blocks.0.downsample.conv.weight"]
    names += ["stages.1.blocks.0.norm1.bias", "head.fc.weight"]
    assert list(inference.projections_last(dict.fromkeys(names))) == [names[i] for i in (0, 2, 1, 3, 5, 4, 6)]


def test_without_jupyter_book_nothing_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(Unavailable, match=r"jupyter-book: pip install -r requirements-book\.txt"):
        widgets.build(tmp_path)


def test_a_build_is_measured_and_one_that_fails_is_said(tmp_path):
    (tmp_path / "chapters").mkdir()
    cells = [{"cell_type": "markdown", "source": [f"{number}"]} for number in range(4)]
    (tmp_path / building.CHAPTER).write_text(f'{{"cells": {cells}}}'.replace("'", '"'), encoding="utf-8")
    book = building.Book(tmp_path, [sys.executable, "-c", "print(open('chapters/04_resnet.ipynb').read()); exit(7)"])
    with pytest.raises(RuntimeError, match="This sentence was not here before: 5"):
        book.build("one chapter changed", 5)
    assert building.Book(tmp_path, [sys.executable, "-c", "bytearray(60_000_000)"]).build("cold", 0).peak > 60


def test_a_target_is_a_part_of_the_peers_time():
    runs = [[building.Run(seconds, seconds, 1) for seconds in times] for times in ((1, 9, 2), (8, 8, 8))]
    kept, missed = building.row("one chapter changed", *runs), building.row("nothing changed", *runs)
    assert (kept.ours, kept.theirs, kept.kept, missed.kept) == (2, 8, True, False)


def test_the_time_of_tests_is_read_from_what_pytest_says(tmp_path):
    (tmp_path / "test_it.py").write_text("import time\n\ndef test_it():\n    time.sleep(0.2)\n", encoding="utf-8")
    options = ["-p", "xdist.plugin", "-n", "1", "-p", "no:cacheprovider", "--durations=0"]
    said = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_it.py"],
        cwd=tmp_path,
        env=os.environ
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},  # the others take seconds to import
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (ended,) = testing.ENDED.finditer(said)
    assert ended["what"].startswith("1 passed") and float(ended["seconds"]) >= 0.2
    assert testing.seconds_by_file(said)["test_it.py"] >= 0.2
