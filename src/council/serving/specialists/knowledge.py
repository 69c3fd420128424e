"""Knowledge: quotes the sentences that answer, or says that it is not in the sources."""

import re
from collections.abc import AsyncGenerator, Sequence

from council import ports
from council.domain import answers
from council.serving.specialists import apt, quotable

_PASSAGES = 3
# A passage with so large a part of a question's words is named where none answers it.
_NEAR_MIN = 0.5
_PLACE_CHARS_MAX = 120
NOT_FOUND = "not in my sources"


class KnowledgeSpecialist:
    """Asks recall, and answers only in the words of what it found."""

    route = answers.Route.KNOWLEDGE

    def __init__(self, retriever: ports.Retriever, coverage_min: float):
        """Quote sentences only if they, with their headings, hold at least `coverage_min` of the question's content words."""
        self._retriever = retriever
        self._coverage_min = coverage_min

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield one Finding or one PassOn. Raises RecallUnavailableError."""
        refusal = quotable.refusal(question.text)
        if refusal:
            yield answers.PassOn(refusal)
            return
        passages = await self._retriever.search(question.text, _PASSAGES, question.request_id)
        good = [
            passage for passage in passages if passage.held >= self._coverage_min and _answers(question.text, passage)
        ]
        if not good:
            yield answers.PassOn(_not_found(passages))
            return
        best = max(good, key=lambda passage: passage.held)
        text = f"{quoted(best)}\n\nSource: {_place(best)}"
        evidence = answers.Evidence(
            answers.Level.QUOTED,
            f"Quoted from {_place(best)}.",
            {"passages": [_detail(passage) for passage in sorted(good, key=lambda passage: passage is not best)]},
        )
        yield answers.Finding(text, round(best.held, 3), evidence)


def _not_found(passages: Sequence[answers.Passage]) -> str:
    """Return the reason with the places of the passages that hold some of the words, for who wants to look there."""
    near = list(
        dict.fromkeys(_place(passage)[:_PLACE_CHARS_MAX] for passage in passages if passage.coverage >= _NEAR_MIN)
    )
    return f"{NOT_FOUND}; nearest: {'; '.join(near)}" if near else NOT_FOUND


def _answers(asked: str, passage: answers.Passage) -> bool:
    told = f"{passage.heading}\n{passage.quote}"
    return bool(passage.quote) and apt.holds(asked, passage.quote) and apt.denies(asked) <= apt.denies(told)


# A client may render what it shows as Markdown: then an image in a quote would be fetched, and a tag be obeyed.
_IMAGE_OR_TAG = re.compile(r"!(?=\[)|<(?=[A-Za-z/!?])")


def quoted(passage: answers.Passage) -> str:
    """Return the quote with a mark before each line, so that no line of it can pass for Council's own.

    What an untrusted document has of images and tags is escaped; the evidence holds its words as they are.
    """
    return "\n".join(f"> {line}".rstrip() for line in _escaped(passage, passage.quote).splitlines())


def _escaped(passage: answers.Passage, text: str) -> str:
    return text if passage.root == "blueprint" else _IMAGE_OR_TAG.sub(r"\\\g<0>", text)


def _detail(passage: answers.Passage) -> dict[str, object]:
    return {
        "id": passage.id,
        "root": passage.root,
        "source": passage.source,
        "heading": passage.heading,
        "text": passage.text,
        "quote": passage.quote,
        "coverage": round(passage.held, 3),
    }


def _place(passage: answers.Passage) -> str:
    place = f"{passage.source} ({passage.heading})" if passage.heading else passage.source
    return _escaped(passage, " ".join(place.split()))
