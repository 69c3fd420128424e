"""The light mixed load under which faults are injected: questions at random moments, whatever became of those before."""

import asyncio
import random
from collections import Counter

import aiohttp

# How often what is asked of whom. `near` is a server of models on this machine, `far` one that is paid.
_MIX = (
    (30, "council", "What is {a} * {b}?"),
    (15, "council", "All {x} are mammals. No mammals are fish. Is it true that no {x} are fish?"),
    (10, "council", "What does verified mean?"),
    (44, "near", "Say something about {x} number {a}."),
    (1, "council", "Write one sentence about {x}."),
)
_KINDS = ("whales", "dogs", "otters", "bats", "seals")
_FAR_SHARE = 0.5
_AT_ONCE_MAX = 64
_WAIT_S = 60.0


class Load:
    """Asks `rate` questions a second in the mean until its block ends. `far` sends the share of `near` to the paid model."""

    def __init__(self, url: str, token: str, chance: random.Random, rate: float):
        self.counts: Counter[str] = Counter()
        self.far = False
        self._url = url + "/v1/chat/completions"
        self._headers = {"authorization": f"Bearer {token}"}
        self._chance = chance
        self._rate = rate
        self._asking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Load":
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=_WAIT_S))
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, *self._asking, return_exceptions=True)
        await self._session.close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(self._rate))
            if len(self._asking) >= _AT_ONCE_MAX:
                self.counts["left out"] += 1
                continue
            task = asyncio.create_task(self._ask())
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self) -> None:
        _, model, form = self._chance.choices(_MIX, [share for share, *_ in _MIX])[0]
        if model == "near" and self.far and self._chance.random() < _FAR_SHARE:
            model = "far"
        text = form.format(
            a=self._chance.randrange(10, 10**4), b=self._chance.randrange(10, 10**4), x=self._chance.choice(_KINDS)
        )
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 16}
        try:
            async with self._session.post(self._url, json=body) as response:
                await response.read()
                self.counts[f"status {response.status}"] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.counts[type(error).__name__] += 1
