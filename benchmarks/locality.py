"""How much stays here, how often that is right, and what the escalations were good for, by replay.

Replays questions with keys: math and logic go to the specialists as they are, in this process; what they pass on has an answer
of the packaged model, with its log-probabilities, in the file that LOCALITY_ANSWERS names; a paid model is taken to be
always right. `tools/fit_confidence.py` says which rows were fitted; they are left out. Each question comes some times over,
shuffled, so that the pace has something to settle on.
"""

import dataclasses
import json
import os
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import figures

sys.path.insert(0, str(figures.ROOT / "tools"))

import fit_confidence
from council.domain import providers
from council.serving import confidence, pace
from council.serving.compute import logic, math, results

ANSWERS = Path(os.environ.get("LOCALITY_ANSWERS", "model-answers.jsonl"))
SEED, ROUNDS = 11, 20
# Of a paid model in the middle of the field, micro-dollars a million tokens; an escalation is 500 tokens in and 300 out.
PRICES_USD_MICROS = (3_000_000, 15_000_000)
_TOKENS = (500, 300)


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """`weak` is whether what was answered here is right; `doubt` is None where a specialist verified its answer."""

    weak: bool
    doubt: float | None


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the rows of figures."""
    if not ANSWERS.is_file():
        raise FileNotFoundError(f"no file {ANSWERS}; LOCALITY_ANSWERS names one made as fit_confidence.py says")
    rows = [row for row in map(json.loads, ANSWERS.read_text().splitlines()) if row["logprobs"]]
    asked = [_asked(row) for row in rows if not fit_confidence.fitted_on(row)]
    say(f"locality: {len(asked)} questions, {sum(one.doubt is None for one in asked)} answered by specialists")
    settings = providers.Escalation()
    chance = random.Random(SEED)
    stream = [one for _ in range(ROUNDS) for one in chance.sample(asked, len(asked))]
    return _figures(stream, _paced(stream, settings), len(asked))


def _asked(row: dict[str, Any]) -> Question:
    for solve in (math.solve, logic.solve):
        found = solve(row["prompt"])
        if isinstance(found, results.Solved) and found.level.verified:
            return Question(fit_confidence.right(row | {"said": found.answer}), None)
    judged = confidence.judge(row["prompt"], row["said"], row["logprobs"], confidence.packaged().model)
    return Question(fit_confidence.right(row), judged.probability)


def _paced(stream: Sequence[Question], settings: providers.Escalation) -> list[bool]:
    made = pace.Pace(settings.share_max)
    sent = []
    for one in stream:
        made.question()
        sent.append(False)
        if one.doubt is None:
            continue
        below = min(settings.confidence_min, made.doubt_below())
        made.seen(one.doubt)
        if one.doubt < below:
            made.spent()
            sent[-1] = True
    return sent


def _figures(stream: Sequence[Question], sent: Sequence[bool], distinct: int) -> list[figures.Row]:
    count, share = len(stream), statistics.mean(sent)
    weak = statistics.mean(one.weak for one in stream)
    ours = statistics.mean(one.weak or away for one, away in zip(stream, sent, strict=True))
    by_chance = weak + share * (1 - weak)
    perfect = min(1.0, weak + share)
    useful = [not one.weak for one, away in zip(stream, sent, strict=True) if away]
    usd = share * 100 * sum(price * tokens for price, tokens in zip(PRICES_USD_MICROS, _TOKENS, strict=True)) / 1e12
    note = f"{distinct} distinct questions, each {ROUNDS} times"
    recovered = (ours - by_chance) / (perfect - by_chance) if perfect > by_chance else 0.0
    return [
        figures.Row("escalated", figures.OURS, share, "share", 0.06, count, note=note),
        figures.Row("right, all together", figures.OURS, ours, "share", samples=count),
        figures.Row("right, all together", "never escalated", weak, "share", samples=count),
        figures.Row("right, all together", "random escalation", by_chance, "share", samples=count),
        figures.Row("right, all together", "perfect escalation", perfect, "share", samples=count),
        figures.Row(
            "escalations that were needed", figures.OURS, statistics.mean(useful or [0]), "share", samples=len(useful)
        ),
        figures.Row(
            "1 - gap from random to perfect that is recovered", figures.OURS, 1 - recovered, "share", 0.4, count
        ),
        figures.Row(
            "cost of 100 questions", figures.OURS, usd, "USD", 0.04, count, note="500 in, 300 out at $3 and $15"
        ),
    ]


if __name__ == "__main__":
    print(figures.table("locality", run(lambda text: print(text, file=sys.stderr))))
