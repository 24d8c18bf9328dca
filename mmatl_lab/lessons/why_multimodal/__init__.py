"""Why more than one sense: what each view is worth, alone and together."""
