"""Data on the device, a short loop, and how papers train."""

from cnnlib.training.augment import Cutout, Flip, PCAColour, ShiftCrop
from cnnlib.training.data import ImageData, load_data
from cnnlib.training.loop import History, best_device, evaluate, fit
from cnnlib.training.recipes import Recipe, paper_recipe

__all__ = [
    "Cutout",
    "Flip",
    "History",
    "ImageData",
    "PCAColour",
    "Recipe",
    "ShiftCrop",
    "best_device",
    "evaluate",
    "fit",
    "load_data",
    "paper_recipe",
]
