"""Several ways to answer on one route: the first that does not pass on answers."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from council.domain import answers, ways


class Stage(Protocol):
    """A specialist as one of several on its route."""

    def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield deltas and a Finding, or a single PassOn."""
        ...


class StagedSpecialist:
    """Tries its stages in order. An error of one is the error of all: what checks itself is not stepped over."""

    def __init__(self, route: answers.Route, stages: Sequence[Stage]):
        self.route = route
        self._stages = stages

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield what the first stage yields that does not pass on; else one PassOn with every reason and the first why."""
        reasons: list[str] = []
        why = ways.Why.UNREAD
        for stage in self._stages:
            passed = False
            async with contextlib.aclosing(stage.attempt(question)) as events:
                async for event in events:
                    if isinstance(event, answers.PassOn):
                        why = why if reasons else event.why
                        reasons.append(event.reason)
                        passed = True
                    else:
                        yield event
            if not passed:
                return
        yield answers.PassOn("; ".join(reasons), why=why)
