"""`python -m cnnlib`: what it prints, and that a fault is one line and code 2."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnlib import anatomy, create_model, list_models
from cnnlib.__main__ import main
from cnnlib.chapters import named
from cnnlib.experiments import record

MODULE = """
import torch
from torch import nn

number = 3
made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())


class Net(nn.Module):
    input_size = (3, 16, 16)

    def __init__(self, channels=4):
        super().__init__()
        self.on_meta = torch.empty(0).is_meta
        self.conv = nn.Conv2d(3, channels, 3)

    def forward(self, x):
        assert self.on_meta
        return self.conv(x)


class ReadsNumbers(nn.Conv2d):
    def __init__(self):
        super().__init__(3, int(torch.tensor(4)), 3)  # the meta device has no number to read


class Breaks(nn.Module):
    def forward(self, x):
        raise KeyError("x")


def text():
    return "no network"


def fails():
    raise OSError("line 1\\nline 2")


def small():
    return nn.Sequential(nn.Conv2d(3, 4, 5), nn.MaxPool2d(4))
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    """`mine`, a module that a reader could have written, and `broken`, one that cannot be imported."""
    (tmp_path / "mine.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "broken.py").write_text("import no_such_library", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("mine", "broken"):
        sys.modules.pop(name, None)


def printed(capsys, *argv):
    assert main(list(argv)) == 0
    out, err = capsys.readouterr()
    assert not err
    return out


def test_a_name_prints_the_table_and_the_totals(capsys):
    out = printed(capsys, "anatomy", "resnet18")
    with torch.device("meta"):
        seen = anatomy(create_model("resnet18"))
    table = repr(seen).splitlines()
    assert out.splitlines()[0] == "resnet18, input 3×224×224"
    assert out.splitlines()[1 : len(table)] == table[1:]
    totals = dict(re.split(r" {2,}", line) for line in out.splitlines()[len(table) + 1 :])
    assert totals == {
        "parameters": "11,689,512",
        "MACs": "1,814,073,344",
        "FLOPs": "3,628,146,688 (2 × MACs)",
        "output bytes": f"{seen.output_bytes:,}",
        "weight bytes": f"{seen.weight_bytes:,} (46.8 MB)",
        "depth": "18 layers with weights",
    }


@pytest.mark.parametrize(
    "path, first", [("Net", "conv"), ("made", "0"), ("ReadsNumbers", "ReadsNumbers"), ("small", "0")]
)
def test_a_factory_a_class_or_a_module(capsys, path, first):
    lines = printed(capsys, "anatomy", f"mine:{path}", "--input", "3", "16", "16").splitlines()
    assert lines[0] == f"mine:{path}, input 3×16×16"
    assert "conv2d" in lines[4]


def test_its_own_input_size_is_taken_where_none_is_given(capsys):
    assert printed(capsys, "anatomy", "mine:Net").startswith("mine:Net, input 3×16×16\n")


def test_options_are_literals_and_go_to_the_network(capsys):
    out = printed(
        capsys, "anatomy", "cifar_resnet", "--option", "depth=8", "--option", "width=0.25", "--option", "shortcut=B"
    )
    model = create_model("cifar_resnet", depth=8, width=0.25, shortcut="B")
    assert f"parameters    {anatomy(model).params:,}\n" in out
    assert "parameters    112\n" in printed(capsys, "anatomy", "mine:Net")
    assert "parameters    224\n" in printed(capsys, "anatomy", "mine:Net", "--option", "channels=8")


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_depth(capsys, depth):
    out = printed(capsys, "anatomy", "cifar_resnet20", "--depth", str(depth))
    table = anatomy(create_model("cifar_resnet20")).table(depth or None)
    assert out.splitlines()[1 : table.count("\n") + 1] == table.splitlines()[1:]


def test_json(capsys):
    seen = anatomy(create_model("cifar_resnet20"))
    assert json.loads(printed(capsys, "anatomy", "cifar_resnet20", "--json")) == seen.to_dict() | {
        "model": "cifar_resnet20"
    }
    found = json.loads(printed(capsys, "anatomy", "cifar_resnet20", "--json", "--training", "2", "--optimizer", "adam"))
    assert found["memory"] == seen.memory(2, "adam")._asdict()


def test_the_memory_of_a_training_step(capsys):
    out = printed(capsys, "anatomy", "cifar_resnet20", "--training", "32")
    memory = anatomy(create_model("cifar_resnet20")).memory(32)
    heading, *lines = out.splitlines()[-6:]
    assert heading == "training step, batch 32, momentum, float32:"
    assert [line.split()[0] for line in lines] == ["weights", "gradients", "optimizer", "saved", "peak"]
    assert lines[-1].split()[1:] == [f"{memory.peak / 1e6:,.1f}", "MB"]


def test_models(capsys):
    assert printed(capsys, "models").split() == list_models()
    assert printed(capsys, "models", "resnet").split() == list_models("resnet")


def test_record_runs_the_suite(monkeypatch, capsys, tmp_path):
    ran = []
    monkeypatch.setattr(record, "record", lambda *given: ran.append(given))
    printed(capsys, "record", "resnet/bench")
    printed(capsys, "record", "choosing_a_network/times", "--to", str(tmp_path / "mine.jsonl"))
    resnet, choosing = named("resnet"), named("choosing_a_network")
    assert ran == [
        (resnet.suite("bench"), Path(str(resnet.file("runs", "bench.jsonl")))),
        (choosing.suite("times"), tmp_path / "mine.jsonl"),
    ]


SIZE = ("--input", "3", "16", "16")


@pytest.mark.parametrize(
    "argv, says",
    [
        (("anatomy", "resnet51x"), "no model is called 'resnet51x'; did you mean"),
        (("anatomy", "resnet18", "--option", "colour=1"), "no option 'colour'"),
        (("anatomy", "resnet18", *SIZE), "too small"),
        (("anatomy", "mine:small", "--input", "3", "6", "6"), "3×8×8 is the smallest square that passes"),
        (("anatomy", "mine:small", "--input", "1", "16", "16"), "0 reads 3 channels and gets 1"),
        (("anatomy", "mine:small"), "mine:small has no input_size of its own; give one, as --input 3 224 224"),
        (("anatomy", "no_such.module:net"), "there is no module 'no_such'"),
        (("anatomy", "mine.inner:net"), "there is no module 'mine.inner'"),
        (
            ("anatomy", "broken:net"),
            "importing 'broken' failed: ModuleNotFoundError: No module named 'no_such_library'",
        ),
        (("anatomy", "mine:smal"), "'mine' has no 'smal'; did you mean 'small'"),
        (("anatomy", "mine:number"), "mine:number is of type int, not a function, class or module"),
        (("anatomy", "mine:text"), "mine:text makes str, not a torch.nn.Module"),
        (("anatomy", "mine:fails"), "mine:fails could not be built: OSError: line 1 line 2"),
        (("anatomy", "mine:Net", "--option", "size=3"), "could not be built: TypeError"),
        (("anatomy", "mine:made", "--option", "size=3"), "mine:made is a module already and takes no --option"),
        (("anatomy", "mine:Breaks", *SIZE), "mine:Breaks does not run on an input of (3, 16, 16): KeyError: 'x'"),
        (("anatomy", "mine:Net", "--training", "0"), "batch=0 is no number of images"),
        (("anatomy", "mine:Net", "--depth", "-1"), "--depth -1 is less than 0"),
        (("models", "resnets"), "family='resnets' is unknown"),
        (("record", "nothing"), "no chapter is called 'nothing'; there is classic_networks, "),
        (("record", "nothing/bench"), "no chapter is called 'nothing'; there is classic_networks, "),
        (("record", "resnet/nothing"), "no suite is called 'nothing'; there is resnet/degradation, "),
        (("record", "resnet"), "no suite is called ''; there is resnet/degradation, "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_fault_is_one_line_and_code_2(capsys, argv, says):
    assert main(list(argv)) == 2
    out, err = capsys.readouterr()
    assert not out
    assert says in err and err.startswith(f"python -m cnnlib {argv[0]}: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    "argv, says",
    [
        ((), "the following arguments are required"),
        (("anatomies",), "invalid choice: 'anatomies'"),
        (("anatomy", "resnet18", "--input", "a"), "invalid int value: 'a'"),
        (("anatomy", "resnet18", "--option", "width"), "'width' is not KEY=VALUE"),
        (("anatomy", "resnet18", "--optimizer", "none"), "invalid choice: 'none'"),
    ],
)
def test_what_the_parser_refuses_is_one_line_too(capsys, argv, says):
    with pytest.raises(SystemExit) as refused:
        main(list(argv))
    out, err = capsys.readouterr()
    assert (refused.value.code, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_in_a_process_of_its_own_it_imports_nothing_that_trains_or_draws():
    code = (
        "import sys; from cnnlib.__main__ import main; main(['anatomy', 'cifar_resnet20']); "
        "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout.startswith("cifar_resnet20, input 3×32×32\n")
    modules = set(done.stderr.split())
    unused = "torchvision sklearn pandas matplotlib scipy yaml IPython cnnlib.course cnnlib.chapters cnnlib.experiments".split()
    assert not modules.intersection(unused)


def test_a_terminal_that_knows_only_ascii_gets_question_marks():
    done = subprocess.run(
        [sys.executable, "-m", "cnnlib", "anatomy", "cifar_resnet20"],
        capture_output=True,
        encoding="ascii",
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout.startswith("cifar_resnet20, input 3?32?32\n")


def test_who_reads_may_stop_early():
    command = [sys.executable, "-m", "cnnlib", "anatomy", "densenet121", "--depth", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.close()  # before anything is written
        said = running.stderr.read()
    assert (running.returncode, said) == (1, "")


def test_the_exit_code_is_the_processs():
    done = subprocess.run(
        [sys.executable, "-m", "cnnlib", "anatomy", "resnet51x"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_module_is_left_as_it_was(capsys):
    printed(capsys, "anatomy", "mine:made", *SIZE)
    import mine

    assert isinstance(mine.made, nn.Sequential) and mine.made.training
