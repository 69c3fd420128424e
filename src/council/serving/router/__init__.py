"""Chooses where a question goes. Pure."""
