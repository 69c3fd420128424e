"""Knowledge: quotes the sentences that answer, or says that it is not in the sources."""

import dataclasses
import re
from collections.abc import AsyncGenerator, Sequence

from council import ports
from council.domain import answers, ways
from council.serving.specialists import apt, context, fact_followups, quotable
from council.serving.wording import manners

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
        followed = await self._followed_up(question)
        if followed is not None:
            yield followed
            return
        if fact_followups.leans(question.messages):
            yield answers.PassOn("it goes on from a question that no packaged source read", why=ways.Why.CONTEXT)
            return
        refusal = quotable.refusal(question.text)
        if refusal:
            yield answers.PassOn(refusal, why=ways.Why.UNQUOTABLE)
            return
        # A quote must hold every word of weight that was asked, and no document holds the "hello" and "thanks" around it.
        asked = manners.without(question.text, "")
        passages = await self._retriever.search(asked, _PASSAGES, question.request_id)
        if passages and passages[0].root == answers.PACKAGED and not passages[0].quote:
            yield _unanswered(passages[0])
            return
        good = [passage for passage in passages if passage.held >= self._coverage_min and _answers(asked, passage)]
        if not good:
            yield answers.PassOn(_not_found(passages), why=ways.Why.NOT_FOUND)
            return
        best = max(good, key=lambda passage: passage.held)
        yield _quoted([best, *(passage for passage in good if passage is not best)])

    async def _followed_up(self, question: answers.Question) -> answers.Event | None:
        """Return what a question comes to that leans on one that a packaged source read; None of any other."""
        asked = fact_followups.whole(question.messages)
        if asked is None or context.of(asked.messages).stated:
            return None
        before = await self._packaged(asked.earlier, question.request_id)
        if before is None or not before.quote:
            return None
        found = await self._packaged(asked.text, question.request_id)
        if found is None or found.source != before.source:
            return answers.PassOn(f'Read as "{asked.text}": {NOT_FOUND}', why=ways.Why.NOT_FOUND)
        finding = _quoted([found]) if found.quote else _unanswered(found)
        reading = f'I read: "{asked.text}"'
        evidence = dataclasses.replace(
            finding.evidence,
            summary=f"{reading} {finding.evidence.summary}",
            detail={"reading": reading, **finding.evidence.detail},
        )
        return dataclasses.replace(finding, evidence=evidence)

    async def _packaged(self, text: str, request_id: str) -> answers.Passage | None:
        found = await self._retriever.search(text, 1, request_id)
        return found[0] if found and found[0].root == answers.PACKAGED else None


def _quoted(passages: Sequence[answers.Passage]) -> answers.Finding:
    """Return the quote of the first passage; the others are named in its evidence."""
    best = passages[0]
    evidence = answers.Evidence(
        answers.Level.QUOTED, f"Quoted from {place(best)}.", {"passages": [_detail(passage) for passage in passages]}
    )
    return answers.Finding(f"{marked(best, best.quote)}\n\nSource: {place(best)}", round(best.held, 3), evidence)


def _unanswered(passage: answers.Passage) -> answers.Finding:
    """Say that a package whose question it is has no answer: then a model's would be a guess."""
    summary = f"{place(passage)} says why it has no answer."
    evidence = answers.Evidence(answers.Level.NONE, summary, {"passages": [_detail(passage)]})
    return answers.Finding(f"That is {NOT_FOUND}. {passage.text}", 1.0, evidence, refused=True)


def _not_found(passages: Sequence[answers.Passage]) -> str:
    """Return the reason with the places of the passages that hold some of the words, for who wants to look there."""
    near = list(
        dict.fromkeys(place(passage)[:_PLACE_CHARS_MAX] for passage in passages if passage.coverage >= _NEAR_MIN)
    )
    return f"{NOT_FOUND}; nearest: {'; '.join(near)}" if near else NOT_FOUND


def _answers(asked: str, passage: answers.Passage) -> bool:
    told = f"{passage.heading}\n{passage.quote}"
    return bool(passage.quote) and apt.holds(asked, passage.quote) and apt.denies(asked) <= apt.denies(told)


# A client may render what it shows as Markdown: then an image in a quote would be fetched, and a tag be obeyed.
_IMAGE_OR_TAG = re.compile(r"!(?=\[)|<(?=[A-Za-z/!?])")


def marked(passage: answers.Passage, words: str) -> str:
    """Return words of a passage with a mark before each line, so that no line of them can pass for Council's own.

    What an untrusted document has of images and tags is escaped; the evidence holds its words as they are.
    """
    return "\n".join(f"> {line}".rstrip() for line in _escaped(passage, words).splitlines())


def place(passage: answers.Passage) -> str:
    """Return a passage's document and headings in one line, escaped as its words are."""
    named = f"{passage.source} ({passage.heading})" if passage.heading else passage.source
    return _escaped(passage, " ".join(named.split()))


def _escaped(passage: answers.Passage, text: str) -> str:
    return text if passage.root == "blueprint" else _IMAGE_OR_TAG.sub(r"\\\g<0>", text)


def url(passage: answers.Passage) -> str:
    """Return the path of this server at which a passage is read; empty for a packaged one, whose id does not last."""
    return "" if passage.root == answers.PACKAGED else f"/api/library/passages/{passage.id}"


def _detail(passage: answers.Passage) -> dict[str, object]:
    return {
        "id": passage.id,
        "url": url(passage),
        "root": passage.root,
        "source": passage.source,
        "heading": passage.heading,
        "text": passage.text,
        "quote": passage.quote,
        "coverage": round(passage.held, 3),
    }
