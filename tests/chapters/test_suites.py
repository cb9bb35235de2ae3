"""Recorded runs of all chapters: every suite is recorded whole, and every record is of a suite and says where it is from."""

import datetime

import pytest

from cnnlib import chapters
from cnnlib.experiments.record import name_of

SUITES = [
    pytest.param(chapter, name, id=f"{chapter.name}/{name}")
    for chapter in chapters.in_order()
    for name in chapter.suites()
]


@pytest.mark.parametrize("chapter", chapters.in_order(), ids=lambda chapter: chapter.name)
def test_every_suite_has_its_file_of_runs_and_every_file_its_suite(chapter):
    runs = chapter.file("runs")
    files = {file.name for file in runs.iterdir()} if runs.is_dir() else set()
    assert files == {f"{name}.jsonl" for name in chapter.suites()}


def test_the_chapters_have_suites():
    assert len(SUITES) > len(chapters.in_order())


@pytest.mark.parametrize(("chapter", "name"), SUITES)
def test_every_run_of_a_suite_has_a_name_of_its_own(chapter, name):
    grid = list(chapter.suite(name).configurations())
    assert len({name_of(config) for config in grid}) == len(grid)


@pytest.mark.parametrize(("chapter", "name"), SUITES)
def test_every_suite_is_recorded_whole_and_its_records_are_those_of_its_grid(chapter, name):
    runs = chapter.runs(name)
    assert [run["config"] | {"recipe": None} for run in runs] == [
        config | {"recipe": None} for config in chapter.suite(name).configurations()
    ]
    lines = chapter.file("runs", f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(runs), "a line that no setting of the suite reads"
    for run in runs:
        assert run["device"] and run["versions"]["torch"] and datetime.date.fromisoformat(run["date"])
        assert {"config", "threads", "seconds"} <= run.keys()
        assert ("curves" in run) == (chapter.suite(name).measure is None) == ("measure" not in run["config"])
        assert all(len(curve) == run["config"]["epochs"] for curve in run.get("curves", {}).values())
        assert "curves" not in run or set(run["curves"]) == {"train_error", "test_error", "train_loss"}


@pytest.mark.parametrize(("chapter", "name"), SUITES)
def test_recorded_runs_are_found_by_chapter_and_suite(chapter, name):
    assert chapters.recorded_runs(f"{chapter.name}/{name}") == chapter.runs(name)
