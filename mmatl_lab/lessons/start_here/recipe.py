"""The tour trains nothing, so there is nothing here but the claim that it shows."""

TITLE = "A picture cannot tell the motion, a sound not the colour: one second in five views"
PRESETS = {}
CHECKPOINTS = ()
