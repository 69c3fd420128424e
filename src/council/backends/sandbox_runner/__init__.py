"""Sandbox runners."""
