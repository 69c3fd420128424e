"""A lexical index of passages: SQLite's FTS5 in memory, ranked by BM25. A view that is rebuilt at every start."""

import dataclasses
import re
import sqlite3
from collections.abc import Sequence, Set

from council.domain import answers
from council.serving.memory import documents, quotes, topics

WORD = re.compile(r"\w+", re.UNICODE)
_MARKED_WORD = re.compile(r"\x01?\w+", re.UNICODE)
_WORDS_MAX = 24
CANDIDATES = 20
_BEGIN_CHARS = 80
_ABOVE = -1
_GUIDEBOOK = "guidebook/"
_GUIDES = (_GUIDEBOOK + "*", f"library/{_GUIDEBOOK}*")
_GUIDE_PASSAGES = 60
_REFERENCE = _GUIDEBOOK + "reference/"
# What our own pages give as a question to try, or as a formula, holds the words of many questions and answers none.
_EXAMPLE = re.compile(r'"[^"\n]*\s[^"\n]*"|`[^`\n]*(?:\^|\?| [-+*=] )[^`\n]*`')
GLOSSARY = "guidebook/reference/glossary.md"

# Words that carry no content in a question; everything else must be found for a passage to count as an answer.
_STOP_WORDS = frozenset(
    """
    a about all am an and any are as at be because been before being between both but by can could describe did do
    does doing during each explain few for from further get give had has have having he her here hers him his how i if
    in into is it its just know let like list many may me mean might more most much must my name no nor not now of off
    on once one only or other our out over own please same say she should show so some such tell than that the their
    them then there these they this those through to too under until up us use used using very was we were what when
    where which while who whom whose why will with would you your
    """.split()
)


# They ask for a duration or a time of day, and an answer has these in other words; `apt.py` sees to it that it has one.
_MEASURE = re.compile(
    r"\bhow long (?=(?:do|does|did|is|are|was|were)\b)|\b(?:(?:at|in) )?(?:what time|(?:what|which) year)\b"
)


