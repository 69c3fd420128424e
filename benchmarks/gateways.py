"""What a named provider's model costs through a gateway: Council, LiteLLM, and two bare pass-throughs before one upstream.

Everything on loopback in one run, in rounds in which each subject has its turn, the order shifted by one each round. The
gateways run on one core, load generator and upstream on another. Latency is added to that of the upstream asked directly in
the same round; CPU is user and system time of the gateway's process tree. Council checks the token, the rate limit and the
budgets, writes a priced row into its ledger before the last byte, and counts. Of that LiteLLM here checks its key, and the
pass-throughs do nothing.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import uvloop

import councils
import figures
import lean_client
import linux
import provider_homes
from council.backends.store import bundled
from peers import processes

ROUNDS = 5
CLIENTS = 32
ALONE_PLAIN, ALONE_STREAMS = 200, 100
TOGETHER_S = 2.0
WARM_UP = 300
MIXED, MIXED_WARM_UP, MIXED_LITELLM = 100_000, 10_000, 2_000
PACED_STREAMS = 5
DIRECT = "upstream, asked directly"
SYNCED = "council, synced"
ADDED_P50_TARGET_MS, CPU_TARGET_US, STREAM_CPU_TARGET_US, FIRST_BYTE_TARGET_MS, GROWTH_TARGET_MB = (
    0.6,
    450,
    800,
    1.0,
    5.0,
)
_PLAIN, _STREAM, _SHORT, _PACED, _LEFT = "ok", "ok-32", "ok-8", "ok-16-10ms", "ok-50-2ms"
MODELS = (_PLAIN, _STREAM, _SHORT, _PACED, _LEFT)
# An event that came less than this after another was gathered with it; a busy machine delays single ones by more than that.
_APART_MS = 1.0
_REST_S = 3.0

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """Somebody to ask. The CPU of `pid` and what descends from it counts; `store` is Council's."""

    name: str
    port: int
    key: str
    pid: int = 0
    store: int = 0


Found = defaultdict[tuple[str, str], list[float]]


