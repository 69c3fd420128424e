"""Untrusted code: checks before it runs, a queue with a bound, an audit trail, a kill switch, sessions."""
