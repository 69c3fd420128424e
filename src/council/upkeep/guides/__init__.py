"""Guides: the guidebooks of blueprint and library, read, made into pages and kept in the store for whoever shows them."""
