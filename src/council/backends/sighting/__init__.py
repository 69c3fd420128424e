"""Sighting: what the watcher saw last, from afar."""
