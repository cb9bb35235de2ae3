"""Chapter 3: network in network, Inception and the price of a bottleneck."""

from cnnlib.course.chapter import Chapter

chapter = Chapter(
    __name__, page="03_inception_bottleneck", title="3 · Network in network, Inception and the price of a bottleneck"
)
quiz, runs, __getattr__ = chapter.quiz, chapter.runs, chapter.part
