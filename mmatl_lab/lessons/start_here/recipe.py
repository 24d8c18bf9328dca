"""The tour trains nothing, so its recipe holds only the claim that it shows."""

from ..recipe import Recipe

RECIPE = Recipe("start_here", "A picture cannot tell the motion, a sound not the colour: one second in five views")
