"""Asks many made questions and counts: an answer that counts and disagrees with its key is a defect, wherever it happens."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from council.serving.compute import results
from council.testing.questions import families

Solve = Callable[[str], results.Result]

_WRONG_KEPT = 50


@dataclass(slots=True)
class Tally:
    """What became of the questions of one family. `wrong` keeps the first few as (question, key, answer)."""

    asked: int = 0
    right: int = 0
    unverified: int = 0
    passed_on: int = 0
    refused: int = 0
    wrong_count: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, asked: families.Asked, family: families.Family, result: results.Result) -> None:
        """Add one result."""
        self.asked += 1
        match result:
            case results.Solved() if result.level not in family.levels:
                self.unverified += 1
            case results.Solved() if family.agrees(result.answer, asked.key):
                self.right += 1
            case results.Solved():
                self.wrong_count += 1
                if len(self.wrong) < _WRONG_KEPT:
                    self.wrong.append((asked.text, asked.key, result.answer))
            case results.PassedOn():
                self.passed_on += 1
                self.reasons[result.reason[:120]] += 1
            case results.Refused():
                self.refused += 1
                self.reasons[result.reason[:120]] += 1


def draw(family: families.Family, count: int, seed: int) -> Iterator[families.Asked]:
    """Yield `count` questions of a family, every second one paraphrased; the same ones for the same seed."""
    chance = random.Random(f"{family.name}:{seed}")  # noqa: S311 - must repeat
    for number in range(count):
        asked = family.make(chance)
        yield family.paraphrase(chance, asked) if number % 2 else asked


def run(found: Sequence[families.Family], solve: Solve, count: int, seed: int) -> dict[str, Tally]:
    """Ask `count` questions of each family and return a tally each."""
    tallies: dict[str, Tally] = {}
    for family in found:
        tally = tallies[family.name] = Tally()
        for asked in draw(family, count, seed):
            tally.count(asked, family, solve(asked.text))
    return tallies


def answered_though_refusable(found: Sequence[families.Family], solve: Solve) -> list[tuple[str, str, str]]:
    """Return (family, text, answer) for each text of the families' `refuse` that got an answer that counts."""
    kept = []
    for family in found:
        for text in family.refuse:
            result = solve(text)
            if isinstance(result, results.Solved) and result.level in family.levels:
                kept.append((family.name, text, result.answer))
    return kept
