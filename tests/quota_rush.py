"""Many who submit patches at once, from two processes, and what the journal must come to: the limit and not one more.

    python quota_rush.py FOLDER NUMBER SEED KIND COUNT

is one of the processes: it waits for a line, then submits `COUNT` patches from as many threads, each by a clock that KIND and
SEED say. Between the look at the records and the record of its own a patch holds the journal, as whoever takes patches must.
"""

import contextlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from council.domain import authz, errors
from council.upkeep.patchctl import journal
from council.upkeep.patchctl.core import quota

AT_ONCE = 50
ROUNDS = 20
DAY_S = quota.DAY_S
NOON_S = 20_000 * DAY_S + DAY_S // 2
LIMIT_S = 120.0
BOTS_DAILY, TUNER_DAILY = 3, 2
TUNER = authz.Signer("a" * 40, "tuner", authz.Kind.BOT, ("prompts/**",), (), TUNER_DAILY)
MENDER = authz.Signer("b" * 40, "mender", authz.Kind.BOT, ("prompts/**",), (), None)
POLICY = authz.Policy(signers={one.fingerprint: one for one in (TUNER, MENDER)}, bots_daily=BOTS_DAILY)
# What the clocks of those who submit say; "killed" is a day on which one of the processes ends in the middle.
KINDS = ("one day", "across midnight", "clock set back", "clock that ran ahead", "killed")
# One of the processes lives in another zone: days are UTC.
_ZONES = ("UTC", "Pacific/Kiritimati")


def clock(kind: str, draw: random.Random) -> int:
    """Return the Unix time that somebody's clock shows."""
    match kind:
        case "across midnight":
            return NOON_S + DAY_S // 2 + draw.randint(-3, 2)
        case "clock set back":
            return NOON_S - draw.choice([0, 0, DAY_S])
        case "clock that ran ahead":
            return NOON_S + draw.choice([0, 0, 0, DAY_S])
    return NOON_S + draw.randint(0, 60)


def submit(folder: Path, digest: str, signer: authz.Signer, now: int) -> bool:
    """Take a patch if the quota has room for it, and put what became of it on record; return whether it was taken."""
    row = {"patch": digest, "at": now, "signer": signer.fingerprint, "kind": signer.kind.value}
    with contextlib.closing(journal.Journal.open_at(folder, wait_s=LIMIT_S)) as book:
        try:
            quota.check(quota.Tally(book.records).used(now), signer, POLICY, now)
        except errors.PatchRefusedError as error:
            book.append({"refused": error.reason, **row})
            return False
        book.append({"phase": "staging", **row})
        return True


def _submit_all(folder: Path, number: int, seed: int, kind: str, count: int) -> None:
    draw = random.Random(f"{seed} {number}")
    ready = threading.Barrier(count + 1)
    told = threading.Event()

    def one(digest: str, signer: authz.Signer, now: int) -> None:
        ready.wait()
        told.wait()
        submit(folder, digest, signer, now)

    threads = [
        threading.Thread(
            target=one, args=(f"{number * 1000 + place:064x}", draw.choice([TUNER, MENDER]), clock(kind, draw))
        )
        for place in range(count)
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    told.set()
    for thread in threads:
        thread.join()


def rush(folder: Path, seed: int, kind: str, at_once: int = AT_ONCE) -> list[dict[str, Any]]:
    """Have two processes submit at once; return what the journal holds then, in its order."""
    running = [
        subprocess.Popen(
            [sys.executable, __file__, str(folder), str(number), str(seed), kind, str(at_once // 2)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "TZ": _ZONES[number]},
        )
        for number in range(2)
    ]  # fmt: skip
    try:
        for one in running:
            assert one.stdout is not None and one.stdout.readline() == b"ready\n"
        for one in running:
            assert one.stdin is not None
            one.stdin.write(b"\n")
            one.stdin.flush()
        if kind == "killed":
            _wait_for_records(folder, at_once // 4)
            running[0].kill()
        ended = [one.wait(LIMIT_S) for one in running]
    finally:
        for one in running:
            one.kill()
            one.communicate()
    assert ended[1] == 0 and (ended[0] == 0 or kind == "killed"), ended
    with contextlib.closing(journal.Journal.open_at(folder, wait_s=0.0)) as book:
        return [dict(one) for one in book.records]


def _wait_for_records(folder: Path, count: int) -> None:
    """Return once the journal holds so many, or nearly all have come."""
    ended = threading.Event()
    for _ in range(100_000):
        with contextlib.suppress(errors.JournalError, OSError):
            if len(journal.read(folder)) >= count:
                return
        ended.wait(0.001)
    raise AssertionError("nobody submitted")


def problems(records: Sequence[dict[str, Any]], kind: str, at_once: int = AT_ONCE) -> list[str]:
    """Return what is wrong: each of them, in the order of the journal, must have been taken while there was room, else not.

    The day is the latest that any before it was taken on, or its own. It is counted here by other means than `quota`.
    """
    found = []
    day, taken = 0, {TUNER.fingerprint: 0, MENDER.fingerprint: 0}
    for place, one in enumerate(records, 1):
        own_day = one["at"] // DAY_S
        counts = taken if own_day <= day else dict.fromkeys(taken, 0)
        room = sum(counts.values()) < BOTS_DAILY and (
            one["signer"] == MENDER.fingerprint or counts[TUNER.fingerprint] < TUNER_DAILY
        )
        if room != ("phase" in one):
            found.append(
                f"record {place} was {'taken' if 'phase' in one else 'refused'} at {sum(counts.values())} of its day"
            )
        # Whatever was written down moves the day on, refusals too: time that was seen does not come again.
        day, taken = max(day, own_day), counts
        if "phase" in one:
            taken[one["signer"]] += 1
    digests = {one["patch"] for one in records}
    if len(digests) != len(records) or (len(records) != at_once and kind != "killed"):
        found.append(f"{len(records)} records of {len(digests)} patches stand for {at_once}")
    if kind in ("one day", "killed") and (count := sum("phase" in one for one in records)) != BOTS_DAILY:
        found.append(f"{count} patches were taken")
    return found


if __name__ == "__main__":
    _submit_all(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
