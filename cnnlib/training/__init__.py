"""Data on the device, a short loop, and what to measure."""

from cnnlib.training.augment import Cutout, Flip, PCAColour, ShiftCrop
from cnnlib.training.data import ImageData, load_data
from cnnlib.training.loop import History, best_device, evaluate, fit
from cnnlib.training.probes import (
    activation_norms,
    effective_receptive_field,
    effective_size,
    gradient_norms,
    linear_probe,
    removed,
)
from cnnlib.training.recipes import Recipe, paper_recipe

__all__ = [
    "Cutout",
    "Flip",
    "History",
    "ImageData",
    "PCAColour",
    "Recipe",
    "ShiftCrop",
    "activation_norms",
    "best_device",
    "effective_receptive_field",
    "effective_size",
    "evaluate",
    "fit",
    "gradient_norms",
    "linear_probe",
    "load_data",
    "paper_recipe",
    "removed",
]
