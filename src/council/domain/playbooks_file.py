"""Reads `playbooks.yaml` into playbooks."""

import re
from collections.abc import Mapping
from typing import Any

from council.domain import errors, overrides, playbooks, sections

_PLAYBOOKS_MAX = 50
_TRIGGERS_MAX = 40
_VALUES_MAX = 8
_NAME = re.compile(r"^[a-z][a-z0-9 _-]{0,63}$")
_ALERT = re.compile(r"^[a-z][a-z0-9_]{0,63}$")
_STATES = ("starting", "ready", "stopping", "stopped", "backoff", "hung")
_FLAGS = ("amber", "changed", "damaged")
_KEYS = (
    *(
        "action",
        "triggers",
        "needs",
        "verified",
        "touches",
        "cool_down_s",
        "hourly_max",
        "then",
        "values",
        "holds_s",
        "component",
    ),
)


def build(file: Mapping[str, Any]) -> tuple[playbooks.Playbook, ...]:
    """Return the playbooks of a parsed `playbooks.yaml` in its order. Raises ConfigError."""
    section = sections.section(file.get(playbooks.KEY), playbooks.KEY, playbooks.FILE)
    if unknown := [key for key in file if key != playbooks.KEY]:
        raise errors.ConfigError(f"Unknown key `{unknown[0]}` in {playbooks.FILE}. It holds `{playbooks.KEY}`.")
    if len(section) > _PLAYBOOKS_MAX:
        raise errors.ConfigError(
            f"`{playbooks.KEY}` in {playbooks.FILE} names {len(section)} playbooks; up to {_PLAYBOOKS_MAX} may stand there."
        )
    found = tuple(_playbook(str(name), value) for name, value in section.items())
    names = [one.name for one in found]
    for one in found:
        playbooks.check_named((one.then,), names, f"{playbooks.KEY}.{one.name}.then", playbooks.FILE)
    return found


def _playbook(name: str, value: Any) -> playbooks.Playbook:
    where = f"{playbooks.KEY}.{name}"
    if not _NAME.match(name) or name == playbooks.CALL:
        raise errors.ConfigError(
            f"The playbook's name {name[:80]!r} may hold a-z, 0-9, spaces, `_` and `-` only, a letter first, and is not "
            f"`{playbooks.CALL}`, which is always there. Give it another."
        )
    value = sections.section(value, where, playbooks.FILE)
    sections.only(value, _KEYS, where)
    action = _member(playbooks.Action, value.get("action"), f"{where}.action")
    if action is playbooks.Action.CALL:
        raise errors.ConfigError(f"`{where}.action` may not be `{action}`: name that as what comes next, in `then`.")
    verified = sections.section(value.get("verified"), f"{where}.verified", playbooks.FILE)
    sections.only(verified, ("by", "within_s"), f"{where}.verified")
    values, holds_s = _values(action, value, where)
    return playbooks.Playbook(
        name=name,
        action=action,
        triggers=_alerts(value.get("triggers", ()), f"{where}.triggers"),
        needs=_needs(value.get("needs", {}), f"{where}.needs"),
        proof=_member(playbooks.Proof, verified.get("by"), f"{where}.verified.by"),
        within_s=_bounded(verified.get("within_s"), f"{where}.verified.within_s", 1, 3600),
        touches=sections.text(value, "touches", where),
        cool_down_s=_bounded(value.get("cool_down_s"), f"{where}.cool_down_s", 0, 86_400),
        hourly_max=int(_bounded(value.get("hourly_max"), f"{where}.hourly_max", 0, 100)),
        then=str(value.get("then", playbooks.CALL)),
        values=values,
        holds_s=holds_s,
        component=_component(action, value.get("component", ""), f"{where}.component"),
    )


def _component(action: playbooks.Action, given: Any, where: str) -> str:
    if given and action in playbooks.COMPONENTS:
        raise errors.ConfigError(
            f"`{where}` is {playbooks.COMPONENTS[action]!r} for `{action}` in any case. Leave it out."
        )
    if not isinstance(given, str) or (given and not _ALERT.match(given)):
        raise errors.ConfigError(f"`{where}` must name a service as `council status` shows it, not {given!r}.")
    return given


def _needs(given: Any, where: str) -> playbooks.Needs:
    given = sections.section(given, where, playbooks.FILE)
    sections.only(given, ("states", "lasting_s", *_FLAGS), where)
    states = sections.names(given.get("states", ()), f"{where}.states")
    if unknown := [one for one in states if one not in _STATES]:
        raise errors.ConfigError(f"`{where}.states` may hold {', '.join(_STATES)}, not {unknown[0][:80]!r}.")
    for key in _FLAGS:
        if not isinstance(given.get(key, False), bool):
            raise errors.ConfigError(f"`{where}.{key}` must be true or false, not {given[key]!r}.")
    lasting_s = _bounded(given.get("lasting_s", 0), f"{where}.lasting_s", 0, 86_400)
    return playbooks.Needs(states, lasting_s, **{key: given.get(key, False) for key in _FLAGS})


def _values(
    action: playbooks.Action, value: Mapping[str, Any], where: str
) -> tuple[tuple[tuple[str, str], ...], float]:
    """Return what an action that overrides puts, and for how long, seconds."""
    given = sections.section(value.get("values", {}), f"{where}.values", playbooks.FILE)
    kind = playbooks.KIND_BY_ACTION.get(action)
    if kind is None:
        if given or "holds_s" in value:
            raise errors.ConfigError(f"`{where}` puts no override, so it takes neither `values` nor `holds_s`.")
        return (), 0.0
    holds_s = _bounded(value.get("holds_s"), f"{where}.holds_s", 1, overrides.SPAN_S_MAX)
    if bool(given) == (action in playbooks.FOUND_OUT) or len(given) > _VALUES_MAX:
        wanted = (
            "takes no `values`: they are found out"
            if given
            else f"needs `values`, up to {_VALUES_MAX}: value by target"
        )
        raise errors.ConfigError(f"`{where}` {wanted}.")
    found = tuple((str(target), str(one)) for target, one in given.items())
    for target, one in found:
        try:
            overrides.checked(overrides.Override("x", kind, target, one, "x", "x", 0, round(holds_s * 1e6)))
        except errors.InvalidRequestError as error:
            raise errors.ConfigError(f"`{where}.values`: {error.message}") from error
    return found, holds_s


def _alerts(given: Any, where: str) -> tuple[str, ...]:
    found = sections.names(given, where)
    if len(found) > _TRIGGERS_MAX:
        raise errors.ConfigError(f"`{where}` names {len(found)} alerts; up to {_TRIGGERS_MAX} may stand there.")
    for one in found:
        if not _ALERT.match(one):
            raise errors.ConfigError(
                f"`{where}` names alerts as `council incidents show ID` names them, not {one[:80]!r}."
            )
    return found


def _bounded(given: Any, where: str, low: float, high: float) -> float:
    found = sections.number(given, where, low)
    if found > high:
        raise errors.ConfigError(f"`{where}` must be at most {high:g}, not {found:g}.")
    return found


def _member(kind: Any, given: Any, where: str) -> Any:
    known = [one.value for one in kind]
    if given not in known:
        raise errors.ConfigError(f"`{where}` must be one of {', '.join(known)}, not {str(given)[:80]!r}.")
    return kind(given)
