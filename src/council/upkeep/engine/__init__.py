"""Generations of the blueprint: writing them, reading them, switching between them."""
