"""The upstream itself: routes, keys, the tally, and where it listens."""

import asyncio
import collections
import contextlib
import dataclasses
import socket
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson

from council.testing.upstream import asks, behaviours, connection, openai, replies, script, steps, tally

SEEN_MAX = 100
_ENTRIES_MAX = 10_000
_BACKLOG = 1_024
_FORMS = {f"/{api}": api for api in asks.Api}


class Server:
    """A scripted upstream in this process.

    `tally` has what it billed, `seen` the last requests as they came, `elsewhere` how often a redirect was followed, and
    `connections` how many there were so far. With `key` it refuses every request that does not bring it. `says` is given the
    body of a request, and what it returns is said in place of the usual words.
    """

    def __init__(
        self,
        script_: script.Script,
        *,
        key: str = "",
        now: Callable[[], float] = time.time,
        says: Callable[[bytes], str] | None = None,
    ):
        self.tally = tally.Tally()
        self.seen: collections.deque[connection.Request] = collections.deque(maxlen=SEEN_MAX)
        self.elsewhere = 0
        self.connections = 0
        self.port = 0
        self._key = key
        self._now = now
        self._says = says
        self._chooser = script.Chooser(script_)
        self._open: set[connection.Connection] = set()
        self._one_closed = asyncio.Event()
        self._number = 0

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many connections there are now."""
        return len(self._open)

    def follow(self, script_: script.Script) -> None:
        """Behave by another script from now on, its counts and dice at their beginning."""
        self._chooser = script.Chooser(script_)

    def opened(self, made: connection.Connection) -> None:
        """Note a connection."""
        self.connections += 1
        self._open.add(made)

    def closed(self, ended: connection.Connection) -> None:
        """Forget it."""
        self._open.discard(ended)
        self._one_closed.set()

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        while self._open:
            self._one_closed.clear()
            await self._one_closed.wait()

    def close_connections(self) -> None:
        """Break all connections off."""
        for each in list(self._open):
            each.close()

    def call(self, request: connection.Request) -> connection.Call:
        """Return how to answer a request."""
        self._number += 1
        request_id = request.headers.get("x-request-id") or f"upstream-{self._number}"
        path, _, query = request.path.partition("?")
        if path.startswith("/_"):
            return _Aside(request_id, self._own(request, path, query))
        self.seen.append(request)
        if self._key and self._key not in _keys(request.headers):
            return self._refused(request_id, request, 401, "invalid_api_key", "The key is not the one that was set.")
        api = next((form for end, form in _FORMS.items() if path.endswith(end)), None)
        if request.method == "GET":
            return _Aside(request_id, self._models(path))
        if api is None or request.method != "POST":
            return self._refused(request_id, request, 404, "not_found", "There is no such path here.")
        try:
            ask = asks.read(api, request.body)
        except asks.UnreadableError as error:
            return self._refused(request_id, request, 400, "invalid_value", str(error))
        if self._says is not None:
            ask = dataclasses.replace(ask, text=self._says(request.body))
        chosen = self._chooser.choose(ask.model)
        if chosen is None:
            return self._refused(request_id, request, 404, "model_not_found", "There is no such model here.")
        name, behaviour = chosen
        return _Billed(self, request_id, self._hop(request_id, request), ask, name, behaviour, self._now())

    def _hop(self, request_id: str, request: connection.Request) -> int:
        counted, said = self.tally.hop(request_id), request.headers.get("x-hop", "")
        return int(said) if said.isdecimal() else counted

    def _refused(
        self, request_id: str, request: connection.Request, status: int, code: str, message: str
    ) -> connection.Call:
        api = asks.Api.MESSAGES if request.path.partition("?")[0].endswith("/messages") else None
        body = orjson.dumps(replies.error(api, status, code, message))
        return _Aside(request_id, connection.answer(status, body, tally.Outcome.REFUSED))

    def _models(self, path: str) -> Iterator[steps.Step]:
        names = [*self._chooser.script.models, *behaviours.CATALOGUE]
        if path.endswith("/models"):
            return _json(200, openai.models(names))
        _, found, name = path.partition("/models/")
        if found and (name in names or behaviours.named(name)):
            return _json(200, openai.model(name))
        return _json(404, openai.error(404, "not_found", "There is no such path here."))

    def _own(self, request: connection.Request, path: str, query: str) -> Iterator[steps.Step]:
        """Answer on the server's own paths, by which a test in another process reads and scripts it."""
        match request.method, path:
            case _, "/_elsewhere":
                self.elsewhere += 1
                return _json(200, {"elsewhere": self.elsewhere})
            case "GET", "/_tally":
                asked = dict(urllib.parse.parse_qsl(query))
                first, limit = (
                    int(asked[name]) if asked.get(name, "").isdecimal() else usual
                    for name, usual in (("first", 0), ("limit", _ENTRIES_MAX))
                )
                body = self.tally.as_json(first, min(limit, _ENTRIES_MAX))
                return _json(200, body | {"connections": self.connections, "open_connections": self.open_connections})
            case "DELETE", "/_tally":
                self.tally.clear()
                return _json(200, {})
            case "PUT", "/_script":
                try:
                    self.follow(script.from_json(orjson.loads(request.body)))
                except (script.ScriptError, orjson.JSONDecodeError) as error:
                    return _json(400, openai.error(400, "invalid_value", str(error)))
                return _json(200, {})
            case _:
                return _json(404, openai.error(404, "not_found", "There is no such path here."))


