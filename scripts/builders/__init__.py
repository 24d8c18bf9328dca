"""How each data set of assets/data is made: one module a set, and what they share. See build_assets.py."""
