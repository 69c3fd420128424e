"""What is spent, held and left of each budget, from the records' sums and the limits of settings, models and tokens. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from council.domain import access, config, ledger, providers

# In so small a part of a period what was spent says nothing of the rest.
_TOO_EARLY = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One scope in one period. `limit_usd_micros` and `left_usd_micros` None: there is no limit."""

    scope: str
    label: str
    period: str
    limit_usd_micros: int | None
    spent_usd_micros: int
    held_usd_micros: int
    left_usd_micros: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """When a line's period ends, and what will have been spent by then if it goes on as so far.

    The latter is None while too little of the period is over.
    """

    ends_us: int
    forecast_usd_micros: int | None


def lines(
    spend: Sequence[ledger.Spend],
    budget: config.BudgetConfig,
    models: Mapping[str, providers.Model],
    tokens: Sequence[access.TokenBudget],
    at_us: int,
) -> list[Line]:
    """Return a line for each scope and period that has a limit or has spent something; `all` always, first."""
    sums = {(one.scope, one.period): one for one in spend}
    known = dict(_limits(budget, models, tokens))
    for scope, _ in sums:
        known.setdefault(scope, ("", (0, 0)))
    found = []
    for scope, (label, limits) in known.items():
        for period, limit in zip(("day", "month"), limits, strict=True):
            key = ledger.period_of(at_us, period)
            one = sums.get((scope, key), ledger.Spend(scope, key, 0, 0))
            if limit or one.usd_micros or scope == "all":
                left = max(0, limit - one.usd_micros) if limit else None
                spent = one.usd_micros - one.held_usd_micros
                found.append(Line(scope, label, key, limit or None, spent, one.held_usd_micros, left))
    return found


def outlook(line: Line, at_us: int) -> Outlook:
    """Return what lies ahead of a line of the day and the month of `at_us`."""
    began_us, ends_us = ledger.bounds_us(at_us, "day" if line.period == ledger.period_of(at_us, "day") else "month")
    over_us, whole_us = at_us - began_us, ends_us - began_us
    if over_us * _TOO_EARLY < whole_us:
        return Outlook(ends_us, None)
    return Outlook(ends_us, -(-line.spent_usd_micros * whole_us // over_us))


def _limits(
    budget: config.BudgetConfig, models: Mapping[str, providers.Model], tokens: Sequence[access.TokenBudget]
) -> Iterator[tuple[str, tuple[str, tuple[int, int]]]]:
    """Yield (scope, (what people call it, (limit of a day, of a month)))."""
    yield "all", ("", (budget.day_usd_micros, budget.month_usd_micros))
    for model in models.values():
        yield f"model:{model.name}", ("", (model.day_usd_micros, model.month_usd_micros))
    general = (budget.token_day_usd_micros, budget.token_month_usd_micros)
    yield "token:anonymous", ("no token", general)
    for token in tokens:
        own = (token.day_usd_micros or general[0], token.month_usd_micros or general[1])
        yield f"token:{token.id}", (token.label, own)
