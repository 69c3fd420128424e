"""The sandbox's soak: thousands of mixed jobs through the gateway of a whole Council, while front and zygote are killed.

A lane is one Council with a home and ports of its own, driven by one seed. What must hold: every job gets its own answer or
a clean refusal; every answer has its record in the audit trail, whose chain holds; jobs run again after each kill and the
pool fills by itself; and once it has stopped no process, control group or mount of a sandbox is left.
"""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop

import campaigns
import councils
import figures
import sandbox_host
import soak_checks
import soak_faults
import soak_jobs
from council.domain import home as home_module
from council.kit import chain
from council.serving.sandbox import audit

RESULT = Path(__file__).resolve().parent / "results" / "soak_sandbox.json"
JOBS, QUICK_JOBS = 10_000, 300
SERVICES = ("sandboxd", "zygote")
_CLIENTS = 4
# However fast the jobs are done.
_KILLS_MIN = 2 * len(SERVICES)
_PORTS_A_LANE = 40
_HANG_S = 60.0
_POOL_S = 30.0
_GONE_S = 15.0
_REFUSED_PAUSE_S = 0.2
_POLL_S = 0.05
_ERROR_FIELDS = {"message", "type", "param", "code"}

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A reply that a client holds, as the audit trail must have it."""

    event: str
    code_sha256: str
    status: str
    limit: str | None
    exit_code: int | None
    signal: int | None


@dataclasses.dataclass(slots=True)
class Report:
    """What one lane did and found. `violations` empty means that all went well."""

    seed: int
    jobs: int
    took_s: float = 0.0
    violations: list[str] = dataclasses.field(default_factory=list)
    exchanges: dict[str, int] = dataclasses.field(default_factory=dict)
    answers: int = 0
    records: int = 0
    recoveries_s: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    pool_full_s: float = 0.0


class Journal:
    """What all clients of a lane have seen."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._given_up = False
        self.answers: dict[str, Answer] = {}
        self.counts: Counter[str] = Counter()
        self.answered = 0
        self.kills = 0
        self.violations: list[str] = []

    def goes_on(self) -> bool:
        """Say whether there were too few answers or kills so far, and more may come."""
        return not self._given_up and (self.answered < self._jobs or self.kills < _KILLS_MIN)

    def give_up(self) -> None:
        """Send no more: nobody would answer."""
        self._given_up = True

    def violate(self, text: str) -> None:
        """Note something that must never happen; a hundred are enough."""
        if len(self.violations) < 100:
            self.violations.append(text)

    def answer(self, event: str, code: str, reply: dict[str, Any]) -> None:
        """Note a reply."""
        self.answered += 1
        digest = hashlib.sha256(code.encode()).hexdigest()
        made = Answer(event, digest, *(reply[name] for name in ("status", "limit", "exit_code", "signal")))
        if self.answers.setdefault(reply["audit_id"], made) is not made:
            self.violate(f"the audit record {reply['audit_id']} was named twice")


# Load


