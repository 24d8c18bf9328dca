"""The exercises of lesson 02."""

from .. import predictions  # noqa: F401  # importing it registers them
