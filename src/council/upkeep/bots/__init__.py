"""Bots: one module each, evidence in, a draft or the reason for none out.

Here is what a bot thinks, and it is pure: no files, no clock, no network, and no key anywhere near. It runs in a child without
rights (`services/drafter.py`). What it is given is gathered by `services/bot_evidence.py`, and whether its draft is signed is
`patching/vouching.py`'s to say. A new bot is a module here, a line in `registry.py`, and a line in `bot_evidence.py`.
"""
