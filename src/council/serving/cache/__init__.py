"""Answers given before: which questions may be answered from them, and where they are kept. Off unless asked for.

`questions` reads questions (pure), `shelf` keeps answers in recall's memory, `use` puts both in front of the local model.
"""
