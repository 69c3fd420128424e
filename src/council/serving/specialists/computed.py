"""Math and logic: the worker reads and computes, this half turns its result into a finding."""

import asyncio
import collections
import datetime
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from council import ports
from council.domain import answers, errors, ways
from council.kit import clock as clock_module
from council.serving.specialists import context, followups

# What reads questions without a verb, as "180 cm in feet and inches". So many of a conversation are looked at, the newest
# first, and begun within so long: the worker is everybody's. What came of it is remembered.
_READS_VERBLESS = "math.solve"
_VERBLESS_MAX = 8
_VERBLESS_S = 0.5
_REMEMBERED_MAX = 256


class ComputedSpecialist:
    """Asks one operation of the worker."""

    def __init__(
        self, route: answers.Route, operation: str, compute: ports.Compute, clock: clock_module.Clock | None = None
    ):
        """With a `clock`, the worker is told the date in UTC, which is what `today` means there."""
        self.route = route
        self._operation = operation
        self._compute = compute
        self._clock = clock
        self._asked: collections.OrderedDict[tuple[str, ...], bool] = collections.OrderedDict()

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield one Finding or one PassOn. Raises ComputeUnavailableError, OverloadedError."""
        before = await self._before(question.messages, question.request_id)
        if before.instructed:
            reason = f"Only the model can follow what it was told beside the question: {before.instructed}"
            yield answers.PassOn(reason, why=ways.Why.CONTEXT)
            return
        try:
            result = await self._followed_up(question) or await self._read(question, before)
        except errors.ComputeLimitError as error:
            yield _refusal(error.message, "")
            return
        match result["kind"]:
            case "solved":
                yield _finding(result)
            case "refused":
                yield _refusal(result["reason"], result["reading"])
            case _:
                earlier = "Read with what was said before it: " if before.stated else ""
                why = ways.Why.CONTEXT if before.stated else _why(result)
                yield answers.PassOn(f"{earlier}{result['reason']}", why=why)

    async def _before(self, messages: Sequence[answers.Message], request_id: str) -> context.Context:
        """Return what stands before the last message, less what was a whole question there and so told nothing."""
        before = context.of(messages)
        asked, loop = set(), asyncio.get_running_loop()
        until_s = loop.time() + _VERBLESS_S
        for turn in reversed(before.verbless[-_VERBLESS_MAX:]):
            payload = self._payload(messages[turn].text)
            key = tuple(payload.values())
            if key not in self._asked and loop.time() >= until_s:
                continue
            asked |= {turn} if await self._is_asked(key, payload, request_id) else set()
        return before.without(asked)

    async def _is_asked(self, key: tuple[str, ...], payload: dict[str, Any], request_id: str) -> bool:
        """Say whether a text is a whole question by itself; one that is too much for the worker counts as told.

        So does every text while the worker is away, which is not remembered: the same text may be read a moment later.
        """
        if key in self._asked:
            self._asked.move_to_end(key)
            return self._asked[key]
        try:
            is_asked = bool((await self._compute.call(_READS_VERBLESS, payload, request_id))["kind"] != "passed_on")
        except errors.ComputeUnavailableError:
            return False
        except errors.ComputeLimitError:
            is_asked = False
        self._asked[key] = is_asked
        if len(self._asked) > _REMEMBERED_MAX:
            self._asked.popitem(last=False)
        return is_asked

    async def _read(self, question: answers.Question, before: context.Context) -> dict[str, Any]:
        """Return the result of the last message alone, or with the facts that stood beside earlier questions.

        Nobody says whether those facts still hold. So what comes to a result alone must come to the same with them, and what
        does not is read with the last ones only where it tells nothing itself: "He eats 3" may be said instead of "He eats 2".
        """
        text, request_id = question.text, question.request_id
        alone = await self._computed(text, before.stated, request_id)
        solved = alone["kind"] == "solved"
        if not solved and context.tells(text):
            return alone
        facts = before.hanging(text) if solved else before.nearest(text)
        if not facts:
            return alone
        together = await self._computed(text, facts, request_id)
        if together["kind"] == "solved" and (not solved or _said(together) == _said(alone)):
            return together
        if not solved:
            return alone
        reason = (
            f"It may hang on what was said before it, and does not come out the same with that: {' '.join(facts)[:100]}"
        )
        return {"kind": "passed_on", "reason": reason, "why": ways.Why.CONTEXT}

    async def _followed_up(self, question: answers.Question) -> dict[str, Any] | None:
        """Return the result of a question that leans on the one before, where that one was read; None of any other."""
        asked = followups.whole(question.messages)
        if asked is None:
            return None
        stated = (await self._before(asked.messages, question.request_id)).stated
        earlier = await self._computed(asked.earlier, stated, question.request_id)
        if earlier["kind"] != "solved":
            return None
        result = await self._computed(asked.text, stated, question.request_id)
        if result["kind"] != "solved":
            return {**result, "reason": f'Read as "{asked.text}": {result["reason"]}'}
        return {**result, "reading": f'I read: "{asked.text}"\n{result["reading"].removeprefix("I read:").strip()}'}

    async def _computed(self, text: str, stated: Sequence[str], request_id: str) -> dict[str, Any]:
        payload = self._payload("\n".join([*stated, text]))
        return await self._compute.call(self._operation, payload, request_id)

    def _payload(self, text: str) -> dict[str, Any]:
        if self._clock is None:
            return {"text": text}
        today = datetime.datetime.fromtimestamp(self._clock.now_us() / 1_000_000, datetime.UTC).date()
        return {"text": text, "today": today.isoformat()}


def _why(result: dict[str, Any]) -> ways.Why:
    """Return why the worker passed a text on; one of another release may not say, or say what is not known here."""
    told = result.get("why")
    return ways.Why(told) if told in set(ways.Why) else ways.Why.UNREAD


def _said(result: dict[str, Any]) -> str:
    """Return an answer without what it rests on, which may be more in one reading than in another."""
    return str(result["answer"]).partition("\nBecause: ")[0]


def _finding(result: dict[str, Any]) -> answers.Finding:
    detail = {"reading": result["reading"], "check": result["check"], "steps": result["steps"], **result["detail"]}
    summary = f"{_sentence(result['reading'])} Check: {result['check'].rstrip('.')}."
    level = answers.Level(result["level"])
    return answers.Finding(result["answer"], 1.0 if level.verified else 0.5, answers.Evidence(level, summary, detail))


def _refusal(reason: str, reading: str) -> answers.Finding:
    summary = _sentence(reading) if reading else "No result was computed."
    evidence = answers.Evidence(answers.Level.NONE, summary, {"reading": reading, "reason": reason})
    return answers.Finding(reason, 1.0, evidence, refused=True)


def _sentence(reading: str) -> str:
    """Return a reading of several lines as one sentence, for summaries."""
    lines = [line.strip() for line in reading.removeprefix("I read:").splitlines() if line.strip()]
    told = "I read: " + "; ".join(lines).rstrip(".")
    return told if told.endswith("?") else f"{told}."
