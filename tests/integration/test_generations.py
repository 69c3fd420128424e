"""Generations of real services behind one port, changed while they are asked.

Nothing that is asked fails, and nothing is answered by two generations: a question that recall answers quotes a document that
says which generation it is of, and the gateway says of which it is itself.
"""

import asyncio
import collections
import contextlib
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

import reachable
import whole
from council import homes
from council.backends.model_provider import packaged
from council.backends.runtime import local
from council.domain import config, errors, home, inputs, states
from council.serving.sandbox import audit
from council.supervisor import users
from council.testing import upstream
from council.upkeep.engine import blueprint, repository
from council.upkeep.engine import inputs as reading

DRIVER = Path(__file__).with_name("generations_supervisor.py")
RATE = 20.0
WAIT_S = 60.0
NAMES = ("store", "worker", "recall", "watcher", "gateway")
# What a machine with other work to do takes longer for is no failure of a change.
SETTINGS = {
    "COUNCIL_GATEWAY_REQUESTS_PER_MINUTE": "1000000",
    "COUNCIL_RECALL_TIMEOUT_S": "30",
    "COUNCIL_RECALL_MEANINGS": "false",
}
# Apart from those of other Councils of the tests, which begin where the ports beside ours lie.
BASES = whole.ports_of_worker(28_000, 400, 40)
FREE = {"input_usd_micros": 0, "output_usd_micros": 0}
SLOW_TOKENS = 20
SLOW = f"ok-{SLOW_TOKENS}-50ms"


def light(number: int) -> dict[str, bytes]:
    return {
        "knowledge/light.md": f"# The light of Aldmouth\n\nThe light of Aldmouth shows the colour number-{number}.\n".encode()
    }


def free_port() -> int:
    """Return a base port of which those of the live services and of those beside them are free now."""
    offsets = [beside + own for beside in (0, 20) for own in (0, 2, 4, 5, 6)]
    return next(base for base in BASES if all(whole.is_free(base + offset) for offset in offsets))