class Client:
    """One caller with a random stream of its own."""

    def __init__(self, url: str, token: str, chance: random.Random, journal: Journal, mark: str):
        self._url = url
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._chance = chance
        self._journal = journal
        self._mark = mark

    async def run(self) -> None:
        """Send jobs until there were enough."""
        async with aiohttp.ClientSession(headers=self._headers) as session:
            while self._journal.goes_on():
                kind = self._chance.choices(("job", "session", "abandoned", "invalid"), (88, 5, 3, 4))[0]
                exchange: Callable[[aiohttp.ClientSession], Any] = getattr(self, f"_{kind}")
                try:
                    async with asyncio.timeout(_HANG_S):
                        await exchange(session)
                except TimeoutError:
                    self._journal.violate(f"an exchange of kind {kind} hung for {_HANG_S:g} s")
                except aiohttp.ClientError as error:
                    # Nobody kills the gateway.
                    self._journal.violate(f"{kind}: the gateway gave no reply: {type(error).__name__}: {error}")

    async def _job(self, session: aiohttp.ClientSession) -> None:
        await self._ask(session, soak_jobs.draw(self._chance), self._word(), "/run", "job", {429, 503})

    async def _session(self, session: aiohttp.ClientSession) -> None:
        opened = await self._send(session, "POST", "/sessions", {}, {429, 503}, "session")
        if opened is None:
            return
        path, word = f"/sessions/{opened['id']}", self._word()
        for kind in soak_jobs.SESSION:
            # A front or a zygote that was killed has taken the session along.
            if not await self._ask(session, kind, word, f"{path}/run", "session_call", {404, 429, 503}):
                break
        await self._send(session, "DELETE", path, None, {404, 503}, "session")

    async def _abandoned(self, session: aiohttp.ClientSession) -> None:
        """Leave while the job runs, or before it does."""
        self._journal.counts["abandoned"] += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._chance.uniform(0.005, 0.3)):
                job = soak_jobs.body(soak_jobs.ABANDONED, self._word(), self._mark)
                await self._send(session, "POST", "/run", job, {429, 503}, "abandoned")

    async def _invalid(self, session: aiohttp.ClientSession) -> None:
        self._journal.counts["invalid"] += 1
        wrong = self._chance.choice(soak_jobs.INVALID)
        if await self._send(session, "POST", "/run", wrong, {400, 429, 503}, "invalid") is not None:
            self._journal.violate(f"{wrong} was taken for a job")

    async def _ask(
        self, session: aiohttp.ClientSession, kind: soak_jobs.Kind, word: str, path: str, event: str, allowed: set[int]
    ) -> bool:
        """Send a job and hold the reply against what it must be; return whether there was one."""
        body = soak_jobs.body(kind, word, self._mark)
        reply = await self._send(session, "POST", path, body, allowed, kind.name)
        if reply is None:
            return False
        self._journal.counts[kind.name] += 1
        self._journal.answer(event, body["code"], reply)
        if wrong := soak_jobs.wrong(kind, word, reply):
            self._journal.violate(f"{kind.name}, record {reply['audit_id']}: {wrong}")
        return True

    async def _send(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Any, allowed: set[int], what: str
    ) -> dict[str, Any] | None:
        """Return the reply; None after a clean refusal, which is counted."""
        data = None if body is None else orjson.dumps(body)
        async with session.request(method, f"{self._url}{path}", data=data) as response:
            content = await response.read()
            status = response.status
        try:
            reply: dict[str, Any] = orjson.loads(content)
        except orjson.JSONDecodeError:
            reply = {}
        if status == 200:
            return reply
        error = reply.get("error")
        if status not in allowed or not isinstance(error, dict) or not error.keys() >= _ERROR_FIELDS:
            self._journal.violate(f"{what}: status {status}: {content[:300]!r}")
        self._journal.counts[f"refused with {status}"] += 1
        if status != 400:
            await asyncio.sleep(_REFUSED_PAUSE_S)
        return None

    def _word(self) -> str:
        return f"w{self._chance.getrandbits(64):016x}"


class _Council(soak_faults.Lane):
    """The lane's processes. A kill of front or zygote is over when jobs run again, not when the service says so."""

    def __init__(self, where: home_module.Home, port: int, chance: random.Random, journal: Journal):
        super().__init__(where, port, chance)
        self._journal = journal
        self._over = asyncio.Event()
        # By pid, how each has ended.
        self.zygotes: dict[int, str] = {}

    def note_zygote(self) -> int | None:
        """Return the zygote's pid, and keep it for the end."""
        pid = self._noted_pid("zygote")
        if pid is not None:
            self.zygotes.setdefault(pid, "stopped")
        return pid

    def load_is_over(self) -> None:
        """No more jobs come that could show it."""
        self._over.set()

    async def _kill_service(self, name: str) -> None:
        pid = self.note_zygote()
        if name == "zygote" and pid is not None:
            self.zygotes[pid] = "killed"
        await super()._kill_service(name)
        self.note_zygote()
        # One more than can have been on their way.
        enough = self._journal.answered + _CLIENTS + 1
        deadline_s = time.monotonic() + soak_faults.RECOVERY_MAX_S
        while self._journal.answered < enough and not self._over.is_set():
            if time.monotonic() > deadline_s:
                raise soak_faults.NotRecoveredError(f"no jobs were answered after kill -9 of {name}")
            await asyncio.sleep(_POLL_S)
        self._journal.kills += 1


# A lane


def run_lane(
    seed: int, jobs: int, pace_s: tuple[float, float], home: Path, port: int, say: Say = lambda _: None
) -> Report:
    """Run one lane to its end and return what it found. `home` needs a short path: Unix sockets lie in it."""
    report, began_s = Report(seed, jobs), time.monotonic()
    where = councils.prepare(home, port)
    mark = f"council-soak-{seed}-{port}"
    mounts = Counter(Path("/proc/self/mountinfo").read_text().splitlines())
    zygotes: dict[int, str] = {}
    try:
        uvloop.run(_lane(report, where, port, pace_s, mark, zygotes, say))
    except councils.NotReadyError as error:
        report.violations.append(f"it did not start: {error}")
    report.violations += soak_checks.left_behind(where)
    report.violations += _outlived(mark, zygotes)
    more = Counter(Path("/proc/self/mountinfo").read_text().splitlines()) - mounts
    report.violations += [f"a mount was left behind: {line}" for line in more]
    report.took_s = round(time.monotonic() - began_s, 1)
    return report


