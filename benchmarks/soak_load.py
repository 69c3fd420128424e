"""The load of a soak lane: clients that ask, stream, vanish and send rubbish, and what they hold against the answers.

A client never judges from memory: each exchange ends in an Outcome, and what must never happen becomes a violation.
"""

import asyncio
import contextlib
import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson

from council.domain import ledger

HANG_S = 60.0
_PAUSE_S = 0.25
_BODY_BYTES_OVER = 2 * 1024 * 1024

_QUESTIONS = (
    ("council", "What is 17% of 2,340?"),
    ("council", "Solve x^2 - 5x + 6 = 0"),
    ("council/math", "9**9**9**9"),
    ("council", "All whales are mammals. No mammals are fish. Is it true that no whales are fish?"),
    ("council/logic", "Who owns the zebra?"),
    ("council", "What does verified mean?"),
    ("council/knowledge", "What is a generation?"),
    ("council/code", "Write a Python function that reverses a string."),
    ("council", "Write one sentence about the sea."),
    ("smollm2-135m-instruct", "Say hello."),
)
_MALFORMED: tuple[bytes, ...] = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b'{"model": "council"}',
    b'{"model": "council", "messages": []}',
    b'{"model": "council", "messages": "hello"}',
    b'{"model": "council", "messages": [{"role": "user", "content": 7}]}',
    b'{"model": "council", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    b'{"model": "nobody", "messages": [{"role": "user", "content": "hello"}]}',
    b'{"model": "council", "messages": [{"role": "user", "content": "hello"}], "tools": [{"type": "function"}]}',
    b'{"model": "council", "messages": [{"role": "user", "content": "hello"}], "max_tokens": -1}',
    b'{"model": "council", "messages": ' + b"[" * 5_000 + b"}",
)
_ERROR_FIELDS = {"message", "type", "param", "code"}


@dataclasses.dataclass(frozen=True, slots=True)
class Acknowledged:
    """An answer that a client holds whole, as the ledger must have it."""

    request_id: str
    outcome: ledger.Outcome
    specialist: str
    level: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd_micros: int