class Running:
    """A supervisor with real services; `numbers` are those of the lights of its generations."""

    def __init__(self, root: Path, port: int, upstream_url: str):
        self.where = home.Home(root)
        self.port = port
        homes.prepare(self.where, {})
        models = {SLOW: {"deployments": [{"provider": "scripted", "model": SLOW, **FREE}]}}
        file = {"providers": {"scripted": {"url": f"{upstream_url}/v1", "key": "none"}}, "models": models}
        first = blueprint.commit(self.where, light(0) | {"providers.yaml": yaml.safe_dump(file).encode()}, "Begin")
        self.cids: dict[str, str | None] = {first: None}
        self.numbers = {first: 0, self.staged(first, light(1)): 1}

    def staged(self, parent: str, changes: dict[str, bytes]) -> str:
        """Write a generation that is not live, as patchctl does, with what made it."""
        document = json.dumps(sorted(changes)).encode()
        files = {
            path: repository.File(content) for path, content in {**changes, ".council/patch.json": document}.items()
        }
        made = repository.add_commit(self.where, parent, files, "Change it")
        blueprint.materialise(self.where, made)
        self.cids[made] = hashlib.sha256(document).hexdigest()[:16]
        return made

    def start(self, *before: str, names: Sequence[str] = NAMES, settings: Mapping[str, str] = SETTINGS) -> None:
        """Start the supervisor of these services, by another program if one is given; return when all are ready."""
        around = {name: value for name, value in os.environ.items() if not name.startswith("COUNCIL_")}
        around |= settings
        argv = [*before, sys.executable, str(DRIVER), str(self.where.root), str(self.port), *names]
        with (self.where.root / "supervisor.out").open("w") as output:
            self.popen = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, env=around)
        deadline_s = time.monotonic() + WAIT_S
        while "READY" not in self.said():
            assert self.popen.poll() is None and time.monotonic() < deadline_s, self.said()
            time.sleep(0.05)

    def supervisor(self) -> int:
        return int((self.where.run / "supervisor.lock").read_text())

    def said(self) -> str:
        return (self.where.root / "supervisor.out").read_text()

    def tell(self, command: str, generation: str, **fields: Any) -> str:
        """Have the one who may do it give a command; return ok, the error's code, or nothing where it is gone."""
        request = {"through": "self", "command": command, "generation": generation, **fields}
        with contextlib.suppress(ConnectionError):
            return asyncio.run(_asked(self.where.socket("changer"), json.dumps(request).encode()))
        return ""

    def rows(self) -> list[states.ServiceStatus]:
        return asyncio.run(local.LocalRuntime(self.where).status(memory=False, everywhere=True))

    def generations(self, **offsets: int) -> dict[str, str]:
        """Return of which generation each service with a port says it is, in all ways."""
        found, offsets = {}, offsets or {"gateway": 0, "watcher": 2, "recall": 6}
        for name, offset in offsets.items():
            headers = {"Authorization": f"Bearer {self.where.metrics_key_file.read_text().strip()}"}
            urls = [f"http://127.0.0.1:{self.port + offset}/{path}" for path in ("livez", "metrics")]
            live, metrics = (
                urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10).read().decode()
                for url in urls
            )
            body = json.loads(live)
            said = body["generation"]
            if name in ("gateway", "watcher"):
                assert body["cid"] == self.cids[said]
            told = [
                line
                for line in metrics.splitlines()
                if line.startswith("council_generation_info{") and line.endswith(" 1.0")
            ]
            assert [said in line for line in told] == [True], told
            [begun] = [line for line in metrics.splitlines() if line.startswith("council_inputs_info{")]
            wanted = homes.inputs_digests(self.where, said, [name])[name]
            assert f'digest="{wanted}"' in begun and begun.endswith(" 1.0"), begun
            found[name] = said
        return found

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.kill(self.supervisor(), signal.SIGTERM)
        try:
            self.popen.wait(WAIT_S)
        finally:
            self.popen.kill()
            self.popen.wait()


async def _asked(path: Path, request: bytes) -> str:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(request)
    async with asyncio.timeout(WAIT_S):
        said = await reader.read(100)
    writer.close()
    return said.decode()


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    with tempfile.TemporaryDirectory(prefix="c") as folder:
        async with upstream.serve(upstream.Script()) as server:
            made = await asyncio.to_thread(Running, Path(folder, "h"), free_port(), server.url)
            try:
                yield made
            finally:
                await asyncio.to_thread(made.close)


class Load:
    """Asks all the time, each question over a connection of a pool, and every fifth one a stream."""

    def __init__(self, running: Running):
        self._running = running
        self.asked: collections.Counter[str] = collections.Counter()
        self.served: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []

    async def once(self) -> None:
        """Ask each kind once."""
        await self.during(asyncio.ensure_future(asyncio.sleep(4.5 / RATE)))
        assert not self.failures, self.failures

    async def during(self, work: "asyncio.Future[None]") -> None:
        headers = {"Authorization": f"Bearer {self._running.where.token_file.read_text().strip()}"}
        timeout = aiohttp.ClientTimeout(total=WAIT_S)
        asking: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{self._running.port}", headers=headers, timeout=timeout
        ) as session:
            for number in itertools.count():
                if work.done():
                    break
                kind = ("quote", "sum", "quote", "sum", "stream")[number % 5]
                asking.add(asyncio.create_task(self._ask(session, kind, number)))
                await asyncio.sleep(1 / RATE)
            await asyncio.gather(*asking)
        await work

    async def _ask(self, session: aiohttp.ClientSession, kind: str, number: int) -> None:
        self.asked[kind] += 1
        text = {
            "quote": "What colour does the light of Aldmouth show?",
            "sum": f"What is {number} + 17?",
            "stream": "Go on.",
        }
        model = SLOW if kind == "stream" else "council"
        body = {"model": model, "messages": [{"role": "user", "content": text[kind]}], "stream": kind == "stream"}
        try:
            async with session.post("/v1/chat/completions", json=body) as response:
                raw = await response.read()
                assert response.status == 200, raw[:500]
            told = _last_chunk(raw) if kind == "stream" else json.loads(raw)
            self._check(kind, number, told)
        except (aiohttp.ClientError, OSError, TimeoutError, AssertionError, ValueError, KeyError) as error:
            self.failures.append(f"{kind} {number}: {error!r}"[:600])

    def _check(self, kind: str, number: int, told: dict[str, Any]) -> None:
        generation = told["council"]["generation"]
        assert told["council"]["cid"] == self._running.cids[generation]
        self.served[generation] += 1
        if kind == "quote":
            said = told["choices"][0]["message"]["content"]
            assert f"number-{self._running.numbers[generation]}." in said, (generation, said)
        elif kind == "sum":
            assert str(number + 17) in told["choices"][0]["message"]["content"]
        else:
            assert told["council"]["tokens"]["completion"] == SLOW_TOKENS


