"""vidzoo: a model zoo for vision-based human inverse dynamics."""

__version__ = "0.1.0"
