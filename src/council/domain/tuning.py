"""What may be tuned with no person behind the patch: which settings, which way, how far. Pure.

`council.yaml` and `providers.yaml` are protected by default, and loosening them needs a person. What stands in `SETTINGS` does
not loosen anything where it stays within its bounds: it takes less of the machine, lets fewer in at once, or waits a little
longer or shorter for a part of ours. No budget, rate limit of a token, address, key or gate is among them. A patch may move
each at most by `STEP`, so that a mistake is small, and shows before the next; who is let in at once may go to a third, since
half of the default is just what the gate `concurrent_users` calls red.
"""

import dataclasses
import enum
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from council.domain import config, money, providers

STEP = 2.0
# Rounding must not make an exact half a little more than that.
_SPARE = 1e-9


class Direction(enum.StrEnum):
    """Which way a setting may be moved."""

    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a setting may be moved. The bounds hold for where it goes, not for where a person has put it.

    `down` is the factor by which it may go down at once.
    """

    low: float
    high: float
    direction: Direction = Direction.DOWN
    down: float = STEP


SETTINGS: Mapping[str, Bounds] = {
    # Who is let in at once, and who waits.
    "gateway.concurrent_max": Bounds(8, 100_000, down=3.0),
    "model.queue_max": Bounds(2, 10_000),
    "model.tokens_max_default": Bounds(64, 1_048_576),
    "worker.queue_max": Bounds(4, 10_000),
    "sandbox.concurrent_max": Bounds(2, 1024),
    "sandbox.queue_max": Bounds(4, 10_000),
    # What is kept in memory, and for how long a process that may leak goes on.
    "sandbox.pool": Bounds(1, 256),
    "worker.jobs_per_child": Bounds(20, 1_000_000),
    "memory.cache_texts": Bounds(256, 1_000_000),
    "memory.users_loaded": Bounds(16, 1_000_000),
    "recall.meanings_max": Bounds(1000, 1_000_000),
    "cache.questions_max": Bounds(100, 1_000_000),
    "cache.wordings_max": Bounds(1, 1000),
    # How long parts of ours are waited for.
    "recall.timeout_s": Bounds(0.5, 8, Direction.BOTH),
    "recall.meanings_s": Bounds(0.05, 2, Direction.BOTH),
    "memory.recall_s": Bounds(0.25, 4, Direction.BOTH),
    "cache.timeout_s": Bounds(0.1, 2, Direction.BOTH),
    # How providers that fail are left alone.
    "calls.hops_max": Bounds(1, 10),
    "calls.failures_max": Bounds(2, 20, Direction.BOTH),
    "calls.open_s": Bounds(1, 60, Direction.BOTH),
}
SHARE_LOW = 0.0


def value(settings: config.Config, key: str) -> Any:
    """Return what a setting is, by `section.key`. Raises AttributeError for one that there is not."""
    return operator.attrgetter(key)(settings)


def why_not(key: str, before: Any, after: Any) -> str:
    """Return why a setting may not be moved from one value to another with no person, "" where it may."""
    if key not in SETTINGS:
        return f"`{key}` is none of the settings that are tuned without a person"
    bounds = SETTINGS[key]
    if isinstance(after, bool) or not isinstance(after, int | float) or not isinstance(before, int | float):
        return f"`{key}` is no number"
    if not bounds.low <= after <= bounds.high:
        return f"`{key}` would be {after:g}, outside {bounds.low:g} to {bounds.high:g}"
    if bounds.direction is Direction.DOWN and after > before:
        return f"`{key}` would rise from {before:g} to {after:g}, and may only go down"
    if not before / bounds.down - _SPARE <= after <= before * STEP + _SPARE:
        step = bounds.down if after < before else STEP
        return f"`{key}` would go from {before:g} to {after:g}, by more than a factor of {step:g}"
    return ""


def settings_loosened(before: config.Config, after: config.Config) -> str:
    """Return what of a change of the settings needs a person, "" where all of it is tuning."""
    for key, old, new in _differences(before, after, ""):
        if why := why_not(key, old, new):
            return why
    return ""


def _differences(before: Any, after: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    for item in dataclasses.fields(before):
        old, new = getattr(before, item.name), getattr(after, item.name)
        if dataclasses.is_dataclass(old):
            yield from _differences(old, new, f"{prefix}{item.name}.")
        elif old != new:
            yield f"{prefix}{item.name}", old, new


def catalogue_loosened(before: providers.Catalogue, after: providers.Catalogue) -> str:
    """Return what of a change of models and providers needs a person, "" where it only orders them, or escalates less.

    Weights share a model's first calls out among its deployments. What a token costs on average over these may not rise, nor
    the share of those without a price; a model keeps one that is asked first.
    """
    if before.providers != after.providers or before.models.keys() != after.models.keys():
        return "providers or models would be others"
    share = after.escalation.share_max
    if dataclasses.replace(before.escalation, share_max=share) != after.escalation:
        return "`escalation` would be another but for its `share_max`"
    if not SHARE_LOW <= share <= before.escalation.share_max:
        return f"`escalation.share_max` would rise to {share:g}, and may only go down"
    for name, old in before.models.items():
        if why := _reordered(old, after.models[name]):
            return f"the model {name}: {why}"
    return ""


def _reordered(before: providers.Model, after: providers.Model) -> str:
    weights = [one.weight for one in after.deployments]
    if len(weights) != len(before.deployments) or before != dataclasses.replace(after, deployments=before.deployments):
        return "it would change beyond its weights"
    pairs = list(zip(before.deployments, after.deployments, strict=True))
    if any(dataclasses.replace(new, weight=old.weight) != old for old, new in pairs):
        return "a deployment would change beyond its weight"
    if any(one.weight for one in before.deployments) and not any(weights):
        return "none would be asked first"
    for old, new in pairs:
        # Of what nobody priced nobody can tell what it costs.
        if new.price is None and _share(after, new) > _share(before, old):
            return f"the share of {new.provider}, which has no price, would rise"
    for what, cost_of in _COSTS.items():
        if _average(after, cost_of) > _average(before, cost_of):
            return f"{what} of its first calls would rise"
    return ""


_COSTS: Mapping[str, Callable[[money.Price], int]] = {
    "the expected price of input": lambda price: price.prompt_usd_micros_max,
    "the expected price of output": lambda price: price.output_usd_micros,
}


def _average(model: providers.Model, cost_of: Callable[[money.Price], int]) -> Fraction:
    """Return what a first call costs on average; one without a price counts as nothing, so less of it is no saving."""
    priced = [(_share(model, one), one.price) for one in model.deployments]
    return sum((share * cost_of(price) for share, price in priced if price is not None), Fraction(0))


def _share(model: providers.Model, one: providers.Deployment) -> Fraction:
    """Return a deployment's share of the first calls, exactly: a rounding must not hide that it is more."""
    return Fraction(one.weight) / (sum(Fraction(each.weight) for each in model.deployments) or 1)
