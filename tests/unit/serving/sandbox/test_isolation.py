import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import prometheus_client
import pytest

from council.domain import config, errors, sandbox
from council.kit import process
from council.serving.sandbox import audit, front, isolation, tries
from council.testing import clock
from council.testing import sandbox as scripted

LAYERS = (*isolation.LAYER_BY_WALL.values(), "memory: cgroup", "processes: cgroup")
JOB = sandbox.Job("python", "print(1)")


@pytest.fixture
def known(tmp_path: Path) -> Iterator[dict[str, object]]:
    """What a self-test is given, of a machine on which no wall stands."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = isolation.outside(tmp_path, server.getsockname()[1])
        yield {
            "path": seen.path,
            "file": list(seen.file),
            "pid": seen.pid,
            "start_ticks": seen.start_ticks,
            "port": seen.port,
            "programs": str(tmp_path),
            "nonce": "abc",
            "walls": list(isolation.LAYER_BY_WALL),
        }


def test_each_try_gets_through_where_no_wall_stands(known: dict[str, object]) -> None:
    lines = Path("/proc/self/status").read_text().splitlines()
    can = any(line.startswith("CapEff") and int(line.split()[1], 16) for line in lines)
    expected = ["files", "root", "processes", "network", "calls", *(["rights"] if can else [])]
    assert tries.through(known) == expected
    assert os.listdir(str(known["programs"])) == []


def test_what_only_looks_like_the_outside_is_no_way_out(known: dict[str, object], tmp_path: Path) -> None:
    other = {"path": str(tmp_path), "file": [0, 1], "start_ticks": 1, "programs": str(tmp_path / "nowhere")}
    found = tries.through({**known, **other, "walls": ["files", "root", "processes"]})
    assert found == []
    assert process.stat(os.getpid()) is not None


def walls(*names: str) -> Callable[[sandbox.Job], sandbox.Result]:
    """Return a sandbox through whose walls of these names a job gets."""

    def run(job: sandbox.Job) -> sandbox.Result:
        asked = json.loads(job.stdin)
        said = {"nonce": asked["nonce"], "through": [name for name in asked["walls"] if name in names]}
        return sandbox.Result(sandbox.Status.OK, exit_code=0, stdout=json.dumps(said).encode())

    return run


OTHER = sandbox.Result(sandbox.Status.OK, exit_code=0, stdout=b'{"nonce": "another", "through": ["files"]}')
AWAY = errors.SandboxUnavailableError("The zygote is away. Try again.")


def self_test(*script: scripted.Step, layers: tuple[str, ...] = LAYERS) -> isolation.SelfTest:
    runner = scripted.ScriptedRunner(script, layers=layers)
    return isolation.SelfTest(runner, config.SandboxConfig(), isolation.Outside("/x", (1, 2), 3, 4, 5))


async def test_a_wall_is_broken_that_does_not_hold_twice_and_whole_once_it_does() -> None:
    made = self_test(walls("files"), walls(), walls("files", "calls"), walls("calls"), walls())
    await made.take()
    assert (made.broken, made.problem) == ((), "")
    await made.take()
    assert made.broken == ("calls",) and "calls" in made.problem
    assert prometheus_client.REGISTRY.get_sample_value("council_sandbox_walls_broken") == 1
    await made.take()
    assert (made.broken, made.problem) == ((), "")
    assert prometheus_client.REGISTRY.get_sample_value("council_sandbox_walls_broken") == 0


async def test_what_cannot_be_tried_leaves_what_was_known() -> None:
    made = self_test(OTHER, AWAY, walls("root"), AWAY, AWAY, OTHER)
    for broken in ((), (), ("root",), ("root",), ("root",)):
        await made.take()
        assert made.broken == broken


async def test_only_walls_of_layers_that_are_there_are_tried() -> None:
    made = self_test(*[walls(*isolation.LAYER_BY_WALL)] * 2, layers=("net namespace",))
    await made.take()
    assert made.broken == ("network",)
    none = self_test(walls("files"), layers=("user namespace",))
    await none.take()
    assert none.broken == ()


@contextlib.asynccontextmanager
async def guarded(folder: Path, *script: scripted.Step) -> AsyncIterator[tuple[front.Front, isolation.SelfTest]]:
    settings, now = config.SandboxConfig(), clock.ManualClock()
    runner = scripted.ScriptedRunner(script, layers=LAYERS)
    tested = isolation.SelfTest(runner, settings, isolation.Outside("/x", (1, 2), 3, 4, 5))
    made = front.Front(runner, audit.AuditTrail(folder, 1 << 30, 10, now), settings, now, tested)
    try:
        yield made, tested
    finally:
        await made.close()


@pytest.mark.covers("sandbox", "gate")
async def test_no_job_runs_behind_a_broken_wall_and_the_trail_names_it(tmp_path: Path) -> None:
    async with guarded(tmp_path, walls("files"), walls("files")) as (made, tested):
        await tested.take()
        with pytest.raises(errors.SandboxUnavailableError, match="files"):
            await made.run(JOB, "ada", "r1")
        assert "files" in (await made.status()).refuses
        async with asyncio.timeout(20):
            while not any(b'"event":"self_test"' in one.read_bytes() for one in tmp_path.glob("audit-*")):
                await asyncio.sleep(0.01)


@pytest.mark.covers("sandbox", "healing")
async def test_the_switch_is_lifted_only_once_a_self_test_has_held(tmp_path: Path) -> None:
    script = (walls("files"), walls("files"), walls("files"), walls("files"), walls())
    async with guarded(tmp_path, *script) as (made, tested):
        await tested.take()
        await made.kill("healer", "repair-1")
        with pytest.raises(errors.SandboxUnavailableError, match="got out of the sandbox"):
            await made.lift("ann", "r2")
        assert (await made.status()).stopped_by == "healer"
        await made.lift("ann", "r3")
        assert not (await made.status()).stopped
        assert (await made.run(JOB, "ada", "r4")).status is sandbox.Status.OK


async def test_the_self_tests_own_job_is_none_of_those_that_were_ended(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (made, tested):
        made._runner.gate.clear()  # type: ignore[attr-defined]
        taking = asyncio.create_task(tested.take())
        while not tested.running:
            await asyncio.sleep(0)
        assert await made.kill("ann", "r1") == 0
        await taking


async def test_a_lift_needs_a_self_test_that_held_and_not_one_that_nobody_could_take(tmp_path: Path) -> None:
    async with guarded(tmp_path, AWAY, walls()) as (made, _):
        await made.kill("healer", "r1")
        with pytest.raises(errors.SandboxUnavailableError, match="could not be tried"):
            await made.lift("ann", "r2")
        assert (await made.status()).stopped_by == "healer"
        await made.lift("ann", "r3")
        assert not (await made.status()).stopped


async def test_a_switch_that_is_thrown_while_the_walls_are_tried_stays_thrown(tmp_path: Path) -> None:
    async with guarded(tmp_path, walls(), walls()) as (made, tested):
        await made.kill("ann", "r1")
        made._runner.gate.clear()  # type: ignore[attr-defined]
        lifting = asyncio.create_task(made.lift("ann", "r2"))
        while not tested.running:
            await asyncio.sleep(0)
        await made.kill("bob", "r3", "an escape")
        made._runner.gate.set()  # type: ignore[attr-defined]
        with pytest.raises(errors.CouncilError):
            await lifting
        assert (await made.status()).stopped
