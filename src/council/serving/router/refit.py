"""Fits the head anew: from where it is, on texts that are shipped and on lessons, and no further than they carry.

Logistic regression with a penalty on how far each weight moves from the one in force, by stochastic gradients, in plain Python:
some thousand sparse texts take seconds, and a library for that would be ten times as large as all that the router needs. Only
the weights of words and their pieces move. Lessons are of what specialists could verify, so how many there are of a kind says
nothing about how many are asked; so the bias and the plain numbers stay, and each kind counts the same.
"""

import array
import dataclasses
import hashlib
import json
import math
import random
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from council.domain import answers, errors
from council.serving.router import features, head, lessons

LESSONS_MIN = 40
HELD_BACK_MIN = 10
# Of the lessons, one in so many is not fitted, chosen by what stands in it.
HELD_BACK_EVERY = 4
_EPOCHS = 6
_RATE = 0.5
_PULL_BACK = 2e-4
_SEED = 5
# A candidate may lose so much on the shipped texts and no more.
_F1_LOST_MAX = 0.005
_GENERAL_LOST_MAX = 0.025
# So many standard errors are more than chance: one time in twenty it makes as much.
_SURE_ERRORS = 1.645


@dataclass(frozen=True, slots=True)
class Example:
    """Features and where they belong."""

    seen: features.Features
    route: answers.Route
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a head made of one example."""

    route: answers.Route
    right: bool
    log_loss: float


@dataclass(frozen=True, slots=True)
class Measured:
    """How right a head is: for each route (right, wanted, got), macro-F1, and each example's outcome in order."""

    counts: Mapping[answers.Route, tuple[int, int, int]]
    macro_f1: float
    each: Sequence[Outcome]

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return len(self.each)

    @property
    def log_loss(self) -> float:
        """The mean log loss of all examples."""
        return sum(one.log_loss for one in self.each) / max(1, self.examples)

    def recall(self, route: answers.Route) -> float:
        """Return the share of a route's examples that were sent there; 1 where there are none."""
        right, wanted, _ = self.counts[route]
        return right / wanted if wanted else 1.0

    @property
    def right(self) -> float:
        """The share of all examples that were sent where they belong."""
        return sum(right for right, _, _ in self.counts.values()) / max(1, self.examples)


@dataclass(frozen=True, slots=True)
class Texts:
    """The shipped texts: `rehearsed` are fitted along with lessons, `held_back` are never fitted by anybody."""

    rehearsed: tuple[Example, ...]
    held_back: tuple[Example, ...]


def shipped() -> Texts:
    """Return the shipped texts. Raises SetupError where they cannot be read."""
    try:
        lines = (resources.files("council.serving.router") / "texts.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        made = [(row["part"], Example(features.of(row["text"]), answers.Route(row["route"]))) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise errors.SetupError(
            f"The router's texts cannot be read: {type(error).__name__}: {error}. Install Council again."
        ) from error
    rehearsed, held_back = (tuple(one for part, one in made if part == name) for name in ("rehearsed", "held back"))
    return Texts(rehearsed, held_back)


def parted(found: Sequence[lessons.Lesson]) -> tuple[list[Example], list[Example]]:
    """Return the lessons to fit and those held back. The same text is always on the same side."""
    made = [(one.digest % HELD_BACK_EVERY == 0, Example(one.seen, one.route, one.weight)) for one in found]
    return [one for held, one in made if not held], [one for held, one in made if held]


def measured(weights: head.Head, examples: Sequence[Example]) -> Measured:
    """Return how right a head is about examples. Routes without any count in no mean."""
    right, wanted, got = Counter[answers.Route](), Counter[answers.Route](), Counter[answers.Route]()
    each = []
    for one in examples:
        probabilities = weights.probabilities(one.seen)
        best = max(probabilities, key=lambda route: probabilities[route])
        wanted[one.route] += 1
        got[best] += 1
        right[one.route] += best is one.route
        each.append(Outcome(one.route, best is one.route, -math.log(max(probabilities[one.route], 1e-9))))
    counts = {route: (right[route], wanted[route], got[route]) for route in weights.routes}
    scores = [2 * hit / (there + said) for hit, there, said in counts.values() if there]
    return Measured(counts, sum(scores) / max(1, len(scores)), each)


def fitted(weights: head.Head, examples: Sequence[Example]) -> head.Head:
    """Return a head moved towards examples. The same for the same arguments."""
    moved = _Moved(weights)
    kinds = Counter(one.route for one in examples)
    share = {route: len(examples) / len(kinds) / count for route, count in kinds.items()}
    order = list(examples)
    chance = random.Random(_SEED)  # noqa: S311 - must repeat
    for epoch in range(_EPOCHS):
        chance.shuffle(order)
        rate = _RATE / (1 + epoch)
        for one in order:
            moved.learn(one, rate, min(3.0, share[one.route]) * one.weight)
    return moved.head()


