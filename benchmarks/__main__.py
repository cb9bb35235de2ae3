"""`python -m benchmarks`: cnnlib and its peers side by side, in one run on this machine, with the budget beside each."""

import os

import torch

from benchmarks import analysis, importing, timing, training


def main() -> None:
    """Prints the table. Medians; ours and the peer's are measured in turns."""
    print(f"torch {torch.__version__}, {os.cpu_count()} CPU cores, {torch.get_num_threads()} threads")
    print(timing.table([row for part in (analysis, importing, training) for row in part.rows()]))
    print(f"\n{analysis.growth()}")
    print(f"\nCounting a network: median time and added peak memory, one process each\n{analysis.peers()}")


if __name__ == "__main__":
    main()