class LexicalIndex:
    """Passages by document. Not for use from several threads."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:")
        self._database.executescript(
            """
            CREATE TABLE passages (id INTEGER PRIMARY KEY, root TEXT, source TEXT, heading TEXT, text TEXT, name TEXT);
            CREATE INDEX by_document ON passages (root, source);
            CREATE INDEX by_name ON passages (name);
            CREATE VIRTUAL TABLE words USING fts5 (title, above, text, tokenize='porter unicode61 remove_diacritics 2');
            CREATE VIRTUAL TABLE units USING fts5 (text, tokenize='porter unicode61 remove_diacritics 2');
            """
        )

    def put(self, root: str, source: str, sections: Sequence[documents.Section]) -> None:
        """Replace the passages of a document."""
        with self._database:
            self._remove(root, source)
            for section in sections:
                passage = answers.Passage(root, source, section.heading, section.text, 0.0, 0.0)
                cursor = self._database.execute(
                    "INSERT INTO passages (root, source, heading, text, name) VALUES (?, ?, ?, ?, ?)",
                    (root, source, section.heading, section.text, passage.id),
                )
                above, title = _parted(section.heading)
                self._database.execute(
                    "INSERT INTO words (rowid, title, above, text) VALUES (?, ?, ?, ?)",
                    (cursor.lastrowid, title, above, documents.prose(section.text)),
                )

    def remove(self, root: str, source: str) -> None:
        """Forget a document; nothing happens if it is not there."""
        with self._database:
            self._remove(root, source)

    def count(self, root: str) -> int:
        """Return how many passages a root has."""
        found: int = self._database.execute("SELECT count(*) FROM passages WHERE root = ?", (root,)).fetchone()[0]
        return found

    def names(self, root: str, source: str) -> list[str]:
        """Return the ids of a document's passages, each once, in order."""
        rows = self._database.execute(
            "SELECT name FROM passages WHERE root = ? AND source = ? ORDER BY id", (root, source)
        )
        return list(dict.fromkeys(name for (name,) in rows))

    def passage(self, identifier: str, query: str = "") -> answers.Passage | None:
        """Return the passage of this id with the share of the query's words that it holds, or None."""
        row = self._database.execute("SELECT id FROM passages WHERE name = ?", (identifier,)).fetchone()
        words = content_words(query)
        return self._passage(row[0], 0.0, self._held(row[0], words, "") / max(1, len(words))) if row else None

    def entry(self, source: str, heading: str) -> answers.Passage | None:
        """Return the passage of the blueprint under exactly this heading, whatever its case, quoted whole; or None."""
        row = self._database.execute(
            "SELECT id FROM passages WHERE root = 'blueprint' AND source = ? AND heading = ? COLLATE NOCASE",
            (source, heading),
        ).fetchone()
        passage = self._passage(row[0], 0.0, 1.0) if row else None
        return dataclasses.replace(passage, quote=passage.text, held=1.0) if passage else None

    def search(self, query: str, limit: int) -> list[answers.Passage]:
        """Return up to `limit` passages with what they are quoted by, best first."""
        return self.quoted(self.ranked(query)[:limit], query)

    def search_guides(self, query: str) -> list[answers.Passage]:
        """Return passages of guides with what they are quoted by, best first, several of one guide among them."""
        return self.quoted(self.ranked(query, _GUIDES, _GUIDE_PASSAGES), query)

    def ranked(self, query: str, within: Sequence[str] = (), most: int = CANDIDATES) -> list[answers.Passage]:
        """Return up to `most` passages, best first; of documents alone whose source has one of these forms, if any is given.

        Those that hold most of the query's content words come first; among equals the user's own documents, and reference
        pages but the glossary last; then those whose heading says little else; then by BM25.
        """
        words = content_words(query)
        if not words:
            return []
        match = " OR ".join(f'"{word}"' for word in words)
        forms = " OR ".join(["source GLOB ?"] * len(within))
        only = f"AND rowid IN (SELECT id FROM passages WHERE {forms})" if within else ""  # noqa: S608 - question marks alone
        rows = self._database.execute(
            f"SELECT rowid, bm25(words, 2.0, 1.0, 1.0) FROM words WHERE words MATCH ? {only} ORDER BY 2 LIMIT ?",  # noqa: S608
            (match, *within, most),
        ).fetchall()
        found: list[tuple[tuple[float, int, float, float], answers.Passage]] = []
        for rowid, rank in rows:
            passage = self._passage(rowid, -rank, self._held(rowid, words, "") / len(words))
            aptness = self._held(rowid, words, "title :") / _title_words(passage)
            found.append(((-passage.coverage, _place(passage), -aptness, rank), passage))
        found.sort(key=lambda ranked: ranked[0])
        return [passage for _, passage in found]

    def quoted(self, passages: Sequence[answers.Passage], query: str) -> list[answers.Passage]:
        """Return passages of this index with the sentences that hold the query's words."""
        words = content_words(query)
        return [self._quoted(passage, words, query) if words else passage for passage in passages]

    def _quoted(self, passage: answers.Passage, words: Sequence[str], query: str) -> answers.Passage:
        """Add the sentences that hold the words, and how many of the words they hold with the headings."""
        parts = quotes.units(passage.text)
        if passage.root == "library":
            parts = [
                dataclasses.replace(part, instructs=quotes.instructs(passage.text[part.begin : part.end]))
                for part in parts
            ]
        rows = [(number, _searchable(passage.text, part)) for number, part in enumerate(parts) if not part.skipped]
        if passage.source.startswith(_GUIDEBOOK):
            rows = [(number, _EXAMPLE.sub(" ", row)) for number, row in rows]
        held: list[set[str]] = [set() for _ in parts]
        above: set[str] = set()
        with self._database:
            self._database.executemany(
                "INSERT INTO units (rowid, text) VALUES (?, ?)", [(_ABOVE, passage.heading), *rows]
            )
            for word in words:
                for (number,) in self._database.execute("SELECT rowid FROM units WHERE units MATCH ?", (f'"{word}"',)):
                    (above if number < 0 else held[number]).add(word)
            self._database.execute("DELETE FROM units")
            quote = quotes.best(passage.text, parts, held, above, len(words))
            about = bool(quote.chosen) and self._is_about(passage, parts, quote, above, words, query)
        return dataclasses.replace(passage, quote=quote.text, held=len(quote.held) / len(words) if about else 0.0)

    def _is_about(
        self,
        passage: answers.Passage,
        parts: Sequence[quotes.Unit],
        quote: quotes.Quote,
        above: Set[str],
        words: Sequence[str],
        query: str,
    ) -> bool:
        first = parts[quote.chosen[0]]
        cells = quotes.row_cells(passage.text, first)
        if cells and len(above) < len(words):
            head, *marked = self._marked([" ".join(cells[0]), *cells[1]], words)
            of_row = topics.of_row(words, head, marked, _carries)
            # An item that only looks like a row may be a sentence.
            if of_row or passage.text.startswith("|", first.begin):
                return of_row
        said = passage.text[first.begin : parts[quote.chosen[-1]].end]
        title, sentence = self._marked([_parted(passage.heading)[1], said], words)
        return topics.of_sentence(query, words, title, above, sentence, _carries)

    def _marked(self, texts: Sequence[str], words: Sequence[str]) -> list[topics.Marked]:
        """Return the words of each text, and where the question's stand in it, whatever their endings."""
        self._database.executemany("INSERT INTO units (rowid, text) VALUES (?, ?)", list(enumerate(texts, 1)))
        places: list[dict[str, set[int]]] = [{} for _ in texts]
        for word in words:
            for number, shown in self._database.execute(
                "SELECT rowid, highlight(units, 0, char(1), char(2)) FROM units WHERE units MATCH ?", (f'"{word}"',)
            ):
                tokens = _MARKED_WORD.findall(shown)
                places[number - 1][word] = {place for place, token in enumerate(tokens) if token[0] == "\x01"}
        self._database.execute("DELETE FROM units")
        return [topics.Marked(WORD.findall(text.lower()), found) for text, found in zip(texts, places, strict=True)]

    def _held(self, rowid: int, words: Sequence[str], column: str) -> int:
        """Count the words that a passage holds, in one column or anywhere."""
        query = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
        return sum(1 for word in words if self._database.execute(query, (f'{column} "{word}"', rowid)).fetchone())

    def _passage(self, rowid: int, score: float, coverage: float) -> answers.Passage:
        root, source, heading, text = self._database.execute(
            "SELECT root, source, heading, text FROM passages WHERE id = ?", (rowid,)
        ).fetchone()
        return answers.Passage(root, source, heading, text, score, coverage)

    def _remove(self, root: str, source: str) -> None:
        rows = self._database.execute(
            "SELECT id FROM passages WHERE root = ? AND source = ?", (root, source)
        ).fetchall()
        for row in rows:
            self._database.execute("DELETE FROM words WHERE rowid = ?", row)
        self._database.execute("DELETE FROM passages WHERE root = ? AND source = ?", (root, source))