class Journal:
    """What all clients of a lane have seen."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, Acknowledged] = {}
        self.refused_ids: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self.cuts: list[tuple[float, str]] = []

    def violate(self, text: str) -> None:
        """Note something that must never happen; a hundred are enough."""
        if len(self.violations) < 100:
            self.violations.append(text)

    def acknowledge(self, council: dict[str, Any]) -> None:
        """Note an answer that came whole."""
        tokens = council["tokens"]
        outcome = ledger.Outcome.REFUSED if council["refused"] else ledger.Outcome.ANSWERED
        made = Acknowledged(
            council["request_id"],
            outcome,
            council["specialist"],
            council["evidence"]["level"],
            tokens["prompt"],
            tokens["completion"],
            council["cost_usd_micros"],
        )
        if made.request_id in self.acknowledged:
            self.violate(f"the request id {made.request_id} was given twice")
        self.acknowledged[made.request_id] = made

    def cut(self, what: str) -> None:
        """Note a connection that ended before its answer did; the lane says whether a kill explains it."""
        self.counts["cut"] += 1
        self.cuts.append((time.monotonic(), what))


class Client:
    """One caller with a random stream of its own."""

    def __init__(self, url: str, token: str, chance: random.Random, journal: Journal, pause_s: float = _PAUSE_S):
        self._url = url
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._chance = chance
        self._journal = journal
        self._pause_s = pause_s

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until told to stop; the exchange under way is finished."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with aiohttp.ClientSession(timeout=timeout, headers=self._headers) as session:
            while not stop.is_set():
                await self._one(session)
                await asyncio.sleep(self._chance.random() * 2 * self._pause_s)

    async def _one(self, session: aiohttp.ClientSession) -> None:
        kind = self._chance.choices(
            ("whole", "stream", "vanish", "malformed", "huge", "stranger"), (30, 40, 12, 14, 1, 3)
        )[0]
        self._journal.counts[kind] += 1
        exchange: Callable[[aiohttp.ClientSession], Any] = getattr(self, f"_{kind}")
        try:
            async with asyncio.timeout(HANG_S):
                await exchange(session)
        except TimeoutError:
            self._journal.violate(f"a {kind} request hung for {HANG_S:g} s")
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            self._journal.cut(f"{kind}: {type(error).__name__}: {error}")

    def _question(self, *, stream: bool) -> bytes:
        model, text = self._chance.choice(_QUESTIONS)
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": self._chance.randint(4, 24),
            "stream": stream,
        }
        if stream and self._chance.random() < 0.5:
            body["stream_options"] = {"include_usage": True}
        return orjson.dumps(body)

    async def _whole(self, session: aiohttp.ClientSession) -> None:
        async with session.post(self._url, data=self._question(stream=False)) as response:
            content = await response.read()
            if response.status != 200:
                self._failed(response, content)
                return
            answer = orjson.loads(content)
            if answer["council"]["request_id"] != response.headers.get("x-request-id"):
                self._journal.violate("body and header differ in the request id")
            self._journal.acknowledge(answer["council"])

    async def _stream(self, session: aiohttp.ClientSession) -> None:
        async with session.post(self._url, data=self._question(stream=True)) as response:
            if response.status != 200:
                self._failed(response, await response.read())
                return
            reading = _Reading(self._journal)
            try:
                async for line in response.content:
                    reading.take(line)
            finally:
                reading.settle()
            reading.ended(response.headers.get("x-request-id", ""))

    async def _vanish(self, session: aiohttp.ClientSession) -> None:
        """Leave before, at, or some pieces after the first bytes; in rare cases the answer is done by then."""
        response = await session.post(self._url, data=self._question(stream=True))
        with contextlib.closing(response):
            for _ in range(self._chance.randint(0, 5)):
                if not await response.content.readline():
                    break

    async def _malformed(self, session: aiohttp.ClientSession) -> None:
        body = self._chance.choice(_MALFORMED)
        await self._refused(session, body, {400, 404, 429, 503})

    async def _huge(self, session: aiohttp.ClientSession) -> None:
        try:
            await self._refused(session, b" " * _BODY_BYTES_OVER, {413, 429, 503})
        except aiohttp.ClientOSError:
            # The refusal may come, and the connection close, while the body is still being sent.
            self._journal.counts["huge body cut off"] += 1

    async def _stranger(self, session: aiohttp.ClientSession) -> None:
        await self._refused(session, self._question(stream=False), {401, 503}, {"authorization": "Bearer cncl_nobody"})

    async def _refused(
        self, session: aiohttp.ClientSession, body: bytes, allowed: set[int], headers: dict[str, str] | None = None
    ) -> None:
        async with session.post(self._url, data=body, headers=headers) as response:
            content = await response.read()
            if response.status not in allowed:
                self._journal.violate(f"status {response.status} for a request to be refused: {body[:60]!r}")
            self._failed(response, content)

    def _failed(self, response: aiohttp.ClientResponse, content: bytes) -> None:
        self._journal.counts[f"status {response.status}"] += 1
        if response.status == 500:
            self._journal.violate(f"an internal error, request {response.headers.get('x-request-id')}")
        if response.status == 200 or not is_error(content):
            self._journal.violate(f"status {response.status} without an OpenAI-shaped error: {content[:120]!r}")
        self._journal.refused_ids.add(response.headers.get("x-request-id", ""))


class _Reading:
    """One stream as it comes: pieces, then either the council object and [DONE], or an error, or a cut."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._council: dict[str, Any] | None = None
        self._done = False
        self._error = False

    def take(self, line: bytes) -> None:
        if not line.startswith(b"data: ") or not line.endswith(b"\n"):
            return
        data = line[6:].strip()
        if self._done:
            self._journal.violate("an event after [DONE]")
        if data == b"[DONE]":
            self._done = True
            return
        chunk = orjson.loads(data)
        if "error" in chunk:
            self._error = True
            if not is_error(data):
                self._journal.violate(f"a stream's error is not OpenAI-shaped: {data[:120]!r}")
        elif "council" in chunk:
            self._council = chunk["council"]

    def settle(self) -> None:
        """Judge what came, however the stream ended: a client that holds the council object holds an answer."""
        if self._council is not None:
            self._journal.acknowledge(self._council)
        if self._done and self._council is None:
            self._journal.violate("a stream ended in [DONE] without the council object")
        if self._done and self._error:
            self._journal.violate("a stream said an error and [DONE]")

    def ended(self, request_id: str) -> None:
        """Judge a stream whose last byte came in order."""
        if self._error:
            self._journal.counts["stream error"] += 1
        elif not self._done:
            self._journal.violate(f"stream {request_id} ended in silence: no [DONE], no error, no cut")


def is_error(content: bytes) -> bool:
    """Return whether this is an error in OpenAI's shape with a message for people."""
    try:
        error = orjson.loads(content)["error"]
        return set(error) >= _ERROR_FIELDS and bool(error["message"]) and "Traceback" not in error["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False
