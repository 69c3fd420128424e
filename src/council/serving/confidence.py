"""How likely an answer of the local model is right: a probability, made of what can be seen of its words and of the question.

The model's own token probabilities say little by themselves: a small model is sure of what is wrong. A logistic map, fitted on
questions with known answers, turns them into a probability that means what it says on such questions. Its numbers, the model
they were fitted for and how well they held on questions that were not used are in `confidence.json`; `tools/fit_confidence.py`
writes it. For another model than that one, the probability is an estimate by analogy, and the reason says so.
"""

import functools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

_OPTION = re.compile(r"^[ \t]*\(?[A-E][).][ \t]", re.MULTILINE)
_EITHER = re.compile(
    r"\(yes or no\)|\btrue[ ,or]+false\b"
    r"|^(?:is|are|was|were|do|does|did|can|could|would|will)\b",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"\W*(?:yes|no|true|false)\b", re.IGNORECASE)
_FIRST = 8
_TOKENS_JUDGED = 24
_CHARS_READ = 4_000

FEATURES = (
    "certainty of its words on average",
    "certainty of its least certain word",
    "doubt about the first words",
    "length of the answer",
    "length of the question",
    "options to choose from",
    "question of either-or",
    "numbers in the question",
    "plain yes or no to it",
)
# There are some or none of these; of the others there is more or less.
_COUNTED = frozenset(FEATURES[5:])


@dataclass(frozen=True, slots=True)
class Judged:
    """The probability that an answer is right, and why, for people."""

    probability: float
    reason: str


@dataclass(frozen=True, slots=True)
class Map:
    """A logistic map from FEATURES to a probability. `model` is the one that it was fitted for."""

    weights: tuple[float, ...]
    means: tuple[float, ...]
    bias: float
    model: str


def judge(question: str, said: str, logprobs: Sequence[float], model: str) -> Judged:
    """Return how likely it is that `said` is right, by its first tokens' log-probabilities; 0 where the model tells none."""
    if not logprobs:
        return Judged(0.0, "confidence 0: the model does not tell how sure it is of its words")
    fitted = packaged()
    seen = features(question, said, logprobs)
    parts = [weight * (value - mean) for weight, value, mean in zip(fitted.weights, seen, fitted.means, strict=True)]
    probability = round(1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, fitted.bias + sum(parts))))), 3)
    strongest = sorted(range(len(parts)), key=lambda place: -abs(parts[place]))[:2]
    told = " and ".join(
        f"{_seen(place, seen[place], fitted.means[place])} ({'for' if parts[place] > 0 else 'against'} it)"
        for place in strongest
    )
    other = "" if model == fitted.model else f"; calibrated for {fitted.model}, not for {model}"
    return Judged(probability, f"confidence {probability:.2f}, most of all from {told}{other}")


def _seen(place: int, value: float, usual: float) -> str:
    """Return in words what a feature came to beside what is usual."""
    name = FEATURES[place]
    if name in _COUNTED:
        return name if value else f"no {name}"
    return f"{'great' if value > usual else 'small'} {name}"


def features(question: str, said: str, logprobs: Sequence[float]) -> tuple[float, ...]:
    """Return FEATURES of an answer, each about 0 to 1, of its first tokens alone: more is not known where it is decided.

    Of the words only the first one is looked at.
    """
    judged = logprobs[:_TOKENS_JUDGED]
    first = judged[:_FIRST]
    read = question[:_CHARS_READ]
    either = _EITHER.search(read) is not None
    return (
        math.exp(sum(judged) / len(judged)),
        math.exp(min(judged)),
        min(1.0, -sum(first) / len(first) / 2.0),
        len(judged) / _TOKENS_JUDGED,
        min(1.0, math.log1p(len(read)) / 8.0),
        min(1.0, len(_OPTION.findall(read)) / 5.0),
        float(either),
        min(1.0, len(re.findall(r"\d+", read)) / 5.0),
        float(either and _PLAIN.match(said[:_CHARS_READ]) is not None),
    )


@functools.lru_cache(maxsize=1)
def packaged() -> Map:
    """Return the map that is shipped, loaded once."""
    return read((resources.files("council.serving") / "confidence.json").read_bytes())


def read(raw: bytes) -> Map:
    """Return the map of a file's bytes."""
    told: dict[str, Any] = json.loads(raw)
    assert tuple(told["features"]) == FEATURES, "the shipped map was fitted on other features"
    return Map(tuple(told["weights"]), tuple(told["means"]), float(told["bias"]), str(told["model"]))
