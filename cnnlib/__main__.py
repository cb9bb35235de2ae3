"""Command line: what a network costs, the names of the networks, and recorded runs.

python -m cnnlib anatomy resnet50
python -m cnnlib anatomy some.module:factory --input 3 224 224
"""

import argparse
import ast
import difflib
import importlib
import json
import os
import sys
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

import torch
from torch import nn

from cnnlib.analysis import Anatomy, anatomy
from cnnlib.analysis.drawing.table import megabytes
from cnnlib.analysis.memory import OPTIMIZERS, Memory
from cnnlib.models import create_model, list_models


class Fault(Exception):
    """What was asked for cannot be done; the message is all that the reader needs."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> Parser:
    """The commands and their options; each sets `run`, a function of the parsed arguments."""
    whole = Parser(prog="python -m cnnlib", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = whole.add_subparsers(dest="command", required=True)

    command = commands.add_parser("anatomy", help="what each stage of a network costs and sees")
    command.add_argument("network", help="a name (see models), or module:factory for a function, class or module")
    command.add_argument("--input", type=int, nargs="+", metavar=("C", "H W"), help="size of an image; else its own")
    command.add_argument("--depth", type=int, default=1, help="parts of a name that make a row; 0: each operation")
    command.add_argument("--json", action="store_true", help="all of it as JSON, as Anatomy.to_dict says")
    command.add_argument("--training", type=int, metavar="BATCH", help="memory of a training step on so many images")
    command.add_argument("--optimizer", choices=OPTIMIZERS, default="momentum", help="of that step (momentum)")
    command.add_argument(
        "--option", type=option, action="append", default=[], metavar="KEY=VALUE", help="for the network, as width=0.5"
    )
    command.set_defaults(run=run_anatomy)

    command = commands.add_parser("models", help="list the names of the networks")
    command.add_argument("family", nargs="?", help="one family only")
    command.set_defaults(run=lambda arguments: print("\n".join(list_models(arguments.family))))

    command = commands.add_parser(
        "record", help="run an experiment's grid, a line of JSON a run; resumes where it stopped"
    )
    command.add_argument("suite", help="chapter/suite, as resnet/degradation")
    command.add_argument("--to", type=Path, metavar="FILE", help="where the records go; else the book's own file")
    command.set_defaults(run=run_record)
    return whole


def option(text: str) -> tuple[str, object]:
    """A key and its value, a Python literal; a value that is none is a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, as width=0.5")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def run_anatomy(arguments: argparse.Namespace) -> None:
    """Prints the table and the totals of a network, or its JSON."""
    if arguments.depth < 0:
        raise Fault(f"--depth {arguments.depth} is less than 0")
    seen = analysed(arguments.network, dict(arguments.option), arguments.input)
    memory = None if arguments.training is None else step(seen, arguments.training, arguments.optimizer)
    if arguments.json:
        print(json.dumps(seen.to_dict() | ({"memory": memory._asdict()} if memory else {}), indent=2, allow_nan=False))
        return
    lines = [seen.table(arguments.depth or None), "", *totals(seen)]
    if memory:
        parts = ("weights", "gradients", "optimizer_state", "saved", "peak")
        lines += ["", f"training step, batch {memory.batch}, {memory.optimizer}, {seen.dtype_name}:"]
        lines += [f"  {name.replace('_', ' '):<16}{megabytes(getattr(memory, name)):>12} MB" for name in parts]
    print("\n".join(lines))


def step(seen: Anatomy, batch: int, optimizer: str) -> Memory:
    """The memory of a training step. Raises ValueError for a batch under 1, Fault where the network does not train."""
    try:
        return seen.memory(batch, optimizer)
    except (RuntimeError, NotImplementedError) as error:
        raise Fault(f"{seen.name} does not train on the meta device: {told(error)}") from error


def totals(seen: Anatomy) -> list[str]:
    """The totals of a network as lines."""
    rows = {
        "parameters": f"{seen.params:,}",
        "MACs": f"{seen.macs:,}",
        "FLOPs": f"{2 * seen.macs:,} (2 × MACs)",
        "output bytes": f"{seen.output_bytes:,}",
        "weight bytes": f"{seen.weight_bytes:,} ({megabytes(seen.weight_bytes)} MB)",
        "depth": f"{seen.depth:,} layers with weights",
    }
    return [f"{name:<14}{text}" for name, text in rows.items()]


def analysed(network: str, options: dict, input_size: list[int] | None) -> Anatomy:
    """The anatomy of what a name or `module:factory` stands for. Raises Fault, or ValueError for what does not fit."""
    factory = found(network) if ":" in network else lambda **options: create_model(network, **options)
    model = built(network, factory, options)
    size = tuple(input_size) if input_size else getattr(model, "input_size", None)
    if size is None:
        raise Fault(f"{network} has no input_size of its own; give one, as --input 3 224 224")
    try:
        return replace(anatomy(model, size), name=network)
    except ValueError:
        raise
    except Exception as error:
        raise Fault(f"{network} does not run on an input of {size}: {told(error)}") from error


def found(path: str):
    """The object that `some.module:name` stands for. Raises Fault where there is none."""
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            raise Fault(f"there is no module {error.name!r}; the path of a file here is package.module") from None
        raise Fault(f"importing {module_name!r} failed: {told(error)}") from error
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, dir(module), n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise Fault(f"{module_name!r} has no {name!r}{hint}")
    return getattr(module, name)


def built(network: str, factory, options: dict) -> nn.Module:
    """A module itself, or what the factory makes: on the meta device, where its initialisation allows that."""
    if isinstance(factory, nn.Module):
        if options:
            raise Fault(f"{network} is a module already and takes no --option")
        return factory
    if not callable(factory):
        raise Fault(f"{network} is of type {type(factory).__name__}, not a function, class or module")
    try:
        try:
            with torch.device("meta"):
                model = factory(**options)
        except (RuntimeError, NotImplementedError):  # it reads numbers, which the meta device has none of
            model = factory(**options)
    except Exception as error:
        if ":" not in network and isinstance(error, ValueError):  # create_model explains what it refuses
            raise
        raise Fault(f"{network} could not be built: {told(error)}") from error
    if not isinstance(model, nn.Module):
        raise Fault(f"{network} makes {type(model).__name__}, not a torch.nn.Module")
    return model


def told(error: Exception) -> str:
    """An error as words: its kind, and what it says."""
    return f"{type(error).__name__}: {error}"


def run_record(arguments: argparse.Namespace) -> None:
    """Runs what a suite of recorded runs lacks."""
    from cnnlib.chapters import named  # the only command that trains or measures
    from cnnlib.experiments.record import record

    chapter, _, suite = arguments.suite.partition("/")
    chapter = named(chapter)
    record(chapter.suite(suite), arguments.to or Path(str(chapter.file("runs", f"{suite}.jsonl"))))


def main(argv: list[str] | None = None) -> int:
    """Runs the command line `argv` and returns its exit code: 0, 2 where one line on stderr says what is wrong, 1 where
    nobody reads any further.

    Raises SystemExit for what argparse refuses or answers (code 2, and 0 after --help).
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal that has no × gets a question mark, and not nothing
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    arguments = parser().parse_args(argv)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough, as `| head` has. Python would complain about what is left once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Fault, ValueError) as error:
        print(f"python -m cnnlib {arguments.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
