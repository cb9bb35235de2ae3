"""Command line: `python -m cnnlib record SUITE` runs what a suite of recorded runs lacks."""

import argparse

from cnnlib.training.record import SUITES, record


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cnnlib", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("record", help="run an experiment's grid, one JSON a run; resumes where it stopped")
    command.add_argument("suite", choices=SUITES)
    record(parser.parse_args().suite)


if __name__ == "__main__":
    main()
