"""`make soak ARGS="--only chaos"`: campaigns of chaos, each of which puts every fault in once, at moments that the seed gives.

    make soak ARGS="--only chaos --seed 7 --part 1/5"      one round of all faults, the first of five

A part makes a Council of its own as `council chaos campaign` does and takes about 45 minutes. Parts gather in
results/soak_chaos.json, and their pages and pictures of all faults lie in results/chaos. The exit status is 1 if a fault ended
neither green nor with a person called, or anything was repaired or alerted of without a fault.
"""

import argparse
import functools
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import campaigns
import chaos_readme
import councils
import figures
from council.upkeep.chaos import drawing, report

NAME = "chaos"
RESULT = Path(__file__).resolve().parent / "results" / "soak_chaos.json"
_PICTURES = RESULT.parent / "chaos"
# Of what the seed of a part is made.
_SEEDS_APART = 1000


def campaign(options: argparse.Namespace) -> int:
    """Run this part, merge, print; return the exit status. `options` are those of soak.py."""
    part, parts = (1, 1) if options.quick else options.part
    this = {"seed": options.seed, "parts": parts}
    run = functools.partial(_run, options.seed * _SEEDS_APART + part, options.port, quick=options.quick)
    merged = campaigns.gather(RESULT, this, (part, parts), run, quick=options.quick)
    print(table(merged))
    if not options.quick:
        _draw(merged)
    campaigns.write_json(options.json, merged, f"-{NAME}")
    return 0 if all(one["well"] for one in merged["ran"].values()) else 1


def _run(seed: int, port: int, *, quick: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        words = ["--seed", str(seed), "--port", str(port), "--report", folder, *(["--short"] if quick else [])]
        subprocess.run([*councils.COMMAND, "chaos", "campaign", *words], check=False, env=councils.environment())
        told: dict[str, Any] = json.loads(Path(folder, "chaos.json").read_text())
    return told | {"circumstances": figures.circumstances()}


def table(merged: dict[str, Any]) -> str:
    """Return what all parts found together."""
    struck = chaos_readme.struck_of(merged)
    lines = [
        *_columns([report.HEAD, *report.rows(struck)]),
        *_columns([report.ACTS_HEAD, *chaos_readme.acts_of(merged)]),
    ]
    false = sum(len(one["false_repairs"]) for one in merged["ran"].values())
    for name, value, bound, met in report.targets(struck, false):
        lines.append(f"{name}: {value} (must be {bound}) {'' if met is None else 'met' if met else 'MISSED'}".rstrip())
    return "\n".join([f"== chaos, seed {merged['campaign']['seed']}, {merged['share']}", *lines])


def _columns(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _draw(merged: dict[str, Any]) -> None:
    _PICTURES.mkdir(parents=True, exist_ok=True)
    struck = chaos_readme.struck_of(merged)
    (_PICTURES / "times.svg").write_text(drawing.times(struck))
    (_PICTURES / "lost.svg").write_text(drawing.lost(struck))
