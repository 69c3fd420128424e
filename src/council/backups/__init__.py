"""Snapshots of a home: what goes into one, how it is checked, and how a home comes out of one again.

`copying.py` puts a copy of the home into a folder while everything runs, `facts.py` says what that copy must be, `making.py`
has it kept and read back, `restoring.py` makes a home of it. `parts.py` wires them. Nothing here knows where snapshots lie:
that is `backends/vault`.
"""
