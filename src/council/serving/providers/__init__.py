"""Asking models' servers: which one, at most how dear, what when it fails, and what it cost in the end.

`plan` orders the deployments, `bounds` knows the worst case, `breaker` and `retries` leave failing servers alone, `calls`
makes the calls, `speaker` lets specialists talk to a model.
"""
