"""What a person waits for: a question to each specialist, and prompts that the model has not seen."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import orjson
import uvloop

import councils
import figures
from council.gateway import questions

# Bounds what the model answers, so that rounds are alike and the whole ends.
TOKENS_MAX = 128
WAIT_MS = 626.0
# As many words as make about 110 tokens of the packaged model: the most that a prompt may add to what is cached.
FRESH_WORDS = 104
FRESH_TOKENS_MAX = 120
_WORDS = (
    "river market ladder window garden copper winter basket candle bridge summer pocket mirror orchard lantern feather "
    "harbour kettle meadow ribbon saddle timber valley whistle anchor blanket carpet drawer engine forest glove hammer"
).split()

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Answer:
    first_ms: float
    last_ms: float
    specialist: str
    level: str
    prompt_tokens: int
    completion_tokens: int


def run(port: int, rounds: int, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", port)
        with councils.running(where, port):
            return uvloop.run(_ask_all(port, rounds, say))


async def _ask_all(port: int, rounds: int, say: Say) -> list[figures.Row]:
    rows: list[figures.Row] = []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for kind, text in questions.QUESTIONS:
            await _ask(session, text)
            answers = [await _ask(session, text) for _ in range(rounds)]
            say(f"answers: {kind}, {rounds} rounds")
            rows += _rows(kind, answers, "last" if kind != "general" else "")
        base = await _ask(session, "Hi")
        answers = [await _ask(session, _fresh(number)) for number in range(rounds)]
        added = max(one.prompt_tokens for one in answers) - base.prompt_tokens
        assert {one.specialist for one in answers} == {"general"} and added <= FRESH_TOKENS_MAX, (answers, added)
        say(f"answers: general, {rounds} fresh prompts")
        rows += _rows(f"general, fresh prompts of up to {added} tokens", answers, "first")
    return rows


def _fresh(number: int) -> str:
    """Return a prompt that shares no more than its first words with any before it."""
    words = random.Random(number).choices(_WORDS, k=FRESH_WORDS)
    return f"Write a short story with these words in it: {' '.join(words)}."


def _rows(kind: str, answers: list[_Answer], aimed: str) -> list[figures.Row]:
    """Return the rows of one kind; the target is on the first content, the last byte, or neither."""
    first_ms, last_ms = [one.first_ms for one in answers], [one.last_ms for one in answers]
    tokens = sum(one.completion_tokens for one in answers) / len(answers)
    note = f"{answers[0].specialist}, level {answers[0].level}, {tokens:.0f} tokens"
    rows = []
    for name, values, target in (
        ("first content", first_ms, WAIT_MS if aimed == "first" else None),
        ("last byte", last_ms, WAIT_MS if aimed == "last" else None),
    ):
        rows += [
            figures.median(f"{kind}: {name}", figures.OURS, values, "ms", target, note),
            figures.Row(f"{kind}: {name} p95", figures.OURS, figures.quantile(values, 0.95), "ms", samples=len(values)),
        ]
    return rows


async def _ask(session: aiohttp.ClientSession, text: str) -> _Answer:
    body = {
        "model": "council",
        "stream": True,
        "max_tokens": TOKENS_MAX,
        "messages": [{"role": "user", "content": text}],
    }
    started_s = time.perf_counter()
    first_s = 0.0
    council: dict[str, dict[str, int]] = {}
    async with session.post("/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            chunk = orjson.loads(line[6:])
            if not first_s and any(choice["delta"].get("content") for choice in chunk["choices"]):
                first_s = time.perf_counter()
            council = chunk.get("council", council)
    last_s = time.perf_counter()
    tokens = council["tokens"]
    return _Answer(
        (first_s - started_s) * 1e3,
        (last_s - started_s) * 1e3,
        str(council["specialist"]),
        str(council["evidence"]["level"]),
        tokens["prompt"],
        tokens["completion"],
    )
