"""The request loop: `pipeline.py` chains its stages, which are strangers to each other."""
