"""The paragraphs of README.md on chaos and autonomy, from results/soak_chaos.json and results/autonomy.json."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import autonomy_told
import figures
from council.upkeep.chaos import outcome, report

_RESULTS = Path(__file__).resolve().parent / "results"
CHAOS, AUTONOMY = _RESULTS / "soak_chaos.json", _RESULTS / "autonomy.json"
_VERDICTS = {True: "met", False: "MISSED", None: "not measured"}


def soaks() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the title, the circumstances of the last part, and the text beneath them, of each campaign that has run."""
    if CHAOS.exists():
        merged = json.loads(CHAOS.read_text())
        yield "chaos", _last(merged)["circumstances"], chaos(merged)
    if AUTONOMY.exists():
        merged = json.loads(AUTONOMY.read_text())
        yield "autonomy", _last(merged)["circumstances"], autonomy(merged)


def chaos(merged: Mapping[str, Any]) -> str:
    """Return what the parts of a campaign of chaos found together."""
    ran = list(merged["ran"].values())
    struck = struck_of(merged)
    false = sum(len(one["false_repairs"]) for one in ran)
    calm_s = sum(one["calm_s"] for one in ran)
    wanted = [(name, is_, must_be, _VERDICTS[met]) for name, is_, must_be, met in report.targets(struck, false)]
    lines = [
        f"Seed {merged['campaign']['seed']}, {merged['share']}, each a round of all faults; commits {_commits(ran)}; "
        f"{calm_s:.0f} s without a fault.\n",
        *_table(("wanted", "is", "must be", ""), wanted),
        "",
        *_table(tuple(name.lower() for name in report.HEAD), report.rows(struck)),
        "",
        *([*_table(tuple(name.lower() for name in report.ACTS_HEAD), made), ""] if (made := acts_of(merged)) else []),
        "![When each fault was noticed, and when all worked again](results/chaos/times.svg)",
        "![Questions lost by each fault](results/chaos/lost.svg)",
    ]
    return "\n".join(lines) + "\n"


def struck_of(merged: Mapping[str, Any]) -> list[outcome.Struck]:
    """Return the faults that could be put in, of all parts."""
    found = [outcome.of_form(fault) for one in merged["ran"].values() for fault in one["faults"]]
    return [one for one in found if not one.cannot]


def acts_of(merged: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row a playbook, of all parts."""
    ran = list(merged["ran"].values())
    made = [report.Act(**act) for one in ran for act in one.get("acts", ())]
    return report.acts(made, {name for one in ran for name in one.get("playbooks", ())})


def autonomy(merged: Mapping[str, Any]) -> str:
    """Return what the parts of the soak of autonomy came to together."""
    ran = list(merged["ran"].values())
    count, needed = autonomy_told.whole(merged)
    rows = [_share("all", count, needed), *(_share(name, *of) for name, of in autonomy_told.kinds(merged).items())]
    share = (count - needed) / count if count else 0.0
    met = count >= autonomy_told.LEAST and share >= autonomy_told.GOAL
    lines = [
        f"Seed {merged['campaign']['seed']}, {merged['share']}; commits {_commits(ran)}. Alone {100 * share:.2f} % of "
        f"{count:,} (must be >= {100 * autonomy_told.GOAL:g} % of >= {autonomy_told.LEAST:,}): {_VERDICTS[met]}.\n",
        *_table(("operations", "n", "needed a person", "alone", "at least", "at most (95 %)"), rows),
    ]
    return "\n".join(lines) + "\n"


def _share(name: str, count: int, needed: int) -> tuple[str, ...]:
    if not count:
        return name, "0", "0", "-", "-", "-"
    low, high = figures.wilson(count - needed, count)
    return name, f"{count:,}", str(needed), *(f"{100 * one:.2f} %" for one in ((count - needed) / count, low, high))


def _last(merged: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = list(merged["ran"].values())[-1]
    return found


def _commits(ran: Sequence[Mapping[str, Any]]) -> str:
    """Return those of the parts, each once, with a plus where the tree was not clean."""
    full = dict.fromkeys(one["circumstances"]["commit"] for one in ran)
    return ", ".join(one[:10] + ("+" if one.endswith("+") else "") for one in full)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines]
