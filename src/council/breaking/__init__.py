"""Breaks a running Council on purpose, from outside, and undoes it: the deeds behind `upkeep.chaos`.

Nothing in Council imports this but its command and `council up`, which undoes what a command that was killed left behind.
"""
