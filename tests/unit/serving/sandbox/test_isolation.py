import asyncio
import contextlib
import errno
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import prometheus_client
import pytest

from council.domain import config, errors, sandbox, sandbox_wire
from council.kit import process
from council.serving.sandbox import audit, files, front, isolation, tries
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


BEYOND = isolation.Outside("/x", (1, 2), 3, 4, 5)


def self_test(folder: Path, *script: scripted.Step, layers: tuple[str, ...] = LAYERS) -> isolation.SelfTest:
    runner = scripted.ScriptedRunner(script, layers=layers)
    return isolation.SelfTest(runner, "namespaces", BEYOND, folder, clock.ManualClock())


async def test_a_wall_is_broken_that_does_not_hold_twice_and_whole_once_it_does(tmp_path: Path) -> None:
    made = self_test(tmp_path, walls("files"), walls(), walls("files", "calls"), walls("calls"), walls())
    await made.take()
    assert (made.broken, made.problem) == ((), "")
    await made.take()
    assert made.broken == ("calls",) and "calls" in made.problem
    assert prometheus_client.REGISTRY.get_sample_value("council_sandbox_walls_broken") == 1
    await made.take()
    assert (made.broken, made.problem) == ((), "")
    assert prometheus_client.REGISTRY.get_sample_value("council_sandbox_walls_broken") == 0


async def test_what_cannot_be_tried_leaves_what_was_known(tmp_path: Path) -> None:
    made = self_test(tmp_path, OTHER, AWAY, walls("root"), AWAY, AWAY, OTHER)
    for broken in ((), (), ("root",), ("root",), ("root",)):
        await made.take()
        assert made.broken == broken


async def test_only_walls_of_layers_that_are_there_are_tried(tmp_path: Path) -> None:
    made = self_test(tmp_path, *[walls(*isolation.LAYER_BY_WALL)] * 2, layers=("net namespace",))
    await made.take()
    assert made.broken == ("network",)
    (other := tmp_path / "other").mkdir()
    none = self_test(other, walls("files"), layers=("user namespace",))
    await none.take()
    assert none.broken == ()


@contextlib.asynccontextmanager
async def guarded(folder: Path, *script: scripted.Step) -> AsyncIterator[tuple[front.Front, isolation.SelfTest]]:
    settings, now = config.SandboxConfig(), clock.ManualClock()
    runner = scripted.ScriptedRunner(script, layers=LAYERS)
    tested = isolation.SelfTest(runner, settings.kind, BEYOND, folder, now)
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


@pytest.mark.covers("sandbox", "gate")
async def test_no_job_runs_before_the_first_self_test_of_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with guarded(tmp_path, AWAY, OTHER, walls(), OTHER) as (made, tested):
        with monkeypatch.context() as hasty:
            hasty.setattr(front, "RUNNER_BACK_S", 0.0)
            with pytest.raises(errors.SandboxUnavailableError, match="not been tried"):
                await made.run(JOB, "ada", "r1")
        waits = asyncio.create_task(made.run(JOB, "ada", "r1"))
        await tested.take()
        await asyncio.sleep(0)
        assert not waits.done()
        # Nothing could be run at all, so that nothing was tried either.
        with pytest.raises(errors.SandboxUnavailableError, match="not been tried"):
            await made.ping()
        # Nor has one told anything that was ended, or said something else.
        await tested.take()
        await asyncio.sleep(0)
        assert not waits.done() and "sandbox.allow_missing" in tested.problem
        with pytest.raises(errors.SandboxUnavailableError, match="so nothing runs"):
            await made.ping()
        await tested.take()
        assert (await waits).status is sandbox.Status.OK
        # What was known stays.
        await tested.take()
        assert (await made.status()).walls == "unknown"
        assert (await made.run(JOB, "ada", "r2")).status is sandbox.Status.OK


async def test_jobs_run_though_no_self_test_tells_anything_where_a_person_has_said_so(tmp_path: Path) -> None:
    runner = scripted.ScriptedRunner([OTHER, AWAY], layers=LAYERS)
    made = isolation.SelfTest(runner, "namespaces", BEYOND, tmp_path, clock.ManualClock(), needed=False)
    assert made.problem
    await made.take()
    assert (made.outcome, made.problem, made.first.is_set()) == ("unknown", "", True)


