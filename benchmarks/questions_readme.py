"""The paragraph of README.md on made questions, from results/soak_questions.json."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_RESULT = Path(__file__).resolve().parent / "results" / "soak_questions.json"
_LEAD = (
    "A wrong answer is one that disagrees with its key, verified or, of knowledge, quoted, or any to what must not be "
    "answered."
)


def soaks() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield, for each kind of question, the circumstances of its campaign's last part and the text beneath them."""
    if not _RESULT.exists():
        return
    for kind, merged in json.loads(_RESULT.read_text()).items():
        yield list(merged["ran"].values())[-1], _text(kind, merged)


def _text(kind: str, merged: dict[str, Any]) -> str:
    this, ran = merged["campaign"], list(merged["ran"].values())
    groups: dict[str, list[int]] = {}
    for one in ran:
        for name, counts in one["families"].items():
            row = groups.setdefault(re.split("[.:]", name)[0], [0, 0, 0, 0])
            for place, key in enumerate(("asked", "right", "unverified", "wrong")):
                row[place] += counts[key]
    lines = [
        f"{kind.capitalize()}: seed {this['seed']}, {merged['share']}, {this['questions_a_family']:,} questions of a family. "
        f"{_LEAD}\n",
        "| families of | asked | answered rightly | not verified | wrong |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {name} | {asked:,} | {right:,} ({100 * right / asked:.2f} %) | {unverified:,} | **{wrong}** |"
            for name, (asked, right, unverified, wrong) in groups.items()
        ),
    ]
    return "\n".join(lines) + "\n"
