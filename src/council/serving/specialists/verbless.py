"""Which turns of a conversation were whole questions though they ask with no word: "180 cm in feet and inches".

Such a turn told nothing that a later question could hang on. Only the worker's grammar can say so, and what came of a text is
remembered.
"""

import asyncio
import collections
import datetime
from collections.abc import Sequence
from typing import Any

from council import ports
from council.domain import answers, errors
from council.kit import clock as clock_module
from council.serving.specialists import context

# So many of a conversation are looked at, the newest first, and begun within so long: the worker is everybody's.
_READS = "math.solve"
_TURNS_MAX = 8
_BEGUN_S = 0.5
_REMEMBERED_MAX = 256


def payload(text: str, clock: clock_module.Clock | None) -> dict[str, Any]:
    """Return what the worker is sent to read a text; with a clock, the date in UTC, which is what `today` means there."""
    if clock is None:
        return {"text": text}
    today = datetime.datetime.fromtimestamp(clock.now_us() / 1_000_000, datetime.UTC).date()
    return {"text": text, "today": today.isoformat()}


class Verbless:
    """Asks the worker, and remembers."""

    def __init__(self, compute: ports.Compute, clock: clock_module.Clock | None = None):
        self._compute = compute
        self._clock = clock
        self._asked: collections.OrderedDict[tuple[str, ...], bool] = collections.OrderedDict()

    async def asked(
        self, before: context.Context, messages: Sequence[answers.Message], request_id: str
    ) -> frozenset[int]:
        """Return the turns that `before` takes for such and that were whole questions."""
        found, loop = set(), asyncio.get_running_loop()
        until_s = loop.time() + _BEGUN_S
        for turn in reversed(before.verbless[-_TURNS_MAX:]):
            sent = payload(messages[turn].text, self._clock)
            key = tuple(sent.values())
            if key not in self._asked and loop.time() >= until_s:
                continue
            found |= {turn} if await self._is_asked(key, sent, request_id) else set()
        return frozenset(found)

    async def _is_asked(self, key: tuple[str, ...], sent: dict[str, Any], request_id: str) -> bool:
        """Say whether a text is a whole question by itself; one that is too much for the worker counts as told.

        So does every text while the worker is away, which is not remembered: the same text may be read a moment later.
        """
        if key in self._asked:
            self._asked.move_to_end(key)
            return self._asked[key]
        try:
            is_asked = bool((await self._compute.call(_READS, sent, request_id))["kind"] != "passed_on")
        except errors.ComputeUnavailableError:
            return False
        except errors.ComputeLimitError:
            is_asked = False
        self._asked[key] = is_asked
        if len(self._asked) > _REMEMBERED_MAX:
            self._asked.popitem(last=False)
        return is_asked
