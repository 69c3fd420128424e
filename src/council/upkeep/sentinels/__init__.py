"""Rules that say whether a process wastes away: pure over samples, without clocks, files or numeric libraries.

Who takes the samples is elsewhere: `sampling` for one process from outside, the services for themselves.
"""
