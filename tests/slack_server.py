"""A server that takes messages as Slack's incoming webhooks do, for tests: strict about blocks and about how often."""

import dataclasses
import http.server
import json
import threading
import time
from typing import Any

BLOCKS_MAX, TEXT_CHARS_MAX, HEADER_CHARS_MAX = 50, 3000, 150
# What a client that waits a second by its own clock may be early by.
_EARLY_S = 0.02


@dataclasses.dataclass
class SlackServer:
    """Takes messages at one path, one a second; use it as a context manager. `scripted` are replies that come first.

    Each of those is a status, what is said, and headers. `wait_s` is how long it takes for a reply.
    """

    hook: str = "/services/T0/B0/hook"
    wait_s: float = 0.0
    got: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    asked: list[tuple[float, str, dict[str, Any]]] = dataclasses.field(default_factory=list)
    scripted: list[tuple[int, str, dict[str, str]]] = dataclasses.field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the hook is."""
        return f"http://127.0.0.1:{self._server.server_port}{self.hook}"

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Titles and texts of what was taken, as they are read."""
        return [read(one["blocks"]) for one in self.got]

    def __enter__(self) -> "SlackServer":
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, said, headers = outer._answer(self.path, self.headers["content-type"], body)
                time.sleep(outer.wait_s)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(said.encode())))
                self.end_headers()
                self.wfile.write(said.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str, kind: str, body: bytes) -> tuple[int, str, dict[str, str]]:
        message = json.loads(body)
        before_s = max((at_s for at_s, _, _ in self.asked), default=float("-inf"))
        self.asked.append((time.monotonic(), path, message))
        if self.scripted:
            return self.scripted.pop(0)
        if path != self.hook:
            return 404, "no_service", {}
        if time.monotonic() - before_s < 1.0 - _EARLY_S:
            return 429, "rate_limited", {"retry-after": "1"}
        if kind != "application/json":
            return 400, "invalid_payload", {}
        if not message.get("text") and not message.get("blocks"):
            return 400, "no_text", {}
        if not (isinstance(message.get("blocks", []), list) and _are_good(message.get("blocks", []))):
            return 400, "invalid_blocks", {}
        self.got.append(message)
        return 200, "ok", {}


def _are_good(blocks: list[dict[str, Any]]) -> bool:
    return len(blocks) <= BLOCKS_MAX and all(map(_is_good, blocks))


def _is_good(block: dict[str, Any]) -> bool:
    match block:
        case {"type": "divider"}:
            return True
        case {"type": "header", "text": {"type": "plain_text", "text": str(text)}}:
            return 0 < len(text) <= HEADER_CHARS_MAX
        case {"type": "section", "text": {"type": "mrkdwn", "text": str(text)}}:
            return 0 < len(text) <= TEXT_CHARS_MAX
        case {"type": "context", "elements": [*parts]}:
            return 0 < len(parts) <= 10 and all(0 < len(one["text"]) <= TEXT_CHARS_MAX for one in parts)
        case _:
            return False


def read(blocks: list[dict[str, Any]]) -> tuple[str, str]:
    """Return the title and the lines of a notice that is no digest."""
    title = blocks[0]["text"]["text"]
    lines = [block["text"]["text"] for block in blocks[1:] if block["type"] == "section"]
    if title.endswith("…"):
        title = lines.pop(0).strip("*")
    text = "\n".join(lines)
    for sign, meant in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(sign, meant)
    return title, text
