"""Asks while things break, and once they should be well again: a few kinds of questions, each of which needs known parts."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from council.upkeep.chaos import catalogue

NEAR = "near"
# Beyond it who asked is as good as not served.
LATE_S = 10.0
_AT_ONCE_MAX = 64
# How often what is asked. What only the local model answers takes seconds of a processor.
_SHARES = {"computed": 40, "looked up": 15, "run": 8, "relayed": 34, "said": 3}
_WORDS = ("verified", "a gate", "a generation", "an incident", "the ledger", "a playbook", "escalation", "a snapshot")
_THINGS = ("whales", "otters", "bats", "seals", "herons", "foxes")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: from when to when, monotonic seconds; `problem` says why it was lost, "" where it was answered."""

    kind: str
    from_s: float
    to_s: float
    problem: str = ""


class Asker:
    """Asks one running Council. Use it as a block. `asked` grows with each question of the load."""

    def __init__(self, base: str, token: str, model: str, *, relayed: bool, said: bool = True, tls: Any = None):
        """`model` is the packaged one's name; `relayed` says whether there is a model `near` of the scripted
        upstream, `said` whether the packaged one runs on this machine."""
        there = {"relayed": relayed, "said": said}
        self.kinds = [kind for kind in _SHARES if there.get(kind, True)]
        self.asked: list[Asked] = []
        self.left_out = 0
        self._base = base
        self._token = token
        self._model = model
        self._tls = tls or True
        self._asking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Asker":
        headers = {"authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=LATE_S)
        self.session = aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self.session.close()

    async def load(self, rate: float, chance: random.Random) -> None:
        """Ask so many questions a second in the mean, at random moments, until cancelled."""
        shares = [_SHARES[kind] for kind in self.kinds]
        while True:
            await asyncio.sleep(chance.expovariate(rate))
            if len(self._asking) >= _AT_ONCE_MAX:
                self.left_out += 1
                continue
            kind = chance.choices(self.kinds, shares)[0]
            task = asyncio.create_task(self._one(kind, chance))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _one(self, kind: str, chance: random.Random) -> None:
        from_s = time.monotonic()
        problem = await self.ask(kind, chance)
        self.asked.append(Asked(kind, from_s, time.monotonic(), problem))

    async def well(self, kinds: Sequence[str], chance: random.Random) -> bool:
        """Return whether a question of each of these kinds is answered now."""
        return not any(await asyncio.gather(*(self.ask(kind, chance) for kind in kinds)))

    async def ask(self, kind: str, chance: random.Random) -> str:
        """Ask one question; return why it was lost, "" where it was answered."""
        if kind == "run":
            number = chance.randrange(10**6)
            told = await self.post("/v1/sandbox/run", {"language": "python", "code": f"print({number})"})
            return told if isinstance(told, str) else "" if str(number) in str(told.get("stdout")) else "another result"
        a, b, thing = chance.randrange(100, 10**5), chance.randrange(100, 10**5), chance.choice(_THINGS)
        model, text, right = {
            "computed": ("council", f"What is {a} * {b}?", str(a * b)),
            "looked up": ("council", f"What does {chance.choice(_WORDS)} mean?", ""),
            "relayed": (NEAR, f"Say something about {thing} number {a}.", ""),
            "said": (self._model, f"Say hello to {thing} number {a}.", ""),
        }[kind]
        return await self.chat(model, text, right)

    async def chat(self, model: str, text: str, right: str = "") -> str:
        """Ask a model; return why it was lost. `right` must stand in the answer, whose digits may be grouped."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 8}
        told = await self.post("/v1/chat/completions", body)
        if isinstance(told, str):
            return told
        try:
            said = told["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            return "no answer of Council's"
        return "" if right in str(said).replace(",", "").replace(" ", "") else "another answer"

    async def post(self, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any] | str:
        """Return the object that answers, or in a few words why there is none."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            async with self.session.post(self._base + path, json=body, headers=headers, ssl=self._tls) as response:
                if response.status != 200:
                    await response.read()
                    return f"status {response.status}"
                told = await response.json()
                return told if isinstance(told, dict) else "no object"
        except TimeoutError:
            return "late"
        except (aiohttp.ClientError, OSError):
            return "the connection broke"
        except ValueError:
            return "no JSON"


def lost(
    asked: Sequence[Asked], from_s: float, to_s: float, fault: catalogue.Fault, service: str
) -> tuple[int, int, int, int]:
    """Return, of questions open within a time, how many were a fault's own, lost of those, others, and lost of those."""
    during = [one for one in asked if one.to_s >= from_s and one.from_s <= to_s]
    own = [one for one in during if fault.hits(one.kind, service)]
    others = [one for one in during if not fault.hits(one.kind, service)]
    return len(own), sum(bool(one.problem) for one in own), len(others), sum(bool(one.problem) for one in others)
