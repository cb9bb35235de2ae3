"""Benches: knobs and a Train button."""

from cnnlib.course.bench.bench import Bench

__all__ = ["Bench"]
