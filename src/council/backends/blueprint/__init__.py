"""The live generation's own files."""
