"""Rows of images, a table of dots, bars of a prediction, drawings side by side."""

from cnnlib.course.pictures.pictures import Connections, Pictures, signed, stretched
from cnnlib.course.pictures.prediction import Prediction
from cnnlib.course.pictures.side_by_side import SideBySide

__all__ = ["Connections", "Pictures", "Prediction", "SideBySide", "signed", "stretched"]
