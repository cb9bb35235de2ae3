"""Chapter 6: comparing networks, and choosing one."""

from cnnlib.course.chapter import Chapter

chapter = Chapter(__name__, page="06_choosing_a_network", title="6 · Comparing networks, and choosing one")
quiz, runs, __getattr__ = chapter.quiz, chapter.runs, chapter.part
