"""The exercises of lesson 02: how vectors are combined, what happens without one of them, and an experiment."""

from .. import predictions  # noqa: F401  # importing them registers them
from . import combine, missing, quiz  # noqa: F401
