"""Chapter 4: residual networks."""

from cnnlib.course.chapter import Chapter

chapter = Chapter(__name__, page="04_resnet", title="4 · Residual networks")
quiz, runs, __getattr__ = chapter.quiz, chapter.runs, chapter.part
