"""Reads `gates.yaml` into gates; a line such as `latency_p95: <1000ms` takes the rest from the gates that Council ships."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from council.domain import errors, gates, sections

_GATES_MAX = 100
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_METRIC = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$")
# A label's values stand in PromQL as alternatives of a pattern, so nothing that a pattern reads may be in them.
_VALUE = re.compile(r"^[A-Za-z0-9_/ -]{1,100}$")
_LIMIT = re.compile(
    r"^(?P<sign>[<>])\s*(?P<dollar>\$?)(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|[A-Za-z]{0,10}(?:/hour)?)$"
)
# The watcher keeps little more of what it reads in full; over a longer window the two evaluators would come apart.
_WINDOW_MAX_S = 4 * 3600
_KEYS = (
    "limit", "amber", "form", "windows_s", "samples_min", "services", "bake", "no_data", "protects", "playbooks",
    "not_applicable",
)  # fmt: skip


def build(file: Mapping[str, Any], shipped: Mapping[str, Any]) -> tuple[gates.Gate, ...]:
    """Return the gates of a parsed `gates.yaml` in its order; `shipped` is Council's own. Raises ConfigError."""
    section = sections.section(file.get(gates.KEY), gates.KEY, gates.FILE)
    if unknown := [key for key in file if key != gates.KEY]:
        raise errors.ConfigError(f"Unknown key `{unknown[0]}` in {gates.FILE}. It holds `{gates.KEY}`.")
    if not section or len(section) > _GATES_MAX:
        raise errors.ConfigError(
            f"`{gates.KEY}` in {gates.FILE} names {len(section)} gates; between 1 and {_GATES_MAX} may stand there."
        )
    known = sections.section(shipped.get(gates.KEY), gates.KEY, gates.FILE)
    return tuple(_gate(str(name), value, known) for name, value in section.items())


def _gate(name: str, value: Any, shipped: Mapping[str, Any]) -> gates.Gate:
    where = f"{gates.KEY}.{name}"
    if not _NAME.match(name):
        raise errors.ConfigError(f"The gate's name {name[:80]!r} may hold a-z, 0-9 and `_` only, a letter first.")
    if isinstance(value, str):
        if name not in shipped:
            raise errors.ConfigError(
                f"`{where}` has a limit alone, and Council ships no gate of that name. Give it a `form` and the rest, or name "
                f"one of {', '.join(shipped)}."
            )
        value = _tightened(where, value, shipped[name])
    value = sections.section(value, where, gates.FILE)
    sections.only(value, _KEYS, where)
    comparator, threshold, unit = _limit(where, value.get("limit"))
    form_given = sections.section(value.get("form"), f"{where}.form", gates.FILE)
    amber = sections.number(value.get("amber", threshold), f"{where}.amber", -math.inf)
    if amber != threshold and not comparator.holds(amber, threshold):
        raise errors.ConfigError(f"`{where}.amber` must be on the good side of the limit {comparator} {threshold:g}.")
    return gates.Gate(
        name=name,
        form=_form(form_given, f"{where}.form"),
        unit=unit,
        comparator=comparator,
        threshold=threshold,
        amber=amber,
        windows_s=_windows(value.get("windows_s"), f"{where}.windows_s"),
        samples_min=sections.number(value.get("samples_min", 1), f"{where}.samples_min", 1),
        services=_plain(value.get("services", ()), f"{where}.services"),
        bake=_bake(sections.section(value.get("bake"), f"{where}.bake", gates.FILE), f"{where}.bake"),
        no_data=sections.text(value, "no_data", where),
        protects=sections.text(value, "protects", where),
        scale=sections.number(form_given.get("scale", 1.0), f"{where}.form.scale", 1e-12),
        playbooks=sections.names(value.get("playbooks", ()), f"{where}.playbooks"),
        not_applicable=str(value.get("not_applicable", "")),
    )