@pytest.mark.covers("sandbox", "gate")
@pytest.mark.parametrize("damaged", [False, True])
async def test_a_broken_wall_outlives_a_restart_until_a_self_test_holds(tmp_path: Path, damaged: bool) -> None:
    await self_test(tmp_path, walls("files", "calls"), walls("files", "calls")).take()
    if damaged:
        (tmp_path / isolation.NAME).write_bytes(b"")
    made = self_test(tmp_path, OTHER, walls())
    for _ in range(2):
        assert made.problem and ("calls, files" in made.problem) is not damaged
        assert (prometheus_client.REGISTRY.get_sample_value("council_sandbox_walls_broken") or 0) >= 1
        if made.outcome:
            break
        await made.take()
    await made.take()
    assert (made.broken, made.problem) == ((), "")
    assert not self_test(tmp_path).broken


async def test_what_could_not_be_saved_is_saved_with_the_next_self_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = self_test(tmp_path, *[walls("root")] * 4)
    with monkeypatch.context() as full:
        full.setattr(files, "save", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        assert not await made.take()
    # What needs no space is there all the same.
    assert self_test(tmp_path).broken and self_test(tmp_path).broken != ("root",)
    assert not await made.take()
    assert self_test(tmp_path).broken == ("root",)


async def test_a_wall_that_was_got_through_once_is_broken_where_the_second_try_cannot_be_taken(tmp_path: Path) -> None:
    made = self_test(tmp_path, walls("root"), AWAY)
    assert not await made.take()
    assert made.broken == ("root",)


async def test_a_runner_that_names_no_layer_has_not_shown_that_its_walls_hold(tmp_path: Path) -> None:
    made = self_test(tmp_path, layers=())
    assert not await made.take()
    assert made.outcome == "" and made.problem


async def test_it_is_told_for_how_long_no_self_test_has_told_anything(tmp_path: Path) -> None:
    now = clock.ManualClock()
    runner = scripted.ScriptedRunner([walls(), OTHER, walls()], layers=LAYERS)
    made = isolation.SelfTest(runner, "namespaces", BEYOND, tmp_path, now)
    for outcome, untried_s in (("held", 0.0), ("unknown", 200.0), ("held", 0.0)):
        await made.take()
        assert (made.outcome, made.untried_s) == (outcome, untried_s)
        now.advance(200)
    async with guarded(tmp_path) as (front_made, tested):
        front_made._clock.advance(130)  # type: ignore[attr-defined]
        front_made.watch()
        async with asyncio.timeout(20):
            while prometheus_client.REGISTRY.get_sample_value("council_sandbox_walls_untried_seconds") != 130:
                await asyncio.sleep(0.01)
        assert (await front_made.status()).walls_untried_s == tested.untried_s == 130


@pytest.mark.parametrize("why", ["no runner", "layer", "switch", "broken"])
async def test_nobody_is_told_that_nothing_was_tried_while_no_job_runs_for_another_reason(
    tmp_path: Path, why: str
) -> None:
    scripts: dict[str, list[scripted.Step]] = {"no runner": [AWAY], "broken": [walls("files")] * 2}
    script = scripts.get(why, [])
    async with guarded(tmp_path, *script, *[OTHER] * 3) as (made, tested):
        now, runner = made._clock, made._runner

        async def told_after(seconds: float) -> float | None:
            now.advance(seconds)  # type: ignore[attr-defined]
            await made._look_after()
            return prometheus_client.REGISTRY.get_sample_value("council_sandbox_walls_untried_seconds")

        if script:
            await tested.take()
        if why == "layer":
            runner.layers_missing = {"seccomp": "not here"}  # type: ignore[misc]
        if why == "switch":
            await made.kill("ann", "r1")
        assert (await told_after(300), await told_after(300)) == (0, 0)
        # What went before does not count afterwards, and what comes does.
        await tested.take()
        tested.broken = ()
        runner.layers_missing = {}  # type: ignore[misc]
        made._switch.lift()
        assert (await told_after(10), await told_after(130)) == (10, 140)


async def test_a_machine_without_sandboxes_is_tried_ever_more_seldom_and_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = errors.SandboxUnavailableError("There are no user namespaces. Allow them.")
    made, waits = self_test(tmp_path, *[AWAY] * 5, other, other, walls(), AWAY, AWAY), list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 10:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with caplog.at_level(logging.INFO, isolation.__name__), pytest.raises(asyncio.CancelledError):
        await made.keep()
    assert waits == [1, 2, 4, 8, *[isolation.EVERY_S] * 6]
    reasons = [vars(one)["reason"] for one in caplog.records if "could be taken" in one.message]
    assert reasons == [str(AWAY), str(other), str(AWAY)]


async def test_what_the_settings_leave_a_job_is_no_limit_of_the_self_test(tmp_path: Path) -> None:
    runner = scripted.ScriptedRunner([walls()], layers=LAYERS)
    await isolation.SelfTest(runner, "namespaces", BEYOND, tmp_path, clock.ManualClock()).take()
    assert runner.jobs[0].limits == sandbox_wire.default_limits(config.SandboxConfig())
