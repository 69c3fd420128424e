"""Kinds of the AnswerCache port."""
