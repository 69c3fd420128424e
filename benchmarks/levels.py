"""What each level of evidence is worth where no development row reaches it: made questions, through a whole Council.

Quotes are of made handbooks in the library, asked for what these say and for what they do not; code has tests or is to be
run. The model is stopped, so that what passes on answers nothing. Keys come from how a question was made.
"""

import asyncio
import dataclasses
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
import uvloop

import councils
import figures
from council import care_app
from council.domain import answers
from council.domain import home as home_module
from council.testing.questions import code_examples, code_runs, families, knowledge_documents

SEED = 4711
QUOTED, REFUSED, CODE = 300, 100, 80
_AT_ONCE = 12
_INDEXED_S = 60.0
_ANSWER_S = 120.0


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """A made question. Without `agrees` no answer is right."""

    text: str
    key: str
    agrees: Callable[[str, str], bool] | None


@dataclasses.dataclass(frozen=True, slots=True)
class Answered:
    """What came of it, and what had been promised."""

    specialist: str
    level: str
    confidence: float
    right: bool


def run(port: int, say: Callable[[str], None]) -> list[figures.Row]:
    """Take every figure of this part."""
    chance = random.Random(SEED)
    made = [*_quoted(chance), *_code(chance)]
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", port)
        for name, text in knowledge_documents.library(SEED).items():
            (where.library / name).write_text(text)
        with councils.running(where, port):
            asyncio.run(care_app.runtime(where).stop("model"))
            say(f"levels: asks {len(made)} made questions")
            answered = uvloop.run(_ask_all(where, port, made))
    return [*_rows(answered, len(made))]


def _quoted(chance: random.Random) -> list[Made]:
    found = knowledge_documents.made(SEED)
    refused = [text for family in found for text in family.refuse]
    drawn = [_drawn(chance, chance.choice(found)) for _ in range(QUOTED)]
    return [*drawn, *(Made(text, "", None) for text in chance.sample(refused, REFUSED))]


def _code(chance: random.Random) -> list[Made]:
    every = [*code_examples.FAMILIES, *code_runs.FAMILIES]
    return [_drawn(chance, chance.choice(every)) for _ in range(CODE)]


def _drawn(chance: random.Random, family: families.Family) -> Made:
    asked = family.paraphrase(chance, family.make(chance))
    return Made(asked.text, asked.key, family.agrees)


async def _ask_all(where: home_module.Home, port: int, made: Sequence[Made]) -> list[Answered]:
    headers = {"authorization": f"Bearer {where.token_file.read_text().strip()}"}
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    turns = asyncio.Semaphore(_AT_ONCE)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers, timeout=timeout) as session:
        async with asyncio.timeout(_INDEXED_S):
            while not await _is_indexed(session):
                await asyncio.sleep(0.2)

        async def ask(one: Made) -> Answered | None:
            async with turns:
                return await _asked(session, one)

        found = await asyncio.gather(*map(ask, made))
    return [one for one in found if one is not None]


async def _is_indexed(session: aiohttp.ClientSession) -> bool:
    async with session.get("/api/library/search", params={"query": "handbook", "limit": "1"}) as response:
        found = (await response.json())["found"]
    return bool(found) and found[0]["root"] == "library"


async def _asked(session: aiohttp.ClientSession, one: Made) -> Answered | None:
    """Return what was answered; None where nobody did."""
    body = {"model": "council", "messages": [{"role": "user", "content": one.text}], "max_tokens": 100}
    async with session.post("/v1/chat/completions", json=body) as response:
        if response.status == 503:
            return None
        response.raise_for_status()
        reply = await response.json()
    council: Mapping[str, Any] = reply["council"]
    level, text = council["evidence"]["level"], reply["choices"][0]["message"]["content"]
    if council["refused"]:
        return None
    if level == answers.Level.QUOTED:
        text = council["evidence"]["detail"]["passages"][0]["quote"]
    # Of no level are only excuses here, since no model speaks.
    right = level != answers.Level.NONE and one.agrees is not None and one.agrees(text, one.key)
    return Answered(council["specialist"], level, council["confidence"], right)


def _rows(answered: Sequence[Answered], asked: int) -> list[figures.Row]:
    """Return a row for each specialist and level, and one for each level that nobody reached."""
    groups: dict[tuple[str, str], list[Answered]] = defaultdict(list)
    for one in answered:
        groups[one.level, one.specialist].append(one)
    note = f"{len(answered)} of {asked} made questions were answered, seed {SEED}"
    made = [figures.share("made questions: answered", figures.OURS, len(answered), asked, note=note)]
    for level in answers.Level:
        found = {key: group for key, group in groups.items() if key[0] == level}
        for (_, specialist), group in sorted(found.items()):
            promised = sum(one.confidence for one in group) / len(group)
            right, note = sum(one.right for one in group), f"confidence {promised:.3f} on average"
            made.append(figures.share(f"{specialist}, {level}: right", figures.OURS, right, len(group), note=note))
        if not found:
            made.append(figures.Row(f"{level}: right", figures.OURS, None, "share", note="no rows"))
    return made
