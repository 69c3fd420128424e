"""Patch service: where patches are taken in."""
