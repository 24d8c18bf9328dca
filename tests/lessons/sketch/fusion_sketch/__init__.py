"""A lesson in 120 lines, to be copied: three fusions of two noisy signs, whose exclusive or is asked for."""