def _last_chunk(raw: bytes) -> dict[str, Any]:
    lines = [line.removeprefix("data: ") for line in raw.decode().splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]", lines[-2:]
    return next(json.loads(line) for line in reversed(lines[:-1]) if '"council"' in line)


async def test_generations_take_over_under_load_and_nobody_is_answered_by_two(running: Running) -> None:
    first, second = running.numbers
    load = Load(running)
    took_ms: list[float] = []

    await asyncio.to_thread(running.start)

    def work() -> None:
        for target, before in [(second, first), (first, second), (second, first)]:
            assert running.tell("launch", target, services=["recall", "watcher"]) == "ok", running.said()
            assert {row.place for row in running.rows()} >= {"live", "beside"}
            began_s = time.monotonic()
            assert running.tell("promote", target) == "ok", running.said()
            took_ms.append((time.monotonic() - began_s) * 1000)
            assert set(running.generations().values()) == {target}
            live = [row for row in running.rows() if row.place == "live"]
            assert {row.generation for row in live} == {target}
            # What no patch touched goes on as it was.
            assert {row.name: row.restarts for row in live}["worker"] == 0
            assert running.tell("discard", before) == "ok"
            assert {row.place for row in running.rows()} == {"live"}

    before = {row.name: row.pid for row in await asyncio.to_thread(running.rows)}
    await load.during(asyncio.ensure_future(asyncio.to_thread(work)))
    assert not load.failures, (len(load.failures), load.failures[:3])
    assert set(load.served) == {first, second}
    after = {row.name: row.pid for row in await asyncio.to_thread(running.rows)}
    assert {name for name in before if before[name] == after[name]} == {"store", "worker", "changer"}
    print(
        f"asked {dict(load.asked)}, served {list(load.served.values())}, told and heard in {[round(ms) for ms in took_ms]} ms"
    )


async def test_what_no_patch_touched_names_the_new_generation_without_a_restart(running: Running) -> None:
    first, _ = running.numbers
    same = running.staged(first, {".council/notes.md": b"Nobody reads this.\n"})
    running.numbers[same] = 0
    await asyncio.to_thread(running.start)
    before = {row.name: row.pid for row in await asyncio.to_thread(running.rows)}

    def work() -> None:
        assert running.tell("launch", same, services=[]) == "ok"
        assert running.tell("promote", same) == "ok", running.said()
        assert set(running.generations().values()) == {same}

    load = Load(running)
    await load.during(asyncio.ensure_future(asyncio.to_thread(work)))
    await load.once()
    assert not load.failures, load.failures[:3]
    rows = await asyncio.to_thread(running.rows)
    assert ({row.name: row.pid for row in rows}, {row.generation for row in rows}) == (before, {same})


