"""Graded exercises: the reader's code is held against the library's own, and mistakes get names.

A check never raises and always ends: what goes wrong in the reader's code becomes the answer. What an exercise asks for
and which mistakes it knows is in `checks.py` of its chapter; how it is held against ours in `modules.py` and `functions.py`.
"""

from cnnlib.course.checks.verdict import Verdict

__all__ = ["Verdict"]
