"""A search by words, and by meaning where words find too little: what is asked, what is shown, what it costs no quote."""

import dataclasses
from collections.abc import Sequence

from council.serving.memory import documents, hybrid, lexical

TEXTS = {
    "hours.md": "# Opening hours\n\nThe workshop opens at eight.",
    "sick.md": "# Sick days\n\nCall the front desk before nine if you are ill.",
    "pay.md": "# Pay\n\nWages are paid on the last Friday of the month.",
    "long.md": "# Long\n\n" + "The kiln is cleaned. " * 30,
}


def made_index() -> lexical.LexicalIndex:
    index = lexical.LexicalIndex()
    for source, text in TEXTS.items():
        index.put("library", source, documents.split(text.encode(), 900))
    return index


class Near:
    """Tells the same passages of every query; keeps what it was asked."""

    def __init__(self, index: lexical.LexicalIndex, *sources: str, missing: str = ""):
        self.found = [(index.names("library", source)[0], 0.9 - place / 10) for place, source in enumerate(sources)]
        self.missing = missing
        self.asked: list[str] = []

    async def __call__(self, query: str) -> tuple[Sequence[tuple[str, float]], str]:
        self.asked.append(query)
        return self.found, self.missing


async def test_meaning_is_not_asked_where_a_passage_holds_the_words() -> None:
    index = made_index()
    near = Near(index, "pay.md")
    found, missing = await hybrid.search(index, "When does the workshop open?", 5, 0.8, near)
    assert (found, missing, near.asked) == (index.search("When does the workshop open?", 5), "", [])
    assert {passage.found_by for passage in found} == {"words"}


async def test_a_passage_without_a_word_of_the_query_is_found_by_its_meaning() -> None:
    index = made_index()
    found, _ = await hybrid.search(index, "My salary: which date?", 5, 0.8, Near(index, "pay.md"))
    [passage] = found
    assert (passage.source, passage.found_by, passage.cosine, passage.coverage) == ("pay.md", "meaning", 0.9, 0.0)
    # Its beginning, for want of a word.
    assert passage.quote.startswith("Wages are paid")


async def test_each_says_how_it_was_found() -> None:
    index = made_index()
    query = "When can I come to the workshop if ill tomorrow morning?"
    found, _ = await hybrid.search(index, query, 5, 0.8, Near(index, "sick.md", "pay.md"))
    assert {passage.source: passage.found_by for passage in found} == {
        "sick.md": "both", "hours.md": "words", "pay.md": "meaning"
    }  # fmt: skip
    both = next(passage for passage in found if passage.source == "sick.md")
    assert "ill" in both.quote and both.coverage == 1 / 5 and both.cosine == 0.9


async def test_what_has_gone_meanwhile_is_not_shown() -> None:
    index = made_index()
    near = Near(index, "pay.md", "sick.md")
    index.remove("library", "pay.md")
    found, _ = await hybrid.search(index, "salary", 5, 0.8, near)
    assert [passage.source for passage in found] == ["sick.md"]


async def test_no_more_than_asked_for_come_back_and_what_is_missing_is_said() -> None:
    index = made_index()
    found, missing = await hybrid.search(
        index, "salary workshop", 2, 0.8, Near(index, "pay.md", "sick.md", "long.md", missing="so far")
    )
    assert len(found) == 2 and missing == "so far"
    found, missing = await hybrid.search(index, "salary workshop", 2, 0.8, Near(index, missing="too late"))
    assert [passage.source for passage in found] == ["hours.md"] and missing == "too late"


async def test_nothing_is_asked_of_nothing() -> None:
    index = made_index()
    near = Near(index, "pay.md")
    assert await hybrid.search(index, " \n", 5, 0.8, near) == ([], "") and not near.asked
    # Only stop words: their meaning is all there is.
    found, _ = await hybrid.search(index, "what about it?", 5, 0.8, near)
    assert [passage.source for passage in found] == ["pay.md"]


async def test_what_is_quoted_goes_by_words_alone() -> None:
    index = made_index()
    before = index.search("When are wages paid?", 3)
    found, _ = await hybrid.search(index, "When are wages paid?", 3, 1.01, Near(index, "sick.md"))
    assert index.search("When are wages paid?", 3) == before
    # The same passage with the same words and quote, whether meaning was asked or not.
    assert dataclasses.replace(next(one for one in found if one.source == "pay.md"), score=0.0) == dataclasses.replace(
        before[0], score=0.0
    )
