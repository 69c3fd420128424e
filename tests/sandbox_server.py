"""A gateway as the sandbox's commands see it: a real HTTP server with prepared answers that keeps what it was asked."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from council.domain import sandbox, sandbox_wire


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    """`answers` maps "METHOD /path" to a body, or to a status and a body."""

    port: int
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answers_job(self, **result: Any) -> None:
        self.answers["POST /v1/sandbox/run"] = result_form(**result)


def result_form(**result: Any) -> dict[str, Any]:
    return sandbox_wire.result_form(sandbox.Result(**{"status": sandbox.Status.OK, "exit_code": 0, **result}))


def failure(code: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "t", "param": None, "code": code, "request_id": "r"}}


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            body = json.loads(raw) if raw else None
            made.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            missing = (404, failure("not_found", f"no route {self.path}"))
            answer = made.answers.get(f"{self.command} {self.path}", missing)
            status, reply = answer if isinstance(answer, tuple) else (200, answer)
            content = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Server(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
