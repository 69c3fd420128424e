"""A file server on loopback that misbehaves as it is told, for tests of fetching."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, content: bytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.etag = '"one"'
        self.ranges = True
        self.behaviours: list[Behaviour] = []
        self.requests: list[dict[str, str]] = []
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/model.gguf"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.requests.append({key.lower(): value for key, value in self.headers.items()})
        with contextlib.suppress(ConnectionError):
            (self.server.behaviours.pop(0) if self.server.behaviours else good)(self)

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("connection", "close")
        self.end_headers()

    def begins(self) -> int:
        """Say where the answer begins: what was asked for, unless the file is another one by now."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        changed = self.headers.get("if-range", self.server.etag) != self.server.etag
        return int(found.group(1)) if found and self.server.ranges and not changed else 0

    def start(self) -> bytes:
        """Send the head of a right answer, and return the body that belongs to it."""
        content, begins = self.server.content, self.begins()
        if begins >= len(content):
            self.head(416, content_range=f"bytes */{len(content)}", content_length=0)
            return b""
        more = {"content_range": f"bytes {begins}-{len(content) - 1}/{len(content)}"} if begins else {}
        self.head(206 if begins else 200, etag=self.server.etag, content_length=len(content) - begins, **more)
        return content[begins:]


def good(handler: Handler) -> None:
    handler.wfile.write(handler.start())


def cut(amount: int) -> Behaviour:
    """Stop after some bytes of the body."""
    return lambda handler: handler.wfile.write(handler.start()[:amount]) and None


def stall(amount: int) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.wfile.write(handler.start()[:amount])
        handler.wfile.flush()
        handler.server.ending.wait(30)

    return behave


def status(number: int) -> Behaviour:
    return lambda handler: handler.head(number, content_length=0)


def redirect(to: str) -> Behaviour:
    return lambda handler: handler.head(302, location=to, content_length=0)


def body(content: bytes, **headers: object) -> Behaviour:
    """Answer 200 with these bytes, the length as given or left out."""

    def behave(handler: Handler) -> None:
        handler.head(200, **headers)
        handler.wfile.write(content)

    return behave


@contextlib.contextmanager
def serving(content: bytes) -> Iterator[Server]:
    server = Server(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()
