"""The Model Context Protocol at POST /mcp: what other programs' models may call here.

Spoken by ourselves: record 0013 says why. `protocol.py` reads messages and words replies, `tools.py` says what can be called
and calls it, `routes.py` is the HTTP around both. What a tool returns is data for whoever called; nothing in it is acted on.
"""
