"""The bot `cost`: where the money went, what cheaper routing would have cost, and what that would have meant for answers. Pure.

What was asked is replayed on paper: each charge of the last weeks is priced anew by another route, and no call made. Two routes
are looked at. A model's cheapest provider: the same model by name, so by what is known the same answers, and a saving
that is sure once its lower bound says so; only for that a patch is drafted. And fewer escalations: the same questions left to
the local model, which is right as often as its confidence says; what that costs in answers is told beside what it saves, and a
person decides.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council.domain import answers, bots, money
from council.upkeep.bots import situation

CALLS_MIN = 200
_SAVED_SHARE_MIN = 0.05
# One-sided, 95 %.
_SURE_ERRORS = 1.645
_ROWS_MAX = 20


@dataclass(frozen=True, slots=True)
class Charge:
    """One call to a model. `confidence` is the local model's in its own answer, None where the question was not escalated or
    nothing was learned."""

    provider: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd_micros: int
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Saving:
    """What a model's calls would have cost with its cheapest provider. Micro-dollars a call; `sure` is the lower bound."""

    model: str
    provider: str
    calls: int
    now: float
    then: float
    sure: float

    @property
    def is_sure(self) -> bool:
        """Whether it is worth a patch."""
        return self.calls >= CALLS_MIN and self.sure >= _SAVED_SHARE_MIN * self.now


@dataclass(frozen=True, slots=True)
class Cost:
    """bots.Bot."""

    name: str = "cost"
    does: str = "tells where the money goes, and has a model's cheapest provider asked first where the saving is sure"
    offset_s: int = 2100
    touches: tuple[str, ...] = ("providers.yaml",)

    def draft(self, evidence: Mapping[str, Any], _: bots.Ask) -> bots.Draft | bots.Nothing:
        """Return the order of providers that is surely cheaper, and the report either way."""
        seen = situation.read(evidence)
        charges = [Charge(*row) for row in evidence["charges"]]
        found = savings(charges, seen.models)
        report = told(evidence, charges, found)
        surest = max((one for one in found if one.is_sure), key=lambda one: one.sure * one.calls, default=None)
        if surest is None:
            return bots.Nothing("no saving is sure", report=report)
        subject = f"{surest.model} by {surest.provider}"
        if subject in seen.done:
            return bots.Nothing("the cheapest order was proposed before", subject, report)
        return bots.Draft(
            subject=subject,
            title=f"Ask {surest.provider} first for {surest.model}"[:100],
            why=f"Of {surest.calls} calls each would have cost {surest.now - surest.then:.0f} micro-dollars less on average, "
            f"at least {surest.sure:.0f} with 95 % confidence.",
            weights=_first(surest, seen.models[surest.model]),
            report=report,
        )


def savings(charges: Sequence[Charge], models: Mapping[str, Sequence[situation.Deployment]]) -> list[Saving]:
    """Return for each model with a provider that is never dearer what its calls would have cost there, the largest first."""
    found = []
    for model, rows in models.items():
        cheapest = _cheapest(rows)
        calls = [one for one in charges if one.model == model]
        if cheapest is None or len(calls) < 2:
            continue
        then = [_cost(one, cheapest) for one in calls]
        saved = [one.cost_usd_micros - cost for one, cost in zip(calls, then, strict=True)]
        error = statistics.stdev(saved) / math.sqrt(len(saved))
        now = statistics.fmean(one.cost_usd_micros for one in calls)
        mean = statistics.fmean(saved)
        sure = mean - _SURE_ERRORS * error
        found.append(Saving(model, cheapest.provider, len(calls), now, now - mean, sure))
    return sorted(found, key=lambda one: -one.sure * one.calls)


