"""Whether vectors rank passages better than words do: `.venv/bin/python benchmarks/ranking.py`, about half a minute.

Questions are those of `knowledge/questions.jsonl`, and `knowledge/paraphrases.jsonl`, which ask for the same in other words.
What is quoted of the first three passages is decided as ever: by the words that a quote holds, whoever ranked it.
"""

import collections
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy

from council.backends.embedder import onnx
from council.domain import answers, config
from council.serving.memory import folder, lexical
from council.serving.specialists import apt, quotable

HERE = Path(__file__).resolve().parent
FOLDERS = {
    "guidebook": HERE.parent / "docs",
    "knowledge": HERE.parent / "config/knowledge",
    "library": HERE / "knowledge",
}
CANDIDATES = 20
READ = 3
# As in the paper on reciprocal rank fusion (Cormack et al., 2009).
RANK_OFFSET = 60

Rank = Callable[[str], Sequence[answers.Passage]]


class Ranks:
    """The passages of docs and handbook, and the ways to rank them."""

    def __init__(self) -> None:
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
        self._embedder = onnx.OnnxEmbedder(cache_texts=4096)
        self._vectors = numpy.stack([self._vector(f"{one.heading}\n{one.text}") for one in self._passages])

    def words(self, text: str) -> Sequence[answers.Passage]:
        """Rank as recall does."""
        return self.index.search(text, CANDIDATES)

    def vectors(self, text: str) -> Sequence[answers.Passage]:
        """Rank by the cosine of MiniLM's vectors."""
        nearest = numpy.argsort(-(self._vectors @ self._vector(text)))[:CANDIDATES]
        return [self._passages[number] for number in nearest]

    def fused(self, text: str) -> Sequence[answers.Passage]:
        """Rank by the sum of both ranks' reciprocals."""
        found: dict[str, answers.Passage] = {}
        scores: collections.Counter[str] = collections.Counter()
        for ranked in (self.words(text), self.vectors(text)):
            for place, one in enumerate(ranked, 1):
                found.setdefault(one.id, one)
                scores[one.id] += 1 / (RANK_OFFSET + place)
        return [found[name] for name, _ in scores.most_common(CANDIDATES)]

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

    def _vector(self, text: str) -> "numpy.ndarray[tuple[int], numpy.dtype[numpy.float32]]":
        return numpy.frombuffer(self._embedder.embed([text]).vectors[0], dtype=numpy.float32)


def _plain(text: str) -> str:
    return " ".join(text.replace(">", " ").split()).casefold()


def _counted(ranks: Ranks, rank: Rank, rows: Sequence[Mapping[str, str]]) -> collections.Counter[tuple[str, str]]:
    counted: collections.Counter[tuple[str, str]] = collections.Counter()
    for row in rows:
        ranked, key, about = rank(row["text"]), _plain(row["key"]), row["about"]
        holding = [place for place, one in enumerate(ranked, 1) if key and key in _plain(f"{one.heading} {one.text}")]
        quote = _plain(ranks.quote(row["text"], ranked))
        counted[about, "n"] += 1
        counted[about, "hit@1"] += min(holding, default=99) <= 1
        counted[about, "hit@3"] += min(holding, default=99) <= READ
        counted[about, "right"] += bool(quote and key and key in quote)
        counted[about, "wrong"] += bool(quote and not (key and key in quote))
    return counted


def main() -> None:
    """Print a table."""
    rows = [json.loads(line) for line in (HERE / "knowledge/questions.jsonl").read_text().splitlines()]
    others = (HERE / "knowledge/paraphrases.jsonl").read_text().splitlines()
    rows += [{**json.loads(line), "about": "paraphrases"} for line in others]
    ranks = Ranks()
    columns = ("n", "hit@1", "hit@3", "right", "wrong")
    print(f"{'ranked by':<10}{'about':<13}" + "".join(f"{one:>7}" for one in columns))
    for name, rank in (("words", ranks.words), ("vectors", ranks.vectors), ("both", ranks.fused)):
        counted = _counted(ranks, rank, rows)
        for about in dict.fromkeys(row["about"] for row in rows):
            print(f"{name:<10}{about:<13}" + "".join(f"{counted[about, one]:>7}" for one in columns))


if __name__ == "__main__":
    main()
