"""Explorers: pictures with knobs that need no kernel."""

from cnnlib.course.explorer.explorer import Explorer, Knob

__all__ = ["Explorer", "Knob"]
