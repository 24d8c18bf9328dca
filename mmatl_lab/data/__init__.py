"""Real data: emoji in four art styles, and pictures of any kind that a learner brings.

Import from the modules: ``from mmatl_lab.data.emoji import load_emoji``.
"""
