"""Kinds of the Watch port."""
