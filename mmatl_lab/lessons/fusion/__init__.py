"""Lesson 02: every way to make one vector of several, compared at equal size, on tasks whose best result is known."""
