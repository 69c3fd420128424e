"""Kinds of the Samples port."""
