"""Rows of images, a table of dots, bars of a prediction."""

from cnnlib.course.pictures.pictures import Connections, Pictures, signed, stretched
from cnnlib.course.pictures.prediction import Prediction

__all__ = ["Connections", "Pictures", "Prediction", "signed", "stretched"]
