"""`make soak ARGS="--only dashboard"`: a dashboard that stays open in a real browser, and what fifty cost the gateway.

    make soak ARGS="--only dashboard"                       half an hour
    make soak ARGS="--only dashboard --duration 600"        ten minutes
    make soak ARGS="--only dashboard --quick"               a minute, nothing kept: growth is told and not judged

One page has answers streamed on and on, goes through the views and deletes what was said, another shows Health all the while:
ui/browser/stay.mjs. After each round, garbage collected, heap, nodes and listeners are counted; Theil and Sen's slope over what
comes after the warm-up says by how much they grow in half an hour. Then fifty clients ask what fifty open dashboards ask, and
the gateway's CPU is held against that without them, in pairs. Figures and their bounds are in results/dashboard.json; the exit
status is 1 if one is missed.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

import browsers
import councils
import figures
import linux
import readme
from council import care_app
from council.domain import home as home_module

NAME = "dashboard"
RESULT = Path(__file__).resolve().parent / "results" / "dashboard.json"
LONG_S, QUICK_S = 1800.0, 60.0
OPEN = 50
GATEWAY_PERCENT_MAX = 5.0
# What a page may grow by in half an hour: heap in MB, nodes, listeners.
GROWTH_MAX = {"heap_bytes": 2e6, "nodes": 200.0, "listeners": 20.0}
_SHOWN = {
    "heap_bytes": ("heap", "MB", 1e6),
    "nodes": ("nodes", "nodes", 1.0),
    "listeners": ("listeners", "listeners", 1.0),
}
_HALF_HOUR_S = 1800.0
# Until then the page keeps what it has asked for, and code is compiled better; at most half of the time.
_WARM_UP_S = 360.0
_SAMPLES_MIN = 6
# As long as the rarest of what is asked, so that each dashboard asks all of it once.
_PAIRS, _HALF_S, _QUICK_HALF_S = 2, 60.0, 8.0
_SETTLE_S = 3.0
_PORT_AWAY = 940
# What Health asks beside the stream, and how often, seconds: ui/src/api/queries.ts.
_ASKED = {"/api/gates/history?range=1h": 60.0, "/api/incidents?limit=20": 30.0, "/api/changes?limit=5": 30.0}


def campaign(options: argparse.Namespace) -> int:
    """Run it, keep and print the figures; return the exit status. `options` are those of soak.py."""
    reason = browsers.missing()
    if reason:
        print(f"The dashboard is not measured: {reason}", file=sys.stderr)
        return 1
    began, started_s = figures.circumstances(), time.monotonic()
    try:
        rows = _run(options)
    except (browsers.WentWrongError, councils.NotReadyError) as error:
        print(f"VIOLATION: {error}", flush=True)
        return 1
    print(figures.table(NAME, rows))
    load = {"load_average_end": figures.circumstances()["load_average"]}
    took = {"took_s": round(time.monotonic() - started_s)}
    told = {"part": NAME, **began, **load, **took, "rows": figures.as_json(rows)}
    if not options.quick:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(told, indent=1) + "\n")
        readme.write()
    if options.json is not None:
        options.json.with_stem(f"{options.json.stem}-{NAME}").write_text(json.dumps(told, indent=1) + "\n")
    return 1 if any(row.verdict == "MISSED" for row in rows) else 0


def _run(options: argparse.Namespace) -> list[figures.Row]:
    duration_s = options.duration or (QUICK_S if options.quick else LONG_S)
    port = options.port + _PORT_AWAY
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", port)
        with councils.running(where, port):
            around = councils.environment(COUNCIL_HOME=str(where.root), COUNCIL_PORT=str(port))
            made = subprocess.run([*councils.COMMAND, "login", "--json"], env=around, check=True, capture_output=True)
            url = f"http://127.0.0.1:{port}"
            wish = {"url": url, "link": json.loads(made.stdout)["link"], "duration_s": duration_s}
            rows = grown(browsers.lines("stay.mjs", wish, around, _tell), duration_s)
            return rows + asyncio.run(_fifty(where, url, _QUICK_HALF_S if options.quick else _HALF_S))


def _tell(sample: Mapping[str, Any]) -> None:
    told = ", ".join(f"{sample[key] / scale:.2f} {unit}" for key, (_, unit, scale) in _SHOWN.items())
    print(
        f"[{time.strftime('%H:%M:%S')}] {sample['at_s']} s, round {sample['round']}, {sample['page']}: {told}",
        file=sys.stderr,
        flush=True,
    )


# Growth


def grown(samples: Sequence[Mapping[str, Any]], duration_s: float) -> list[figures.Row]:
    """Return by how much each page grew in half an hour; without a figure where too few rounds came after the warm-up."""
    from_s = min(_WARM_UP_S, duration_s / 2)
    rows = []
    for page in sorted({str(one["page"]) for one in samples}):
        settled = [one for one in samples if one["page"] == page and one["at_s"] >= from_s]
        for key, (what, unit, scale) in _SHOWN.items():
            values = [one[key] / scale for one in settled]
            growth = None
            if len(settled) >= _SAMPLES_MIN:
                growth = slope([one["at_s"] for one in settled], values) * _HALF_HOUR_S
            rows.append(
                figures.Row(
                    f"{page}: {what}, growth in half an hour",
                    figures.OURS,
                    growth,
                    unit,
                    GROWTH_MAX[key] / scale,
                    len(settled),
                    note=_course(values) if growth is not None else "too few rounds to say",
                )
            )
    return rows


def slope(at_s: Sequence[float], values: Sequence[float]) -> float:
    """Return Theil and Sen's slope, the median of the slopes of all pairs, a second."""
    pairs = itertools.combinations(zip(at_s, values, strict=True), 2)
    return statistics.median(
        (later - earlier) / (end - start) for (start, earlier), (end, later) in pairs if end > start
    )


