"""How much stays here, how often that is right, and what the escalations were good for: by replay, and live.

Replay: math and logic go to the specialists as they are, in this process; what they pass on has an answer of the packaged
model, with its log-probabilities, in the file that LOCALITY_ANSWERS names (`tools/ask_local_model.py` makes it); a paid model
is taken to be always right. Each question comes some times over, shuffled, so that the pace has something to settle on.
`locality_live.py` asks a whole Council. In both only rows count that nothing was fitted on, as `fit_confidence.py` says.
"""

import dataclasses
import json
import math
import os
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import figures
import reliability

sys.path.insert(0, str(figures.ROOT / "tools"))

import ask_local_model
import fit_confidence
from council.domain import providers
from council.serving import confidence, pace

ANSWERS = Path(os.environ.get("LOCALITY_ANSWERS", "model-answers.jsonl"))
RESULTS = Path(__file__).resolve().parent / "results"
SEED, ROUNDS = 11, 20
# Of a paid model in the middle of the field, micro-dollars a million tokens; an escalation is 500 tokens in and 300 out.
PRICES_USD_MICROS = (3_000_000, 15_000_000)
_TOKENS = (500, 300)
RESAMPLED, _RESAMPLED_ROUNDS = 200, 4

Say = Callable[[str], None]
Policy = Callable[[Sequence["Question"]], list[bool]]


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """`weak` is whether what is answered here is right; `doubt` is None where a specialist verified its answer.

    `certainty` is the mean probability of the model's tokens, which is what a gateway without our map would go by.
    """

    weak: bool
    doubt: float | None
    certainty: float = 1.0


def run(say: Say) -> list[figures.Row]:
    """Return the rows of the replay, and draw how far confidence is to be believed."""
    rows = held_out(read())
    asked = [judged(row) for row in rows]
    spoken = sum(one.doubt is not None for one in asked)
    say(f"locality, replay: {len(asked)} questions, {len(asked) - spoken} answered by specialists")
    chance = random.Random(SEED)
    stream = [one for _ in range(ROUNDS) for one in chance.sample(asked, len(asked))]
    note = f"{len(asked)} distinct questions, each {ROUNDS} times; 5 % to 95 % of {RESAMPLED} resamples of them"
    varied = spread(lambda: _drawn_anew(asked, chance))
    return [*told("replay", POLICIES, stream, varied, note), *_usd(stream), *_calibration(asked)]


def read() -> list[dict[str, Any]]:
    """Return the rows of the file of answers. Raises FileNotFoundError."""
    if not ANSWERS.is_file():
        raise FileNotFoundError(f"no file {ANSWERS}; LOCALITY_ANSWERS names one made by tools/ask_local_model.py")
    return [json.loads(line) for line in ANSWERS.read_text().splitlines()]


