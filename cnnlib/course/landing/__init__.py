"""The landing page's timeline and table of networks."""

from cnnlib.course.landing.networks import NetworkTable, Timeline

__all__ = ["NetworkTable", "Timeline"]
