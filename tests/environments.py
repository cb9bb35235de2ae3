"""Tries the project in surroundings other than this folder: `python tests/environments.py NAME … [--in FOLDER]`.

spaces       a folder whose path has spaces and letters that are no ASCII
home         a home that cannot be written, and nothing said of where caches may go
offline      no network at all, once everything is installed
ascii        a locale that knows nothing but ASCII
python3.X    that interpreter, with everything installed anew (6 GB)
torch        the oldest torch that pyproject.toml admits, with the wheel of cnnlib and nothing else of this folder (6 GB)
shuffled     the tests of this folder in random order, on two workers; the seed is printed, and --seed gives it back
repeats      the tests of pages and chapters of this folder ten times over; the file of --kept holds the runs that passed
             and the state that they tested, and a second call goes on from there
audit        pip-audit on the pins; one that it skips is not audited, and counts as a failure

The first six work in a clone of the last commit, made in a temporary folder or in FOLDER, which is kept, so that a second
call installs nothing anew. A table at the end says what passed; the exit status is the number of steps that failed. Needs
Linux: namespaces take away the network and the home.
"""

import argparse
import glob
import json
import os
import random
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / "_build" / "environments"
REPEATS = LOGS / "repeats.json"
PY = ".venv/bin/python"
PYTEST = [PY, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
SANITIZE = "tests/nbval_sanitize.cfg"
QUIET = {"CNNLIB_QUIET": "1", "SOURCE_DATE_EPOCH": "0", "OMP_NUM_THREADS": "1"}  # as the Makefile has it
# A part that is quick and touches all: the package, a network, the accountant, YAML, the tools of the book, the command.
STEPS = {
    "book": ["make", "book"],
    "package": [*PYTEST, "tests/test_package.py", "tests/test_command_line.py"],
    "library": [*PYTEST, "tests/models/test_resnet.py", "tests/analysis/test_counts.py", "tests/training/test_loop.py"],
    "course": [*PYTEST, "tests/course/test_explorer.py", "tests/course/test_networks.py", "tests/course/test_checks.py"],
    "tools": [*PYTEST, "tests/test_corruptions.py", "tests/test_execute.py", "tests/test_repository.py"],
    "chapter": [*PYTEST, "--nbval", "--nbval-sanitize-with", SANITIZE, "chapters/02_vgg_receptive_fields.ipynb"],
    "pages": [*PYTEST, "tests/browser/test_search.py", "tests/browser/test_random_input.py"],
    "command": [PY, "-m", "cnnlib", "anatomy", "resnet50"],
}  # fmt: skip
REPEATED = {  # what is run again and again, and all that can change how it ends
    "chapters": ["chapters", "cnnlib", SANITIZE, "constraints.txt"],
    "pages": [
        "book",
        "chapters",
        "cnnlib",
        "tests/browser",
        "tests/conftest.py",
        "benchmarks/pages.py",
        "constraints.txt",
    ],
}
OLDEST = ["torch==2.4.0", "torchvision==0.19.0", "numpy<2"]  # torch 2.4 was built against NumPy 1
NOT_WITH_OLDEST = [
    # torchvision 0.19 gives GoogLeNet's two heads each other's names.
    "tests/models/test_googlenet.py::test_torchvisions_weights_with_heads_give_the_outputs_of_the_heads",
    # torch 2.4 cannot run blocks again on the meta device, where `anatomy` runs them: it looks for a `torch.meta`.
    "tests/analysis/test_memory.py::test_blocks_that_run_again_in_the_backward_pass_need_no_model_on_meta",
]
WITH_TORCH_ALONE = [
    "tests/models",
    "tests/analysis",
    "tests/training/test_loop.py",
    "tests/training/test_checkpoint.py",
]


class Outcome(NamedTuple):
    """What came of a step."""

    environment: str
    step: str
    passed: bool
    seconds: float
    said: str


def run(environment: str, step: str, command: list[str], folder: Path, surroundings: dict[str, str]) -> Outcome:
    """Runs one command; what it says goes to a log, its last line into the table."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log, started = LOGS / f"{environment}-{step}.log", time.monotonic()
    with log.open("w") as out:
        done = subprocess.run(command, cwd=folder, env=surroundings, stdout=out, stderr=subprocess.STDOUT)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""]
    return Outcome(environment, step, done.returncode == 0, time.monotonic() - started, lines[-1].strip(" =")[:70])


def told(outcome: Outcome) -> str:
    """An outcome as a line of the table."""
    word = "passed" if outcome.passed else "FAILED"
    return f"{outcome.environment:10} {outcome.step:30} {word} {outcome.seconds:5.0f} s  {outcome.said}"


def cloned(folder: Path) -> Path:
    """A clone of the last commit in that folder, or the one that is there, brought up to it."""
    if (folder / ".git").exists():
        subprocess.run(["git", "pull", "--quiet", "--ff-only"], cwd=folder, check=True)
    else:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def borrow(folder: Path) -> None:
    """Lends the clone's interpreter what is installed here, for all that building the book does not need."""
    (site,) = (folder / ".venv/lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    stamp = folder / ".venv/.all"
    if not stamp.exists():
        subprocess.run([PY, "-m", "pip", "install", "--quiet", "--no-deps", "-e", "."], cwd=folder, check=True)
    stamp.touch()


def own_surroundings(**more: str) -> dict[str, str]:
    """This process's variables less those that would lead a clone back here or past what is tried."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | QUIET | more


def namespace(kind: str, script: str, *arguments: str) -> list[str]:
    """The beginning of a command that runs in a namespace of its own: without a network ("-n") or of mounts ("-m")."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, kind, "sh", "-c", f'{script} && exec "$@"', "sh", *arguments]


def in_a_clone(name: str, folder: Path, steps: dict[str, list[str]]) -> Iterator[Outcome]:
    """Installs what the book needs, lends the rest, and goes through the steps."""
    project = cloned(folder / ("a course ü/the book" if name == "spaces" else name))
    before, surroundings = [], own_surroundings()
    yield run(name, "installation", ["make", ".venv/.book", f"PYTHON={sys.executable}"], project, surroundings)
    borrow(project)
    if name == "offline":
        before = namespace("-n", "ip link set lo up")
    if name == "home":
        home = folder / "home that is read-only"
        home.mkdir(exist_ok=True)
        surroundings = {
            key: value for key, value in surroundings.items() if not key.startswith(("XDG_", "MPL", "JUPYTER"))
        }
        surroundings["HOME"] = str(home)
        before = namespace(
            "-m", 'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME" && ! touch "$HOME/x" 2>/dev/null'
        )
    if name == "ascii":
        surroundings |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for step, command in steps.items():
        yield run(name, step, [*before, *command], project, surroundings)


def with_python(name: str, folder: Path, steps: dict[str, list[str]]) -> Iterator[Outcome]:
    """Everything installed for that interpreter, then the steps."""
    project = cloned(folder / name)
    yield run(name, "installation", ["make", ".venv/.all", f"PYTHON={name}"], project, own_surroundings())
    for step, command in steps.items():
        yield run(name, step, command, project, own_surroundings())


def with_oldest_torch(name: str, folder: Path) -> Iterator[Outcome]:
    """cnnlib's wheel beside torch as old as it may be; the tests that need no more stand alone, without the package's folder."""
    project, alone = (
        cloned(folder / name),
        folder / "torch_alone",
    )  # no space: torch.compile of 2.4 splits the path at it
    surroundings = own_surroundings()
    if not (alone / ".venv").exists():
        subprocess.run([sys.executable, "-m", "venv", str(alone / ".venv")], check=True)
    pip, wheels = [PY, "-m", "pip", "install", "--quiet"], str(alone / "wheels")
    pack = [PY, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, str(project)]
    yield run(name, "wheel", pack, alone, surroundings)
    pins = [
        line
        for line in (project / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith(("pytest==", "hypothesis=="))
    ]
    others = ["torchinfo", "ptflops", "fvcore", "timm", "safetensors", "pandas", "scikit-learn", "scikit-image", "tqdm"]
    packages = [*map(str, Path(wheels).glob("*.whl")), *OLDEST, *pins, *others]
    yield run(name, "installation", [*pip, *packages], alone, surroundings)
    for source in ("tests", "pyproject.toml"):
        subprocess.run(["cp", "-r", str(project / source), str(alone)], check=True)
    yield run(
        name,
        "library",
        [*PYTEST, "-m", "not slow", *[f"--deselect={test}" for test in NOT_WITH_OLDEST], *WITH_TORCH_ALONE],
        alone,
        surroundings,
    )


def shuffled(seed: int) -> Iterator[Outcome]:
    """Files in random order, and the tests of each; module by module, so that their fixtures are made once a worker."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "not slow", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files: dict[str, list[str]] = {}
    for line in listed.stdout.splitlines():
        if "::" in line:
            files.setdefault(line.partition("::")[0], []).append(line)
    dice, order = random.Random(seed), list(files.values())
    dice.shuffle(order)
    for tests in order:
        dice.shuffle(tests)
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / "order.txt").write_text("\n".join(test for tests in order for test in tests) + "\n", encoding="utf-8")
    print(f"--seed {seed}: {sum(map(len, order))} tests of {len(order)} files")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "load", f"@{LOGS / 'order.txt'}"]
    yield run("shuffled", f"seed {seed}", command, ROOT, own_surroundings(PYTHONPATH=str(ROOT)))


def repeats(runs: int, only: str, kept: Path) -> Iterator[Outcome]:
    """The chapters, then the tests of pages, so many times, as `make test` runs them; a run that passed goes to `kept`."""
    if subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=ROOT).returncode:
        sys.exit("repeats are kept with what the last commit has, and there are changes that it has not: commit first")
    passed = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for what, parts in REPEATED.items():  # what passed before a change says nothing about what is there now
        names = ["git", "rev-parse", *(f"HEAD:{part}" for part in parts)]
        state = subprocess.run(names, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        if passed.get(what, {}).get("state") != state:
            passed[what] = {"state": state, "runs": []}
    commands = {
        "chapters": ["--nbval", "--nbval-sanitize-with", SANITIZE, "--dist", "loadfile", *glob.glob("chapters/*.ipynb", root_dir=ROOT)],
        "pages": ["-m", "not slow", "--dist", "loadfile", "--no-loadscope-reorder", "tests/browser"],
    }  # fmt: skip
    for number in range(1, runs + 1):
        for what in (what for what in commands if only in what and len(passed[what]["runs"]) < number):
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto", *commands[what]]
            outcome = run("repeats", f"{what}-{number}", command, ROOT, own_surroundings(PYTHONPATH=str(ROOT)))
            if outcome.passed:
                passed[what]["runs"].append(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC: {outcome.said}")
                kept.parent.mkdir(parents=True, exist_ok=True)
                unfinished = kept.with_suffix(".part")  # a run that is killed here loses nothing
                unfinished.write_text(json.dumps(passed, indent=1) + "\n", encoding="utf-8")
                unfinished.replace(kept)
            yield outcome


def audited(folder: Path) -> Iterator[Outcome]:
    """pip-audit in an interpreter of its own, on all that is pinned; nothing is installed of it."""
    if not (folder / ".venv").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / ".venv")], check=True)
    yield run("audit", "installation", [PY, "-m", "pip", "install", "--quiet", "pip-audit"], folder, own_surroundings())
    pins: dict[str, str] = {}
    for file in (ROOT / "requirements-book.txt", ROOT / "requirements.txt", ROOT / "constraints.txt"):
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            pins[name.lower()] = version
    (folder / "pins.txt").write_text(
        "".join(f"{name}=={version}\n" for name, version in pins.items()), encoding="utf-8"
    )
    command = [PY, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
    outcome = run("audit", "pins", [*command, "--output=audit.json", "-r", "pins.txt"], folder, own_surroundings())
    report = folder / "audit.json"
    found = json.loads(report.read_text(encoding="utf-8"))["dependencies"] if report.exists() else []
    looked_at = [one for one in found if "skip_reason" not in one]  # what it skips is no error to it
    bad = [
        f"{one['name']} {one['version']}: {', '.join(v['id'] for v in one['vulns'])}"
        for one in looked_at
        if one["vulns"]
    ]
    said = f"{len(looked_at)} of {len(pins)} pins audited; {'; '.join(bad) or 'nothing known against them'}"
    yield outcome._replace(passed=outcome.passed and len(looked_at) == len(pins), said=said)


def main() -> int:
    """Tries what was asked for and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--in", dest="folder", type=Path, help="where clones are made, and kept")
    parser.add_argument("--step", action="append", choices=STEPS, help="only this one; may be said again")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of shuffled")
    parser.add_argument("--runs", type=int, default=10, help="of repeats (10)")
    parser.add_argument("--only", default="", help="of repeats: chapters or pages")
    parser.add_argument("--kept", type=Path, default=REPEATS, help="of repeats: the file of runs that passed")
    asked = parser.parse_args()
    steps = {step: command for step, command in STEPS.items() if not asked.step or step in asked.step}
    outcomes = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for name in asked.names:
            match name:
                case "spaces" | "home" | "offline" | "ascii":
                    tried = in_a_clone(name, folder, steps)
                case "torch":
                    tried = with_oldest_torch(name, folder)
                case "shuffled":
                    tried = shuffled(asked.seed)
                case "repeats":
                    tried = repeats(asked.runs, asked.only, asked.kept.resolve())
                case "audit":
                    tried = audited(folder)
                case _ if re.fullmatch(r"python3\.\d+", name):
                    tried = with_python(name, folder, steps)
                case _:
                    parser.error(f"no environment is called {name!r}; see --help")
            for outcome in tried:
                print(told(outcome), flush=True)
                outcomes.append(outcome)
    print("", *map(told, outcomes), sep="\n")
    return sum(not one.passed for one in outcomes)


if __name__ == "__main__":
    sys.exit(main())
