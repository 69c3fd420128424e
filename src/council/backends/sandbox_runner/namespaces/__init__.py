"""Sandboxes of namespaces, made by the zygote and kept ready: each runs one job, or one session.

runner.py     the pool; implements ports.SandboxRunner
link.py       the connection to the zygote, which hands over four descriptors a sandbox
box.py        one sandbox from this side: the job goes in, and how it ended comes from its keeper
streams.py    bytes and messages in and out of a sandbox, each with its bound
"""
