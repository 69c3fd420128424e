"""`make soak ARGS="--only patch-faults"` and `"--only patch-kills"`: the long forms of what tests of patches take a sample of.

    make soak ARGS="--only patch-faults --seed 7 --lanes 2 --part 1/8"     one part; run the others when you like
    make soak ARGS="--only patch-kills --seed 7 --seeds 200000"

`patch-faults` has each system call of each story of `tests/patch_stories.py` fail with EIO, with ENOSPC, and be where its
process is killed, in an order that the seed gives. `patch-kills` kills the one who applies patches to a toy under load at each
of its system calls, or has those fail; kills it or the supervisor at any moment; has simulated worlds live through crashes,
one a seed; and lets fifty submit patches at once from two processes. Each is a campaign of its own in
results/soak_patches.json. The exit status is 1 if a mix was seen, something did not end by itself, or one patch more than the
limit was taken.
"""

import asyncio
import collections
import concurrent.futures
import functools
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import campaigns
import figures

sys.path.append(str(figures.ROOT / "tests"))
import patch_faults
import patch_stories
import patch_world
import quota_rush
import toy_killed

RESULT = Path(__file__).resolve().parent / "results" / "soak_patches.json"
FAULTS, KILLS = "patch-faults", "patch-kills"
SEEDS, RANDOM_KILLS = 200_000, 200
QUICK_SEEDS, QUICK_KILLS = 500, 4
KINDS = ("good", "lame", "bad")
# A job of simulated worlds, which take a millisecond or two each, and one of faults, a second or three.
_SEEDS_A_JOB, _POINTS_A_JOB = 1_000, 50

Job = Callable[[], dict[str, Any]]


def campaign(options: Any, name: str) -> int:
    """Run this part of a campaign, merge, print; return the exit status. `options` are those of soak.py."""
    part, parts = (1, 1) if options.quick else options.part
    this: dict[str, Any] = {"seed": options.seed, "parts": parts}
    if name == KILLS:
        this |= {"seeds": options.seeds or (QUICK_SEEDS if options.quick else SEEDS)}
        this |= {"random_kills": QUICK_KILLS if options.quick else RANDOM_KILLS}
    run = _run_faults if name == FAULTS else functools.partial(_run_kills, this=this)
    merged = campaigns.gather(
        RESULT, this, (part, parts), lambda: run(options, part, parts), quick=options.quick, under=name
    )
    print((faults_table if name == FAULTS else kills_table)(merged))
    campaigns.write_json(options.json, merged, f"-{name}")
    return 1 if any(one["violations"] for one in merged["ran"].values()) else 0


