"""Puzzles that no grammar reads: a model rewrites the puzzle in the controlled English, and the solver answers that.

The level is `self-tested` at most, because nothing can show that the rewriting means the same. The model's words go nowhere but
into the grammar: what it does not read, or what lacks a name or a number of the puzzle, is passed on.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson

from council import ports
from council.domain import answering, answers, errors, ways
from council.serving.specialists import speech as speech_module

_QUESTION_CHARS_MAX = 4_000
_SENTENCES_MAX = 60
_CONFIDENCE = 0.4
_SCHEMA = {
    "type": "object",
    "properties": {
        "sentences": {"type": "array", "items": {"type": "string"}, "maxItems": _SENTENCES_MAX},
        "question": {"type": "string"},
    },
    "required": ["sentences", "question"],
    "additionalProperties": False,
}
_PROMPT = """Rewrite the user's puzzle in simple sentences for a solver. Do not solve it. Keep every name and number, add none.
Reply with JSON: `sentences`, one fact each, and `question`, one question. Forms that the solver reads:
- Ann is older than Bob. Cem finished last. Ann is second from the left. Ann is directly left of Bob.
- All cats are animals. No cats are dogs. Some cats are black. Rex is a cat. If Rex is a cat then Rex is lazy.
- Three people stand in a row, numbered 1 to 3 from left to right. Name: Ann, Bob and Cem. Pet: cat, dog and fish.
- Ann has a red hat. Ann and Bob swap hats. Of 30 people, 18 like tea, 15 like coffee and 7 like both.
- Who is the oldest? Is Rex lazy? Who owns the fish? Who has the red hat at the end? How many like neither?"""


class TranslatedSpecialist:
    """Has the model rewrite a puzzle."""

    route = answers.Route.LOGIC

    def __init__(self, model: speech_module.Speaker, compute: ports.Compute, settings: answering.LogicConfig):
        self._model = model
        self._compute = compute
        self._settings = settings

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield one Finding, or one PassOn: no model, no time, nothing that the solver reads, or another puzzle."""
        if not question.text.strip() or len(question.text) > _QUESTION_CHARS_MAX:
            yield answers.PassOn("it is empty or too long to rewrite")
            return
        try:
            async with asyncio.timeout(self._settings.translate_s):
                said, usage = await self._rewritten(question)
                translation = _read(said)
                if not translation:
                    yield answers.PassOn("the model's rewriting is not in the form asked for", why=ways.Why.UNDECIDED)
                    return
                payload = {"text": question.text, "translation": translation}
                result = await self._compute.call("logic.translated", payload, question.request_id)
        except TimeoutError:
            yield answers.PassOn(f"rewriting it took longer than {self._settings.translate_s:g} s", why=ways.Why.LATE)
            return
        except (errors.UnavailableError, errors.ComputeLimitError, errors.OverloadedError) as error:
            yield answers.PassOn(f"it could not be rewritten: {error.message}", why=ways.Why.AWAY)
            return
        if result["kind"] != "solved":
            yield answers.PassOn(str(result["reason"]), why=ways.Why.UNDECIDED)
            return
        yield self._finding(result, usage)

    async def _rewritten(self, question: answers.Question) -> tuple[str, answers.Usage]:
        sampling = answers.Sampling(self._settings.translate_tokens_max, temperature=0.0, schema=_SCHEMA)
        messages = [answers.Message("system", _PROMPT), answers.Message("user", question.text)]
        return await speech_module.whole(self._model, messages, sampling, question.request_id)

    def _finding(self, result: dict[str, Any], usage: answers.Usage) -> answers.Finding:
        level = answers.Level(result["level"])
        assert not level.verified, "what a model rewrote is never verified"
        detail = {"reading": result["reading"], "check": result["check"], "steps": result["steps"], **result["detail"]}
        summary = "A model rewrote the puzzle, and the solver answered that; nothing shows that both mean the same."
        text = f"{result['answer']}\n\nThis holds if the puzzle means:\n\n{result['detail']['translation']}"
        evidence = answers.Evidence(level, summary, detail)
        return answers.Finding(text, _CONFIDENCE, evidence, usage=usage, model=self._model.model)


def _read(said: str) -> str:
    """Return the rewriting, a sentence a line, or nothing where it is not in the form asked for."""
    try:
        told = orjson.loads(said)
        sentences, asked = told["sentences"], told["question"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    if not isinstance(sentences, list) or not 1 <= len(sentences) <= _SENTENCES_MAX:
        return ""
    lines = [*sentences, asked]
    if not all(isinstance(line, str) and line.strip() for line in lines):
        return ""
    return "\n".join(" ".join(line.split()) for line in lines)
