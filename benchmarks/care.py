"""What the care loop costs whoever asks: a whole Council against the same one with its serving loop alone.

One Council, whose care services are stopped and started by the supervisor, so that gateway, records and caches are the same
ones in both forms. Halves of a pair are asked the same questions, drawn by the seed; the first of a pair has the form of the
second of the pair before, so that what slows down over time slows both, and the same form twice in a row tells the noise.

    make bench ARGS="--only care"                  six pairs, about ten minutes
    make bench ARGS="--only care --pairs 2"        a first look
"""

import asyncio
import dataclasses
import random
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson
import uvloop

import councils
import figures
import lean_client
import linux
import provider_homes
from council import care_app, ports
from council.domain import home as home_module
from council.domain import states
from peers import processes

PAIRS = 6
QUESTIONS = 3_000
CLIENTS = 4
# In the order in which they are stopped: who asks, before who is asked.
CARE = ("bots", "steward", "watcher", "patchctl")
P50_RATIO_TARGET = 1.05
ALONE = "serving loop alone"
# The healer looks first after 10 s and the observer after 20 s; what begins has begun by then.
_SETTLE_S = {figures.OURS: 30.0, ALONE: 5.0}
_WARM_UP = 400
_IDLE_S = 60.0
_QUIET_LOOK_S, _QUIET_LOOKS_MAX, _QUIET_CORES = 5.0, 40, 0.05
_AFTER_LOAD_S = 10.0
_TOKENS_MAX = 16
_PAID = "paid"