def run(port: int, with_peers: bool, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    with councils.folder() as folder, contextlib.ExitStack() as stack:
        everybody = os.sched_getaffinity(0)
        stack.callback(os.sched_setaffinity, 0, everybody)
        gateways, others = _cores(everybody)
        os.sched_setaffinity(0, others)
        stack.callback(processes.scripted(port + 10, provider_homes.KEY).close)
        direct = Subject(DIRECT, port + 10, provider_homes.KEY)
        os.sched_setaffinity(0, gateways)
        ours = [stack.enter_context(_council(folder / "h", port, synced=False))]
        ours.append(stack.enter_context(_council(folder / "s", port + 20, synced=True)))
        peers, missing = _peers(folder, port, stack, say) if with_peers else ([], [])
        os.sched_setaffinity(0, others)
        subjects = [direct, *ours, *peers]
        found: Found = defaultdict(list)
        for number in range(ROUNDS):
            say(f"gateways: round {number + 1} of {ROUNDS}")
            turn = number % len(subjects)
            for subject in [*subjects[turn:], *subjects[:turn]]:
                uvloop.run(_round(subject, found, first=number == 0))
        rows = _rows(subjects, found)
        for subject in [ours[0], *peers]:
            rows.append(_memory(subject, say))
    return sorted([*rows, *missing], key=lambda row: row.figure)


def _cores(allowed: set[int]) -> tuple[set[int], set[int]]:
    """Return the cores for gateways and for everybody else: one each, where there are two."""
    first, *rest = sorted(allowed)
    return {first}, {rest[0]} if rest else {first}


@contextlib.contextmanager
def _council(root: Path, port: int, *, synced: bool) -> Iterator[Subject]:
    """Council's gateway and store, as the supervisor starts them."""
    upstream_port = port + 10 - (20 if synced else 0)
    where = provider_homes.prepare(root, port, upstream_port, {name: provider_homes.model(name) for name in MODELS})
    table = councils.service_specs(where, port)
    program = Path(__file__).parent / "peers" / "synced.py"
    with contextlib.ExitStack() as stack:
        store = councils.start_service(where, table["store"])
        stack.callback(store.close)
        councils.until_socket(bundled.socket(where))
        spec = table["gateway"]
        if synced:
            module = spec.argv.index("-m")
            spec = dataclasses.replace(spec, argv=(*spec.argv[:module], str(program), *spec.argv[module + 2 :]))
        gateway = councils.start_service(where, spec)
        stack.callback(gateway.close)
        gateway.until_ready()
        name = SYNCED if synced else figures.OURS
        yield Subject(name, port, where.token_file.read_text().strip(), gateway.pid, store.pid)


def _peers(folder: Path, port: int, stack: contextlib.ExitStack, say: Say) -> tuple[list[Subject], list[figures.Row]]:
    upstream, key = f"http://127.0.0.1:{port + 10}", provider_homes.KEY
    starts: dict[str, Callable[[], processes.Peer]] = {
        processes.PASS_THROUGH: lambda: processes.pass_through(port + 11, upstream),
        processes.STARLETTE: lambda: processes.starlette(port + 12, upstream),
        processes.LITELLM: lambda: processes.litellm(port + 13, upstream, folder, MODELS, key),
    }
    found: list[Subject] = []
    missing: list[figures.Row] = []
    for place, (name, start) in enumerate(starts.items()):
        say(f"gateways: start {name}")
        try:
            peer = start()
        except processes.UnavailableError as error:
            missing.append(figures.Row("plain: added p50 at 1 client", name, None, "ms", note=str(error)))
            continue
        stack.callback(peer.close)
        found.append(Subject(name, port + 11 + place, peer.key or key, peer.pid))
    return found, missing


def _request(subject: Subject, model: str, *, stream: bool) -> bytes:
    asked = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Say some words."}]}
    options = {"stream_options": {"include_usage": True}} if stream else {}
    headers = {"authorization": f"Bearer {subject.key}"}
    return lean_client.request("/v1/chat/completions", orjson.dumps(asked | options), headers)


async def _round(subject: Subject, found: Found, *, first: bool) -> None:
    plain, stream = _request(subject, _PLAIN, stream=False), _request(subject, _STREAM, stream=True)
    alone = lean_client.Connection()
    warm_up = 20 if subject.name == processes.LITELLM or not first else WARM_UP
    for _ in range(warm_up):
        await _ask(alone, subject, plain)
        await _ask(alone, subject, stream)
    for name, asked, count in (("plain", plain, ALONE_PLAIN), ("stream", stream, ALONE_STREAMS)):
        whole_ms, first_ms = [], []
        for _ in range(count):
            whole_ms.append(await _ask(alone, subject, asked) * 1e3)
            first_ms.append((alone.came_s[0] - alone.began_s) * 1e3)
        found[subject.name, f"{name} p50"].append(statistics.median(whole_ms))
        found[subject.name, f"{name} p99"].append(figures.quantile(whole_ms, 0.99))
        found[subject.name, f"{name} first"].append(statistics.median(first_ms))
    await _paced(alone, subject, found)
    alone.close()
    for name, asked in (("plain", plain), ("stream", stream)):
        await _together(subject, name, asked, found)


async def _ask(connection: lean_client.Connection, subject: Subject, asked: bytes) -> float:
    took_s = await connection.ask(subject.port, asked)
    assert connection.status == 200, (subject.name, connection.status, b"".join(connection.body)[:300])
    return took_s


async def _paced(connection: lean_client.Connection, subject: Subject, found: Found) -> None:
    """An event each 10 ms: whoever gathers them shows it in the times between."""
    for _ in range(PACED_STREAMS):
        await _ask(connection, subject, _request(subject, _PACED, stream=True))
        came_s = connection.came_s
        gaps_ms = [(after - before) * 1e3 for before, after in itertools.pairwise(came_s)]
        # The first event is the role, the last ones (end, usage, [DONE]) come together with the last word.
        apart = sum(gap_ms >= _APART_MS for gap_ms in gaps_ms)
        found[subject.name, "together"].append(100 * (1 - min(apart, 15) / 15))
        found[subject.name, "gap"].append(
            statistics.median(gap_ms for gap_ms in gaps_ms if gap_ms >= _APART_MS) if apart else 0
        )


async def _together(subject: Subject, name: str, asked: bytes, found: Found) -> None:
    pids = [pid for pid in (subject.pid, subject.store) if pid]
    before_s = [linux.cpu_s(pid) for pid in pids]
    began_s = time.perf_counter()
    counts = await asyncio.gather(*(_client(subject, asked, began_s + TOGETHER_S) for _ in range(CLIENTS)))
    wall_s, done = time.perf_counter() - began_s, sum(counts)
    used_us = [(linux.cpu_s(pid) - before) / done * 1e6 for pid, before in zip(pids, before_s, strict=True)]
    found[subject.name, f"{name} rate"].append(done / wall_s)
    for what, cpu_us in zip(("cpu", "store"), used_us, strict=False):
        found[subject.name, f"{name} {what}"].append(cpu_us)


async def _client(subject: Subject, asked: bytes, until_s: float) -> int:
    connection, done = lean_client.Connection(), 0
    while time.perf_counter() < until_s:
        await _ask(connection, subject, asked)
        done += 1
    connection.close()
    return done


def _rows(subjects: Sequence[Subject], found: Found) -> list[figures.Row]:
    rows: list[figures.Row] = []

    def row(figure: str, subject: Subject, values: Sequence[float], unit: str, target: float | None = None) -> None:
        # With the ledger synced it is Council all the same, held to the same targets.
        ours = subject.name in {figures.OURS, SYNCED}
        name = figures.OURS if ours else subject.name
        head = f"{figure}, ledger synced" if subject.name == SYNCED else figure
        rows.append(figures.median(head, name, values, unit, target if ours else None))

    for subject in subjects:
        for kind in ("plain", "stream"):
            head = "plain" if kind == "plain" else "32 events"
            target = CPU_TARGET_US if kind == "plain" else STREAM_CPU_TARGET_US
            row(f"{head}: p50 at 1 client", subject, found[subject.name, f"{kind} p50"], "ms")
            row(f"{head}: p99 at 1 client", subject, found[subject.name, f"{kind} p99"], "ms")
            row(f"{head}: answers a second, {CLIENTS} clients", subject, found[subject.name, f"{kind} rate"], "1/s")
            if not subject.pid:
                continue
            added_ms = _added(subject, found, f"{kind} p50")
            row(
                f"{head}: added p50 at 1 client",
                subject,
                added_ms,
                "ms",
                ADDED_P50_TARGET_MS if kind == "plain" else None,
            )
            row(
                f"{head}: CPU of the gateway, {CLIENTS} clients",
                subject,
                found[subject.name, f"{kind} cpu"],
                "us/request",
                target,
            )
            if subject.store:
                row(f"{head}: CPU of the store", subject, found[subject.name, f"{kind} store"], "us/request")
        if subject.pid:
            row(
                "32 events: first byte added",
                subject,
                _added(subject, found, "stream first"),
                "ms",
                FIRST_BYTE_TARGET_MS,
            )
        row("an event each 10 ms: came with another", subject, found[subject.name, "together"], "%", 5)
        row("an event each 10 ms: time between", subject, found[subject.name, "gap"], "ms")
    return rows


def _added(subject: Subject, found: Found, what: str) -> list[float]:
    return [own - direct for own, direct in zip(found[subject.name, what], found[DIRECT, what], strict=True)]


def _memory(subject: Subject, say: Say) -> figures.Row:
    """How much a gateway grows over mixed requests, once it is warm."""
    count = MIXED_LITELLM if subject.name == processes.LITELLM else MIXED
    warm_up = min(MIXED_WARM_UP, count // 4)
    figure = "memory: growth over mixed requests"
    say(f"gateways: {count:,} mixed requests to {subject.name}")
    uvloop.run(_mixed(subject, warm_up, seed=1))
    time.sleep(_REST_S)
    before = linux.proportional_bytes(subject.pid)
    uvloop.run(_mixed(subject, count, seed=2))
    time.sleep(_REST_S)
    after = linux.proportional_bytes(subject.pid)
    if before is None or after is None:
        return figures.Row(figure, subject.name, None, "MB", note="the kernel does not show its memory")
    target = GROWTH_TARGET_MB if subject.name == figures.OURS else None
    note = f"PSS from {before / 1e6:.1f} MB over {count:,} requests, one in ten streams left by its caller"
    return figures.Row(figure, subject.name, (after - before) / 1e6, "MB", target, samples=count, note=note)


async def _mixed(subject: Subject, count: int, seed: int) -> None:
    chance = random.Random(seed)
    asked = {name: _request(subject, name, stream=name != _PLAIN) for name in MODELS}
    left = iter(range(count))

    async def client() -> None:
        connection = lean_client.Connection()
        for _ in left:
            what = chance.random()
            if what < 0.6:
                await _ask(connection, subject, asked[_PLAIN])
            elif what < 0.9:
                await _ask(connection, subject, asked[_SHORT])
            else:
                await connection.ask(subject.port, asked[_LEFT], leave_after=3)
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
