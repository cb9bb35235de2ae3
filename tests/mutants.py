"""Breaks the project in one place at a time and sees whether the tests notice: `python tests/mutants.py [--only WORD]`.

Each mutant is a slip that someone could make: a number in a paper's table, a rule of the accountant, a quiz key, a label.
It is made in a copy of the project, and the tests named beside it run there until one fails. A mutant that passes them
all is named at the end, and the exit status is the number of those. What survives deserves a test.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Mutant(NamedTuple):
    """`old`, which stands once in `file`, becomes `new`; `tests` are pytest's arguments, those that should notice."""

    file: str
    old: str
    new: str
    tests: str


MODELS = [
    Mutant("cnnlib/models/resnet.py", "101:  (Bottleneck, (3,      4,      23,", "101:  (Bottleneck, (3,      4,      22,", "tests/models/test_resnet.py"),
    Mutant("cnnlib/models/googlenet.py", '"4c": (512, 128, 128,  256, 24,', '"4c": (512, 128, 128,  256, 32,', "tests/models/test_googlenet.py"),
    Mutant("cnnlib/models/lenet.py", "return 1.7159 * torch.tanh(x * (2 / 3))", "return 1.7159 * torch.tanh(x * (3 / 2))", "tests/models/test_lenet.py"),
    Mutant("cnnlib/models/densenet.py", "self.first = norm_relu_conv(in_channels, 4 * growth_rate, 1, dropout)", "self.first = norm_relu_conv(in_channels, 2 * growth_rate, 1, dropout)", "tests/models/test_densenet.py"),
    Mutant("cnnlib/models/stochastic_depth.py", "return F.relu(self.survival_prob * self.residual(x)", "return F.relu(self.residual(x)", "tests/models/test_stochastic_depth.py"),
    Mutant("cnnlib/models/fractalnet.py", "return reduce(torch.add, kept) / len(kept)", "return reduce(torch.add, kept)", "tests/models/test_fractalnet.py"),
    Mutant("cnnlib/models/inception_v4.py", "F.relu(x + self.linear(self.paths(x)) * self.scale)", "F.relu(x + self.linear(self.paths(x)))", "tests/models/test_inception_v4.py"),
    Mutant("cnnlib/models/squeezenet.py", '"fire6": 384', '"fire6": 320', "tests/models/test_squeezenet.py"),
]  # fmt: skip
ANALYSIS = [
    Mutant("cnnlib/analysis/receptive_field.py", "dilation * (kernel_size - 1) * self.jump)", "(kernel_size - 1) * self.jump)", "tests/analysis/test_receptive_fields.py"),
    Mutant("cnnlib/analysis/receptive_field.py", "max(field.hi for field in fields))", "min(field.hi for field in fields))", "tests/analysis/test_receptive_fields.py"),
    Mutant("cnnlib/analysis/rules/convolution.py", "output.numel() * in_channels * prod(kernel)", "output.numel() * channels * prod(kernel)", "tests/analysis/test_counts.py"),
    Mutant("cnnlib/analysis/rules/pooling.py", "if ceil_mode and (positions - 1) * s >= n + p:", "if ceil_mode and (positions - 1) * s > n + p:", "tests/analysis/test_anatomy.py tests/analysis/test_receptive_fields.py tests/analysis/test_counts.py"),
    Mutant("cnnlib/analysis/trace.py", "self.uncounted.pop(id(tensor), 0)", "self.uncounted.get(id(tensor), 0)", "tests/analysis/test_anatomy.py tests/analysis/test_counts.py"),
    Mutant("cnnlib/analysis/memory.py", '"momentum": 1,', '"momentum": 2,', "tests/analysis/test_memory.py"),
    Mutant("cnnlib/analysis/conventions.py", "        return 2 * values(layer)\n    if layer.op == \"adaptive_avg_pool2d\":", "        return values(layer)\n    if layer.op == \"adaptive_avg_pool2d\":", "tests/analysis/test_conventions.py"),
]  # fmt: skip
TRAINING = [
    Mutant("cnnlib/training/augment.py", "torch.where(mirrored, images.flip(3), images)", "torch.where(mirrored, images.flip(2), images)", "tests/training/test_augment.py"),
    Mutant("cnnlib/training/augment.py", "(axes * variances.clamp_min(0).sqrt()).T", "(axes * variances.clamp_min(0)).T", "tests/training/test_augment.py"),
    Mutant("cnnlib/training/loop.py", "mine = batch[run.rank :: run.processes]", "mine = batch[: len(batch) // run.processes]", "tests/training/test_distributed.py"),
    Mutant("cnnlib/training/loop.py", "        run.optimizer.zero_grad()\n", "", "tests/training/test_loop.py"),
    Mutant("cnnlib/training/recipes.py", "    weight_decay: float = 1e-4", "    weight_decay: float = 1e-3", "tests/training/test_recipes.py"),
]  # fmt: skip
COURSE = [
    Mutant("cnnlib/chapters/resnet/quiz.yaml", "  answer: 27\n", "  answer: 28\n", "tests/chapters/test_questions.py"),
    Mutant("cnnlib/chapters/inception_bottleneck/quiz.yaml", "  answer: 505774080", "  answer: 505774081", "tests/chapters/test_questions.py"),
    Mutant("cnnlib/chapters/resnet/quiz.yaml", "      correct: false\n      proof: len(blocks(create_model(\"cifar_resnet\", depth=110))) > 110**2 / 4", "      correct: true\n      proof: len(blocks(create_model(\"cifar_resnet\", depth=110))) > 110**2 / 4", "tests/chapters/test_questions.py"),
    Mutant("cnnlib/chapters/resnet/explorers.py", '"channels": shape[0],', '"channels": shape[1],', "tests/chapters/test_resnet_explorers.py"),
    Mutant("cnnlib/chapters/classic_networks/explorers.py", '"(n + 2p − f) mod s", left)', '"(n + 2p − f) mod s", s)', "tests/chapters/test_classic_networks_explorers.py"),
    Mutant("cnnlib/chapters/resnet/checks.py", "lambda b, x: F.relu(inside(b, x)) + b.shortcut(x),", "lambda b, x: F.relu(inside(b, x) + b.shortcut(x)),", "tests/chapters/test_known_mistakes.py"),
    Mutant("cnnlib/course/html.py", "            part = escape(part, quote=False)", "            part = str(part)", "tests/course"),
    Mutant("cnnlib/course/quiz/quiz.js", "const right = off(Number(key.dataset.answer)) <= 1e-9;", "const right = off(Number(key.dataset.answer)) <= 1;", "tests/browser/test_scripts.py"),
    Mutant("cnnlib/course/quiz/quiz.js", "const right = inputs[i].checked === correct;", "const right = inputs[i].checked !== correct;", "tests/browser/test_scripts.py"),
    Mutant("cnnlib/course/papers.yaml", "quantity: params, value: 60000, printed: \"60,000\"", "quantity: params, value: 61000, printed: \"61,000\"", "tests/chapters/test_classic_networks_papers.py tests/course/test_papers.py"),
    Mutant("cnnlib/experiments/record.py", "            if name in runs:", "            if False:", "tests/experiments/test_record.py"),
    Mutant("cnnlib/experiments/record.py", "key}={value!r}", "key}={value}", "tests/experiments/test_record.py"),
]  # fmt: skip
MUTANTS = MODELS + ANALYSIS + TRAINING + COURSE


