"""Whether vectors rank passages better than words do.

Questions are those of `knowledge/questions.jsonl`, `knowledge/paraphrases.jsonl`, which ask for the same in other words, and
made ones (seed 5) around one word that a single passage holds. What is quoted of the first three passages is decided as ever:
by the words that a quote holds, whoever ranked it.
"""

import collections
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy

import figures
from council.backends.embedder import onnx
from council.domain import answers, config
from council.serving.memory import folder, lexical, meanings
from council.serving.specialists import apt, quotable

HERE = Path(__file__).resolve().parent
FOLDERS = {
    "guidebook": HERE.parent / "docs",
    "knowledge": HERE.parent / "config/knowledge",
    "library": HERE / "knowledge",
}
CANDIDATES = 20
READ = 3
PLACES = (1, READ, 5)
# What a figure is about, and the questions' own marks.
ABOUT = {
    "in the documents' words": ("handbook", "guidebook"),
    "in other words": ("paraphrases",),
    "around one rare word": ("rare",),
}
QUOTED = ("handbook", "guidebook", "nothing", "paraphrases")
RARE = 200
RARE_FORMS = (
    "have you come across anything concerning {} lately",
    "somebody mentioned {} to me yesterday, tell me the gist",
    "I wonder what the story behind {} could possibly be",
    "please remind me again regarding this {} business",
)
# As in the paper on reciprocal rank fusion (Cormack et al., 2009).
RANK_OFFSET = 60

Rank = Callable[[str], Sequence[answers.Passage]]


class Ranks:
    """The passages of docs and handbook, and the ways to rank them."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.index = lexical.LexicalIndex()
        self._passages: list[answers.Passage] = []
        for name, path in FOLDERS.items():
            root = "library" if name == "library" else "blueprint"
            for change in folder.Folder(path, config.RecallConfig()).changes():
                self.index.put(root, f"{name}/{change.source}", change.sections or [])
                self._passages += [
                    answers.Passage(root, f"{name}/{change.source}", one.heading, one.text, 0.0, 0.0)
                    for one in change.sections or []
                ]
        self._embedder = onnx.OnnxEmbedder(cache_texts=1)
        say(f"ranking: embeds {len(self._passages)} passages")
        texts = [meanings.text_of(passage) for passage in self._passages]
        self._vectors = numpy.stack([self._vector(text, meanings.PASSAGE_TOKENS_MAX) for text in texts])

    def words(self, text: str) -> Sequence[answers.Passage]:
        """Rank as quotes are."""
        return self.index.search(text, CANDIDATES)

    def vectors(self, text: str) -> Sequence[answers.Passage]:
        """Rank by the cosine of MiniLM's vectors."""
        nearest = numpy.argsort(-(self._vectors @ self._vector(text, meanings.QUERY_TOKENS_MAX)))[:CANDIDATES]
        return [self._passages[number] for number in nearest]

    def fused(self, text: str) -> Sequence[answers.Passage]:
        """Rank by the sum of both ranks' reciprocals."""
        by_meaning, by_words = self.vectors(text), self.words(text)
        found = {one.id: one for one in (*by_words, *by_meaning)}
        names = meanings.fused([one.id for one in by_meaning], [one.id for one in by_words], RANK_OFFSET)
        return [found[name] for name in names[:CANDIDATES]]

    def served(self, text: str) -> Sequence[answers.Passage]:
        """Rank as a search by people does."""
        by_meaning, by_words = self.vectors(text), self.words(text)
        found = {one.id: one for one in (*by_words, *by_meaning)}
        names = meanings.fused([one.id for one in by_meaning], [one.id for one in by_words])
        return self.words_first(text, [found[name] for name in names[:CANDIDATES]])

    def words_first(self, text: str, otherwise: Sequence[answers.Passage]) -> Sequence[answers.Passage]:
        """Rank by words where these do, else as given."""
        by_words = self.words(text)
        return by_words if meanings.words_do(by_words, config.RecallConfig().coverage_min) else otherwise

    def rare(self) -> list[dict[str, str]]:
        """Make questions that hold one word that is in one passage alone."""
        held: dict[str, list[answers.Passage]] = {}
        for passage in self._passages:
            for word in set(re.findall(r"[a-z_]{4,}", passage.text.lower())):
                held.setdefault(word, []).append(passage)
        words = sorted(word for word, passages in held.items() if len(passages) == 1)
        random.Random(5).shuffle(words)
        return [
            {
                "text": RARE_FORMS[number % len(RARE_FORMS)].format(word),
                "passage": held[word][0].id,
                "key": "",
                "about": "rare",
            }
            for number, word in enumerate(words[:RARE])
        ]

    def quote(self, text: str, ranked: Sequence[answers.Passage]) -> str:
        """Return what is quoted of the first passages, or nothing. As in `specialists/knowledge.py`, but for the ranks."""
        if quotable.refusal(text):
            return ""
        first = {one.id for one in ranked[:READ]}
        # What only a vector has found holds too few words to be among these, and is not quoted.
        held = [one for one in self.index.search(text, 50) if one.id in first]
        good = [one for one in held if one.held >= config.RecallConfig().coverage_min and apt.holds(text, one.quote)]
        good.sort(key=lambda one: [other.id for other in ranked].index(one.id))
        return max(good, key=lambda one: one.held).quote if good else ""

    def _vector(self, text: str, tokens_max: int) -> "numpy.ndarray[tuple[int], numpy.dtype[numpy.float32]]":
        return numpy.frombuffer(self._embedder.embed_beginning(text, tokens_max), dtype=numpy.float32)


