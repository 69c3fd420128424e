"""`make soak ARGS="--only questions"`: a hundred thousand made questions of each kind, and no answer that is wrong.

    make soak ARGS="--only questions --seed 7 --lanes 2"
    make soak ARGS="--only questions --seed 7 --kinds knowledge --questions 5000"
    make soak ARGS="--only questions --seed 7 --kinds code --part 3/8"     one part; run the others when you like

Asks every family of `council.testing.questions`, in `--lanes` processes at once, as `question_askers.py` says: `computed` is
math and logic, `knowledge` is quoted, `code` runs in real sandboxes and is left out where there is none. Questions of a part
differ from those of the others; the same seed asks the same. What must not be answered is asked once a part. Each kind is a
campaign of its own in results/soak_questions.json. The exit status is 1 if an answer was wrong.
"""

import asyncio
import concurrent.futures
import dataclasses
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import campaigns
import figures
import question_askers
from council.domain import answers
from council.serving.compute import results
from council.testing.questions import campaign as asking
from council.testing.questions import catalog, families

RESULT = Path(__file__).resolve().parent / "results" / "soak_questions.json"
KINDS: Mapping[str, tuple[answers.Route, ...]] = {
    "computed": (answers.Route.MATH, answers.Route.LOGIC),
    "knowledge": (answers.Route.KNOWLEDGE,),
    "code": (answers.Route.CODE,),
}
# Questions of each family in a whole campaign, so that every kind comes to a hundred thousand and more.
QUESTIONS: Mapping[str, int] = {"computed": 2_000, "knowledge": 7_200, "code": 7_500}
QUICK_QUESTIONS = 20
# Sandboxes of a lane at work at once: most of their time is not this process's.
_AT_ONCE = 4


def campaign(options: Any) -> int:
    """Run this part of each kind's campaign, merge, print; return the exit status. `options` are those of soak.py."""
    return max(_campaign(options, kind) for kind in options.kinds or KINDS)


def _campaign(options: Any, kind: str) -> int:
    if kind == "code" and (reason := _no_sandbox()):
        print(f"code: not asked, since no sandbox can be made here: {reason}", file=sys.stderr)
        return 0
    part, parts = (1, 1) if options.quick else options.part
    count = options.questions or (QUICK_QUESTIONS if options.quick else QUESTIONS[kind])
    this = {"seed": options.seed, "parts": parts, "questions_a_family": count}
    merged = campaigns.gather(
        RESULT,
        this,
        (part, parts),
        lambda: _run(options, kind, part, math.ceil(count / parts)),
        quick=options.quick,
        under=kind,
    )
    print(table(kind, merged))
    campaigns.write_json(options.json, merged, f"-questions-{kind}")
    return 1 if any(one["wrong"] for one in merged["ran"].values()) else 0


def _no_sandbox() -> str:
    """Return why there is no sandbox here, "" where there is one."""

    async def tried() -> None:
        async with question_askers.opened(answers.Route.CODE, 0):
            pass

    try:
        asyncio.run(tried())
    except (AssertionError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _run(options: Any, kind: str, part: int, count: int) -> dict[str, Any]:
    begun, began_s = figures.circumstances(), time.monotonic()
    seed = options.seed * 1_000 + part
    asked = [name for name, family in catalog.found(seed).items() if family.route in KINDS[kind]]
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
    }


def _ask(name: str, count: int, seed: int) -> dict[str, Any]:
    """Ask the questions of one family, and what it must not answer."""
    family = catalog.found(seed)[name]
    return asyncio.run(_counted(family, math.ceil(count * family.share), seed))


async def _counted(family: families.Family, count: int, seed: int) -> dict[str, Any]:
    tally, refusable = asking.Tally(), []
    async with question_askers.opened(family.route, seed) as ask:
        drawn = asking.draw(family, count, seed)

        async def client() -> None:
            for asked in drawn:
                tally.count(asked, family, await ask(asked.text))

        await asyncio.gather(*(client() for _ in range(_AT_ONCE)))
        for text in family.refuse:
            result = await ask(text)
            if isinstance(result, results.Solved) and result.level in family.levels:
                refusable.append((text, result.answer))
    counts = {
        key: value
        for key, value in dataclasses.asdict(tally).items()
        if isinstance(value, int) and key != "wrong_count"
    }
    wrong = [f"{family.name}: {text!r} has the key {key!r} and got {answer!r}" for text, key, answer in tally.wrong]
    wrong += [f"{family.name}: {text!r} must not be answered and got {answer!r}" for text, answer in refusable]
    counts |= {"wrong": tally.wrong_count + len(refusable), "refusable": len(family.refuse)}
    return {"counts": counts, "wrong": wrong, "reasons": dict(tally.reasons.most_common(3))}


def totals(merged: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return the counts of each family over all parts that have run."""
    found: dict[str, dict[str, int]] = {}
    for one in merged["ran"].values():
        for name, counts in one["families"].items():
            row = found.setdefault(name, dict.fromkeys(counts, 0))
            for key, value in counts.items():
                row[key] = max(row[key], value) if key == "refusable" else row[key] + value
    return found


def table(kind: str, merged: dict[str, Any]) -> str:
    """Return one kind's merged campaign as text."""
    this, rows = merged["campaign"], totals(merged)
    lines = [
        f"== soak of made questions, {kind}: seed {this['seed']}, {merged['share']}, {this['questions_a_family']:,} a family",
        f"{'family':<42}{'asked':>9}{'right':>9}{'unverified':>12}{'passed on':>11}{'refused':>9}{'wrong':>7}",
    ]
    for name, row in rows.items():
        lines.append(
            f"{name:<42}{row['asked']:>9,}{row['right']:>9,}{row['unverified']:>12,}{row['passed_on']:>11,}"
            f"{row['refused']:>9,}{row['wrong']:>7,}"
        )
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
