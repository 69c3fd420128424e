"""A scripted upstream: a server of OpenAI's and Anthropic's wire forms on loopback that behaves, and misbehaves, as told.

    async with upstream.serve(upstream.Script({"gpt": ["status-500", "ok"]})) as server:
        ...  # ask server.url + "/v1" for the model gpt; then read server.tally

The same as a program: `python -m council.testing.upstream --port 19000`. `--list` prints every behaviour.

A model's name is a behaviour (`behaviours.py`), unless the script has a rule for it. Every call's true usage is known: a
prompt has one token for each word of its texts (`asks.py`), an answer one for each piece, by default the 8 words `w1` to
`w8`; arguments of tools and JSON are cut into at most as many pieces (`said.py`).
What was billed stands in the tally, by request id (`x-request-id`), hop and model: of a call that was cut or aborted the
tokens that had been written whole by then. Over HTTP: `GET /_tally?first=0&limit=10000`, `DELETE /_tally`, `PUT /_script`.
"""

from council.testing.upstream.script import Script, ScriptError
from council.testing.upstream.server import Server, serve
from council.testing.upstream.tally import Entry, Outcome, Tally

__all__ = ["Entry", "Outcome", "Script", "ScriptError", "Server", "Tally", "serve"]