def _json(status: int, body: Any) -> Iterator[steps.Step]:
    return connection.answer(status, orjson.dumps(body), tally.Outcome.WHOLE)


def _keys(headers: dict[str, str]) -> set[str]:
    return {headers.get("authorization", "").removeprefix("Bearer "), headers.get("x-api-key", "")}


class _Aside:
    """A call that nobody is billed for."""

    __slots__ = ("request_id", "steps")

    def __init__(self, request_id: str, steps_: Iterator[steps.Step]):
        self.request_id = request_id
        self.steps = steps_

    def end(self, outcome: tally.Outcome, *, begun: bool, tokens: int, reported: bool) -> None:
        """Do nothing."""


class _Billed:
    """A call to a model, which goes into the tally when it ends."""

    __slots__ = ("_ask", "_behaviour", "_hop", "_name", "_server", "request_id", "steps")

    def __init__(
        self,
        server: Server,
        request_id: str,
        hop: int,
        ask: asks.Ask,
        name: str,
        behaviour: behaviours.Behaviour,
        now_s: float,
    ):
        self._server = server
        self._hop = hop
        self._ask = ask
        self._name = name
        self._behaviour = behaviour
        self.request_id = request_id
        self.steps = replies.make(ask, behaviour, now_s)

    def end(self, outcome: tally.Outcome, *, begun: bool, tokens: int, reported: bool) -> None:
        """Bill what was generated: the prompt too, once the head was written or a token generated."""
        ask, status = self._ask, self._behaviour.status
        billed = status is None and (begun or tokens > 0)
        entry = tally.Entry(
            self.request_id,
            self._hop,
            ask.model,
            ask.api,
            self._name,
            outcome,
            status.status if status else 200 if begun else 0,
            ask.prompt_tokens if billed else 0,
            tokens,
            replies.told(ask, self._behaviour) if reported else None,
        )
        self._server.tally.add(entry)


@contextlib.asynccontextmanager
async def serve(
    script_: script.Script | None = None,
    *,
    port: int = 0,
    key: str = "",
    listening: socket.socket | None = None,
    now: Callable[[], float] = time.time,
    says: Callable[[bytes], str] | None = None,
) -> AsyncIterator[Server]:
    """Serve on loopback until the block ends; port 0 takes a free one, which `port` of the server then says."""
    server = Server(script_ or script.Script(), key=key, now=now, says=says)
    loop = asyncio.get_running_loop()

    def made() -> connection.Connection:
        return connection.Connection(server, loop)

    if listening is not None:
        listener = await loop.create_server(made, sock=listening, backlog=_BACKLOG)
    else:
        listener = await loop.create_server(made, "127.0.0.1", port, backlog=_BACKLOG)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        server.close_connections()
        await server.all_closed()
        await listener.wait_closed()
