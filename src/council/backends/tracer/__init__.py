"""Kinds of the Tracer port."""