# How often what is asked of whom. `paid` is a provider's model, on this machine; what the last form asks is for the packaged
# model, and goes on to the paid one where that doubts its answer.
_MIX = (
    (46, "computed", "council", ("What is {a} * {b}?", "What is {c}% of {a}?", "Solve x^2 - {c}x - {b} = 0")),
    (15, "logic", "council", ("All {x} are mammals. No mammals are fish. Is it true that no {x} are fish?",)),
    (18, "knowledge", "council", ("What does verified mean?", "What is a generation?", "What is the lineage?")),
    (20, "paid", _PAID, ("Say something about {x} number {a}.",)),
    (1, "model", "council", ("Write one sentence about {x}.", "Say something kind to {x}.")),
)
_ANIMALS = ("whales", "dogs", "otters", "bats", "seals")

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A question as it goes over the wire. `kind` is the row of the mix that it is of."""

    kind: str
    sent: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Half:
    """What one form did with the questions of a pair. CPU is in cores, by service."""

    form: str
    took_s: float
    times_ms: Mapping[str, Sequence[float]]
    usd_micros: int
    paid: int
    cores: Mapping[str, float]

    @property
    def count(self) -> int:
        """How many questions were answered."""
        return sum(map(len, self.times_ms.values()))

    @property
    def serving_cpu_ms(self) -> float:
        """What a question cost the processor in all services but those of care; other work bears little on it."""
        serving = sum(cores for service, cores in self.cores.items() if service not in CARE)
        return 1000 * serving * self.took_s / self.count

    def quantile_ms(self, share: float, kind: str = "") -> float:
        """Return the time below which this share of the answers came, of all kinds of questions or of one."""
        times = self.times_ms[kind] if kind else [one for of_kind in self.times_ms.values() for one in of_kind]
        return figures.quantile(times, share)


def run(port: int, pairs: int, seed: int, say: Say) -> list[figures.Row]:
    """Return the rows of `pairs` pairs, and what the care services take of the processor."""
    with councils.folder() as folder:
        where = _home(folder / "h", port)
        upstream = processes.scripted(port + 10, provider_homes.KEY)
        try:
            with councils.running(where, port):
                halves, idle = uvloop.run(_Bench(where, port, seed, say).run(pairs))
        finally:
            upstream.close()
    return _rows(halves, idle)


def _home(root: Path, port: int) -> home_module.Home:
    paid = provider_homes.model("ok-32")
    where = provider_homes.prepare(root, port, port + 10, {_PAID: paid}, escalation={"model": _PAID})
    command = [*councils.COMMAND, "models", "prepare", "--home", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=councils.environment(COUNCIL_PORT=str(port)))
    return where


def drawn(chance: random.Random, count: int, token: str) -> list[Question]:
    """Return questions of the mix."""
    headers = {"authorization": f"Bearer {token}"}
    made = []
    for _, kind, model, forms in chance.choices(_MIX, [share for share, *_ in _MIX], k=count):
        text = chance.choice(forms).format(
            a=chance.randrange(10, 10**4), b=chance.randrange(10, 10**4), c=chance.randrange(2, 99),
            x=chance.choice(_ANIMALS),
        )  # fmt: skip
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": _TOKENS_MAX}
        content = orjson.dumps(body | {"temperature": 0, "seed": 1})
        made.append(Question(kind, lean_client.request("/v1/chat/completions", content, headers)))
    return made


class _Bench:
    """One Council, in one form and the other."""

    def __init__(self, where: home_module.Home, port: int, seed: int, say: Say) -> None:
        self._runtime: ports.Runtime = care_app.runtime(where)
        self._port = port
        self._token = where.token_file.read_text().strip()
        self._seed = seed
        self._say = say
        self._form = figures.OURS

    async def run(self, pairs: int) -> tuple[list[Half], Mapping[str, float]]:
        """Return the halves as they came, and the cores that each service takes where nobody asks."""
        await self._until_quiet()
        await asyncio.sleep(_SETTLE_S[figures.OURS])
        idle = await self._idle()
        halves: list[Half] = []
        for place in range(pairs):
            order = (figures.OURS, ALONE) if place % 2 == 0 else (ALONE, figures.OURS)
            for form in order:
                await self._bring(form)
                halves.append(await self._half(form, self._seed + place))
                self._say(f"care: pair {place + 1}, {form}: {_told(halves[-1])}")
        return halves, idle

    async def _until_quiet(self) -> None:
        """Wait until recall has made the vectors of a new home's guides, beside which nobody is fast."""
        for _ in range(_QUIET_LOOKS_MAX):
            before = _cpu_s(await self._running())
            await asyncio.sleep(_QUIET_LOOK_S)
            if _cores(before, _cpu_s(await self._running()), _QUIET_LOOK_S)["recall"] < _QUIET_CORES:
                return
        self._say("care: recall is busy still")

    async def _idle(self) -> Mapping[str, float]:
        # What the first questions set going is over by then.
        await self._ask(drawn(random.Random(self._seed - 1), _WARM_UP, self._token))
        await asyncio.sleep(_AFTER_LOAD_S)
        before = _cpu_s(await self._running())
        await asyncio.sleep(_IDLE_S)
        return _cores(before, _cpu_s(await self._running()), _IDLE_S)

    async def _half(self, form: str, seed: int) -> Half:
        await self._ask(drawn(random.Random(-seed), _WARM_UP, self._token))
        questions = drawn(random.Random(seed), QUESTIONS, self._token)
        running = await self._running()
        before, began_s = _cpu_s(running), time.perf_counter()
        answers = await self._ask(questions)
        took_s = time.perf_counter() - began_s
        assert running == await self._running(), "a service ended or began in the midst of a half"
        cores = _cores(before, _cpu_s(running), took_s)
        times: dict[str, list[float]] = {kind: [] for _, kind, *_ in _MIX}
        for question, (answer_ms, _, _) in zip(questions, answers, strict=True):
            times[question.kind].append(answer_ms)
        return Half(form, took_s, times, sum(usd for _, usd, _ in answers), sum(paid for *_, paid in answers), cores)

    async def _bring(self, form: str) -> None:
        """Have the care services run, or none of them, and wait until what that set going is over."""
        if form != self._form:
            for service in CARE if form == ALONE else reversed(CARE):
                await (self._runtime.stop(service) if form == ALONE else self._runtime.start(service))
            self._form = form
            await asyncio.sleep(_SETTLE_S[form])

    async def _running(self) -> Mapping[str, int]:
        """Return the process of each service that runs, which must be those of the form and no others."""
        rows: Sequence[states.ServiceStatus] = await self._runtime.status(memory=False)
        running = {one.name: one.pid for one in rows if one.pid is not None}
        care = {name for name in running if name in CARE}
        assert care == (set(CARE) if self._form == figures.OURS else set()), f"{self._form}, and {sorted(care)} run"
        return running

    async def _ask(self, questions: Sequence[Question]) -> list[tuple[float, int, bool]]:
        """Return milliseconds, cost, and whether a paid model was asked, of each question; each client takes the next."""
        found: list[tuple[float, int, bool]] = [(0.0, 0, False)] * len(questions)
        places = iter(range(len(questions)))

        async def client() -> None:
            connection = lean_client.Connection(keep_body=True)
            for place in places:
                took_s = await connection.ask(self._port, questions[place].sent)
                content = b"".join(connection.body)
                assert connection.status == 200, content[:300]
                council = orjson.loads(content)["council"]
                paid = council["escalated"] or questions[place].kind == "paid"
                found[place] = took_s * 1000, council["cost_usd_micros"], paid
            connection.close()

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return found


