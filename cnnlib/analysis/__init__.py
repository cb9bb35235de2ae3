"""What each layer of a network costs and sees."""

from cnnlib.analysis.comparison import Comparison, compare
from cnnlib.analysis.result import Anatomy, anatomy
from cnnlib.analysis.trace import Layer

__all__ = ["Anatomy", "Comparison", "Layer", "anatomy", "compare"]
