"""Faults on purpose: what they are, how they are undone, in which order they come, and what came of them.

Pure but for `mark` and `stand_ins`, which read and write one small file each. What breaks things is in `council.breaking`.
"""
