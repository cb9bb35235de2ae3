"""Once, for the move into one file a suite: every record is still there to the digit, and nothing else is."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BEFORE = "12b1ddf"
FOLDER = "cnnlib/course/runs/"
MOVED = {
    "classic_lenet": "classic_networks/lenet",
    "classic_activations": "classic_networks/activations",
    "classic_bench": "classic_networks/bench",
    "vgg_stacks_digits": "vgg_receptive_fields/stacks_digits",
    "vgg_stacks_textures": "vgg_receptive_fields/stacks_textures",
    "vgg_bench": "vgg_receptive_fields/bench",
    "inception_reductions": "inception_bottleneck/reductions",
    "inception_deeper": "inception_bottleneck/deeper",
    "inception_wider": "inception_bottleneck/wider",
    "inception_bench": "inception_bottleneck/bench",
    "resnet_degradation": "resnet/degradation",
    "resnet_slow_fitting": "resnet/slow_fitting",
    "resnet_bench": "resnet/bench",
    "after_resnet_race": "after_resnet/race",
    "after_resnet_width": "after_resnet/width",
    "after_resnet_bench": "after_resnet/bench",
    "choosing_times": "choosing_a_network/times",
    "choosing_transfer": "choosing_a_network/transfer",
    "choosing_bench": "choosing_a_network/bench",
}


def git(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)


def canonical(text: str) -> str:
    """The JSON of a record without spaces: its numbers stay the digits that the file has."""
    record = json.loads(text, parse_float=lambda digits: f"float {digits}", parse_int=lambda digits: f"int {digits}")
    return json.dumps(record, separators=(",", ":"), sort_keys=True)


def test_every_record_moved_and_nothing_else():
    if git("cat-file", "-e", f"{BEFORE}^{{commit}}").returncode:
        pytest.skip(f"the commit {BEFORE} is not in this copy of the repository")
    names = git("ls-tree", "-r", "--name-only", BEFORE, FOLDER).stdout.decode().splitlines()
    assert len(names) == 383
    old: dict[str, list[str]] = {suite: [] for suite in MOVED.values()}
    for name in names:
        suite = MOVED[name.removeprefix(FOLDER).partition("/")[0]]
        old[suite].append(canonical(git("show", f"{BEFORE}:{name}").stdout.decode()))
    files = {f"{file.parent.parent.name}/{file.stem}": file for file in (ROOT / "cnnlib" / "chapters").glob("*/runs/*")}
    assert files.keys() == old.keys()
    for suite, file in files.items():
        new = [canonical(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert sorted(new) == sorted(old[suite]), suite
