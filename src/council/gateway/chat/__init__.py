"""The chat of the dashboard: conversations, and answers that go on whether anybody listens or not."""