async def test_a_supervisor_that_is_killed_in_a_change_begins_at_the_link_with_one_generation(running: Running) -> None:
    assert shutil.which("strace")
    first, second = running.numbers
    names = ("store", "recall", "gateway")
    partial, root = running.where.root / ".current.partial", running.where.root
    # Each is killed as it makes this call for the nth time, and what must be live then. Its start has the link on disk, too.
    # The last one has told the new ones already.
    places = [
        ("", "", 1, first),
        ("symlink", str(partial), 1, first),
        ("rename", str(partial), 1, first),
        ("fsync", str(root), 2, second),
        ("kill", "", 1, first),
    ]
    for call, path, nth, live in places:
        where = ["-P", path] if path else []
        by = ["strace", "-qq", "-o", "/dev/null", *where, "-e", f"inject={call}:signal=KILL:when={nth}"]
        inject = by if call else []
        await asyncio.to_thread(running.start, *inject, names=names)
        before = Path(running.where.current).readlink().name
        target = second if before == first else first
        assert await asyncio.to_thread(running.tell, "launch", target, services=["recall"]) == "ok", running.said()
        if not call:
            os.kill(running.supervisor(), signal.SIGKILL)
        else:
            assert await asyncio.to_thread(running.tell, "promote", target) != "ok"
        await asyncio.to_thread(running.popen.wait, WAIT_S)
        assert running.where.current.readlink().name == live, call
    await asyncio.to_thread(running.start, names=names)
    rows = await asyncio.to_thread(running.rows)
    assert {(row.place, row.generation) for row in rows} == {("live", first)}
    assert await asyncio.to_thread(running.generations, gateway=0, recall=6) == {"gateway": first, "recall": first}


async def test_the_owner_may_not_change_the_generation(running: Running) -> None:
    await asyncio.to_thread(running.start, names=("store",))
    _, second = running.numbers
    runtime = local.LocalRuntime(running.where)
    for command in (runtime.launch(second, []), runtime.promote(second), runtime.discard(second)):
        with pytest.raises(errors.ForbiddenError, match="by a patch"):
            await command


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes as other users")
async def test_services_with_users_of_their_own_take_over_as_well(running: Running) -> None:
    folder = running.where.root.parent
    folder.chmod(0o755)
    reachable.need(folder)
    first, _ = running.numbers
    names = (*NAMES, "zygote", "sandboxd")
    await asyncio.to_thread(running.start, *reachable.command(folder, []), names=names)
    assert users.describe(users.Regime("users")) in running.said()
    # Made while the others serve, as by a patch: only root can read it until it is launched.
    second = running.staged(first, light(2))
    running.numbers[second] = 2
    assert (running.where.generations / second).stat().st_mode & 0o777 == 0o700

    def work() -> None:
        assert running.tell("launch", second, services=["recall", "worker", "watcher", "zygote"]) == "ok", (
            running.said()
        )
        assert running.tell("promote", second) == "ok", running.said()
        assert set(running.generations().values()) == {second}

    load = Load(running)
    await load.during(asyncio.ensure_future(asyncio.to_thread(work)))
    await load.once()
    assert not load.failures, load.failures[:3]
    assert set(load.served) == {first, second}


async def changed(running: Running, names: Sequence[str], settings: dict[str, Any]) -> tuple[str, list[str]]:
    """Stage a generation with other settings; return it, and which of these services read them."""

    def stage() -> tuple[str, list[str]]:
        first = blueprint.current(running.where)
        made = running.staged(first, {"council.yaml": yaml.safe_dump(settings).encode()})
        parts = [reading.read(running.where.generations / name, homes.parse_settings) for name in (first, made)]
        return made, sorted(inputs.touched(names, *parts))

    return await asyncio.to_thread(stage)


async def meanwhile(work: Awaitable[None], ask: Callable[[], Awaitable[None]]) -> int:
    """Ask one question after the other until the work is done; return how many."""
    doing, asked = asyncio.ensure_future(work), 0
    while not doing.done():
        await ask()
        asked += 1
    await doing
    return asked


