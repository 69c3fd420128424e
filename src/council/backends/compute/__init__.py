"""Compute over the worker's Unix socket."""