def _cpu_s(running: Mapping[str, int]) -> Mapping[str, float]:
    return {service: linux.cpu_s(pid) for service, pid in running.items()}


def _cores(before: Mapping[str, float], after: Mapping[str, float], wall_s: float) -> Mapping[str, float]:
    return {service: (after[service] - used_s) / wall_s for service, used_s in before.items()}


def _care_percent(cores: Mapping[str, float]) -> float:
    return 100 * sum(cores.get(service, 0.0) for service in CARE)


def _told(half: Half) -> str:
    return (
        f"p50 {half.quantile_ms(0.5):.2f} ms, p95 {half.quantile_ms(0.95):.2f} ms, {half.count / half.took_s:.0f}/s, "
        f"{half.usd_micros / half.count:.2f} micro-dollars, {1 - half.paid / half.count:.4f} local, "
        f"care {_care_percent(half.cores):.2f} % of a core"
    )


def _rows(halves: Sequence[Half], idle: Mapping[str, float]) -> list[figures.Row]:
    forms = {form: [one for one in halves if one.form == form] for form in (figures.OURS, ALONE)}
    pairs = list(zip(forms[figures.OURS], forms[ALONE], strict=True))
    again = [(one, two) for one, two in zip(halves[1::2], halves[2::2], strict=False)]
    asked = f"{QUESTIONS:,} questions a half, {CLIENTS} at once"
    stopped = f"without {', '.join(CARE)}"

    def ratios(share: float, of: Sequence[tuple[Half, Half]], kind: str = "") -> list[float]:
        return [one.quantile_ms(share, kind) / two.quantile_ms(share, kind) for one, two in of]

    rows = [
        figures.median("care loop on against off: p50", figures.OURS, ratios(0.5, pairs), "times", P50_RATIO_TARGET, asked),
        figures.median("care loop on against off: p95", figures.OURS, ratios(0.95, pairs), "times"),
        figures.median("the same form twice in a row: p50", figures.OURS, ratios(0.5, again), "times", note="the noise"),
    ]  # fmt: skip
    rows += [
        figures.median(f"care loop on against off: p50, {kind}", figures.OURS, ratios(0.5, pairs, kind), "times")
        for _, kind, *_ in _MIX
    ]
    cpu = [on.serving_cpu_ms / off.serving_cpu_ms for on, off in pairs]
    rows.append(figures.median("care loop on against off: CPU of the serving loop", figures.OURS, cpu, "times"))
    apart = [abs(on.usd_micros - off.usd_micros) / on.count for on, off in pairs]
    rows.append(
        figures.median("care loop on against off: cost apart", figures.OURS, apart, "micro-dollars a question", 0)
    )
    apart = [abs(on.paid - off.paid) / on.count for on, off in pairs]
    rows.append(figures.median("care loop on against off: local share apart", figures.OURS, apart, "share", 0))
    told: tuple[tuple[str, str, Callable[[Half], float]], ...] = (
        ("p50", "ms", lambda one: one.quantile_ms(0.5)),
        ("p95", "ms", lambda one: one.quantile_ms(0.95)),
        ("CPU of the serving loop a question", "ms", lambda one: one.serving_cpu_ms),
        ("answers a second", "/s", lambda one: one.count / one.took_s),
        ("cost of a question", "micro-dollars", lambda one: one.usd_micros / one.count),
        ("answered here", "share", lambda one: 1 - one.paid / one.count),
    )
    for figure, unit, value in told:
        for form, note in ((figures.OURS, "everything as `council up` starts it"), (ALONE, stopped)):
            rows.append(figures.median(figure, form, [value(one) for one in forms[form]], unit, note=note))
    return [*rows, *_processor(forms[figures.OURS], idle)]


def _processor(halves: Sequence[Half], idle: Mapping[str, float]) -> list[figures.Row]:
    """Return what each care service takes of a core, children included."""
    rows = []
    for service in CARE:
        rows.append(figures.Row(f"CPU of {service}, nobody asks", figures.OURS, 100 * idle[service], "% of a core"))
        busy = [100 * one.cores[service] for one in halves]
        rows.append(figures.median(f"CPU of {service}, under load", figures.OURS, busy, "% of a core"))
    total = Counter({service: statistics.mean(one.cores[service] for one in halves) for service in CARE}).total()
    rows.append(figures.Row("CPU of all four, nobody asks", figures.OURS, _care_percent(idle), "% of a core"))
    rows.append(figures.Row("CPU of all four, under load", figures.OURS, 100 * total, "% of a core"))
    return rows