async def test_another_sandbox_takes_over_while_jobs_run_and_one_trail_tells_of_all(running: Running) -> None:
    names = (*NAMES, "zygote", "sandboxd")
    made, touched = await changed(running, names, {"sandbox": {"packages": [], "cpu_s": 7.0, "pool": 2}})
    assert touched == ["gateway", "sandboxd", "zygote"]
    await asyncio.to_thread(running.start, names=names)
    before = {row.name: row.pid for row in await asyncio.to_thread(running.rows)}
    headers = {"Authorization": f"Bearer {running.where.token_file.read_text().strip()}"}
    recorded: list[str] = []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{running.port}", headers=headers) as session:

        async def run(code: str = "print(6 * 7)") -> None:
            async with session.post("/v1/sandbox/run", json={"language": "python", "code": code}) as response:
                told = await response.json()
            assert (response.status, told.get("status"), told.get("stdout")) == (200, "ok", "42\n"), told
            recorded.append(told["audit_id"])

        async def change() -> None:
            assert await asyncio.to_thread(running.tell, "launch", made, services=touched) == "ok", running.said()
            slow = asyncio.create_task(run("import time; time.sleep(3); print(42)"))
            await asyncio.sleep(0.5)
            assert await asyncio.to_thread(running.tell, "promote", made) == "ok", running.said()
            assert {*(await asyncio.to_thread(running.generations, gateway=0, sandboxd=4)).values()} == {made}
            await slow

        await run()
        asked = await meanwhile(change(), run)
        await run()
    first = blueprint.current(running.where)
    assert first == made and asked > 3
    after = {row.name: row.pid for row in await asyncio.to_thread(running.rows) if row.place == "live"}
    assert {name for name in before if before[name] != after[name]} == set(touched)
    verdict = await asyncio.to_thread(audit.verify, running.where.sandbox)
    assert not verdict.problem and len(set(recorded)) == asked + 3


@pytest.mark.model
async def test_another_model_takes_over_while_it_is_asked(running: Running) -> None:
    names = (*NAMES, "model")
    made, touched = await changed(running, names, {"model": {"temperature": 0.1, "slots": 1}})
    assert touched == ["gateway", "model", "watcher"] or touched == ["gateway", "model"]
    weights = {"COUNCIL_MODEL_FILE": str(packaged.find_source()), "COUNCIL_MODEL_CONTEXT_TOKENS": "1024"}
    await asyncio.to_thread(running.start, names=names, settings=SETTINGS | weights)
    before = {row.name: row.pid for row in await asyncio.to_thread(running.rows)}
    headers = {"Authorization": f"Bearer {running.where.token_file.read_text().strip()}"}
    body = {"model": config.Config().model.name, "messages": [{"role": "user", "content": "Tell me of the sea."}]}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{running.port}", headers=headers) as session:

        async def ask(tokens: int = 4) -> None:
            async with session.post("/v1/chat/completions", json=body | {"max_tokens": tokens}) as response:
                told = await response.json()
            assert response.status == 200 and told["choices"][0]["message"]["content"], told

        async def change() -> None:
            assert await asyncio.to_thread(running.tell, "launch", made, services=touched) == "ok", running.said()
            rows = await asyncio.to_thread(running.rows)
            assert [row.state for row in rows if row.name == "model"] == ["ready", "ready"]
            slow = asyncio.create_task(ask(60))
            await asyncio.sleep(0.2)
            assert await asyncio.to_thread(running.tell, "promote", made) == "ok", running.said()
            assert {*(await asyncio.to_thread(running.generations, gateway=0, model=5)).values()} == {made}
            await slow

        await ask()
        assert await meanwhile(change(), ask) > 2
        await ask()
    after = {row.name: row.pid for row in await asyncio.to_thread(running.rows) if row.place == "live"}
    assert {name for name in before if before[name] != after[name]} == set(touched)
