"""The tour trains nothing, so its recipe holds only the claim that it shows."""

from ..recipe import Recipe

RECIPE = Recipe("start_here", "What can each view tell? One second in five views")
