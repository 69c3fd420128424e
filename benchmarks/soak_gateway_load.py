"""The load of the gateway's soak: models that never fail, models whose server misbehaves, callers who leave; at a fixed rate.

Requests are due by a schedule, whether or not the earlier ones have been answered. What comes back is read here, so that
only what was seen is kept: of each request its kind, its status, and whether it ended as a whole answer does.
"""

import asyncio
import collections
import dataclasses
import random
import re
import time
from typing import Any

import orjson

import lean_client
import provider_homes

FLAKY = "flaky"
CHUNKS, LONG_CHUNKS = 8, 16
_CONNECTIONS_MAX = 400
_SAID = re.compile(rb'"content":"(w\d+ )"')
# Of the flaky server's calls half go well; the rest is shared by these. Stalls are rare, since each holds a place for a second.
_WELL = ("ok", "comments", "crlf", "multi-line", "closes", "closes-unsaid", "duplicate-finish", "no-space")
_ILL = (
    *("status-500", "status-503", "status-429", "status-502-html", "retry-after-absurd", "html", "empty", "redirect"),
    *("cut-before-headers", "reset", "cut-mid-headers", "cut-after-headers", "cut-mid-stream", "cut-mid-event"),
    *("reset-mid-stream", "cut-before-finish", "cut-before-done", "end-after-headers", "end-mid-stream", "no-done"),
    *(
        "end-before-finish",
        "done-mid-stream",
        "garbage",
        "bad-framing",
        "bad-json",
        "json-list",
        "json-number",
        "json-null",
    ),
    *("error-first", "error-after-first", "error-event", "error-then-done", "error-then-on", "usage-missing"),
)
_STALLS = ("stall-first-byte", "stall-after-headers", "stall-mid-stream", "stall-before-done")
# Those after which an answer is whole all the same: nothing of it is missing when they come.
HARMLESS = frozenset({*_WELL, "cut-before-done", "no-done", "stall-before-done", "usage-missing"})


def script(seed: int) -> dict[str, Any]:
    """Return the upstream's script: `flaky` and `fallen` are what the models of these names are served by."""
    weights = {name: 60 / len(_WELL) for name in _WELL}
    weights |= {name: 38 / len(_ILL) for name in _ILL} | {name: 2 / len(_STALLS) for name in _STALLS}
    return {"models": {"flaky": weights, "fallen": "status-500"}, "seed": seed}


