"""The local model first; a paid one where the local one is in doubt or away, and the budgets allow it.

local model -> sure enough? -> answer
            -> no -> paid model -> answer, with the reason
                                -> over budget, away -> the local model after all, which says what it went without
"""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator
from typing import Protocol

from council.domain import answers, errors, providers, ways
from council.serving import pace
from council.serving import run as run_module
from council.serving.providers import attempts, speaker
from council.serving.providers import calls as calls_module


class Local(Protocol):
    """The specialist that speaks for the local model; it passes on where it is less sure than `question.doubt_below`."""

    def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield deltas and a Finding, or a single PassOn."""
        ...


class Escalation:
    """Decides nothing about money: the budgets do, by refusing the call."""

    def __init__(self, settings: providers.Escalation, calls: calls_module.Calls, reserve: float = pace.RESERVE):
        """`reserve` is of escalations beyond their share, see `pace`."""
        self._settings = settings
        self._calls = calls
        self._paid = speaker.Speaker(calls, settings.model)
        self._pace = pace.Pace(settings.share_max, reserve)

    @property
    def ready(self) -> bool:
        """Whether there is a model to escalate to, and its provider is switched on."""
        return bool(self._settings.model) and self._calls.usable(self._settings.model)

    def before(self, question: answers.Question) -> ways.Escalation:
        """Return how it stands with a question that the local model is to answer, before that has said anything."""
        model = self._settings.model
        if not question.specialists:
            return ways.Escalation(escalated=False, why=ways.Escalating.NAMED)
        if not model:
            return ways.Escalation(escalated=False, why=ways.Escalating.UNSET)
        why = ways.Escalating.SURE if self.ready else ways.Escalating.OFF
        return ways.Escalation(escalated=False, why=why, model=model)

    def question(self) -> None:
        """Note that a question came in: the share of those escalated is of all of them."""
        self._pace.question()

    async def attempt(
        self, local: Local, question: answers.Question, run: run_module.Run, tab: attempts.Tab
    ) -> AsyncGenerator[answers.Event, None]:
        """Yield what the local model says, or what the paid one does. Raises what the last one asked raised."""
        below = min(self._settings.confidence_min, self._pace.doubt_below())
        cautious = dataclasses.replace(question, doubt_below=below or None)
        reason, why = "", ways.Escalating.UNSURE
        try:
            async with contextlib.aclosing(local.attempt(cautious)) as events:
                async for event in events:
                    if isinstance(event, answers.PassOn):
                        reason = event.reason
                        self._pace.seen(event.confidence or 0.0)
                        continue
                    if isinstance(event, answers.Finding):
                        self._pace.seen(event.confidence)
                        if below <= event.confidence < self._settings.confidence_min:
                            run.escalation = self._not(ways.Escalating.SHARE)
                    yield event
            if not reason:
                return
        except (errors.UnavailableError, errors.OverloadedError) as error:
            if run.spoken:
                raise
            reason, why = f"the local model could not be asked ({error.code})", ways.Escalating.AWAY
        try:
            run.escalation = ways.Escalation(escalated=True, why=why, model=self._settings.model, reason=reason)
            async with contextlib.aclosing(self._ask(question, reason, run, tab)) as events:
                async for event in events:
                    yield event
            return
        except errors.CouncilError as error:
            if run.spoken:
                raise
            if isinstance(error, errors.UnspentError):
                # For the share it counts: it is what would have been.
                run.withheld_usd_micros = error.usd_micros
                self._pace.spent()
            run.degraded.append(f"escalation: {error.code}")
            run.escalation = self._not(ways.Escalating.REFUSED, f"{reason}; {error.message}")
            tab.hurry.set()
        async with contextlib.aclosing(local.attempt(question)) as events:
            async for event in events:
                yield event

    def _not(self, why: ways.Escalating, reason: str = "") -> ways.Escalation:
        return ways.Escalation(escalated=False, why=why, model=self._settings.model, reason=reason)

    async def _ask(
        self, question: answers.Question, reason: str, run: run_module.Run, tab: attempts.Tab
    ) -> AsyncGenerator[answers.Event, None]:
        run.tab = tab
        parts: list[str] = []
        end: answers.End | None = None
        words = self._paid.complete(
            question.messages, question.sampling, question.request_id, tab, self._settings.wait_s
        )
        async with contextlib.aclosing(words) as items:
            async for item in items:
                if isinstance(item, answers.End):
                    end = item
                else:
                    if not run.escalated:
                        self._pace.spent()
                    run.escalated = True
                    parts.append(item.text)
                    yield answers.Delta(item.text)
        assert end is not None, "a speaker ends with End or raises"
        run.escalated = True
        evidence = answers.Evidence(
            answers.Level.NONE,
            f"Asked {self._settings.model}, because {reason}. Its own words; nothing was checked.",
            {"escalated_because": reason},
        )
        yield answers.Finding(
            "".join(parts), 0.0, evidence, usage=end.usage, model=self._settings.model, finish_reason=end.finish_reason
        )