def _place(passage: answers.Passage) -> int:
    """Rank where a passage stands: tables for looking things up answer questions worse than prose does."""
    if passage.root == "library":
        return 0
    return 2 if passage.source.startswith(_REFERENCE) and passage.source != GLOSSARY else 1


def _searchable(text: str, part: quotes.Unit) -> str:
    """Return a unit with what it needs to be found: of a table's head, what the row fills."""
    cells = quotes.row_cells(text, part)
    return " | ".join((*cells[0], *cells[1])) if cells else text[part.begin : part.end]


def _carries(word: str) -> bool:
    return word not in _STOP_WORDS


def _title_words(passage: answers.Passage) -> int:
    """Count the content words of the innermost heading, at least 1."""
    return max(1, len(content_words(_parted(passage.heading)[1])))


def _parted(heading: str) -> tuple[str, str]:
    """Part the innermost heading from those above it."""
    above, _, title = heading.rpartition(" > ")
    return above, title


def content_words(query: str) -> list[str]:
    """Return the distinct words of a query that carry content, in order, at most `_WORDS_MAX`."""
    words = (word for word in WORD.findall(_MEASURE.sub(" ", query.lower())) if word not in _STOP_WORDS)
    return list(dict.fromkeys(words))[:_WORDS_MAX]
