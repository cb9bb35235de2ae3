"""Data on the device, a short loop, and what to measure."""

from cnnlib.training.data import ImageData, load_data
from cnnlib.training.loop import History, Recipe, best_device, fit
from cnnlib.training.probes import gradient_norms

__all__ = ["History", "ImageData", "Recipe", "best_device", "fit", "gradient_norms", "load_data"]
