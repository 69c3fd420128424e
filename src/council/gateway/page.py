"""The plain page, where there is no dashboard: the state in one sentence, what to try, where to read on. No script."""

import html

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import council
from council.gateway import admin, health, parts, questions

_STYLE = """
:root { color-scheme: light dark; --accent: #2563eb; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.125rem; margin: 2rem 0 .5rem; }
.state { font-size: 1.125rem; margin: .5rem 0 2rem; }
table { border-collapse: collapse; width: 100%; } td { border-top: 1px solid var(--line); padding: .5rem .5rem .5rem 0;
vertical-align: top; } td:first-child { width: 7rem; } code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { border: 1px solid var(--line); border-radius: 8px; padding: 1rem;
white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: var(--accent); }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class Plain:
    """The page."""

    def __init__(self, made: parts.Parts, vitals: health.Health):
        self._parts = made
        self._vitals = vitals

    async def answer(self, request: Request, note: str = "") -> Response:
        """Return the page with a note about the dashboard."""
        states = await self._vitals.states()
        headers = {"content-security-policy": _POLICY, "x-frame-options": "DENY"}
        if request.url.path == "/login":
            note = _SIGN_IN if "refused" not in request.query_params else f"{_REFUSED} {_SIGN_IN}"
        made = self._parts
        return HTMLResponse(_document(admin.sentence(states), note, made, made.config.port), headers=headers)


_SIGN_IN = "Sign in by the link that `council login` prints on this machine."
_REFUSED = "This link was used already or is too old, or it was not opened on this machine."


def _document(state: str, note: str, made: parts.Parts, port: int) -> str:
    rows = "".join(f"<tr><td>{kind}</td><td>{html.escape(text)}</td></tr>" for kind, text in questions.QUESTIONS)
    example = html.escape(
        f"curl http://127.0.0.1:{port}/v1/chat/completions -H 'content-type: application/json' \\\n"
        f""" -d '{{"model": "council", "messages": [{{"role": "user", "content": "{questions.QUESTIONS[0][1]}"}}]}}'"""
    )
    by = "" if made.label.cid is None else f", made by patch <code>{made.label.cid}</code>"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Council</title><style>{_STYLE}</style></head><body>
<h1>Council</h1>
<p class="state">{html.escape(state)} Generation <code>{html.escape(made.label.generation[:8])}</code>{by},
model <code>{html.escape(made.config.model.name)}</code>, version {council.__version__}.</p>
<p>{html.escape(note)}</p>
<h2>Five questions to try</h2><table>{rows}</table>
<p>Ask with <code>.venv/bin/council ask "..."</code>, with any OpenAI client, or so:</p><pre>{example}</pre>
<p><a href="/openapi.json">API document</a> · <a href="/api/status">Status</a> ·
<a href="/api/ledger/report">Ledger</a> · <a href="/metrics">Metrics</a></p>
</body></html>
"""
