"""A soak's campaign: parts that run when somebody likes, gathered in one file that says what share has run."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import readme


def gather(
    result: Path,
    this: dict[str, Any],
    part: tuple[int, int],
    run: Callable[[], dict[str, Any]],
    *,
    quick: bool,
    under: str = "",
) -> dict[str, Any]:
    """Run part k of n unless it is there already, and return all that has been gathered of the campaign `this`.

    `result` keeps it, unless `quick`; another campaign's result is replaced. With `under` several campaigns share a file, each
    by its name.
    """
    number, parts = part
    merged = {} if quick else _earlier(result, this, under)
    if str(number) in merged.get("ran", {}):
        print(
            f"part {number} of {parts} has run already; delete results/{result.name} to run it again", file=sys.stderr
        )
        return merged
    ran = {**merged.get("ran", {}), str(number): run()}
    merged = {"campaign": this, "share": f"{len(ran)} of {parts} parts", "ran": ran}
    if not quick:
        result.parent.mkdir(exist_ok=True)
        kept = {**_read(result), under: merged} if under else merged
        result.write_text(json.dumps(kept, indent=1) + "\n")
        readme.write()
    return merged


def write_json(place: Path | None, merged: dict[str, Any], suffix: str = "") -> None:
    """Write what was gathered where `--json` says; `suffix` keeps several campaigns of one run apart."""
    if place is not None:
        place.with_stem(place.stem + suffix).write_text(json.dumps(merged, indent=1) + "\n")


def _earlier(result: Path, this: dict[str, Any], under: str) -> dict[str, Any]:
    found = _read(result)
    earlier: dict[str, Any] = found.get(under, {}) if under else found
    return earlier if earlier.get("campaign") == this else {}


def _read(result: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(result.read_text())
    except (OSError, ValueError):
        return {}
    return found
