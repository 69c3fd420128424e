"""The HTTP edge: OpenAI-compatible routes, `/api`, pages, who may call, limits, and the one table from error to status.

What must not live here: routing decisions, model or database drivers, numeric libraries.
"""
