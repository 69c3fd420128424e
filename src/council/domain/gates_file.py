"""Reads `gates.yaml` into gates; a line such as `latency_p95: <1000ms` takes the rest from the gates that Council ships."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from council.domain import errors, gates

_GATES_MAX = 100
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_METRIC = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$")
# A label's values stand in PromQL as alternatives of a pattern, so nothing that a pattern reads may be in them.
_VALUE = re.compile(r"^[A-Za-z0-9_/ -]{1,100}$")
_LIMIT = re.compile(
    r"^(?P<sign>[<>])\s*(?P<dollar>\$?)(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|[A-Za-z]{0,10}(?:/hour)?)$"
)
_WINDOW_MAX_S = 7 * 86_400
_KEYS = (
    "limit", "amber", "form", "windows_s", "samples_min", "services", "bake", "no_data", "protects", "playbooks",
    "not_applicable",
)  # fmt: skip


def build(file: Mapping[str, Any], shipped: Mapping[str, Any]) -> tuple[gates.Gate, ...]:
    """Return the gates of a parsed `gates.yaml` in its order; `shipped` is Council's own. Raises ConfigError."""
    section = _section(file.get(gates.KEY), gates.KEY)
    if unknown := [key for key in file if key != gates.KEY]:
        raise errors.ConfigError(f"Unknown key `{unknown[0]}` in {gates.FILE}. It holds `{gates.KEY}`.")
    if not section or len(section) > _GATES_MAX:
        raise errors.ConfigError(
            f"`{gates.KEY}` in {gates.FILE} names {len(section)} gates; between 1 and {_GATES_MAX} may stand there."
        )
    known = _section(shipped.get(gates.KEY), gates.KEY)
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
    value = _section(value, where)
    _only(value, _KEYS, where)
    comparator, threshold, unit = _limit(where, value.get("limit"))
    form_given = _section(value.get("form"), f"{where}.form")
    amber = _number(value.get("amber", threshold), f"{where}.amber", -math.inf)
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
        samples_min=_number(value.get("samples_min", 1), f"{where}.samples_min", 1),
        services=_plain(value.get("services", ()), f"{where}.services"),
        bake=_bake(_section(value.get("bake"), f"{where}.bake"), f"{where}.bake"),
        no_data=_text(value, "no_data", where),
        protects=_text(value, "protects", where),
        scale=_number(form_given.get("scale", 1.0), f"{where}.form.scale", 1e-12),
        playbooks=_names(value.get("playbooks", ()), f"{where}.playbooks"),
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
    _only(given, ("gauge", "by", "over", "scale"), where)
    over = given.get("over", "last")
    if over not in ("last", "max"):
        raise errors.ConfigError(f"`{where}.over` must be last or max, not {over!r}.")
    by = _selector(given["by"], f"{where}.by") if "by" in given else None
    return gates.Gauge(_selector(given["gauge"], f"{where}.gauge"), by, over == "max")


def _ratio(given: Mapping[str, Any], where: str) -> gates.Form:
    _only(given, ("part", "whole", "scale"), where)
    return gates.Ratio(_selectors(given["part"], f"{where}.part"), _selectors(given.get("whole"), f"{where}.whole"))


def _quantile(given: Mapping[str, Any], where: str) -> gates.Form:
    _only(given, ("quantile", "of", "scale"), where)
    share = _number(given["quantile"], f"{where}.quantile", 0)
    if not 0 < share < 1:
        raise errors.ConfigError(f"`{where}.quantile` must be between 0 and 1, as 0.95, not {share:g}.")
    return gates.Quantile(share, _selector(given.get("of"), f"{where}.of"))


def _slope(given: Mapping[str, Any], where: str) -> gates.Form:
    _only(given, ("slope", "began", "bucket_s", "warm_up_s", "scale"), where)
    return gates.Slope(
        _selector(given["slope"], f"{where}.slope"),
        _selector(given.get("began"), f"{where}.began"),
        float(round(_number(given.get("bucket_s", 600), f"{where}.bucket_s", 15))),
        _number(given.get("warm_up_s", 1800), f"{where}.warm_up_s", 0),
    )


def _count(given: Mapping[str, Any], where: str) -> gates.Form:
    _only(given, ("count", "scale"), where)
    return gates.Count(_selector(given["count"], f"{where}.count"))


def _selectors(given: Any, where: str) -> tuple[gates.Selector, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not given or len(given) > 10:
        raise errors.ConfigError(f"`{where}` must list between one and ten metrics.")
    return tuple(_selector(one, f"{where}.{place}") for place, one in enumerate(given))


def _selector(given: Any, where: str) -> gates.Selector:
    if isinstance(given, str):
        given = {"metric": given}
    given = _section(given, where)
    _only(given, ("metric", "where", "without"), where)
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
    for name, values in _section(given, where).items():
        among = _plain(values, f"{where}.{name}")
        if not _NAME.match(str(name)) or not among:
            raise errors.ConfigError(f"`{where}.{name}` must name a label and list some of its values.")
        found[str(name)] = among
    return found


def _windows(given: Any, where: str) -> tuple[float, ...]:
    listed = given if isinstance(given, list) else [given]
    found = tuple(_number(one, where, 1) for one in listed)
    if (
        not found
        or list(found) != sorted(found, reverse=True)
        or found[0] > _WINDOW_MAX_S
        or any(one != int(one) for one in found)
    ):
        raise errors.ConfigError(f"`{where}` must list whole seconds up to {_WINDOW_MAX_S}, the longest window first.")
    return found


def _bake(given: Mapping[str, Any], where: str) -> gates.Bake:
    _only(given, ("window_s", "samples_min", "formula"), where)
    return gates.Bake(
        _number(given.get("window_s"), f"{where}.window_s", 1),
        _number(given.get("samples_min"), f"{where}.samples_min", 1),
        _text(given, "formula", where),
    )


def _section(given: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise errors.ConfigError(f"`{where}` in {gates.FILE} must be a section with keys, not {given!r}.")
    return given


def _only(given: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in given:
        if key not in keys:
            raise errors.ConfigError(f"Unknown key `{where}.{key}`. There are {', '.join(keys)}.")


def _text(given: Mapping[str, Any], key: str, where: str) -> str:
    text = given.get(key)
    if not isinstance(text, str) or not text.strip() or len(text) > 500:
        raise errors.ConfigError(f"`{where}.{key}` is missing: say it in a sentence of up to 500 characters.")
    return text


def _names(given: Any, where: str) -> tuple[str, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise errors.ConfigError(f"`{where}` must be a list of names, not {given!r}.")
    return tuple(given)


def _plain(given: Any, where: str) -> tuple[str, ...]:
    found = _names(given, where)
    for one in found:
        if not _VALUE.match(one):
            raise errors.ConfigError(f"`{where}` may hold letters, digits, `_`, `/`, `-` and spaces, not {one[:80]!r}.")
    return found


def _number(given: Any, where: str, low: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < low:
        bound = f" of at least {low:g}" if math.isfinite(low) else ""
        raise errors.ConfigError(f"`{where}` must be a number{bound}, not {given!r}.")
    return float(given)