MODELS = {
    "steady-a": provider_homes.model("ok"),
    "steady-b": provider_homes.model("burst"),
    "steady-long": provider_homes.model(f"ok-{LONG_CHUNKS}-3ms"),
    "flaky": provider_homes.model("flaky", FLAKY, spare="ok"),
    "fallen": provider_homes.model("fallen", FLAKY, fallbacks=["steady-a"]),
}
# Clocks short enough for a soak: a stall must not hold a place for half a minute.
_CLOCKS = {"connect_s": 2.0, "first_byte_s": 10.0, "whole_s": 20.0, "stall_s": 10.0, "concurrent_max": 400}
PROVIDERS = {
    provider_homes.PROVIDER: _CLOCKS,
    FLAKY: _CLOCKS | {"first_byte_s": 1.0, "whole_s": 1.0, "stall_s": 1.0},
}
# A server that fails is left alone for moments only, so that it is asked, and fails, often.
_CALLS = {"call_s": 30.0, "settle_s": 5.0, "failures_max": 10, "open_s": 0.1, "open_s_max": 0.2}
SETTINGS = {"gateway": {"concurrent_max": 1000}, "calls": _CALLS}


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request and its share of all."""

    name: str
    share: float
    model: str
    stream: bool
    chunks: int = CHUNKS
    leaves: bool = False

    @property
    def unfaulted(self) -> bool:
        """Whether nothing may go wrong."""
        return self.model.startswith("steady") and not self.leaves


KINDS = (
    Kind("steady, whole", 0.35, "steady-a", stream=False),
    Kind("steady b, whole", 0.12, "steady-b", stream=False),
    Kind("steady, streamed", 0.15, "steady-a", stream=True),
    Kind("steady b, streamed", 0.08, "steady-b", stream=True),
    Kind("steady long, streamed", 0.08, "steady-long", stream=True, chunks=LONG_CHUNKS),
    Kind("left by its caller", 0.06, "steady-long", stream=True, chunks=LONG_CHUNKS, leaves=True),
    Kind("flaky, whole", 0.06, "flaky", stream=False),
    Kind("flaky, streamed", 0.08, "flaky", stream=True),
    Kind("fallen, whole", 0.02, "fallen", stream=False),
)


@dataclasses.dataclass(slots=True)
class Seen:
    """What the clients saw. `ended` are the requests that ended as whole answers, streamed ones, by their ids."""

    asked: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    good: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    statuses: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    ended: set[str] = dataclasses.field(default_factory=set)
    failed: list[tuple[float, str, str]] = dataclasses.field(default_factory=list)
    # (request id, what is wrong with its end)
    violations: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    late_s: float = 0.0
    took_s: list[float] = dataclasses.field(default_factory=list)


class Load:
    """Asks `rate` times a second for `duration_s`, every kind in its share."""

    def __init__(self, port: int, token: str, rate: float, duration_s: float, seed: int):
        self.seen = Seen()
        self._port = port
        self._count = round(rate * duration_s)
        self._rate = rate
        self._chance = random.Random(seed)
        self._idle: list[lean_client.Connection] = []
        self._open = asyncio.Semaphore(_CONNECTIONS_MAX)
        self._asked = {kind.name: _request(kind, token) for kind in KINDS}

    async def run(self) -> None:
        """Return when the last request has ended."""
        shares, running, began_s = [kind.share for kind in KINDS], set(), time.monotonic()
        for number in range(self._count):
            due_s = began_s + number / self._rate
            if (wait_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            await self._open.acquire()
            self.seen.late_s = max(self.seen.late_s, time.monotonic() - due_s)
            kind = self._chance.choices(KINDS, shares)[0]
            task = asyncio.ensure_future(self._one(kind, self._chance.randrange(1, kind.chunks) if kind.leaves else 0))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        for connection in self._idle:
            connection.close()

    async def _one(self, kind: Kind, leave_after: int) -> None:
        connection = self._idle.pop() if self._idle else lean_client.Connection(keep_body=True)
        self.seen.asked[kind.name] += 1
        try:
            took_s = await connection.ask(self._port, self._asked[kind.name], leave_after=leave_after)
            self._judge(kind, connection, took_s)
        except (OSError, TimeoutError) as error:
            connection.close()
            self.seen.statuses[type(error).__name__] += 1
            if not kind.leaves:
                self.seen.failed.append((time.monotonic(), kind.name, f"{type(error).__name__}: {error}"))
        else:
            self._idle.append(connection)
        finally:
            self._open.release()

    def _judge(self, kind: Kind, connection: lean_client.Connection, took_s: float) -> None:
        seen = self.seen
        seen.statuses[str(connection.status)] += 1
        if kind.leaves:
            seen.good[kind.name] += connection.status == 200
            return
        body = b"".join(connection.body)
        told = b'"error"' in body
        clean = connection.status == 200 and not told and (not kind.stream or b"data: [DONE]" in body)
        if clean:
            text = b"".join(_SAID.findall(body)) if kind.stream else _content(body)
            if text != _words(kind.chunks):
                clean = False
                seen.violations.append((connection.request_id, f"ended well and is not whole: {text[:80]!r}"))
        elif not told:
            seen.violations.append(
                (connection.request_id, f"ended neither well nor with an error: {connection.status}")
            )
        if clean:
            seen.good[kind.name] += 1
            seen.took_s.append(took_s)
            if kind.stream:
                seen.ended.add(connection.request_id)
        elif kind.unfaulted:
            seen.failed.append((time.monotonic(), kind.name, f"{connection.status} {body[-300:]!r}"))


def _words(count: int) -> bytes:
    return b"".join(b"w%d " % number for number in range(1, count + 1))


def _content(body: bytes) -> bytes:
    content: str = orjson.loads(body)["choices"][0]["message"]["content"]
    return content.encode()


def _request(kind: Kind, token: str) -> bytes:
    asked: dict[str, Any] = {"model": kind.model, "stream": kind.stream, "max_tokens": 64}
    asked["messages"] = [{"role": "user", "content": "Say some words now."}]
    return lean_client.request("/v1/chat/completions", orjson.dumps(asked), {"authorization": f"Bearer {token}"})
