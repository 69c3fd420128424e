"""Kinds of Forge."""
