"""What runs of the benchmark of detection found, in one file. Runs add to it after each fault, several at a time if need be."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

KEPT_A_KIND = 20


def load(place: Path) -> dict[str, Any]:
    """Return all that is gathered."""
    try:
        gathered: dict[str, Any] = json.loads(place.read_text())
    except (OSError, ValueError):
        gathered = {"samples": [], "runs": []}
    return gathered


def keep(place: Path, run: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> None:
    """Put a run and its samples in the place of what the same run, by its `id`, had kept; a kind keeps its newest samples."""
    place.parent.mkdir(exist_ok=True)
    with _locked(place.parent):
        before = load(place)
        found = [one for one in before["samples"] if one.get("run") != run["id"]]
        found += [{name: _rounded(value) for name, value in one.items()} | {"run": run["id"]} for one in samples]
        found.sort(key=lambda one: one["began_s"])
        kinds = dict.fromkeys(one["kind"] for one in found)
        kept = [one for kind in kinds for one in [each for each in found if each["kind"] == kind][-KEPT_A_KIND:]]
        runs = [*(one for one in before["runs"] if one.get("id") != run["id"]), run]
        whole = place.with_suffix(".new")
        whole.write_text(json.dumps({"samples": kept, "runs": runs}, indent=1) + "\n")
        whole.replace(place)


def _rounded(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
