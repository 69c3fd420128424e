"""What a request costs beside the model: time added at one client, CPU at 32, against the peers with one fake upstream.

The upstream says 32 words at once. A gateway's added latency is its p50 less the p50 of the upstream asked directly. Its
CPU is that of its own process tree (the load generator and the upstream are other processes), so it holds on a busy machine
too; requests a second are bounded by the load generator and are lower bounds.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import orjson
import uvloop

import councils
import figures
import linux
from council.backends.store import bundled
from council.domain import home as home_module
from peers import processes

CLIENTS = 32
ALONE_REQUESTS = 300
TOGETHER_S = 5.0
ROUNDS = 2
_MATH = "What is 17% of 2,340?"

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """Somebody to ask. `pids` are those whose CPU counts."""

    name: str
    url: str
    key: str
    model: str
    pids: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Load:
    """What one kind of request measured: milliseconds at one client, rate and CPU at 32."""

    p50_ms: float
    p99_ms: float
    requests_a_second: float
    cpu_us: tuple[float, ...]


def run(port: int, with_peers: bool, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", port)
        with gateway(where, port) as (ours, worker):
            rows = _math(ours, worker, say)
            with _peers(folder, port, with_peers, say) as (peers, missing):
                rows += _general([_upstream(port), ours, *peers], say)
    return rows + missing


@contextlib.contextmanager
def gateway(where: home_module.Home, port: int) -> Iterator[tuple[Subject, int]]:
    """The real gateway with store, worker and recall, and the fake upstream in the model's place."""
    table = councils.service_specs(where, port)
    with contextlib.ExitStack() as stack:
        stack.callback(processes.upstream(port + 5).close)
        started = {}
        for name in ("store", "worker", "recall", "gateway"):
            started[name] = councils.start_service(where, table[name])
            stack.callback(started[name].close)
        councils.until_socket(bundled.socket(where))
        for name in ("worker", "recall", "gateway"):
            started[name].until_ready()
        token = where.token_file.read_text().strip()
        gateway = started["gateway"].pid
        yield Subject(figures.OURS, f"http://127.0.0.1:{port}", token, "council", (gateway,)), started["worker"].pid


def _upstream(port: int) -> Subject:
    return Subject("upstream, asked directly", f"http://127.0.0.1:{port + 5}", "", "fake", ())


@contextlib.contextmanager
def _peers(folder: Path, port: int, wanted: bool, say: Say) -> Iterator[tuple[list[Subject], list[figures.Row]]]:
    found: list[Subject] = []
    missing: list[figures.Row] = []
    upstream = f"http://127.0.0.1:{port + 5}"
    starts: dict[str, Callable[[], processes.Peer]] = {
        processes.PASS_THROUGH: lambda: processes.pass_through(port + 1, upstream),
        processes.LITELLM: lambda: processes.litellm(port + 2, upstream, folder),
    }
    with contextlib.ExitStack() as stack:
        for name, start in starts.items() if wanted else ():
            say(f"requests: start {name}")
            try:
                peer = start()
            except processes.UnavailableError as error:
                missing.append(figures.Row("general, whole: added p50", name, None, "ms", note=str(error)))
                continue
            stack.callback(peer.close)
            found.append(Subject(name, peer.url, peer.key, "fake", (peer.pid,)))
        yield found, missing


def _math(ours: Subject, worker: int, say: Say) -> list[figures.Row]:
    subject = dataclasses.replace(ours, pids=(*ours.pids, worker))
    load = _best(subject, _body("council", _MATH, stream=False), say, "math")
    note = "no upstream: the whole answer, ledger row committed"
    return [
        figures.Row("math: p50 at 1 client", figures.OURS, load.p50_ms, "ms", samples=ALONE_REQUESTS, note=note),
        figures.Row("math: p99 at 1 client", figures.OURS, load.p99_ms, "ms", samples=ALONE_REQUESTS),
        figures.Row(f"math: answers a second, {CLIENTS} clients", figures.OURS, load.requests_a_second, "1/s"),
        figures.Row("math: CPU of the gateway", figures.OURS, load.cpu_us[0], "us/request"),
        figures.Row("math: CPU of the worker", figures.OURS, load.cpu_us[1], "us/request"),
    ]


