"""The answering halves of the specialists: they ask worker, model, recall and sandbox through ports.

Nothing here imports SymPy, solvers or numpy: what computes lives in `serving/compute` and runs in the worker process.
"""
