"""Recorded runs as curves: means with their spread, and where they come from."""

from collections.abc import Iterable, Sequence


def spread(curves: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Mean, lowest and highest over runs, epoch by epoch."""
    columns = list(zip(*curves, strict=True))
    return {
        "epochs": list(range(1, len(columns) + 1)),
        "mean": [round(sum(column) / len(column), 2) for column in columns],
        "low": [round(min(column), 2) for column in columns],
        "high": [round(max(column), 2) for column in columns],
    }


def provenance(runs: Iterable[dict]) -> str:
    """Where and when runs were made, in one clause."""
    runs = list(runs)
    devices, dates, versions = (
        " and ".join(sorted({str(value) for value in values}))
        for values in (
            (run["device"] for run in runs),
            (run["date"] for run in runs),
            (run["versions"]["torch"] for run in runs),
        )
    )
    return f"Recorded {dates} on {devices}, torch {versions}"


def final_errors(runs: Iterable[dict], **config) -> list[float]:
    """The last training error in per cent of each run whose configuration has these values."""
    return [run["curves"]["train_error"][-1] for run in select(runs, **config)]


def select(runs: Iterable[dict], **config) -> list[dict]:
    """The runs whose configuration has these values."""
    return [run for run in runs if config.items() <= run["config"].items()]


def best_rate(runs: list[dict], model: str, depth: int) -> float:
    """The learning rate at which the mean final training error of a net is lowest."""
    rates = {run["config"]["learning_rate"] for run in select(runs, model=model, depth=depth)}
    errors = {rate: final_errors(runs, model=model, depth=depth, learning_rate=rate) for rate in sorted(rates)}
    return min(errors, key=lambda rate: sum(errors[rate]) / len(errors[rate]))
