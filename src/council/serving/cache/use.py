"""The cache in front of the local model: a hit is told as one, a miss is kept once it is answered."""

import contextlib
import hashlib
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson

from council import ports, telemetry
from council.domain import answers, caching, errors
from council.serving.cache import questions

_log = logging.getLogger(__name__)


class Cache:
    """Asks recall, and goes without it when that is away."""

    def __init__(self, kept: ports.AnswerCache, settings: caching.CacheConfig, generation: str):
        self._kept = kept
        self._settings = settings
        self._generation = generation

    def relabel(self, generation: str) -> None:
        """Give and keep answers of this generation from now on."""
        self._generation = generation

    def kind_for(self, wish: str | None) -> str:
        """Return `off`, `exact` or `semantic`: what the request says, else the setting."""
        return wish or self._settings.kind

    async def attempt(
        self,
        inner: AsyncGenerator[answers.Event, None],
        question: answers.Question,
        user_id: str,
        kind: str,
    ) -> AsyncGenerator[answers.Event, None]:
        """Yield an answer given before, or what `inner` says."""
        async with contextlib.aclosing(inner) as events:
            if kind == "off" or not _may(question):
                async for event in events:
                    yield event
                return
            scope = _scope(question, self._generation)
            hit = await self._find(question, user_id, scope, kind)
            if hit is not None:
                yield hit
                return
            async for event in events:
                if isinstance(event, answers.Finding) and not event.refused and event.finish_reason == "stop":
                    await self._keep(question, user_id, scope, event)
                yield event

    async def _find(self, question: answers.Question, user_id: str, scope: str, kind: str) -> answers.Finding | None:
        try:
            found = await self._kept.find(
                user_id, scope, questions.gist(question.text), question.text, kind == "semantic", question.request_id
            )
        except errors.UnavailableError as error:
            _log.warning("the answer cache is away", extra={"detail": error.detail})
            return None
        telemetry.CACHE.labels(found[0] if found else "miss").inc()
        return _finding(*found) if found else None

    async def _keep(self, question: answers.Question, user_id: str, scope: str, finding: answers.Finding) -> None:
        answer = {
            "text": finding.text,
            "confidence": finding.confidence,
            "summary": finding.evidence.summary,
            "detail": dict(finding.evidence.detail),
            "model": finding.model,
        }
        if len(orjson.dumps(answer)) > self._settings.answer_bytes_max:
            return
        try:
            gist = questions.gist(question.text)
            await self._kept.keep(user_id, scope, gist, question.text, answer, question.request_id)
        except errors.UnavailableError as error:
            _log.warning("an answer was not kept", extra={"detail": error.detail})


def _may(question: answers.Question) -> bool:
    """Return whether a question stands for itself: one turn, nothing of its asker's, nothing that changes with time."""
    turns = [message for message in question.messages if message.role != "system"]
    return len(turns) == 1 and not question.background and questions.cacheable(question.text)


def _scope(question: answers.Question, generation: str) -> str:
    """Return a digest of everything beside the question that shapes its answer."""
    sampling = question.sampling
    system = [message.text for message in question.messages if message.role == "system"]
    limits = (sampling.tokens_max, sampling.temperature, sampling.top_p, sampling.seed, sampling.stop)
    return hashlib.sha256(orjson.dumps([generation, question.model, system, limits])).hexdigest()


def _finding(kind: str, answer: Mapping[str, Any]) -> answers.Finding:
    """Return a kept answer as a finding that says what it is."""
    same = "the same question" if kind == "exact" else "a question that means the same"
    cached = {"kind": kind, "question": answer.get("question")}
    evidence = answers.Evidence(
        answers.Level.NONE,
        f"Answered before, to {same}. {answer['summary']}",
        {**answer["detail"], "cached": cached},
    )
    return answers.Finding(str(answer["text"]), float(answer["confidence"]), evidence)
