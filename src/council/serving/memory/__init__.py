"""Recall: documents into passages, passages into an index, queries into the best passages."""
