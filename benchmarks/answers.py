"""What a person waits for: the five questions of the first page, to the first content and to the last byte."""

import time
from collections.abc import Callable

import aiohttp
import orjson
import uvloop

import councils
import figures
from council.gateway import questions

# Bounds the two questions that the model answers, so that rounds are alike and the whole ends.
TOKENS_MAX = 128

Say = Callable[[str], None]


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
            asked = [await _ask(session, text) for _ in range(rounds)]
            first_ms, last_ms = [one[0] for one in asked], [one[1] for one in asked]
            say(f"answers: {kind}, {rounds} rounds")
            note = f"{asked[0][2]}, level {asked[0][3]}, {sum(one[4] for one in asked) / rounds:.0f} tokens"
            rows += [
                figures.median(f"{kind}: first content", figures.OURS, first_ms, "ms", note=note),
                figures.Row(
                    f"{kind}: first content p95", figures.OURS, figures.quantile(first_ms, 0.95), "ms", samples=rounds
                ),
                figures.median(f"{kind}: last byte", figures.OURS, last_ms, "ms"),
                figures.Row(
                    f"{kind}: last byte p95", figures.OURS, figures.quantile(last_ms, 0.95), "ms", samples=rounds
                ),
            ]
    return rows


async def _ask(session: aiohttp.ClientSession, text: str) -> tuple[float, float, str, str, int]:
    """Return milliseconds to the first content and to the last byte, the specialist, the level and the tokens."""
    body = {
        "model": "council",
        "stream": True,
        "max_tokens": TOKENS_MAX,
        "messages": [{"role": "user", "content": text}],
    }
    started_s = time.perf_counter()
    first_s = 0.0
    council: dict[str, object] = {}
    tokens = 0
    async with session.post("/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            chunk = orjson.loads(line[6:])
            if not first_s and any(choice["delta"].get("content") for choice in chunk["choices"]):
                first_s = time.perf_counter()
            if "council" in chunk:
                council = chunk["council"]
                tokens = chunk["council"]["tokens"]["completion"]
    last_s = time.perf_counter()
    evidence = council["evidence"]
    assert isinstance(evidence, dict)
    return (
        (first_s - started_s) * 1e3,
        (last_s - started_s) * 1e3,
        str(council["specialist"]),
        evidence["level"],
        tokens,
    )
