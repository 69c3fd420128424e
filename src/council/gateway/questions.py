"""Questions that show what the service does, one a specialist; on the plain page and printed by `council up`."""

QUESTIONS = (
    ("math", "What is 17% of 2,340?"),
    ("logic", "All whales are mammals. No mammals are fish. Is it true that no whales are fish?"),
    ("knowledge", "What does verified mean?"),
    ("code", "Write a Python function that reverses a string."),
    ("general", "Write one sentence about the sea."),
)