def _all(lanes: int, jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Run jobs in so many processes; return what each found, in the order of the jobs."""
    with concurrent.futures.ProcessPoolExecutor(lanes) as pool:
        running = [pool.submit(job) for job in jobs]
        for count, one in enumerate(concurrent.futures.as_completed(running), 1):
            print(f"[{time.strftime('%H:%M:%S')}] {count} of {len(jobs)}", file=sys.stderr, flush=True)
            for line in one.result()["violations"]:
                print(f"VIOLATION: {line}", flush=True)
        return [one.result() for one in running]


# Faults


def _run_faults(options: Any, part: int, parts: int) -> dict[str, Any]:
    begun, began_s = figures.circumstances(), time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(options.lanes) as pool:
        found = dict(zip(patch_stories.STORIES, pool.map(_points, patch_stories.STORIES), strict=True))
    points = [point for name in found for point in found[name]]
    random.Random(options.seed).shuffle(points)
    chosen = points[part - 1 :: parts]
    if options.quick:
        chosen = [point for name in found for point in patch_faults.sample(found[name], options.seed)]
    jobs = []
    for name in found:
        mine = [point for point in chosen if point.story == name]
        jobs += [
            functools.partial(_hurt, name, mine[at : at + _POINTS_A_JOB]) for at in range(0, len(mine), _POINTS_A_JOB)
        ]
    rows = {name: {"calls": len(found[name]), "points": 0, "before": 0, "after": 0} for name in found}
    violations: list[str] = []
    for one in _all(options.lanes, jobs):
        for key in ("points", "before", "after"):
            rows[one["story"]][key] += one[key]
        violations += one["violations"]
    return {
        **begun,
        "wall_s": round(time.monotonic() - began_s, 1),
        "stories": rows,
        "faults": dict(collections.Counter(point.fault for point in chosen)),
        "calls": dict(collections.Counter(point.call for point in chosen).most_common()),
        "violations": violations,
    }


def _points(name: str) -> list[patch_faults.Point]:
    with tempfile.TemporaryDirectory(prefix="council-") as folder:
        return patch_faults.Rig(patch_stories.STORIES[name], Path(folder)).points()


def _hurt(name: str, points: Sequence[patch_faults.Point]) -> dict[str, Any]:
    tally = patch_faults.Tally()
    with tempfile.TemporaryDirectory(prefix="council-") as folder:
        rig = patch_faults.Rig(patch_stories.STORIES[name], Path(folder))
        for point in points:
            rig.hurt(point, tally)
    return {
        "story": name,
        "points": tally.points,
        "before": tally.before,
        "after": tally.after,
        "violations": tally.violations,
    }


def faults_table(merged: dict[str, Any]) -> str:
    """Return the merged campaign as text."""
    rows = story_rows(merged)
    lines = [
        f"== soak of patches, faults at system calls: seed {merged['campaign']['seed']}, {merged['share']}",
        f"{'story':<34}{'points':>8}{'of':>8}{'the base stood':>16}{'the target stood':>18}",
    ]
    for name, row in rows.items():
        lines.append(f"{name:<34}{row['points']:>8,}{row['calls']:>8,}{row['before']:>16,}{row['after']:>18,}")
    points, calls = (sum(row[key] for row in rows.values()) for key in ("points", "calls"))
    violations = [line for one in merged["ran"].values() for line in one["violations"]]
    share = f"{100 * points / max(calls, 1):.1f} %"
    return "\n".join(
        [*lines, f"points: {points:,} of {calls:,} ({share})", f"violations: {len(violations)}", *violations]
    )


def story_rows(merged: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return the counts of each story over all parts that have run; `calls` is how many points there are."""
    rows: dict[str, dict[str, int]] = {}
    for one in merged["ran"].values():
        for name, counts in one["stories"].items():
            row = rows.setdefault(name, dict.fromkeys(counts, 0))
            for key, value in counts.items():
                row[key] = max(row[key], value) if key == "calls" else row[key] + value
    return rows


# Kills, worlds and crowds


def _run_kills(options: Any, part: int, parts: int, this: dict[str, Any]) -> dict[str, Any]:
    begun, began_s = figures.circumstances(), time.monotonic()
    seed = options.seed * 1_000 + part
    rounds = range(1) if options.quick else range(part - 1, quota_rush.ROUNDS, parts)
    kills = this["random_kills"] // parts + (part <= this["random_kills"] % parts)
    first, last = (options.seed * 1_000_000_000 + this["seeds"] * at // parts for at in (part - 1, part))
    jobs: list[Job] = [
        *(functools.partial(_killed_at_calls, kind, part, parts, 3 if options.quick else None) for kind in KINDS),
        functools.partial(_killed_at_any_moment, seed, kills),
        *(functools.partial(_rushed, kind, options.seed, rounds) for kind in quota_rush.KINDS),
        *(
            functools.partial(_lived, at, min(at + _SEEDS_A_JOB, last))
            for at in range(first, last, _SEEDS_A_JOB)
        ),
    ]  # fmt: skip
    found = _all(options.lanes, jobs)
    mended_s = [time_s for one in found for time_s in one.get("mended_s", [])]
    return {
        **begun,
        "wall_s": round(time.monotonic() - began_s, 1),
        "kills": {one["kind"]: one["kills"] for one in found if "kills" in one},
        "mended_s": [round(time_s, 2) for time_s in mended_s],
        "crowds": {one["crowd"]: one["rounds"] for one in found if "crowd" in one},
        "taken": sum(one.get("taken", 0) for one in found),
        "submitted": sum(one.get("submitted", 0) for one in found),
        "worlds": sum(one.get("worlds", 0) for one in found),
        "patches": sum(one.get("patches", 0) for one in found),
        "violations": [line for one in found for line in one["violations"]],
    }


def _killed_at_calls(kind: str, part: int, parts: int, most: int | None) -> dict[str, Any]:
    """Kill the one who applies a patch of this kind at each call that is this part's, or have that fail, under load."""
    with tempfile.TemporaryDirectory(prefix="council-") as folder:
        toy = toy_killed.Toy(Path(folder))
        try:
            return asyncio.run(_kill_each(toy, kind, part, parts, most))
        finally:
            toy.close()


async def _kill_each(toy: toy_killed.Toy, kind: str, part: int, parts: int, most: int | None) -> dict[str, Any]:
    places = await asyncio.to_thread(toy_killed.calls_of, toy, kind)
    chosen = places[part - 1 :: parts][:most]
    outcomes: collections.Counter[str] = collections.Counter()
    violations: list[str] = []

    def work() -> None:
        for inject in chosen:
            try:
                outcomes[toy.apply(kind, inject)] += 1
            except AssertionError as error:
                violations.append(f"{kind}, {inject}: {error}"[:500])
                return

    await toy.under_load(asyncio.ensure_future(asyncio.to_thread(work)))
    violations += [f"{kind}: {line}"[:500] for line in toy.failures]
    if toy.killed != len(chosen) and not violations:
        violations.append(f"{kind}: {toy.killed} of {len(chosen)} were ended")
    counts = {"places": len(places), "killed": toy.killed, "asked": sum(toy.asked.values()), **outcomes}
    return {"kind": kind, "kills": counts, "violations": violations}


def _killed_at_any_moment(seed: int, rounds: int) -> dict[str, Any]:
    mended_s: list[float] = []
    violations: list[str] = []
    with tempfile.TemporaryDirectory(prefix="council-") as folder:
        toy = toy_killed.Toy(Path(folder))
        try:
            mended_s = asyncio.run(toy_killed.kill_some(toy, rounds, random.Random(seed)))
        except AssertionError as error:
            violations.append(f"killed at any moment, seed {seed}: {error}"[:500])
        finally:
            toy.close()
    return {"mended_s": mended_s, "violations": violations}


def _rushed(kind: str, seed: int, rounds: range) -> dict[str, Any]:
    """Let a crowd submit, round by round."""
    violations, taken, submitted = [], 0, 0
    for number in rounds:
        with tempfile.TemporaryDirectory(prefix="council-") as folder:
            records = quota_rush.rush(Path(folder) / "lineage", seed * 1_000 + number, kind)
        violations += [f"{kind}, round {number}: {line}" for line in quota_rush.problems(records, kind)]
        submitted += len(records)
        taken += sum("phase" in one for one in records)
    return {
        "crowd": kind, "rounds": len(rounds), "taken": taken, "submitted": submitted, "violations": violations,
    }  # fmt: skip


def _lived(first: int, last: int) -> dict[str, Any]:
    """Have the worlds of these seeds live through their crashes."""
    violations, patches = [], 0
    for seed in range(first, last):
        try:
            patches += patch_world.live_through(seed)
        except (AssertionError, ValueError) as error:
            violations.append(f"world of seed {seed}: {error}"[:500])
    return {"worlds": last - first, "patches": patches, "violations": violations}


def kills_table(merged: dict[str, Any]) -> str:
    """Return the merged campaign as text."""
    this, ran = merged["campaign"], list(merged["ran"].values())
    lines = [f"== soak of patches, kills, crashes and crowds: seed {this['seed']}, {merged['share']}"]
    for kind in KINDS:
        counts = kill_counts(merged, kind)
        ends = ", ".join(f"{name} {counts[name]}" for name in sorted(counts.keys() - {"places", "killed", "asked"}))
        lines.append(
            f"{kind:<6}ended at {counts['killed']} of {counts['places']} places: {ends}; {counts['asked']:,} asked"
        )
    mended_s = [time_s for one in ran for time_s in one["mended_s"]]
    if mended_s:
        p50, p99 = (figures.quantile(mended_s, share) for share in (0.5, 0.99))
        lines.append(
            f"killed at any moment {len(mended_s)} times, mended in p50 {p50:.2f} s, p99 {p99:.2f} s, max {max(mended_s):.2f} s"
        )
    crowds = sum((collections.Counter(one["crowds"]) for one in ran), collections.Counter())
    rounds = ", ".join(f"{name} {count}" for name, count in crowds.items())
    lines.append(
        f"crowds of {quota_rush.AT_ONCE}: {rounds}; {sum(one['taken'] for one in ran)} taken of "
        f"{sum(one['submitted'] for one in ran):,}"
    )
    lines.append(
        f"worlds: {sum(one['worlds'] for one in ran):,} of {this['seeds']:,}, {sum(one['patches'] for one in ran):,} patches"
    )
    violations = [line for one in ran for line in one["violations"]]
    return "\n".join([*lines, f"violations: {len(violations)}", *violations])


def kill_counts(merged: dict[str, Any], kind: str) -> collections.Counter[str]:
    """Return what came of the kills of one kind over all parts that have run; `places` is how many there are."""
    found: collections.Counter[str] = collections.Counter()
    for one in merged["ran"].values():
        places = max(found["places"], one["kills"][kind]["places"])
        found.update(one["kills"][kind])
        found["places"] = places
    return found
