"""Math and logic: the worker reads and computes, this half turns its result into a finding."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from council import ports
from council.domain import answers, errors, ways
from council.kit import clock as clock_module
from council.serving.specialists import context, followups, verbless


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
        self._verbless = verbless.Verbless(compute, clock)

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
        return before.without(await self._verbless.asked(before, messages, request_id))

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
        payload = verbless.payload("\n".join([*stated, text]), self._clock)
        return await self._compute.call(self._operation, payload, request_id)


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
