"""The computing halves of the specialists: parsing user text, algebra, solvers. Runs only inside the worker process.

Pure functions from text to results; no network, no store, no files. `operations.py` lists what may be called.
"""
