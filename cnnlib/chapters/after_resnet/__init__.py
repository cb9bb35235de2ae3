"""Chapter 5: after ResNet."""

from cnnlib.course.chapter import Chapter

chapter = Chapter(__name__, page="05_after_resnet", title="5 · After ResNet")
quiz, runs, __getattr__ = chapter.quiz, chapter.runs, chapter.part