class _Moved:
    """A head's weights as numbers that can move. `_start` are those in force, to which each is pulled back."""

    def __init__(self, weights: head.Head):
        self._weights = weights
        self._start = [[one * weights.scale for one in (*words, *pieces)] for words, pieces in _rows(weights)]
        self._now = [list(row) for row in self._start]

    def learn(self, one: Example, rate: float, weight: float) -> None:
        """Move the weights that an example touches by its gradient."""
        weights, seen = self._weights, one.seen
        pieces = [features.WORD_BUCKETS + bucket for bucket in seen.pieces]
        parts = (
            (seen.words, 1 / math.sqrt(len(seen.words) or 1)),
            (pieces, 1 / math.sqrt(len(pieces) or 1)),
        )
        sums = [
            bias
            + sum(map(float.__mul__, numbers, seen.numbers))
            + sum(norm * sum(map(now.__getitem__, buckets)) for buckets, norm in parts)
            for now, numbers, bias in zip(self._now, weights.numbers, weights.bias, strict=True)
        ]
        probabilities = head.softmax(sums, weights.temperature)
        for route, probability, now, start in zip(weights.routes, probabilities, self._now, self._start, strict=True):
            slope = weight * (probability - (route is one.route)) / weights.temperature
            for buckets, norm in parts:
                step = rate * slope * norm
                for bucket in buckets:
                    now[bucket] -= step + _PULL_BACK * (now[bucket] - start[bucket])

    def head(self) -> head.Head:
        """Return a head of what the weights came to, in signed bytes as it is written."""
        scale = max(max(map(abs, row)) for row in self._now) / 127
        words, pieces = [], []
        for row in self._now:
            packed = array.array("b", [round(one / scale) for one in row])
            words.append(packed[: features.WORD_BUCKETS])
            pieces.append(packed[features.WORD_BUCKETS :])
        return dataclasses.replace(self._weights, words=tuple(words), pieces=tuple(pieces), scale=scale)


def _rows(weights: head.Head) -> Sequence[tuple[Sequence[int], Sequence[int]]]:
    return list(zip(weights.words, weights.pieces, strict=True))


def too_few(fit: Sequence[Example], held_back: Sequence[Example]) -> str:
    """Return why there is too little to fit, "" where there is enough."""
    count = len(fit) + len(held_back)
    if count < LESSONS_MIN:
        return f"there are {count} lessons, and {LESSONS_MIN} are needed"
    if len(held_back) < HELD_BACK_MIN:
        return f"only {len(held_back)} lessons are held back to measure on, and {HELD_BACK_MIN} are needed"
    if len({one.route for one in (*fit, *held_back)}) < 2:
        return "all lessons are of one kind"
    return ""


def worse(before: Sequence[Measured], after: Sequence[Measured]) -> str:
    """Return why a candidate is worse than what is in force, "" where it is not. Each is (shipped texts, lessons held back)."""
    (texts_before, lessons_before), (texts_after, lessons_after) = before, after
    general = answers.Route.GENERAL
    if texts_after.macro_f1 < texts_before.macro_f1 - _F1_LOST_MAX:
        return f"macro-F1 on the shipped texts falls from {texts_before.macro_f1:.3f} to {texts_after.macro_f1:.3f}"
    if texts_after.recall(general) < texts_before.recall(general) - _GENERAL_LOST_MAX:
        was, now = texts_before.recall(general), texts_after.recall(general)
        return f"of the texts that belong to no specialist it finds {now:.3f}, where it found {was:.3f}"
    if lessons_after.right < lessons_before.right:
        return (
            f"of the lessons held back it gets {lessons_after.right:.3f} right, where it got {lessons_before.right:.3f}"
        )
    if _lost_of(general, before, after):
        return "of all held-back texts and lessons that belong to no specialist it loses more than chance would"
    gain, error = _log_loss_gained(lessons_before, lessons_after)
    if gain <= _SURE_ERRORS * error:
        was, now = lessons_before.log_loss, lessons_after.log_loss
        return (
            f"its probabilities fit the lessons held back no better than chance may make them: log loss {was:.3f} before, "
            f"{now:.3f} after, a gain of {gain:.3f} with a standard error of {error:.3f}"
        )
    return ""


def _lost_of(route: answers.Route, before: Sequence[Measured], after: Sequence[Measured]) -> bool:
    """Say whether of a route's examples more are lost than gained, beyond chance: the sign test on those that changed."""
    pairs = [pair for was, now in zip(before, after, strict=True) for pair in zip(was.each, now.each, strict=True)]
    lost = sum(was.right and not now.right for was, now in pairs if was.route is route)
    gained = sum(now.right and not was.right for was, now in pairs if was.route is route)
    return lost - gained > _SURE_ERRORS * math.sqrt(lost + gained)


def _log_loss_gained(before: Measured, after: Measured) -> tuple[float, float]:
    """Return by how much the log loss of the same examples falls on average, and the standard error of that."""
    gains = [was.log_loss - now.log_loss for was, now in zip(before.each, after.each, strict=True)]
    if len(gains) < 2:
        return 0.0, 0.0
    return statistics.mean(gains), statistics.stdev(gains) / math.sqrt(len(gains))


def files(weights: head.Head, description: Mapping[str, Any], made_from: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return the bytes of `weights.json` and `weights.bin` for a head that was fitted from the one described."""
    packed = b"".join(bytes(array.array("b", row)) for row in (*weights.words, *weights.pieces, *weights.vector))
    told = {
        **description,
        "weights_sha256": hashlib.sha256(packed).hexdigest(),
        "scale": round(weights.scale, 9),
        "made_from": dict(made_from),
    }
    return (json.dumps(told, indent=1) + "\n").encode(), packed
