"""The memories of users, kept by recall."""
