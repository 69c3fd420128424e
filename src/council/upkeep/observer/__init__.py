"""The observer: what happened, what is unusual about it, and what will come of it. Pure; the steward feeds it and keeps its state."""