async def _lane(
    report: Report,
    where: home_module.Home,
    port: int,
    pace_s: tuple[float, float],
    mark: str,
    zygotes: dict[int, str],
    say: Say,
) -> None:
    chance, journal, stop = random.Random(report.seed), Journal(report.jobs), asyncio.Event()
    council = _Council(where, port, random.Random(chance.getrandbits(64)), journal)
    council.zygotes = zygotes
    token = where.token_file.read_text().strip()
    url = f"http://127.0.0.1:{port}/v1/sandbox"
    try:
        say(f"sandbox, seed {report.seed}: ready in {await council.until_ready():.1f} s")
        begin = await _settled(council, url, token)
        clients = [Client(url, token, random.Random(chance.getrandbits(64)), journal, mark) for _ in range(_CLIENTS)]
        killing = asyncio.create_task(council.run(stop, pace_s, SERVICES))
        killing.add_done_callback(lambda _: journal.give_up())
        watching = asyncio.create_task(_tell(report, journal, council, say))
        for ended in await asyncio.gather(*(client.run() for client in clients), return_exceptions=True):
            if isinstance(ended, BaseException):
                journal.violate(f"{type(ended).__name__}: {ended}")
        watching.cancel()
        stop.set()
        council.load_is_over()
        try:
            await killing
        except soak_faults.NotRecoveredError as error:
            journal.violate(str(error))
        began_s = time.monotonic()
        end = await _settled(council, url, token, begin)
        report.pool_full_s = round(time.monotonic() - began_s, 2)
        journal.violations += [f"once the pool was full again there were {more}" for more in _more(begin, end)]
        killed = [pid for pid, how in zygotes.items() if how == "killed"]
        journal.violations += await asyncio.to_thread(
            sandbox_host.until, lambda: sandbox_host.orphans(killed), lambda lines: not lines, _GONE_S
        )
    except _NoPoolError as error:
        journal.violate(str(error))
    finally:
        stop.set()
        council.load_is_over()
        status = await asyncio.to_thread(council.council.stop)
    if status != 0:
        journal.violate(f"the stop ended with status {status}")
    report.violations += journal.violations
    report.violations += _unrecorded(report, where, journal)
    report.exchanges = dict(sorted(journal.counts.items()))
    report.answers = len(journal.answers)
    report.recoveries_s = {
        name: [round(one, 2) for one in times] for name, times in sorted(council.recoveries_s.items())
    }


async def _tell(report: Report, journal: Journal, council: _Council, say: Say) -> None:
    while True:
        await asyncio.sleep(5)
        kills = sum(len(times) for times in council.recoveries_s.values())
        say(
            f"sandbox, seed {report.seed}: {journal.answered} of {report.jobs} answers, {kills} kills, "
            f"{len(journal.violations)} violations"
        )


class _NoPoolError(Exception):
    """The pool did not fill by itself; the text says how far it got."""


