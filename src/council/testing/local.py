"""The worker's and recall's real work inside the calling process, without their processes."""

from collections.abc import Mapping
from typing import Any

from council.domain import answers
from council.serving.memory import documents, hybrid, lexical

_COVERAGE_MIN = 0.8
_COSINE = 0.5


class InlineCompute:
    """Implements ports.Compute by calling the real operations here. No limits hold: give it no hostile input."""

    async def call(self, operation: str, payload: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Run one operation."""
        from council.serving.compute import operations

        return operations.OPERATIONS[operation](payload)

    async def ping(self) -> None:
        """Return."""


class InlineRetriever:
    """Implements ports.Retriever over documents given as text."""

    def __init__(self, sources: Mapping[str, str], nearest: Mapping[str, str] | None = None):
        """`nearest` maps a query to the source whose passages are near to it in meaning."""
        self._nearest = nearest or {}
        self._index = lexical.LexicalIndex()
        for source, text in sources.items():
            self._index.put("blueprint", source, documents.split(text.encode(), 900))

    async def search(self, query: str, limit: int, request_id: str) -> list[answers.Passage]:
        """Search the given documents."""
        return self._index.search(query, limit)

    async def find(self, query: str, limit: int, request_id: str) -> answers.Searched:
        """Search the given documents, by words and by the meanings that were given."""
        passages, note = await hybrid.search(self._index, query, limit, _COVERAGE_MIN, self._near)
        return answers.Searched(passages, answers.Meanings("ready"), note)

    async def guides(self, query: str, request_id: str) -> list[answers.Passage]:
        """Search those of the given documents that are guides."""
        return self._index.search_guides(query)

    async def _near(self, query: str) -> tuple[list[tuple[str, float]], str]:
        source = self._nearest.get(query)
        return [(name, _COSINE) for name in self._index.names("blueprint", source)] if source else [], ""

    async def passage(self, identifier: str, request_id: str) -> answers.Passage | None:
        """Return the passage of this id."""
        return self._index.passage(identifier)

    async def ping(self) -> None:
        """Return."""
