"""Reads the parts of a blueprint's file: each function returns what stands there, or raises ConfigError that names the key."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from council.domain import errors

_TEXT_MAX = 500


def section(given: Any, where: str, file: str) -> Mapping[str, Any]:
    """Return a section; `where` is its key from the top of `file`."""
    if not isinstance(given, Mapping):
        raise errors.ConfigError(f"`{where}` in {file} must be a section with keys, not {given!r}.")
    return given


def only(given: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    """Return if no other key stands in a section."""
    for key in given:
        if key not in keys:
            raise errors.ConfigError(f"Unknown key `{where}.{key}`. There are {', '.join(keys)}.")


def text(given: Mapping[str, Any], key: str, where: str) -> str:
    """Return a sentence that must be there."""
    found = given.get(key)
    if not isinstance(found, str) or not found.strip() or len(found) > _TEXT_MAX:
        raise errors.ConfigError(f"`{where}.{key}` is missing: say it in a sentence of up to {_TEXT_MAX} characters.")
    return found


def names(given: Any, where: str) -> tuple[str, ...]:
    """Return a list of texts, which may be empty."""
    if not isinstance(given, Sequence) or isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise errors.ConfigError(f"`{where}` must be a list of names, not {given!r}.")
    return tuple(given)


def number(given: Any, where: str, low: float) -> float:
    """Return a finite number of at least `low`."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < low:
        bound = f" of at least {low:g}" if math.isfinite(low) else ""
        found = "and is missing: write one there" if given is None else f"not {given!r}"
        raise errors.ConfigError(f"`{where}` must be a number{bound}, {found}.")
    return float(given)