def copied(folder: Path) -> Path:
    """A copy of what git has, with the built book beside it; the interpreter's packages are shared."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    if (ROOT / "_build").exists():
        shutil.copytree(ROOT / "_build", folder / "_build")
    return folder


def caught(mutant: Mutant, project: Path) -> bool:
    """Whether one of its tests fails once the mutant is there. Raises ValueError for one that fits nowhere, or twice."""
    file = project / mutant.file
    whole = file.read_text(encoding="utf-8")
    if whole.count(mutant.old) != 1:
        raise ValueError(f"{mutant.file} has {whole.count(mutant.old)} times, not once: {mutant.old!r}")
    file.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
    surroundings = {**os.environ, "PYTHONPATH": str(project), "CNNLIB_QUIET": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run([*command, *mutant.tests.split()], cwd=project, env=surroundings, capture_output=True)
    finally:
        file.write_text(whole, encoding="utf-8")
    if done.returncode > 2:  # 1: a test failed; 2: a file of tests could not even be read; more: none ran
        raise RuntimeError(f"pytest could not run {mutant.tests}:\n{done.stdout.decode()}{done.stderr.decode()}")
    return done.returncode > 0


def main() -> int:
    """Tries them one after another and counts those that nobody noticed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="those whose file or new text has this word in it")
    word = parser.parse_args().only
    chosen = [mutant for mutant in MUTANTS if word in mutant.file + mutant.new]
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        project = copied(Path(folder))
        for number, mutant in enumerate(chosen, 1):
            noticed = caught(mutant, project)
            survivors += not noticed
            print(
                f"{number:3}/{len(chosen)} {'caught' if noticed else 'SURVIVES':9} {mutant.file}: {mutant.new}",
                flush=True,
            )
    print(f"{len(chosen) - survivors} of {len(chosen)} caught")
    return survivors


if __name__ == "__main__":
    sys.exit(main())
