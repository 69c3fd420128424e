"""The paragraph of README.md on made questions, from results/soak_questions.json."""

import json
import re
from pathlib import Path
from typing import Any

_RESULT = Path(__file__).resolve().parent / "results" / "soak_questions.json"


def soak() -> tuple[dict[str, Any], str] | None:
    """Return the circumstances of the campaign's last part and the text beneath its head, None without a result."""
    if not _RESULT.exists():
        return None
    merged = json.loads(_RESULT.read_text())
    this, ran = merged["campaign"], list(merged["ran"].values())
    groups: dict[str, list[int]] = {}
    for one in ran:
        for name, counts in one["families"].items():
            row = groups.setdefault(re.split("[.:]", name)[0], [0, 0, 0])
            for place, key in enumerate(("asked", "right", "wrong")):
                row[place] += counts[key]
    lines = [
        f"Seed {this['seed']}, {merged['share']}, {this['questions_a_family']:,} questions of each family. A wrong answer is a "
        "verified one that disagrees with the key, or any to what must not be answered.\n",
        "| families of | asked | answered rightly | wrong |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {asked:,} | {right:,} ({100 * right / asked:.2f} %) | **{wrong}** |"
            for name, (asked, right, wrong) in groups.items()
        ),
    ]
    return ran[-1], "\n".join(lines) + "\n"
