"""What patches take on a whole Council: submitted to staged and verified, switched, applied, taken back; a flood of bad ones.

    make bench ARGS="--only patches_live"

All is asked over HTTP and followed by the events of patchctl, so that each figure holds what it takes to tell of it. The server
of models is scripted, the bake lasts as long as it does by default. The first patch of the bake is submitted no sooner than
ten minutes after the start of `council up`.
"""

import asyncio
import base64
import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import uvloop

import councils
import figures
import lean_client
import patch_councils
import patch_load
import soak_patches_live as live
from council.domain import home as home_module
from council.domain import patches

STAGED, BAKED = 20, 3
FILES, FILE_BYTES = 50, 10_000
RATE, FLOOD_S, FLOODING = 20.0, 15.0, 8
FIRST_AFTER_S = 600.0
STAGE_P95_MS, SWITCH_P95_MS, APPLIED_S = 500.0, 20.0, 300.0
REFUSAL_MS = 1000 / 300

Say = Callable[[str], None]


def run(port: int, seed: int, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    with councils.folder() as root:
        where, signer = patch_councils.prepare(root / "h", port, port + 10)
        started_s = time.monotonic()
        with patch_councils.serving(where, port, {}) as upstream:
            return uvloop.run(_Bench(where, port, upstream, signer, random.Random(seed), say).run(started_s))


class _Bench:
    """One Council under a light load."""

    def __init__(
        self,
        where: home_module.Home,
        port: int,
        upstream: str,
        signer: patch_councils.Signer,
        chance: random.Random,
        say: Say,
    ):
        self._where, self._port, self._signer, self._say = where, port, signer, say
        self._follower = patch_councils.Follower(where, port)
        self._stage = live.Stage(where, upstream, self._follower, chance)
        self._wrong = 0
        self._load = patch_load.Load(port, where.token_file.read_text().strip(), chance, RATE)

    async def run(self, started_s: float) -> list[figures.Row]:
        try:
            await self._stage.upstream_does(patch_load.BEHAVIOUR)
            async with self._load:
                self._say(f"patches_live: {STAGED} patches of {FILES} files are staged")
                rows = await self._staged()
                self._say(f"patches_live: bad patches come in for {FLOOD_S:g} s")
                rows += await self._flooded()
                wait_s = max(0.0, started_s + FIRST_AFTER_S - time.monotonic())
                self._say(f"patches_live: {BAKED} good and {BAKED} bad patches are baked, the first in {wait_s:.0f} s")
                await asyncio.sleep(wait_s)
                return [*rows, *await self._baked()]
        finally:
            await self._follower.close()

    def _many(self) -> patches.Submission:
        text = f"{random.getrandbits(64)} {'Answer shortly and to the point. ' * (FILE_BYTES // 33 + 1)}"[:FILE_BYTES]
        return self._signer.patch("Many", {f"prompts/extra-{number}.md": text.encode() for number in range(FILES)})

    async def _staged(self) -> list[figures.Row]:
        """Submit patches of many files, and take each back as soon as it is staged and read back."""
        took_ms = []
        for _ in range(STAGED):
            sent = await asyncio.to_thread(self._many)
            async with self._follower.following(sent) as way:
                while not way.row.get("outcome") and way.began("launching") is None:
                    await asyncio.sleep(0.005)
                await self._follower.roll_back("It was to be staged alone.")
            staged_s = way.began("launching")
            assert staged_s is not None, way
            took_ms.append((staged_s - way.submitted_s) * 1000)
        p95 = figures.quantile(took_ms, 0.95)
        note = f"{FILES} files of {FILE_BYTES} bytes over HTTP, {RATE:g} requests a second beside it"
        return [
            figures.median("live: submitted to staged and verified: p50", figures.OURS, took_ms, "ms", note=note),
            figures.Row(
                "live: submitted to staged and verified: p95", figures.OURS, p95, "ms", STAGE_P95_MS, len(took_ms)
            ),
        ]

    async def _flooded(self) -> list[figures.Row]:
        """Have bad patches come in over several connections while patchctl has one core, kind by kind."""
        pid = await self._follower.pid("patchctl")
        assert pid is not None
        _pin(pid, {max(os.sched_getaffinity(0))})
        good = self._signer.patch("Flood", {"prompts/flood.md": b"Answer in one word. " * 550})
        rows = []
        before_s = time.monotonic()
        await asyncio.sleep(FLOOD_S)
        calm = self._load.between(before_s, time.monotonic())
        flooded_s = time.monotonic()
        for kind, sent in self._signer.bad(good).items():
            statuses, took_s, lasted_s = await _flood(self._port + 1, sent, FLOOD_S)
            count = statuses.total()
            note = f"{count / lasted_s:.0f} a second over {FLOODING} connections, of {len(good.document)} bytes"
            assert set(statuses) == {422}, statuses
            each_ms = lasted_s * 1000 / count
            rows.append(
                figures.Row(f"live: refused: {kind}", figures.OURS, each_ms, "ms", REFUSAL_MS, count, note=note)
            )
            self._say(f"patches_live: {kind}: {note}; p95 {figures.quantile(took_s, 0.95) * 1000:.0f} ms")
        meanwhile = self._load.between(flooded_s, time.monotonic())
        failed = sum(one.is_bad for one in meanwhile)
        _pin(pid, os.sched_getaffinity(0))
        note = f"{failed} of {len(meanwhile)} requests failed; before it {figures.short(patch_load.p95_ms(calm))} ms"
        p95 = patch_load.p95_ms(meanwhile)
        return [*rows, figures.Row("live: p95 of requests during the flood", figures.OURS, p95, "ms", note=note)]

    async def _baked(self) -> list[figures.Row]:
        """Apply patches with the bake of every day, and have others turn bad in it."""
        good = [await self._one(live.GOOD[at % len(live.GOOD)]) for at in range(BAKED)]
        bad = [await self._one(live.BAD[1 + at % (len(live.BAD) - 2)]) for at in range(BAKED)]
        switch_ms = [1000 * row["phases_s"]["switching"] for row in (*good, *bad) if "switching" in row["phases_s"]]
        whole_s = [row["whole_s"] for row in good if row["outcome"] == "applied"]
        repair_s = [row["repair_s"] for row in bad if row["repair_s"] is not None]
        note = f"{len(whole_s)} of {len(good)} good ones, the first ten minutes after the start"
        return [
            figures.median("live: switch: p50", figures.OURS, switch_ms, "ms", note="record, pointer, all services"),
            _top("live: switch: p95", switch_ms, 0.95, "ms", SWITCH_P95_MS),
            _top("live: good patch, submitted to applied: longest", whole_s, 1.0, "s", APPLIED_S, note),
            _top("live: first bad response to the old generation: longest", repair_s, 1.0, "s", live.REPAIR_P99_S),
            figures.Row("live: patches that went wrong", figures.OURS, self._wrong, "patches", 0, len(good) + len(bad)),
        ]

    async def _one(self, kind: live.Kind) -> dict[str, Any]:
        row, _, wrong = await live.one(self._stage, kind, self._signer, self._load)
        self._say(f"patches_live: {live.told(row)}")
        for line in wrong:
            self._say(f"patches_live: WRONG: {kind.name}: {line}")
        self._wrong += bool(wrong)
        return row


def _top(figure: str, values: Sequence[float], share: float, unit: str, target: float, note: str = "") -> figures.Row:
    value = figures.quantile(values, share) if values else None
    return figures.Row(figure, figures.OURS, value, unit, target, len(values), note=note)


async def _flood(port: int, sent: patches.Submission, for_s: float) -> tuple[Counter[int], list[float], float]:
    """Submit the same over and over; return how often each status came, how long each took, and how long all lasted."""
    body = {
        name: base64.b64encode(raw).decode() for name, raw in (("patch", sent.document), ("signature", sent.signature))
    }
    asked = lean_client.request("/apply", orjson.dumps(body), {})
    statuses: Counter[int] = Counter()
    took_s: list[float] = []
    began_s = time.monotonic()

    async def go_on() -> None:
        connection = lean_client.Connection()
        while time.monotonic() - began_s < for_s:
            took_s.append(await connection.ask(port, asked))
            statuses[connection.status] += 1
        connection.close()

    await asyncio.gather(*(go_on() for _ in range(FLOODING)))
    return statuses, took_s, time.monotonic() - began_s


def _pin(pid: int, cores: set[int]) -> None:
    """Have every thread of a process run on these cores."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)
