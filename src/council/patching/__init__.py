"""Patches before anybody applies one: drafted, signed by a person's own gpg, and looked at as patchctl will.

What a home says about patches at a moment is read here too (`situation`), for the command line and for patchctl alike, so that
both judge by the same. Nothing here writes the blueprint.
"""