def _tightened(where: str, limit: str, shipped: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a shipped gate with another limit; the amber band keeps its share of it."""
    comparator, threshold, unit = _limit(where, limit)
    before, was, expected = _limit(where, shipped["limit"])
    if unit != expected:
        raise errors.ConfigError(
            f"`{where}` is measured in {expected or 'a bare number'}, not {unit or 'a bare number'}."
        )
    if comparator is not before:
        raise errors.ConfigError(
            f"`{where}` is well where its number is {before} the limit; {comparator} turns it round."
        )
    return {**shipped, "limit": limit, "amber": shipped["amber"] * threshold / was}


def _limit(where: str, given: Any) -> tuple[gates.Comparator, float, str]:
    found = _LIMIT.match(given.strip()) if isinstance(given, str) else None
    if found is None or (found["dollar"] and found["unit"]):
        raise errors.ConfigError(f"`{where}` needs a limit such as `<1000ms`, `>87%` or `<$0.10`, not {given!r}.")
    return gates.Comparator(found["sign"]), float(found["number"]), "USD" if found["dollar"] else found["unit"]


def _form(given: Mapping[str, Any], where: str) -> gates.Form:
    kinds: dict[str, Callable[[Mapping[str, Any], str], gates.Form]] = {
        "gauge": _gauge, "part": _ratio, "quantile": _quantile, "slope": _slope, "count": _count,
    }  # fmt: skip
    named = [kind for kind in kinds if kind in given]
    if len(named) != 1:
        raise errors.ConfigError(f"`{where}` must be one of {', '.join(kinds)}; it names {', '.join(named) or 'none'}.")
    return kinds[named[0]](given, where)


def _gauge(given: Mapping[str, Any], where: str) -> gates.Form:
    sections.only(given, ("gauge", "by", "over", "scale"), where)
    over = given.get("over", "last")
    if over not in ("last", "max"):
        raise errors.ConfigError(f"`{where}.over` must be last or max, not {over!r}.")
    by = _selector(given["by"], f"{where}.by") if "by" in given else None
    return gates.Gauge(_selector(given["gauge"], f"{where}.gauge"), by, over == "max")


def _ratio(given: Mapping[str, Any], where: str) -> gates.Form:
    sections.only(given, ("part", "whole", "scale"), where)
    return gates.Ratio(_selectors(given["part"], f"{where}.part"), _selectors(given.get("whole"), f"{where}.whole"))


def _quantile(given: Mapping[str, Any], where: str) -> gates.Form:
    sections.only(given, ("quantile", "of", "scale"), where)
    share = sections.number(given["quantile"], f"{where}.quantile", 0)
    if not 0 < share < 1:
        raise errors.ConfigError(f"`{where}.quantile` must be between 0 and 1, as 0.95, not {share:g}.")
    return gates.Quantile(share, _selector(given.get("of"), f"{where}.of"))


def _slope(given: Mapping[str, Any], where: str) -> gates.Form:
    sections.only(given, ("slope", "began", "bucket_s", "warm_up_s", "scale"), where)
    return gates.Slope(
        _selector(given["slope"], f"{where}.slope"),
        _selector(given.get("began"), f"{where}.began"),
        float(round(sections.number(given.get("bucket_s", 600), f"{where}.bucket_s", 15))),
        sections.number(given.get("warm_up_s", 1800), f"{where}.warm_up_s", 0),
    )


def _count(given: Mapping[str, Any], where: str) -> gates.Form:
    sections.only(given, ("count", "scale"), where)
    return gates.Count(_selector(given["count"], f"{where}.count"))


def _selectors(given: Any, where: str) -> tuple[gates.Selector, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given or len(given) > 10:
        raise errors.ConfigError(f"`{where}` must list between one and ten metrics.")
    return tuple(_selector(one, f"{where}.{place}") for place, one in enumerate(given))


def _selector(given: Any, where: str) -> gates.Selector:
    if isinstance(given, str):
        given = {"metric": given}
    given = sections.section(given, where, gates.FILE)
    sections.only(given, ("metric", "where", "without"), where)
    metric = given.get("metric")
    if not isinstance(metric, str) or not _METRIC.match(metric):
        raise errors.ConfigError(f"`{where}` must name a metric, not {metric!r}.")
    return gates.Selector(
        metric, _labels(given.get("where"), f"{where}.where"), _labels(given.get("without"), f"{where}.without")
    )


def _labels(given: Any, where: str) -> Mapping[str, tuple[str, ...]]:
    if given is None:
        return {}
    found = {}
    for name, values in sections.section(given, where, gates.FILE).items():
        among = _plain(values, f"{where}.{name}")
        if not _NAME.match(str(name)) or not among:
            raise errors.ConfigError(f"`{where}.{name}` must name a label and list some of its values.")
        found[str(name)] = among
    return found


def _windows(given: Any, where: str) -> tuple[float, ...]:
    listed = given if isinstance(given, list) else [given]
    found = tuple(sections.number(one, where, 1) for one in listed)
    if (
        not found
        or list(found) != sorted(found, reverse=True)
        or found[0] > _WINDOW_MAX_S
        or any(one != int(one) for one in found)
    ):
        raise errors.ConfigError(f"`{where}` must list whole seconds up to {_WINDOW_MAX_S}, the longest window first.")
    return found


def _bake(given: Mapping[str, Any], where: str) -> gates.Bake:
    sections.only(given, ("window_s", "samples_min", "formula"), where)
    return gates.Bake(
        sections.number(given.get("window_s"), f"{where}.window_s", 1),
        sections.number(given.get("samples_min"), f"{where}.samples_min", 1),
        sections.text(given, "formula", where),
    )


def _plain(given: Any, where: str) -> tuple[str, ...]:
    found = sections.names(given, where)
    for one in found:
        if not _VALUE.match(one):
            raise errors.ConfigError(f"`{where}` may hold letters, digits, `_`, `/`, `-` and spaces, not {one[:80]!r}.")
    return found
