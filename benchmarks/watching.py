"""What it costs to be watched: the gateway that is scraped against one that is not, and reading a process of 4 GB from outside.

Pairs alternate, and each half answers for as long: one without a scrape, one that is scraped twenty times as often as by the
watcher; a twentieth of what that adds is told, since one scrape is far below what answering swings by. What it takes by itself
is told too: the CPU of many scrapes in a row.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import aiohttp
import orjson

import councils
import figures
import linux
import request_costs
from council.kit import reading
from council.upkeep.sentinels import house

PAIRS = 8
HALF_S = 10.0
# As `watch.interval_s` is shipped; a Prometheus beside it asks a third as often.
SCRAPE_EVERY_S = 5.0
MORE_OFTEN = 20
SCRAPES = 300
CLIENTS = 4
LARGE_BYTES = 4_000_000_000
_LARGE = """
import sys
held = bytearray(int(sys.argv[1]))
for place in range(0, len(held), 4096):
    held[place] = 1
print(flush=True)
sys.stdin.read()
"""

Say = Callable[[str], None]


def run(port: int, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    rows = _from_outside(say)
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", port)
        with request_costs.gateway(where, port) as (ours, _):
            rows += asyncio.run(_scraped(ours, say))
    return rows


async def _scraped(subject: request_costs.Subject, say: Say) -> list[figures.Row]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {subject.key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        await _half(session, subject, HALF_S / 2, None)
        added: list[float] = []
        for place in range(PAIRS):
            # The first of a pair is the second of the next, so that what slows down over time slows both.
            often_s = SCRAPE_EVERY_S / MORE_OFTEN
            order = (None, often_s) if place % 2 else (often_s, None)
            costs = {every: await _half(session, subject, HALF_S, every) for every in order}
            added.append((costs[often_s] / costs[None] - 1) * 100 / MORE_OFTEN)
            say(f"watching: pair {place + 1}: {costs[None]:.0f} and, scraped, {costs[often_s]:.0f} us a request")
        before_s = linux.cpu_s(subject.pids[0])
        for _ in range(SCRAPES):
            await _scrape(session, subject)
        scrape_ms = (linux.cpu_s(subject.pids[0]) - before_s) / SCRAPES * 1000
    return [
        figures.median("gateway: CPU added by being scraped each 5 s", figures.OURS, added, "%", 2.0),
        figures.Row("gateway: CPU of one scrape", figures.OURS, scrape_ms, "ms", samples=SCRAPES),
        figures.Row(
            "gateway: share of a core, scraped each 5 s",
            figures.OURS,
            scrape_ms / SCRAPE_EVERY_S / 10,
            "%",
            2.0,
            SCRAPES,
        ),
    ]


async def _half(
    session: aiohttp.ClientSession, subject: request_costs.Subject, wall_s: float, every_s: float | None
) -> float:
    """Answer for a time, with a scrape now and then; return the microseconds of CPU a request."""
    before_s, until_s = linux.cpu_s(subject.pids[0]), time.perf_counter() + wall_s
    counts = await asyncio.gather(
        *(_client(session, subject, until_s) for _ in range(CLIENTS)),
        *([] if every_s is None else [_scraper(session, subject, until_s, every_s)]),
    )
    return (linux.cpu_s(subject.pids[0]) - before_s) / sum(counts) * 1e6


async def _client(session: aiohttp.ClientSession, subject: request_costs.Subject, until_s: float) -> int:
    done = 0
    while time.perf_counter() < until_s:
        asked = {"model": "council", "messages": [{"role": "user", "content": f"What is {done}% of 2,340?"}]}
        async with session.post(subject.url + "/v1/chat/completions", data=orjson.dumps(asked)) as answer:
            content = await answer.read()
            assert answer.status == 200, content[:300]
        done += 1
    return done


async def _scraper(
    session: aiohttp.ClientSession, subject: request_costs.Subject, until_s: float, every_s: float
) -> int:
    while time.perf_counter() < until_s:
        await _scrape(session, subject)
        await asyncio.sleep(max(0.0, min(every_s, until_s - time.perf_counter())))
    return 0


async def _scrape(session: aiohttp.ClientSession, subject: request_costs.Subject) -> None:
    async with session.get(subject.url + "/metrics") as answer:
        assert answer.status == 200, answer.status
        assert b"heap_mb{" in await answer.read()


def _from_outside(say: Say) -> list[figures.Row]:
    """Return what reading a large process costs who reads it, the kernel's share of it included."""
    subject = f"a process of {LARGE_BYTES / 1e9:.0f} GB"
    say(f"watching: {subject}")
    with subprocess.Popen(
        [sys.executable, "-c", _LARGE, str(LARGE_BYTES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin and child.stdout
        child.stdout.readline()
        who = reading.identity(child.pid)
        assert who is not None
        whole_ms = _cpu_ms(lambda: reading.read(who), 20)
        without_ms = _cpu_ms(lambda: reading.read(who, 0), 200)
        glance_ms = _cpu_ms(lambda: reading.heap_bytes(who), 500)
        child.stdin.close()
    # A minute: private pages once, the rest each fifteen seconds, memory alone between.
    glances = round(60 / house.GLANCE_S) - 4
    share = (
        statistics.median(whole_ms) + 3 * statistics.median(without_ms) + glances * statistics.median(glance_ms)
    ) / 600
    return [
        figures.median("reading: all of it", subject, whole_ms, "ms"),
        figures.median("reading: all but private pages", subject, without_ms, "ms"),
        figures.median("reading: its memory alone", subject, glance_ms, "ms"),
        figures.Row("reading: share of a core", subject, share, "%", 0.5, note="as the sentinel reads it"),
    ]


def _cpu_ms(look: Callable[[], object], times: int) -> list[float]:
    found = []
    for _ in range(times):
        before_s = time.process_time()
        look()
        found.append((time.process_time() - before_s) * 1000)
    return found
