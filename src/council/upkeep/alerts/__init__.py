"""From verdicts to alerts, incidents and notices. Pure, but for `keeping.py`, which saves and sends what the rest decides."""
