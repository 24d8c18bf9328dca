"""The exercises of the MMATL lesson, its predictions and its quiz."""

from . import alignment, measuring, predictions, quiz, robust, step  # noqa: F401  # importing them registers the exercises
