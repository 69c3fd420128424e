"""Patches: who may change the blueprint, and how a change comes to serve without a moment in which half of it does."""
