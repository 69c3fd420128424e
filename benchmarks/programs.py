"""What comes of word problems for which the packaged model writes programs: share agreed, right, and how long one takes.

Drawn by a seed from the development rows of SVAMP and GSM8K that no grammar reads, asked one after the other through a whole
Council with `programs.samples` on. An answer of any other level came from the general specialist, after the programs.
"""

import random
from collections.abc import Callable
from pathlib import Path

import uvloop

import councils
import figures
import specialists
from council.domain import answers
from council.serving.compute import operations

FILES = ("svamp", "gsm8k_train")
SAMPLES = 3
_WALL_S = 120.0


def run(port: int, say: Callable[[str], None], data: Path, count: int, seed: int) -> list[figures.Row]:
    """Take every figure of this part."""
    rows = [row for row in specialists.read(data) if row.file in FILES and _is_passed_on(row.prompt)]
    if not rows or not count:
        return [figures.Row("word problems", figures.OURS, None, "", note="none; see --data and --word-problems")]
    chosen = random.Random(seed).sample(rows, min(count, len(rows)))
    settings = {"COUNCIL_PROGRAMS_SAMPLES": str(SAMPLES), "COUNCIL_PROGRAMS_WALL_S": str(_WALL_S)}
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", port)
        with councils.running(where, port, **settings):
            asked = uvloop.run(specialists.ask_all(where, port, chosen, say, "programs"))
    agreed = [one for one in asked if one.level == answers.Level.AGREED]
    note = f"of {len(rows)} that no grammar reads, seed {seed}; {SAMPLES} programs a problem, two alike needed"
    made = [figures.share("word problems: level agreed", figures.OURS, len(agreed), len(asked), note=note)]
    if agreed:
        right = sum(one.outcome == "right" for one in agreed)
        made.append(figures.share("level agreed: right", figures.OURS, right, len(agreed)))
    others = [one for one in asked if one.level != answers.Level.AGREED]
    if others:
        right = sum(one.outcome == "right" for one in others)
        made.append(figures.share("passed on to the general specialist: right", figures.OURS, right, len(others)))
    made.append(
        figures.median("time a word problem, to the last byte", figures.OURS, [one.last_ms / 1e3 for one in asked], "s")
    )
    return made


def _is_passed_on(prompt: str) -> bool:
    return operations.OPERATIONS["math.solve"]({"text": prompt})["kind"] == "passed_on"
