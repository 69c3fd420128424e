"""The load under which patches are applied: a fixed rate of questions, streams among them, each of which is kept.

Questions are due by a schedule, whether or not the earlier ones have been answered. Most go to a model of the scripted
upstream, whose words are known; some are computed, some looked up. Connections are kept open, as clients keep theirs.
"""

import asyncio
import collections
import dataclasses
import random
import time
from collections.abc import Callable, Sequence

import aiohttp
import orjson

import figures
import lean_client
import provider_homes

NEAR = "near"
_CHUNKS = 8
BEHAVIOUR = f"ok-{_CHUNKS}"
MODELS = {NEAR: provider_homes.model(NEAR)}
_AT_ONCE_MAX = 600
# Beyond it what serves is as good as away.
SLOW_S = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A kind of question and its share of all."""

    name: str
    share: float
    model: str
    text: str
    stream: bool = False


KINDS = (
    Kind("whole", 0.43, NEAR, "Say some words now."),
    Kind("streamed", 0.43, NEAR, "Say some words now.", stream=True),
    Kind("computed", 0.07, "council", "What is {a} * {b}?"),
    Kind("computed, streamed", 0.04, "council", "What is {a} * {b}?", stream=True),
    Kind("looked up", 0.03, "council", "What does verified mean?"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """One question: when it was due, on the monotonic clock, how long its answer took, and what was wrong with that."""

    at_s: float
    took_s: float
    kind: str
    problem: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether whoever asked was not served, or so late that it is the same."""
        return bool(self.problem) or self.took_s > SLOW_S


def unexplained(
    seen: Sequence[Asked], spans: Sequence[tuple[float, float]], most_chars: int = 100
) -> tuple[int, list[str]]:
    """Return how many requests failed outside of these spans, in which a fault explains it, and a line for each problem."""
    failed = [one for one in seen if one.problem and not any(low <= one.at_s <= high for low, high in spans)]
    told = collections.Counter(one.problem.partition(",")[0][:most_chars] for one in failed)
    lines = [f"{count} requests failed and no fault was put in: {problem}" for problem, count in told.items()]
    return len(failed), lines


async def script(upstream: str, near: str) -> None:
    """Have the scripted upstream's model behave so from now on."""
    headers = {"authorization": f"Bearer {provider_homes.KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.put(f"{upstream}/_script", json={"models": {NEAR: near}}) as response,
    ):
        response.raise_for_status()


class Load:
    """Asks `rate` times a second while its block runs."""

    def __init__(self, port: int, token: str, chance: random.Random, rate: float):
        self.seen: list[Asked] = []
        self.left_out = 0
        self.late_s = 0.0
        self._port = port
        self._headers = {"authorization": f"Bearer {token}"}
        self._chance = chance
        self._rate = rate
        self._idle: list[lean_client.Connection] = []
        self._asking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Load":
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        if self._asking:
            await asyncio.wait(self._asking, timeout=30.0)
            left = list(self._asking)
            for one in left:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        for connection in self._idle:
            connection.close()

    def between(self, from_s: float, to_s: float) -> list[Asked]:
        """Return the questions that were due in that time and have ended, in the order in which they were due."""
        return sorted((one for one in self.seen if from_s <= one.at_s < to_s), key=lambda one: one.at_s)

    async def _run(self) -> None:
        began_s, number = time.monotonic(), 0
        while True:
            due_s = began_s + number / self._rate
            number += 1
            if (wait_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            self.late_s = max(self.late_s, time.monotonic() - due_s)
            if len(self._asking) >= _AT_ONCE_MAX:
                self.left_out += 1
                continue
            task = asyncio.create_task(self._ask(due_s))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, due_s: float) -> None:
        kind = self._chance.choices(KINDS, [one.share for one in KINDS])[0]
        a, b = self._chance.randrange(10, 10**4), self._chance.randrange(10, 10**4)
        body = {
            "model": kind.model,
            "stream": kind.stream,
            "max_tokens": 64,
            "messages": [{"role": "user", "content": kind.text.format(a=a, b=b)}],
        }
        asked = lean_client.request("/v1/chat/completions", orjson.dumps(body), self._headers)
        connection = self._idle.pop() if self._idle else lean_client.Connection(keep_body=True)
        try:
            await connection.ask(self._port, asked)
            told = problem(kind, connection.status, b"".join(connection.body), str(a * b))
            self._idle.append(connection)
        except (OSError, TimeoutError) as error:
            connection.close()
            told = f"{type(error).__name__}: {error}"
        self.seen.append(Asked(due_s, time.monotonic() - due_s, kind.name, told))


def problem(kind: Kind, status: int, body: bytes, product: str) -> str:
    """Return what is wrong with a reply, nothing where all is well."""
    if status != 200:
        return f"status {status}: {body[:200]!r}"
    try:
        text, is_whole = _told(body) if kind.stream else (_content(body), True)
    except (ValueError, KeyError, IndexError) as error:
        return f"it cannot be read: {type(error).__name__}: {body[:200]!r}"
    if not is_whole:
        return f"the stream ended before its end: {text[-100:]!r}"
    if kind.model == NEAR and text.split() != [f"w{number}" for number in range(1, _CHUNKS + 1)]:
        return f"its words are not those of the upstream: {text[:100]!r}"
    if kind.name.startswith("computed") and product not in text.replace(",", ""):
        return f"it is not {product}: {text[:100]!r}"
    return "" if text else "it is empty"


def _content(body: bytes) -> str:
    return str(orjson.loads(body)["choices"][0]["message"]["content"])


def _told(body: bytes) -> tuple[str, bool]:
    """Return the text of a stream, and whether it ended as a whole answer does."""
    pieces, is_whole = [], False
    for line in body.split(b"\n"):
        if not line.startswith(b"data:"):
            continue
        raw = line.removeprefix(b"data:").strip()
        if raw == b"[DONE]":
            is_whole = True
            continue
        event = orjson.loads(raw)
        if "error" in event:
            return f"error {event['error']}", False
        pieces += [one["delta"].get("content") or "" for one in event.get("choices", ())]
    return "".join(pieces), is_whole


def p95_ms(asked: Sequence[Asked], takes: Callable[[Asked], bool] = lambda one: not one.problem) -> float | None:
    """Return the p95 of what was answered by the upstream's model, milliseconds; None of fewer than twenty."""
    took_s = [one.took_s for one in asked if one.kind in ("whole", "streamed") and takes(one)]
    return 1000 * figures.quantile(took_s, 0.95) if len(took_s) >= 20 else None
