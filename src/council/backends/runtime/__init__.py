"""Runtimes: what starts and signals services."""
