"""Search as a tool of models: a quote where one answers; else the passages that are near, named as no answer.

For whoever asks with a model at hand, which can read further than a quote may say. Not one of the cascade's specialists.
"""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from council import ports
from council.domain import answers
from council.serving.specialists import knowledge

_PASSAGES = 3
_SHOWN_CHARS = 400
NO_ANSWER = "No sentence was found that answers. Passages that are near, which may not:"
_SUMMARY = "Passages that are near by words or meaning; none was found to answer."


class Quotes(Protocol):
    """The knowledge specialist, or what stands for it."""

    def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield one Finding or one PassOn."""
        ...


class SearchSpecialist:
    """Quotes, or shows what is near."""

    route = answers.Route.KNOWLEDGE

    def __init__(self, quotes: Quotes, retriever: ports.Retriever):
        self._quotes = quotes
        self._retriever = retriever

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield one Finding, of no level where nothing is quoted, or one PassOn. Raises RecallUnavailableError."""
        async with contextlib.aclosing(self._quotes.attempt(question)) as events:
            async for event in events:
                yield await self._near(question, event) if isinstance(event, answers.PassOn) else event

    async def _near(self, question: answers.Question, passed_on: answers.PassOn) -> answers.Event:
        searched = await near(self._retriever, question.text, question.request_id)
        if not searched.passages:
            return passed_on
        detail = {"passages": [{**form(one), "url": knowledge.url(one)} for one in searched.passages]}
        return answers.Finding(shown(searched.passages), 0.0, answers.Evidence(answers.Level.NONE, _SUMMARY, detail))


async def near(retriever: ports.Retriever, text: str, request_id: str) -> answers.Searched:
    """Return the first few passages that are near to a question. Raises RecallUnavailableError."""
    return await retriever.find(text, _PASSAGES, request_id)


def shown(passages: Sequence[answers.Passage]) -> str:
    """Return passages as a text, each line of theirs behind a mark, each with its source and how it was found."""
    return "\n\n".join([NO_ANSWER, *map(_shown, passages)])


def form(passage: answers.Passage) -> dict[str, Any]:
    """Return a passage as JSON, with how it was found."""
    return {
        "id": passage.id,
        "root": passage.root,
        "source": passage.source,
        "heading": passage.heading,
        "text": passage.text,
        "quote": passage.quote,
        "found_by": passage.found_by,
        "coverage": round(passage.coverage, 3),
        "cosine": None if passage.cosine is None else round(passage.cosine, 3),
    }


def _shown(passage: answers.Passage) -> str:
    words = passage.quote or passage.text
    cut = words if len(words) <= _SHOWN_CHARS else words[: _SHOWN_CHARS - 1] + "…"
    return f"{knowledge.marked(passage, cut)}\nSource: {knowledge.place(passage)}, found by {passage.found_by}"
