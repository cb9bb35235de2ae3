"""Chapter 2: VGG and receptive fields."""

from cnnlib.course.chapter import Chapter

chapter = Chapter(__name__, page="02_vgg_receptive_fields", title="2 · VGG and receptive fields")
quiz, runs, __getattr__ = chapter.quiz, chapter.runs, chapter.part
