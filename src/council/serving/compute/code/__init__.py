"""The computing half of the code specialist: reads what is asked, tests and tracebacks; compares results; searches programs.

It runs no code of a user or a model; the sandbox does.
"""
