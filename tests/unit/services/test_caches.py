"""Recall's caches under overrides."""

import logging

import pytest

from council import care_telemetry
from council.domain import caching, overrides
from council.domain.overrides import Cap
from council.services import caches
from council.serving.cache import shelf


class Held:
    """What caches may hold."""

    def __init__(self) -> None:
        self.caps: dict[str, Cap] = {}

    def cap(self, name: str) -> Cap:
        return self.caps.get(name, Cap())


def filled() -> shelf.Shelf:
    made = shelf.Shelf(caching.CacheConfig(), lambda one, other: 0.0)
    for number in range(10):
        made.keep("ann", "s", f"g{number}", "x", {"text": "y"}, 0.0)
    return made


async def test_a_cache_shrinks_at_the_look_after_its_override_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    held, answers = Held(), filled()
    made = caches.Caches({overrides.ANSWERS: lambda: answers}, held.cap)
    made.look()
    assert answers.size[0] == 10 and not caplog.records
    held.caps["answers"] = Cap(entries=3)
    made.look()
    made.look()
    assert answers.size[0] == 3 and len(caplog.records) == 1
    assert care_telemetry.CACHE_ENTRIES.labels("answers")._value.get() == 3
    assert care_telemetry.CACHE_BYTES.labels("answers")._value.get() == answers.size[1]
    held.caps.clear()
    made.look()
    answers.keep("ann", "s", "new", "x", {"text": "y"}, 0.0)
    assert answers.size[0] == 4


async def test_a_cache_that_is_made_later_is_held_to_its_override_then() -> None:
    held, there = Held(), list[shelf.Shelf]()
    made = caches.Caches({overrides.TEXTS: lambda: there[0] if there else None}, held.cap)
    held.caps["texts"] = Cap(entries=2)
    made.look()
    there.append(filled())
    made.look()
    assert there[0].size[0] == 2
