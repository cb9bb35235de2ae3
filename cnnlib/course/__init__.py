"""The teaching parts: explorers, benches, quizzes, checks and source listings."""

from cnnlib.course import checks, claims, explorers
from cnnlib.course.bench import Bench
from cnnlib.course.explorer import Explorer, Knob
from cnnlib.course.ledger import Ledger
from cnnlib.course.listing import source
from cnnlib.course.networks import NetworkTable, Timeline
from cnnlib.course.papers import reported
from cnnlib.course.prediction import Prediction
from cnnlib.course.progress import Progress
from cnnlib.course.quiz import Quiz

__all__ = [
    "Bench",
    "Explorer",
    "Knob",
    "Ledger",
    "NetworkTable",
    "Prediction",
    "Progress",
    "Quiz",
    "Timeline",
    "checks",
    "claims",
    "explorers",
    "reported",
    "source",
]
