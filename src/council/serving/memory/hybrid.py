"""A search by words, and by meaning where words find too little. The one way to search; what is quoted goes by words alone."""

import dataclasses
from collections.abc import Awaitable, Callable, Sequence

from council.domain import answers
from council.serving.memory import lexical, meanings

# From a query to the passages nearest in meaning, by name with their cosines, best first; and what is missing of them, if any.
Nearest = Callable[[str], Awaitable[tuple[Sequence[tuple[str, float]], str]]]


async def search(
    index: lexical.LexicalIndex, query: str, limit: int, coverage_min: float, nearest: Nearest
) -> tuple[list[answers.Passage], str]:
    """Return up to `limit` passages, best first, and what is missing of their meanings.

    Meaning is asked only where none of the first passages by words covers `coverage_min` of the query.
    """
    ranked = index.ranked(query)
    first = index.quoted(ranked[: max(limit, meanings.READ)], query)
    if meanings.words_do(first, coverage_min) or not query.strip():
        return first[:limit], ""
    near, missing = await nearest(query)
    if not near:
        return first[:limit], missing
    cosines = dict(near)
    by_words = {passage.id: passage for passage in ranked}
    found: list[answers.Passage] = []
    for name in meanings.fused(list(cosines), list(by_words)):
        # Looked up only now: it may have gone while its meaning was compared.
        passage = index.passage(name, query)
        if passage is not None:
            found.append(dataclasses.replace(passage, cosine=cosines.get(name)))
        if len(found) == limit:
            break
    return index.quoted(found, query), missing
