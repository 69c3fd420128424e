"""A soak: real questions for hours, what the gates said meanwhile, and whether that is a pass. Pure but for `load`."""