def _course(values: Sequence[float]) -> str:
    return f"from {figures.short(values[0])} to {figures.short(values[-1])}, at most {figures.short(max(values))}"


# Fifty at once


async def _fifty(where: home_module.Home, url: str, half_s: float) -> list[figures.Row]:
    added: dict[str, list[float]] = {"gateway": [], "watcher": []}
    idle: list[float] = []
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(url, cookie_jar=jar, connector=aiohttp.TCPConnector(limit=0)) as session:
        token = where.token_file.read_text().strip()
        async with session.post("/api/login", json={"token": token}) as answer:
            assert answer.status == 200, await answer.text()
        for pair in range(_PAIRS):
            without = await _costs(where, half_s)
            ending = asyncio.Event()
            open_ones = [asyncio.create_task(_dashboard(session, place, ending)) for place in range(OPEN)]
            await asyncio.sleep(_SETTLE_S)
            costs = await _costs(where, half_s)
            ending.set()
            told = await asyncio.gather(*open_ones)
            assert all(told), "a dashboard was told nothing"
            idle.append(without["gateway"])
            for name, values in added.items():
                values.append(costs[name] - without[name])
            print(
                f"[{time.strftime('%H:%M:%S')}] pair {pair + 1}: the gateway took {without['gateway']:.2f} % without and "
                f"{costs['gateway']:.2f} % with {OPEN}, {sum(told)} events",
                file=sys.stderr,
                flush=True,
            )
    shown = f"{OPEN} dashboards on Health"
    return [
        figures.median(
            f"{shown}: CPU of the gateway added", figures.OURS, added["gateway"], "% of a core", GATEWAY_PERCENT_MAX
        ),
        figures.median(f"{shown}: CPU of the watcher added", figures.OURS, added["watcher"], "% of a core"),
        figures.median("no dashboard: CPU of the gateway", figures.OURS, idle, "% of a core"),
    ]


async def _costs(where: home_module.Home, wall_s: float) -> dict[str, float]:
    """Return what share of a core, in percent, gateway and watcher take over a time."""
    rows = await care_app.runtime(where).status()
    pids = {one.name: one.pid for one in rows if one.name in ("gateway", "watcher") and one.pid is not None}
    before, began_s = {name: linux.cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
    await asyncio.sleep(wall_s)
    took_s = time.monotonic() - began_s
    return {name: (linux.cpu_s(pid) - before[name]) / took_s * 100 for name, pid in pids.items()}


async def _dashboard(session: aiohttp.ClientSession, place: int, ending: asyncio.Event) -> int:
    """Ask what a page on Health asks until the end; return how many events its stream told."""
    heard = asyncio.create_task(_stream(session, ending))
    asking = [
        asyncio.create_task(_now_and_then(session, path, every_s, place / OPEN)) for path, every_s in _ASKED.items()
    ]
    await ending.wait()
    for one in asking:
        one.cancel()
    ended = await asyncio.gather(heard, *asking, return_exceptions=True)
    for problem in ended:
        if isinstance(problem, BaseException) and not isinstance(problem, asyncio.CancelledError):
            raise problem
    return heard.result()


async def _stream(session: aiohttp.ClientSession, ending: asyncio.Event) -> int:
    events = 0
    headers = {"accept": "text/event-stream"}
    async with session.get("/api/live", headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as answer:
        assert answer.status == 200, await answer.text()
        end = asyncio.create_task(ending.wait())
        while not ending.is_set():
            part = asyncio.ensure_future(answer.content.readany())
            await asyncio.wait({part, end}, return_when=asyncio.FIRST_COMPLETED)
            if not part.done():
                part.cancel()
                break
            if not (got := part.result()):
                break
            events += got.count(b"event: live")
        end.cancel()
    return events


async def _now_and_then(session: aiohttp.ClientSession, path: str, every_s: float, share: float) -> None:
    """Ask at once, as a page that opens, and then in turn; `share` spreads them over the first time."""
    await asyncio.sleep(share * min(every_s, _SETTLE_S))
    while True:
        async with session.get(path) as answer:
            assert answer.status == 200, await answer.text()
            await answer.read()
        await asyncio.sleep(every_s)
