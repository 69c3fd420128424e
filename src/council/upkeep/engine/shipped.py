"""How a blueprint of an earlier version comes up to date: by what was shipped then, is live, and is shipped now. Pure.

A file that is live as it was shipped then is nobody's work, and is replaced. One that somebody changed is left alone, and what
this version changed in it is shown instead.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

Files = Mapping[str, bytes | None]

STARTED = "Start from the default blueprint"
FORGED = "Add what a forge's workflow needs"
UPDATED = "Bring the files that nobody changed up to date"


@dataclass(frozen=True, slots=True)
class Update:
    """What is to be written, path to content, None to remove; and for each file that is left alone what changed in it."""

    changes: Mapping[str, bytes | None]
    left: Mapping[str, str]


def compare(before: Files, live: Files, now: Files) -> Update:
    """Return what brings `live` from what was shipped `before` to what is shipped `now`. A file that is not there is None."""
    changes: dict[str, bytes | None] = {}
    left: dict[str, str] = {}
    for path in sorted(before.keys() | now.keys()):
        was, is_live, new = before.get(path), live.get(path), now.get(path)
        if new in (is_live, was):
            continue
        if is_live == was:
            changes[path] = new
        elif new is not None:
            left[path] = _diff(path, is_live if was is None else was, new)
    return Update(changes, left)


def _diff(path: str, old: bytes | None, new: bytes) -> str:
    before, after = ((text or b"").decode(errors="replace").splitlines(True) for text in (old, new))
    return "".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"))
