"""What is unusual about a series, since when, and what will come of it. Pure: no I/O, no clock; its caller keeps its state."""
