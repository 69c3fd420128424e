"""Records what a Council that has just begun takes while it does what makes its services grow, twice a second.

    .venv/bin/python benchmarks/young_memory.py --port 18220

For each kind of load it is started anew, so that all of it is read within its first minutes: documents put into the library
by the hundred, long streams, bodies that are large, jobs of the sandbox, sums, a model with a long context, and connections
that come steadily. The record is `recorded_young.json` beside it, by load and service; `leaks_young` shows it to the rules.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp

import councils
import provider_homes
from council.domain import home as home_module
from council.kit import process, reading
from peers import processes

RECORDED = Path(__file__).resolve().parent / "recorded_young.json"
STEP_S = 0.5
SERVICES = ("gateway", "recall", "sandboxd", "worker")
SEED = 23
CALM_S, LOAD_S = 15.0, 75.0
_TRIES = 60
_DOCUMENTS, _LARGE_DOCUMENTS, _WORDS = 500, 12, 4000
_STREAMS, _BODIES_AT_ONCE, _JOBS_AT_ONCE, _SUMS_AT_ONCE = 180, 8, 12, 12
_IDLE, _IDLE_A_SECOND = 2000, 100
_LONG = "long"
_SETTINGS = {"gateway": {"concurrent_max": 400}, "calls": {"call_s": 120.0}}
_PATIENT = {"first_byte_s": 30.0, "whole_s": 120.0, "stall_s": 30.0, "concurrent_max": 400}

Record = dict[str, list[tuple[float, int | None]]]


class Load:
    """What is asked of one running Council, until cancelled."""

    def __init__(self, session: aiohttp.ClientSession, port: int):
        self._session, self._port = session, port
        self._chance = random.Random(SEED)
        self._words = " ".join(f"w{self._chance.randrange(30_000)}" for _ in range(200_000))
        self._idle: list[asyncio.StreamWriter] = []
        self.done = self.failed = 0

    async def documents(self) -> None:
        """Put hundreds of documents into the library, two at once, a few of them of megabytes."""
        counts = [_WORDS] * _DOCUMENTS
        for place in range(_LARGE_DOCUMENTS):
            counts[place * (_DOCUMENTS // _LARGE_DOCUMENTS) + 20] = 100 * _WORDS

        async def put(names: list[int]) -> None:
            for name in names:
                await self._ask("PUT", f"/api/library/documents/{name}.md", data=self._text(counts[name]).encode())

        await asyncio.gather(put(list(range(0, _DOCUMENTS, 2))), put(list(range(1, _DOCUMENTS, 2))))

    async def streams(self) -> None:
        """Begin ten long streams a second until there are as many as may be, and go on with so many."""

        async def stream(place: int) -> None:
            await asyncio.sleep(place / 10)
            while True:
                await self._chat(_LONG, "Tell a long story.", stream=True)

        await asyncio.gather(*(stream(place) for place in range(_STREAMS)))

    async def bodies(self) -> None:
        """Send bodies of nearly a megabyte, eight at once."""

        async def send() -> None:
            while True:
                await self._chat("brief", self._text(self._chance.randrange(20_000, 150_000)))

        await asyncio.gather(*(send() for _ in range(_BODIES_AT_ONCE)))

    async def jobs(self) -> None:
        """Run jobs that print up to a megabyte."""

        async def run() -> None:
            while True:
                code = f"print('x' * {self._chance.randrange(1_000, 900_000)})"
                await self._ask("POST", "/v1/sandbox/run", json={"language": "python", "code": code})

        await asyncio.gather(*(run() for _ in range(_JOBS_AT_ONCE)))

    async def sums(self) -> None:
        """Ask what is computed, looked up, or both."""

        async def ask() -> None:
            while True:
                most = self._chance.randrange(2, 5000)
                kinds = (f"What is {most}% of 2,340?", f"Integrate x**{most % 9} * sin(x)", "What is a playbook?")
                await self._chat("council", self._chance.choice(kinds))

        await asyncio.gather(*(ask() for _ in range(_SUMS_AT_ONCE)))

    async def contexts(self) -> None:
        """Ask about long texts, of which words are looked up; the packaged model refuses most of them as too long."""
        while True:
            await self._chat("council", "Summarise this: " + self._text(1500))

    async def connections(self) -> None:
        """Connect a hundred times a second and say nothing, to two thousand connections; then leave, and begin again."""
        while True:
            for _ in range(_IDLE):
                with contextlib.suppress(OSError):
                    self._idle.append((await asyncio.open_connection("127.0.0.1", self._port))[1])
                await asyncio.sleep(1 / _IDLE_A_SECOND)
            await asyncio.sleep(10)
            for one in self._idle:
                one.close()
            self._idle.clear()

    async def burst(self) -> None:
        """Connect two thousand times at once, and stay."""
        for _ in range(_IDLE):
            with contextlib.suppress(OSError):
                self._idle.append((await asyncio.open_connection("127.0.0.1", self._port))[1])
        await asyncio.sleep(LOAD_S)

    def _text(self, words: int) -> str:
        # Cut from what is there: who makes a text meanwhile cannot read what is recorded.
        from_word = self._chance.randrange(len(self._words) // 2)
        return (self._words[from_word:] + self._words)[: 6 * words]

    async def _chat(self, model: str, text: str, *, stream: bool = False) -> None:
        asked = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
        await self._ask("POST", "/v1/chat/completions", json=asked)

    async def _ask(self, method: str, path: str, **said: object) -> None:
        try:
            async with self._session.request(method, path, **said) as answer:  # type: ignore[arg-type]
                await answer.read()
                self.done += 1
                self.failed += answer.status >= 400
                if answer.status in (429, 503):
                    await asyncio.sleep(0.5)
        except aiohttp.ClientError:
            self.failed += 1
            await asyncio.sleep(0.5)


LOADS: Mapping[str, Callable[[Load], Awaitable[None]]] = {
    "documents": Load.documents,
    "streams": Load.streams,
    "bodies": Load.bodies,
    "jobs": Load.jobs,
    "sums": Load.sums,
    "contexts": Load.contexts,
    "connections": Load.connections,
    "burst": Load.burst,
}


def record(port: int, load: str) -> dict[str, Record]:
    """Start a Council, have it loaded, and return figure by figure and service what was read: MB, and a count."""
    models = {_LONG: provider_homes.model("ok-400-50ms"), "brief": provider_homes.model("ok-2")}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(councils.folder())
        folder.chmod(0o711)
        upstream = processes.scripted(port + 20, provider_homes.KEY)
        stack.callback(upstream.close)
        providers = {provider_homes.PROVIDER: _PATIENT}
        where = provider_homes.prepare(folder / "h", port, port + 20, models, providers=providers, settings=_SETTINGS)
        councils.prepare(folder / "h", port)
        stack.enter_context(councils.running(where, port))
        return asyncio.run(_recorded(where, port, load))


async def _recorded(where: home_module.Home, port: int, name: str) -> dict[str, Record]:
    found: dict[str, Record] = {figure: {one: [] for one in SERVICES} for figure in ("heap_mb", "open_fds_total")}
    headers = {"authorization": f"Bearer {where.token_file.read_text().strip()}"}
    timeout = aiohttp.ClientTimeout(total=120)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", headers=headers, timeout=timeout, connector=connector, trust_env=False
        ) as session,
        _reading(_who(where), found),
    ):
        await asyncio.sleep(CALM_S)
        load = Load(session, port)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOAD_S):
                await LOADS[name](load)
        print(f"{name}: {load.done} answers, {load.failed} of them errors", file=sys.stderr, flush=True)
    return found


def _who(where: home_module.Home) -> dict[str, process.Stat]:
    """Return the processes of the services of a home."""
    found: dict[str, process.Stat] = {}
    for stat in process.table().values():
        with contextlib.suppress(OSError):
            words = Path("/proc", str(stat.pid), "cmdline").read_bytes().decode().split("\0")
            if "run" in words and str(where.root) in words:
                found.setdefault(words[words.index("run") + 1], stat)
    return {one: found[one] for one in SERVICES}


@contextlib.asynccontextmanager
async def _reading(who: Mapping[str, process.Stat], found: Mapping[str, Record]) -> AsyncIterator[None]:
    """Read each of them until the block ends."""

    async def read() -> None:
        began_s = time.monotonic()
        while True:
            for service, one in who.items():
                at_s, heap = round(time.monotonic() - began_s, 2), reading.heap_bytes(one)
                found["heap_mb"][service].append((at_s, heap // 1000 if isinstance(heap, int) else None))
                with contextlib.suppress(OSError):
                    count = sum(1 for _ in Path("/proc", str(one.pid), "fd").iterdir())
                    found["open_fds_total"][service].append((at_s, count))
            await asyncio.sleep(STEP_S - (time.monotonic() - began_s) % STEP_S)

    task = asyncio.create_task(read())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def main() -> int:
    """Record every load, or some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=18_220)
    parser.add_argument("--only", nargs="+", choices=list(LOADS), default=list(LOADS))
    options = parser.parse_args()
    for name in options.only:
        told = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
        told[name] = record(options.port, name)
        RECORDED.write_text(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