def _cheapest(rows: Sequence[situation.Deployment]) -> situation.Deployment | None:
    """Return the deployment of which no token costs more than of any that is asked first; None where there is none."""
    priced = [one for one in rows if one.input_usd_micros is not None and one.output_usd_micros is not None]
    first = [one for one in priced if one.weight]
    for one in priced:
        others = [other for other in first if other is not one]
        if others and all(
            (one.input_usd_micros or 0) <= (other.input_usd_micros or 0)
            and (one.output_usd_micros or 0) <= (other.output_usd_micros or 0)
            for other in others
        ):
            return one
    return None


def _cost(one: Charge, there: situation.Deployment) -> int:
    # Without the discount of a cache that may not be there.
    price = money.Price(there.input_usd_micros or 0, there.output_usd_micros or 0)
    return money.cost_usd_micros(price, answers.Usage(one.prompt_tokens, one.completion_tokens))


def _first(saving: Saving, rows: Sequence[situation.Deployment]) -> dict[str, int]:
    """Return the weights with which one provider is asked, and the others only after it."""
    return {f"{saving.model}/{one.provider}": int(one.provider == saving.provider) for one in rows}


def told(evidence: Mapping[str, Any], charges: Sequence[Charge], found: Sequence[Saving]) -> str:
    """Return the report, as Markdown."""
    lines = [f"# Where the money went in {evidence['days']} days", ""]
    lines += _table("by model", _sums(charges, lambda one: one.model))
    lines += _table("by provider", _sums(charges, lambda one: one.provider))
    lines += ["## What another provider would have cost", ""]
    for one in found[:_ROWS_MAX]:
        saved = "sure" if one.is_sure else f"not sure: {one.calls} calls, at least {one.sure:.0f} a call"
        lines.append(
            f"- {one.model} by {one.provider}: {one.then:.0f} instead of {one.now:.0f} micro-dollars a call ({saved}). "
            "Accuracy: the same model by its name; nobody has compared the answers."
        )
    if not found:
        lines.append("No model has another provider of which no token costs more.")
    lines += ["", "## What fewer escalations would have cost", "", *_escalations(evidence, charges)]
    return "\n".join(lines)[: bots.REPORT_CHARS_MAX]


def _sums(charges: Sequence[Charge], key: Any) -> list[tuple[str, int, int]]:
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in charges:
        counted[key(one)][0] += 1
        counted[key(one)][1] += one.cost_usd_micros
    return sorted(((name, calls, cost) for name, (calls, cost) in counted.items()), key=lambda row: -row[2])


def _table(what: str, rows: Sequence[tuple[str, int, int]]) -> Iterable[str]:
    yield from (f"| {what} | calls | USD |", "|---|---|---|")
    yield from (f"| {name} | {calls:,} | {money.dollars(cost)} |" for name, calls, cost in rows[:_ROWS_MAX])
    if not rows:
        yield "| nothing was paid for | 0 | 0 |"
    yield ""


def _escalations(evidence: Mapping[str, Any], charges: Sequence[Charge]) -> Iterable[str]:
    escalated = sorted((one for one in charges if one.confidence is not None), key=lambda one: one.confidence or 0.0)
    asked = int(evidence["questions"])
    if not escalated or not asked:
        measured = evidence["synthetic"]
        yield (
            "Which questions were escalated nobody knows: with `learning: true` it is kept. On the questions that the local "
            f"model was measured with it was right by itself in {measured['right']} of {measured['rows']}."
        )
        return
    total = sum(one.cost_usd_micros for one in escalated)
    for share in (0.75, 0.5, 0.25, 0.0):
        # Those in least doubt are left to the local model.
        left = escalated[round(share * len(escalated)) :]
        saved = sum(one.cost_usd_micros for one in left)
        lost = sum(1 - (one.confidence or 0.0) for one in left)
        yield (
            f"- {share:.0%} of the escalations: {money.dollars(total - saved)} instead of {money.dollars(total)} USD; up to "
            f"{lost:.1f} of {asked} questions ({lost / asked:.1%}) answered wrong that were answered right, as far as "
            "the local model's confidence can be trusted and paid answers are right."
        )


BOT = Cost()
