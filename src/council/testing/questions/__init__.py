"""Questions whose answers are known without asking Council: a module a kind, each a list of families.

They show that a verified answer is never wrong (`campaign.py`), and train the router. The key of a question comes from how
it was made, never from the code that is to answer it. What a family's grammar must not answer stands beside it.
"""