def _general(subjects: list[Subject], say: Say) -> list[figures.Row]:
    rows: list[figures.Row] = []
    for kind, stream in (("whole", False), ("streamed", True)):
        direct_ms = 0.0
        for subject in subjects:
            model = "council/general" if subject.name == figures.OURS else subject.model
            load = _best(subject, _body(model, "Say some words.", stream=stream), say, f"general, {kind}")
            direct_ms = direct_ms or load.p50_ms
            rows += _general_rows(kind, subject, load, direct_ms)
    return sorted(rows, key=lambda row: row.figure)


def _general_rows(kind: str, subject: Subject, load: Load, direct_ms: float) -> list[figures.Row]:
    head = f"general, {kind}"
    rows = [
        figures.Row(f"{head}: p50 at 1 client", subject.name, load.p50_ms, "ms", samples=ALONE_REQUESTS),
        figures.Row(f"{head}: p99 at 1 client", subject.name, load.p99_ms, "ms", samples=ALONE_REQUESTS),
        figures.Row(f"{head}: answers a second, {CLIENTS} clients", subject.name, load.requests_a_second, "1/s"),
    ]
    if subject.pids:
        # Only Council asks its model for a stream when the caller wants the answer whole: a stream can be stopped.
        note = "the upstream streams to it" if kind == "whole" and subject.name == figures.OURS else ""
        added = load.p50_ms - direct_ms
        rows += [
            figures.Row(f"{head}: added p50 at 1 client", subject.name, added, "ms", samples=ALONE_REQUESTS, note=note),
            figures.Row(f"{head}: CPU of the gateway", subject.name, load.cpu_us[0], "us/request", note=note),
        ]
    return rows


def _body(model: str, text: str, *, stream: bool) -> bytes:
    return orjson.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]})


def _best(subject: Subject, body: bytes, say: Say, what: str) -> Load:
    """Return the round that cost the least: other work on the machine can only add."""
    rounds = [uvloop.run(_measure(subject, body)) for _ in range(ROUNDS)]
    best = Load(
        min(one.p50_ms for one in rounds),
        min(one.p99_ms for one in rounds),
        max(one.requests_a_second for one in rounds),
        tuple(min(values) for values in zip(*(one.cpu_us for one in rounds), strict=True)),
    )
    say(f"requests: {what}, {subject.name}: p50 {best.p50_ms:.2f} ms, {best.requests_a_second:,.0f}/s")
    return best


async def _measure(subject: Subject, body: bytes) -> Load:
    headers = {"content-type": "application/json", "authorization": f"Bearer {subject.key}"}
    url = subject.url + "/v1/chat/completions"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:
        for _ in range(20):
            await _ask(session, url, body)
        alone_ms = [await _ask(session, url, body) for _ in range(ALONE_REQUESTS)]
        before_s = [linux.cpu_s(pid) for pid in subject.pids]
        started_s = time.perf_counter()
        counts = await asyncio.gather(*(_client(session, url, body, started_s + TOGETHER_S) for _ in range(CLIENTS)))
        wall_s, done = time.perf_counter() - started_s, sum(counts)
        used_s = [linux.cpu_s(pid) - before for pid, before in zip(subject.pids, before_s, strict=True)]
    cpu_us = tuple(spent / done * 1e6 for spent in used_s)
    return Load(figures.quantile(alone_ms, 0.5), figures.quantile(alone_ms, 0.99), done / wall_s, cpu_us)


async def _client(session: aiohttp.ClientSession, url: str, body: bytes, until_s: float) -> int:
    done = 0
    while time.perf_counter() < until_s:
        await _ask(session, url, body)
        done += 1
    return done


async def _ask(session: aiohttp.ClientSession, url: str, body: bytes) -> float:
    """Return the milliseconds to the last byte. Raises on anything but a whole 200."""
    started_s = time.perf_counter()
    async with session.post(url, data=body) as response:
        content = await response.read()
        assert response.status == 200, (response.status, content[:300])
    return (time.perf_counter() - started_s) * 1e3
