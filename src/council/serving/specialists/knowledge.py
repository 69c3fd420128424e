"""Knowledge: quotes the passage that answers, or says that it is not in the sources."""

from collections.abc import AsyncGenerator

from council import ports
from council.domain import answers

_PASSAGES = 3
NOT_FOUND = "not in my sources"


class KnowledgeSpecialist:
    """Asks recall, and answers only in the words of what it found."""

    route = answers.Route.KNOWLEDGE

    def __init__(self, retriever: ports.Retriever, coverage_min: float):
        """Quote a passage only if it holds at least `coverage_min` of the question's content words."""
        self._retriever = retriever
        self._coverage_min = coverage_min

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield one Finding or one PassOn. Raises RecallUnavailableError."""
        passages = await self._retriever.search(question.text, _PASSAGES, question.request_id)
        good = [passage for passage in passages if passage.coverage >= self._coverage_min]
        if not good:
            yield answers.PassOn(NOT_FOUND)
            return
        best = good[0]
        text = f"{best.text}\n\nSource: {_place(best)}"
        evidence = answers.Evidence(
            answers.Level.QUOTED,
            f"Quoted from {_place(best)}.",
            {
                "passages": [
                    {
                        "root": passage.root,
                        "source": passage.source,
                        "heading": passage.heading,
                        "text": passage.text,
                        "coverage": round(passage.coverage, 3),
                    }
                    for passage in good
                ]
            },
        )
        yield answers.Finding(text, round(best.coverage, 3), evidence)


def _place(passage: answers.Passage) -> str:
    return f"{passage.source} ({passage.heading})" if passage.heading else passage.source
