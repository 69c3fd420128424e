"""`make soak ARGS="--only questions"`: a hundred thousand made questions and more, and no verified answer that is wrong.

    make soak ARGS="--only questions --seed 7 --lanes 2"
    make soak ARGS="--only questions --seed 7 --questions 5000 --part 3/8"     one part; run the others when you like

Takes every family of every module of `council.testing.questions` whose route computes in the worker, and asks the worker's
operations in this machine's processes, `--lanes` at once. Questions of a part differ from those of the others; the same seed
asks the same. What a family's grammar must not answer is asked once. The exit status is 1 if an answer was wrong.
"""

import concurrent.futures
import dataclasses
import importlib
import pkgutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import campaigns
import figures
from council.domain import answers
from council.serving.compute import operations, results
from council.testing import questions
from council.testing.questions import campaign as asking
from council.testing.questions import families

RESULT = Path(__file__).resolve().parent / "results" / "soak_questions.json"
QUESTIONS, QUICK_QUESTIONS = 2_000, 20
# What the gateway asks the worker for a route. Programs are judged in the sandbox, and documents quoted from recall.
_OPERATIONS = {answers.Route.MATH: "math.solve", answers.Route.LOGIC: "logic.solve"}
_KINDS: Mapping[str, type[results.Solved | results.PassedOn | results.Refused]] = {
    "solved": results.Solved,
    "passed_on": results.PassedOn,
    "refused": results.Refused,
}


def found_families() -> dict[str, families.Family]:
    """Return every family by its name, in the order of modules and of each module."""
    found: dict[str, families.Family] = {}
    for info in pkgutil.iter_modules(questions.__path__):
        module = importlib.import_module(f"{questions.__name__}.{info.name}")
        for family in getattr(module, "FAMILIES", ()):
            if family.name in found:
                raise ValueError(f"two families are named {family.name}; give each a name of its own")
            found[family.name] = family
    return found


def solve(route: answers.Route, text: str) -> results.Result:
    """Return what the worker's operation for a route answers."""
    answer = operations.OPERATIONS[_OPERATIONS[route]]({"text": text})
    kind = _KINDS[answer.pop("kind")]
    if "level" in answer:
        answer["level"] = answers.Level(answer["level"])
    return kind(**answer)


def campaign(options: Any) -> int:
    """Run this part of the campaign, merge, print; return the exit status. `options` are those of soak.py."""
    part, parts = (1, 1) if options.quick else options.part
    count = options.questions or (QUICK_QUESTIONS if options.quick else QUESTIONS)
    this = {"seed": options.seed, "parts": parts, "questions_a_family": count}
    merged = campaigns.gather(
        RESULT, this, (part, parts), lambda: _run(options, part, -(-count // parts)), quick=options.quick
    )
    print(table(merged))
    campaigns.write_json(options.json, merged, "" if options.only else "-questions")
    return 1 if any(one["wrong"] for one in merged["ran"].values()) else 0


def _run(options: Any, part: int, count: int) -> dict[str, Any]:
    begun, began_s = figures.circumstances(), time.monotonic()
    found = found_families()
    asked = [name for name, family in found.items() if family.route in _OPERATIONS]
    seed = options.seed * 1_000 + part
    with concurrent.futures.ProcessPoolExecutor(options.lanes) as pool:
        jobs = {pool.submit(_ask, name, count, seed): name for name in asked}
        rows = {}
        for job in concurrent.futures.as_completed(jobs):
            rows[jobs[job]] = job.result()
            print(f"[{time.strftime('%H:%M:%S')}] {len(rows)} of {len(jobs)}: {jobs[job]}", file=sys.stderr, flush=True)
    return {
        **begun,
        "wall_s": round(time.monotonic() - began_s, 1),
        "families": {name: rows[name]["counts"] for name in asked},
        "wrong": [line for name in asked for line in rows[name]["wrong"]],
        "reasons": {name: rows[name]["reasons"] for name in asked if rows[name]["reasons"]},
        "not_asked": sorted(set(found) - set(asked)),
    }


def _ask(name: str, count: int, seed: int) -> dict[str, Any]:
    """Ask the questions of one family, and what it must not answer."""
    family = found_families()[name]
    tally = asking.run([family], lambda text: solve(family.route, text), count, seed)[name]
    refusable = asking.answered_though_refusable([family], lambda text: solve(family.route, text))
    counts = {
        key: value
        for key, value in dataclasses.asdict(tally).items()
        if isinstance(value, int) and key != "wrong_count"
    }
    wrong = [f"{name}: {text!r} has the key {key!r} and got {answer!r}" for text, key, answer in tally.wrong]
    wrong += [f"{name}: {text!r} must not be answered and got {answer!r}" for _, text, answer in refusable]
    counts |= {"wrong": tally.wrong_count + len(refusable), "refusable": len(family.refuse)}
    return {"counts": counts, "wrong": wrong, "reasons": dict(tally.reasons.most_common(3))}


def totals(merged: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return the counts of each family over all parts that have run."""
    found: dict[str, dict[str, int]] = {}
    for one in merged["ran"].values():
        for name, counts in one["families"].items():
            row = found.setdefault(name, dict.fromkeys(counts, 0))
            for key, value in counts.items():
                row[key] = value if key == "refusable" else row[key] + value
    return found


def table(merged: dict[str, Any]) -> str:
    """Return the merged campaign as text."""
    this, rows = merged["campaign"], totals(merged)
    lines = [
        f"== soak of made questions: seed {this['seed']}, {merged['share']}, {this['questions_a_family']:,} a family",
        f"{'family':<32}{'asked':>9}{'right':>9}{'passed on':>11}{'refused':>9}{'wrong':>7}",
    ]
    for name, row in rows.items():
        cells = (row["asked"], row["right"], row["passed_on"], row["refused"], row["wrong"])
        lines.append(f"{name:<32}{cells[0]:>9,}{cells[1]:>9,}{cells[2]:>11,}{cells[3]:>9,}{cells[4]:>7,}")
    asked, right = sum(row["asked"] for row in rows.values()), sum(row["right"] for row in rows.values())
    refusable = sum(row["refusable"] for row in rows.values())
    wrong = [line for one in merged["ran"].values() for line in one["wrong"]]
    lines += [
        f"asked {asked:,}, answered rightly {right:,} ({100 * right / max(asked, 1):.2f} %); "
        f"{refusable:,} texts that must not be answered",
        f"wrong: {sum(row['wrong'] for row in rows.values())}",
        *wrong,
    ]
    return "\n".join(lines)
