"""Releases before anybody installs one: whether a folder holds what was released, and whether its source makes the same.

What is looked at comes from elsewhere, so every read is bounded and nothing of it is imported, unpacked or run. Only a rebuild
runs something: the recipe of the checkout that the person names. `tools/release.py` is what makes releases.
"""
