"""Overrides as JSON, the same in the gateway's replies and in the command line's."""

from typing import Any

from council.domain import overrides


def form(one: overrides.Override, at_us: int) -> dict[str, Any]:
    """Return an override as it is at a moment; `lifted_us` is null where nobody ended it before its time."""
    return {
        "id": one.id,
        "kind": one.kind.value,
        "target": one.target,
        "value": one.value,
        "title": one.title,
        "reason": one.reason,
        "by": one.by,
        "began_us": one.began_us,
        "until_us": one.until_us,
        "lifted_us": one.lifted_us or None,
        "in_force": one.in_force(at_us),
    }
