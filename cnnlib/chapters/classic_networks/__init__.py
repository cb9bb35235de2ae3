"""Chapter 1: classic networks: LeNet-5, AlexNet, ZFNet."""

from cnnlib.course.chapter import Chapter

chapter = Chapter(__name__, page="01_classic_networks", title="1 · Classic networks: LeNet-5, AlexNet, ZFNet")
quiz, runs, __getattr__ = chapter.quiz, chapter.runs, chapter.part
