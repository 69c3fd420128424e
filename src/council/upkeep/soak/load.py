"""Asks by a profile until told to stop. How a question is put is an argument; what came of each is counted here."""

import array
import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from council.kit import waiting
from council.upkeep.soak import profiles, questions

# Puts a question; returns how it ended: `answered`, or in a few words why not. Raises nothing.
Ask = Callable[[str], Awaitable[str]]
ANSWERED = "answered"
# How long the last questions are waited for.
_LAST_S = 20.0


@dataclass(slots=True)
class Asked:
    """What was asked and what came of it, by kind of question. `late` are moments at which too many were open."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: dict[str, "array.array[float]"] = field(default_factory=dict)
    late: int = 0

    @property
    def total(self) -> int:
        """How many questions were asked."""
        return sum(one.total() for one in self.counts.values())

    def take(self, kind: str, outcome: str, took_s: float) -> None:
        """Count one."""
        self.counts.setdefault(kind, Counter())[outcome] += 1
        if outcome == ANSWERED:
            self.seconds.setdefault(kind, array.array("f")).append(took_s)


async def run(
    profile: profiles.Profile, ask: Ask, asked: Asked, chance: random.Random, stop: asyncio.Event, slower: float = 1.0
) -> None:
    """Ask until `stop`, then wait a little for what is open. The next question does not wait for the one before it."""
    began_s = time.monotonic()
    asking: set[asyncio.Task[None]] = set()
    try:
        for at_s in profile.moments(chance, slower):
            if await waiting.within(stop, max(0.0, began_s + at_s - time.monotonic())):
                break
            if len(asking) >= profile.at_once_max:
                asked.late += 1
                continue
            kind, text = questions.draw(chance, profile.mix)
            task = asyncio.create_task(_one(ask, asked, kind, text))
            asking.add(task)
            task.add_done_callback(asking.discard)
        if asking:
            await asyncio.wait(asking, timeout=_LAST_S)
    finally:
        for task in asking:
            task.cancel()


async def _one(ask: Ask, asked: Asked, kind: str, text: str) -> None:
    began_s = time.monotonic()
    outcome = await ask(text)
    asked.take(kind, outcome, time.monotonic() - began_s)
