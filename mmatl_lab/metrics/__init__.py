"""Numbers that say how well a system does, with their intervals."""
