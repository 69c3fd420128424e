"""Reads `sentinels.yaml` into sentinels."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from council.domain import errors, sections, sentinels

_SENTINELS_MAX = 50
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_SIGNAL = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$")
_UNIT = re.compile(r"^[A-Za-z%/ ]{0,20}$")
_KEYS = ("rule", "unit", "services", "optional", "page_after_s", "look_next", "playbooks")
_PAGE_AFTER_S = 300.0


def build(file: Mapping[str, Any]) -> tuple[sentinels.Sentinel, ...]:
    """Return the sentinels of a parsed `sentinels.yaml` in its order. Raises ConfigError."""
    section = sections.section(file.get(sentinels.KEY), sentinels.KEY, sentinels.FILE)
    if unknown := [key for key in file if key != sentinels.KEY]:
        raise errors.ConfigError(f"Unknown key `{unknown[0]}` in {sentinels.FILE}. It holds `{sentinels.KEY}`.")
    if not section or len(section) > _SENTINELS_MAX:
        raise errors.ConfigError(
            f"`{sentinels.KEY}` in {sentinels.FILE} names {len(section)} sentinels; "
            f"between 1 and {_SENTINELS_MAX} may stand there."
        )
    return tuple(_sentinel(str(name), value) for name, value in section.items())


def _sentinel(name: str, value: Any) -> sentinels.Sentinel:
    where = f"{sentinels.KEY}.{name}"
    if not _NAME.match(name):
        raise errors.ConfigError(f"The sentinel's name {name[:80]!r} may hold a-z, 0-9 and `_` only, a letter first.")
    value = sections.section(value, where, sentinels.FILE)
    sections.only(value, _KEYS, where)
    signal, rule = _rule(sections.section(value.get("rule"), f"{where}.rule", sentinels.FILE), f"{where}.rule")
    unit, optional = value.get("unit", ""), value.get("optional", False)
    if not isinstance(unit, str) or not _UNIT.match(unit):
        raise errors.ConfigError(f"`{where}.unit` must be a short unit such as `MB/h` or `%`, not {unit!r}.")
    if not isinstance(optional, bool):
        raise errors.ConfigError(f"`{where}.optional` must be true or false, not {optional!r}.")
    services = sections.names(value.get("services", ()), f"{where}.services")
    return sentinels.Sentinel(
        name=name,
        signal=signal,
        rule=rule,
        unit=unit,
        services=services,
        optional=optional,
        page_after_s=sections.number(value.get("page_after_s", _PAGE_AFTER_S), f"{where}.page_after_s", 0),
        look_next=sections.text(value, "look_next", where),
        playbooks=sections.names(value.get("playbooks", ()), f"{where}.playbooks"),
    )


def _rule(given: Mapping[str, Any], where: str) -> tuple[str, sentinels.Rule]:
    kinds: dict[str, Callable[[_Fields], sentinels.Rule]] = {
        "leak": _leak, "share": _share, "lasting": _lasting, "pile": _pile, "queue": _queue, "fills": _fills,
        "drift": _drift, "pattern": _pattern,
    }  # fmt: skip
    named = [kind for kind in kinds if kind in given]
    if len(named) != 1:
        raise errors.ConfigError(f"`{where}` must be one of {', '.join(kinds)}; it names {', '.join(named) or 'none'}.")
    fields = _Fields(given, where, named[0])
    signal = fields.signal(named[0])
    rule = kinds[named[0]](fields)
    fields.done()
    return signal, rule


class _Fields:
    """The fields of one rule; each is read by its name, and what is left over in the end is refused."""

    def __init__(self, given: Mapping[str, Any], where: str, kind: str):
        self._given, self.where = given, where
        self._read = [kind]

    def signal(self, key: str) -> str:
        self._read.append(key)
        found = self._given.get(key)
        if not isinstance(found, str) or not _SIGNAL.match(found):
            raise errors.ConfigError(f"`{self.where}.{key}` must name a metric, not {found!r}.")
        return found

    def has(self, key: str) -> bool:
        """Return whether a field that may be left out is given."""
        return key in self._given

    def number(self, key: str, low: float = 0.0) -> float:
        self._read.append(key)
        return sections.number(self._given.get(key), f"{self.where}.{key}", low)

    def rising(self, first: str, second: str) -> tuple[float, float]:
        """Return two numbers, of which the second may not be below the first."""
        low, high = self.number(first), self.number(second)
        if high < low:
            raise errors.ConfigError(f"`{self.where}.{second}` is {high:g}, below `{first}`, {low:g}. Swap them.")
        return low, high

    def done(self) -> None:
        sections.only(self._given, tuple(dict.fromkeys(self._read)), self.where)


def _leak(fields: _Fields) -> sentinels.Rule:
    return sentinels.Leak(*fields.rising("slow_mb_per_hour", "fast_mb_per_hour"))


def _share(fields: _Fields) -> sentinels.Rule:
    by, levels = fields.signal("by"), fields.rising("amber", "red")
    if not fields.has("soon_s"):
        return sentinels.Share(by, *levels)
    soon_s, soon_but = fields.number("soon_s"), fields.signal("soon_but") if fields.has("soon_but") else ""
    if soon_s > sentinels.SOON_MAX_S:
        raise errors.ConfigError(
            f"`{fields.where}.soon_s` is {soon_s:g}; at most {sentinels.SOON_MAX_S:g} can be foretold."
        )
    return sentinels.Share(by, *levels, soon_s, soon_but)


def _lasting(fields: _Fields) -> sentinels.Rule:
    return sentinels.Lasting(fields.number("for_s"), *fields.rising("amber", "red"))


def _pile(fields: _Fields) -> sentinels.Rule:
    return sentinels.Pile(fields.number("bucket_s", 15), fields.number("rise_min", 1))


def _queue(fields: _Fields) -> sentinels.Rule:
    return sentinels.Queue(fields.number("window_s", 60), fields.number("red", 1))


def _fills(fields: _Fields) -> sentinels.Rule:
    by = fields.signal("by")
    red_h, amber_h = fields.rising("red_h", "amber_h")
    return sentinels.Fills(by, amber_h, red_h)


def _drift(fields: _Fields) -> sentinels.Rule:
    return sentinels.Drift(fields.signal("by"), fields.number("red_h"))


def _pattern(fields: _Fields) -> sentinels.Rule:
    return sentinels.Pattern(fields.number("times", 1), fields.number("least", 1))