async def _settled(
    council: _Council, url: str, token: str, wanted: sandbox_host.Held | None = None
) -> sandbox_host.Held | None:
    """Wait until the pool is full, and no more is held than is wanted; return what is held. Raises _NoPoolError."""
    deadline_s, last, found = time.monotonic() + _POOL_S, "no status", None
    headers = {"authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while time.monotonic() < deadline_s:
            with contextlib.suppress(aiohttp.ClientError, KeyError):
                async with session.get(f"{url}/status") as response:
                    state = await response.json()
                last = str(state)
                pid = council.note_zygote()
                if pid is not None and state["pool_ready"] == state["pool_target"] and not state["running"]:
                    found = await asyncio.to_thread(sandbox_host.held, pid)
                    if wanted is None or not _more(wanted, found):
                        return found
            await asyncio.sleep(_POLL_S)
    if found is None:
        raise _NoPoolError(f"the pool was not full {_POOL_S:g} s after the last job: {last[:500]}")
    return found


def _more(before: sandbox_host.Held | None, after: sandbox_host.Held | None) -> list[str]:
    """Return what of the zygote's has grown. This process's own descriptors are the clients'."""
    if before is None or after is None:
        return []
    grown = sandbox_host.grown(before, after)
    return [f"{more} more {name.replace('_', ' ')}" for name, more in grown.items() if name != "front_descriptors"]


def _unrecorded(report: Report, where: home_module.Home, journal: Journal) -> Iterator[str]:
    """Yield a line for each answer that the audit trail does not have as it was told, and for a chain that does not hold."""
    verdict = audit.verify(where.sandbox)
    report.records = verdict.records
    if verdict.problem is not None:
        yield f"the audit trail: {verdict.problem}"
        return
    waiting = dict(journal.answers)
    for path in sorted(where.sandbox.glob("audit-*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                record, point = chain.read(line)
                told = waiting.pop(f"{point.seq}-{point.digest[:16]}", None)
                kept = {name: record.get(name) for name in Answer.__dataclass_fields__}
                if told is not None and kept != dataclasses.asdict(told):
                    yield f"record {point.seq} says {kept}, the answer said {told}"
    for audit_id, answer in list(waiting.items())[:20]:
        yield f"LOST: {answer} was told with the record {audit_id}, which is not in the trail"


def _outlived(mark: str, zygotes: dict[int, str]) -> Iterator[str]:
    """Yield a line for each process and control group of a sandbox that is there though everything has stopped."""
    yield from sandbox_host.until(lambda: sandbox_host.survivors(mark, zygotes), lambda lines: not lines, _GONE_S)
    for folder in sandbox_host.until(lambda: sandbox_host.groups(zygotes), lambda found: not found, _GONE_S):
        state = zygotes[int(folder.name.split("-")[-2])]
        inner = [(path.name, (path / "cgroup.procs").read_text().split()) for path in folder.iterdir() if path.is_dir()]
        yield f"the control group {folder.name} of a zygote that was {state} was left behind with {inner}"


# The campaign


def campaign(options: Any) -> int:
    """Run this part of the campaign, merge, print; return the exit status. `options` are those of soak.py."""
    part, parts = options.part
    jobs = options.jobs or (QUICK_JOBS if options.quick else JOBS)
    lanes = 1 if options.quick else options.lanes
    this = {"seed": options.seed, "parts": parts, "lanes": lanes, "jobs": jobs}

    def run() -> dict[str, Any]:
        reports = _run_lanes(options, part, lanes, -(-jobs // (parts * lanes)))
        return {**figures.circumstances(), "lanes": [dataclasses.asdict(report) for report in reports]}

    merged = campaigns.gather(RESULT, this, options.part, run, quick=options.quick)
    print(table(merged))
    campaigns.write_json(options.json, merged, "" if options.only else "-sandbox")
    return 1 if any(lane["violations"] for lane in _lanes(merged)) else 0


def _run_lanes(options: Any, part: int, lanes: int, jobs: int) -> list[Report]:
    """Run the lanes of one part, each in a process of its own: a parent must start its children from its main thread."""
    with contextlib.ExitStack() as stack:
        if options.home_root is None:
            root = stack.enter_context(councils.folder())
        else:
            root = Path(options.home_root, f"s{options.seed}-{part}")
            root.mkdir(parents=True)
        pool = stack.enter_context(concurrent.futures.ProcessPoolExecutor(lanes))
        pace_s = (0.3, 1.0) if options.quick else (1.0, 4.0)
        running = [
            pool.submit(
                run_lane,
                options.seed * 1_000_000 + part * 1_000 + lane,
                jobs,
                pace_s,
                root / str(lane),
                options.port + lane * _PORTS_A_LANE,
                _say,
            )
            for lane in range(lanes)
        ]
        reports = [lane.result() for lane in running]
    for report in reports:
        for line in report.violations:
            print(f"VIOLATION, seed {report.seed}: {line}", flush=True)
    return reports


def _lanes(merged: dict[str, Any]) -> list[dict[str, Any]]:
    return [lane for one in merged["ran"].values() for lane in one["lanes"]]


def table(merged: dict[str, Any]) -> str:
    """Return the merged campaign as text."""
    this, lanes = merged["campaign"], _lanes(merged)
    exchanges: Counter[str] = sum((Counter(lane["exchanges"]) for lane in lanes), Counter())
    lines = [
        f"== sandbox soak: seed {this['seed']}, {merged['share']}, {this['jobs']:,} jobs in {this['lanes']} lanes",
        "exchanges: " + ", ".join(f"{name} {count:,}" for name, count in sorted(exchanges.items())),
        f"answers: {sum(lane['answers'] for lane in lanes):,}, each with its record unless named below; "
        f"records: {sum(lane['records'] for lane in lanes):,}; "
        f"the pool was full {max(lane['pool_full_s'] for lane in lanes):.2f} s after the last job",
        f"{'killed':<12}{'times':>6}{'jobs again p50 s':>20}{'p95 s':>8}{'max s':>8}",
    ]
    for name in sorted({name for lane in lanes for name in lane["recoveries_s"]}):
        times = [time_s for lane in lanes for time_s in lane["recoveries_s"].get(name, [])]
        cells = (figures.quantile(times, 0.5), figures.quantile(times, 0.95), max(times))
        lines.append(f"{name:<12}{len(times):>6}{cells[0]:>20.2f}{cells[1]:>8.2f}{cells[2]:>8.2f}")
    violations = [f"seed {lane['seed']}: {line}" for lane in lanes for line in lane["violations"]]
    return "\n".join([*lines, f"violations: {len(violations)}", *violations])


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
