"""In which order faults come, whom they befall and after how long a wait: all of it from a seed."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from council.upkeep.chaos import catalogue

# One of so many that are held stays, longer than its own limit, until the healer has done something about it.
STAYS_ONE_OF, STAYS_S = 3, 240.0
# Waits between two faults are drawn from here, so that they meet the turns of the watcher at any phase.
WAIT_S = (1.0, 7.0)


@dataclass(frozen=True, slots=True)
class Turn:
    """One fault to come: whom it befalls, and how long after the one before.

    One that is held and `stays` is not taken out as soon as it was noticed, but once the healer has acted.
    """

    fault: catalogue.Fault
    service: str
    wait_s: float
    stays: bool = False


def turns(
    seed: int, names: Sequence[str], has: Collection[catalogue.Need], without: Collection[str] = ()
) -> Iterator[Turn]:
    """Yield faults without end, each once in every round, in an order that the seed gives.

    Left out are those that need what is not there, and services that do not run.
    """
    chance = random.Random(seed)  # noqa: S311 - must repeat
    possible = [one for one in (catalogue.BY_NAME[name] for name in names) if one.needs <= set(has)]
    while possible:
        chance.shuffle(possible)
        for fault in list(possible):
            services = [one for one in fault.services if one not in without]
            service, wait_s = chance.choice(services or [""]), chance.uniform(*WAIT_S)
            stays = _may_stay(fault) and not chance.randrange(STAYS_ONE_OF)
            if services:
                yield Turn(replace(fault, limit_s=STAYS_S) if stays else fault, service, wait_s, stays)


def _may_stay(fault: catalogue.Fault) -> bool:
    return fault.lasts is catalogue.Lasts.HELD and fault.name not in catalogue.QUIET | catalogue.SOON_OUT


def within(turn: Turn, limit_s: float) -> Turn:
    """Return the turn with a fault that lasts no longer than this."""
    return replace(turn, fault=replace(turn.fault, limit_s=min(turn.fault.limit_s, limit_s)))


def part(all_turns: Sequence[Turn], number: int, parts: int) -> list[Turn]:
    """Return which of the turns belong to part `number` of `parts`, counted from 1."""
    return list(all_turns[number - 1 :: parts])