def _plain(text: str) -> str:
    return " ".join(text.replace(">", " ").split()).casefold()


def _counted(ranks: Ranks, rank: Rank, rows: Sequence[Mapping[str, str]]) -> collections.Counter[tuple[str, str]]:
    counted: collections.Counter[tuple[str, str]] = collections.Counter()
    for row in rows:
        ranked, key, about = rank(row["text"]), _plain(row["key"]), row["about"]
        holding = [place for place, one in enumerate(ranked, 1) if _holds(one, row)]
        quote = "" if about == "rare" else _plain(ranks.quote(row["text"], ranked))
        counted[about, "n"] += 1
        for most in PLACES:
            counted[about, f"hit@{most}"] += min(holding, default=99) <= most
        counted[about, "right"] += bool(quote and key and key in quote)
        counted[about, "wrong"] += bool(quote and not (key and key in quote))
    return counted


def _holds(passage: answers.Passage, row: Mapping[str, str]) -> bool:
    if "passage" in row:
        return passage.id == row["passage"]
    key = _plain(row["key"])
    return bool(key) and key in _plain(f"{passage.heading} {passage.text}")


def _figures(subject: str, counted: collections.Counter[tuple[str, str]]) -> Iterator[figures.Row]:
    """Yield the rows of one way to rank."""
    for name, about in ABOUT.items():
        total = sum(counted[one, "n"] for one in about)
        for place in PLACES:
            found = sum(counted[one, f"hit@{place}"] for one in about)
            yield figures.share(f"{name}: passage among the first {place}", subject, found, total)
    total = sum(counted[one, "n"] for one in QUOTED)
    for what in ("right", "wrong"):
        found = sum(counted[one, what] for one in QUOTED)
        yield figures.share(f"quoted: {what}", subject, found, total)


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the rows of figures, ours first."""
    rows = [json.loads(line) for line in (HERE / "knowledge/questions.jsonl").read_text().splitlines()]
    others = (HERE / "knowledge/paraphrases.jsonl").read_text().splitlines()
    rows += [{**json.loads(line), "about": "paraphrases"} for line in others]
    ranks = Ranks(say)
    rows += ranks.rare()
    ways: dict[str, Rank] = {
        figures.OURS: ranks.served,
        "words": ranks.words,
        "vectors": ranks.vectors,
        f"both, {RANK_OFFSET}": ranks.fused,
        "words, else vectors": lambda text: ranks.words_first(text, ranks.vectors(text)),
        f"words, else both, {RANK_OFFSET}": lambda text: ranks.words_first(text, ranks.fused(text)),
    }
    return [row for name, rank in ways.items() for row in _figures(name, _counted(ranks, rank, rows))]