def held_out(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that nothing was fitted on, and that somebody answered: a specialist by now, or the model."""
    kept = []
    for row in rows:
        solved = ask_local_model.solved(row["prompt"])
        if not fit_confidence.fitted_on(row) and (row["logprobs"] or solved is not None):
            kept.append(row | {"solved": solved})
    return kept


def judged(row: Mapping[str, Any]) -> Question:
    """Return what is known of a row of `held_out`."""
    if row["solved"] is not None:
        return Question(fit_confidence.right(dict(row) | {"said": row["solved"]}), None)
    found = confidence.judge(row["prompt"], row["said"], row["logprobs"], confidence.packaged().model)
    certainty = math.exp(statistics.mean(row["logprobs"]))
    return Question(fit_confidence.right(dict(row)), found.probability, certainty)


def _paced(stream: Sequence[Question], doubt_of: Callable[[Question], float], below_at_most: float) -> list[bool]:
    made = pace.Pace(providers.Escalation().share_max)
    sent = []
    for one in stream:
        made.question()
        sent.append(False)
        if one.doubt is None:
            continue
        doubt = doubt_of(one)
        below = min(below_at_most, made.doubt_below())
        made.seen(doubt)
        if doubt < below:
            made.spent()
            sent[-1] = True
    return sent


def _by_confidence(stream: Sequence[Question]) -> list[bool]:
    return _paced(stream, lambda one: one.doubt or 0.0, providers.Escalation().confidence_min)


def _by_certainty(stream: Sequence[Question]) -> list[bool]:
    return _paced(stream, lambda one: one.certainty, 1.0)


def _in_hindsight(stream: Sequence[Question]) -> list[bool]:
    """Escalate the deepest doubts of the whole stream: what is missing to it, the pace has lost, and the rest the map."""
    left = int(providers.Escalation().share_max * len(stream))
    doubts = sorted((one.doubt, place) for place, one in enumerate(stream) if one.doubt is not None)
    chosen = {place for _, place in doubts[:left]}
    return [place in chosen for place in range(len(stream))]


POLICIES: Mapping[str, Policy] = {
    figures.OURS: _by_confidence,
    "same confidence, all doubts known beforehand": _in_hindsight,
    "threshold on the mean token probability": _by_certainty,
}


def recovered(stream: Sequence[Question], sent: Sequence[bool]) -> float:
    """Return how much of the way from random to perfect escalation, at the same share, an escalation went."""
    share = statistics.mean(sent)
    weak = statistics.mean(one.weak for one in stream)
    ours = statistics.mean(one.weak or away for one, away in zip(stream, sent, strict=True))
    by_chance, perfect = weak + share * (1 - weak), min(1.0, weak + share)
    return (ours - by_chance) / (perfect - by_chance) if perfect > by_chance else 0.0


def _drawn_anew(asked: Sequence[Question], chance: random.Random) -> list[Question]:
    drawn = chance.choices(asked, k=len(asked))
    return [one for _ in range(_RESAMPLED_ROUNDS) for one in chance.sample(drawn, len(drawn))]


def spread(draw: Callable[[], Sequence[Question]], warming: int = 0) -> Mapping[str, tuple[float, float]]:
    """Return how far the gap recovered varies over streams that `draw` gives, whose first `warming` do not count."""
    found: dict[str, list[float]] = {name: [] for name in POLICIES}
    for _ in range(RESAMPLED):
        stream = draw()
        for name, policy in POLICIES.items():
            found[name].append(recovered(stream[warming:], policy(stream)[warming:]))
    return {
        name: (figures.quantile(values, 0.05), figures.quantile(values, 0.95)) for name, values in found.items()
    }  # fmt: skip


def told(
    how: str,
    policies: Mapping[str, Policy],
    stream: Sequence[Question],
    varied: Mapping[str, tuple[float, float]],
    note: str,
) -> list[figures.Row]:
    """Return the rows of policies over the same questions, beside never, random and perfect escalation."""
    count = len(stream)
    weak = statistics.mean(one.weak for one in stream)
    rows: list[figures.Row] = []
    for name, policy in policies.items():
        sent = policy(stream)
        share = statistics.mean(sent)
        useful = [not one.weak for one, away in zip(stream, sent, strict=True) if away]
        right = statistics.mean(one.weak or away for one, away in zip(stream, sent, strict=True))
        low, high = varied.get(name, (None, None))
        missed = (None if high is None else 1 - high, None if low is None else 1 - low)
        needed = statistics.mean(useful or [False])
        rows += [
            figures.Row(f"{how}: escalated", name, share, "share", 0.06, count, note=note),
            figures.Row(f"{how}: right, all together", name, right, "share", samples=count),
            figures.Row(f"{how}: escalations that were needed", name, needed, "share", samples=len(useful)),
            figures.Row(
                f"{how}: gap from random to perfect that is left", name, 1 - recovered(stream, sent), "share", 0.4,
                count, *missed,
            ),
        ]  # fmt: skip
        if name == figures.OURS:
            others = {
                "never escalated": weak,
                "random escalation": weak + share * (1 - weak),
                "perfect escalation": min(1.0, weak + share),
            }
            rows += [
                figures.Row(f"{how}: right, all together", other, value, "share", samples=count)
                for other, value in others.items()
            ]
    return sorted(rows, key=lambda row: row.figure)


def _usd(stream: Sequence[Question]) -> list[figures.Row]:
    share = statistics.mean(_by_confidence(stream))
    usd = share * 100 * sum(price * tokens for price, tokens in zip(PRICES_USD_MICROS, _TOKENS, strict=True)) / 1e12
    note = "500 tokens in, 300 out at $3 and $15 a million"
    return [figures.Row("replay: cost of 100 questions", figures.OURS, usd, "USD", 0.04, len(stream), note=note)]


def _calibration(asked: Sequence[Question]) -> list[figures.Row]:
    spoken = [one for one in asked if one.doubt is not None]
    curves = {}
    rows = []
    for name, said in (
        ("mean token probability", [one.certainty for one in spoken]),
        (figures.OURS, [one.doubt or 0.0 for one in spoken]),
    ):
        pairs = [(probability, one.weak) for probability, one in zip(said, spoken, strict=True)]
        bins = curves[name] = reliability.binned(pairs)
        error, brier = reliability.error(bins), reliability.brier(pairs)
        rows += [
            figures.Row("confidence: calibration error", name, error, "share", samples=len(pairs)),
            figures.Row("confidence: Brier score", name, brier, "score", samples=len(pairs)),
        ]
    reliability.draw(RESULTS / "confidence_reliability.svg", "confidence of the local model's words", curves)
    return sorted(rows, key=lambda row: row.figure)


if __name__ == "__main__":
    print(figures.table("locality", run(lambda text: print(text, file=sys.stderr))))
