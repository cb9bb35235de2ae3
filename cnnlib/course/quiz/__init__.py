"""Quizzes and the page of a reader's progress."""

from cnnlib.course.quiz.progress import Progress
from cnnlib.course.quiz.quiz import Quiz, examples

__all__ = ["Progress", "Quiz", "examples"]
