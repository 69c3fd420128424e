import asyncio
from pathlib import Path
from typing import Any

import pytest

from council.domain import errors, sandbox
from council.serving.sandbox import checks
from council.testing import sandbox as scripted
from unit.serving.sandbox.front_rig import JOB, Rig, rig, until


async def opened(made: Rig, caller: str = "ada") -> str:
    return await made.front.open_session(None, caller, "r1")


async def call(made: Rig, session: str, caller: str = "ada") -> sandbox.Result:
    return await made.front.run_in_session(session, JOB, caller, "r2")


def ends(made: Rig) -> list[Any]:
    return [record["reason"] for record in made.records("session_close")]


async def test_a_session_is_opened_used_and_closed_and_all_of_it_recorded(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        session = await opened(made)
        result = await call(made, session)
        (record,) = made.records("session_call")
        assert result.audit_id == f"{record['seq']}-{record['digest'][:16]}"
        assert made.records("session_open")[0]["layers"] == list(scripted.LAYERS)
        assert (await made.front.status()).sessions == 1
        await made.front.close_session(session, "ada", "r3")
        (end,) = made.records("session_close")
        assert (end["session"], end["reason"], end["request_id"]) == (session, "closed", "r3")
        assert made.runner.sessions[0].closed
        assert (await made.front.status()).sessions == 0
        for again in (call(made, session), made.front.close_session(session, "ada", "r4")):
            with pytest.raises(errors.NotFoundError):
                await again


async def test_a_call_without_limits_has_those_of_its_session(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        limits = sandbox.Limits(1.0, 2.0, 64 << 20, 1000, 1 << 20, 4)
        session = await made.front.open_session(limits, "ada", "r1")
        await call(made, session)
        assert made.runner.sessions[0].limits == made.runner.jobs[0].limits == limits
        with pytest.raises(errors.InvalidRequestError):
            await made.front.open_session(sandbox.Limits(0, 1, 1, 1, 1, 1), "ada", "r1")


async def test_anothers_session_is_not_there(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        session = await opened(made)
        for foreign in (call(made, session, "eve"), made.front.close_session(session, "eve", "r3")):
            with pytest.raises(errors.NotFoundError) as told:
                await foreign
            with pytest.raises(errors.NotFoundError) as none:
                await call(made, "none", "eve")
            assert told.value.message == none.value.message
        await call(made, session)


async def test_only_so_many_are_open_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", sessions_max=2) as made:
        first = await opened(made)
        await opened(made)
        with pytest.raises(errors.OverloadedError):
            await opened(made)
        await made.front.close_session(first, "ada", "r2")
        await opened(made)


async def test_one_caller_cannot_take_every_place(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", sessions_max=4, sessions_caller_max=2) as made:
        first = await opened(made)
        await opened(made)
        with pytest.raises(errors.OverloadedError, match="sessions_caller_max"):
            await opened(made)
        await opened(made, "eve")
        await made.front.close_session(first, "ada", "r2")
        await opened(made)


async def test_a_caller_that_leaves_while_its_session_is_opened_leaves_none(tmp_path: Path) -> None:
    begun = asyncio.Event()

    class Never(scripted.ScriptedRunner):
        async def open_session(self, limits: sandbox.Limits) -> scripted.ScriptedSession:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

    async with rig(tmp_path / "trail", Never(), sessions_caller_max=1) as made:
        opening = asyncio.create_task(opened(made))
        await begun.wait()
        opening.cancel()
        await asyncio.wait({opening})
        assert (await made.front.status()).sessions == 0
        begun.clear()
        again = asyncio.create_task(opened(made))
        await asyncio.wait_for(begun.wait(), 20)
        again.cancel()


async def test_a_session_that_ended_by_itself_takes_no_place(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", sessions_max=2) as made:
        first, second = await opened(made), await opened(made)
        made.runner.sessions[0].ended = True
        assert (await call(made, first)).status is sandbox.Status.OK
        assert ends(made) == ["ended"] and made.runner.sessions[0].closed
        with pytest.raises(errors.NotFoundError):
            await call(made, first)
        made.runner.sessions[1].ended = True
        await until(lambda: ends(made) == ["ended", "ended"])
        with pytest.raises(errors.NotFoundError):
            await call(made, second)
        assert (await made.front.status()).sessions == 0


async def test_sessions_being_opened_count_as_well(tmp_path: Path) -> None:
    go = asyncio.Event()

    class Slow(scripted.ScriptedRunner):
        async def open_session(self, limits: sandbox.Limits) -> scripted.ScriptedSession:
            await go.wait()
            return await super().open_session(limits)

    async with rig(tmp_path / "trail", Slow(), sessions_max=1) as made:
        first = asyncio.create_task(opened(made))
        await asyncio.sleep(0)
        with pytest.raises(errors.OverloadedError):
            await opened(made)
        go.set()
        await first


async def test_a_session_runs_one_call_at_a_time(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        session = await opened(made)
        made.runner.gate.clear()
        first = asyncio.create_task(call(made, session))
        await until(lambda: made.runner.running == 1)
        with pytest.raises(errors.OverloadedError, match="still running"):
            await call(made, session)
        made.runner.gate.set()
        await first
        await call(made, session)


async def test_calls_wait_in_the_same_queue_as_jobs(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", concurrent_max=1) as made:
        session = await opened(made)
        made.runner.gate.clear()
        (job,) = made.start()
        await until(lambda: made.runner.running == 1)
        waiting = asyncio.create_task(call(made, session))
        await asyncio.sleep(0.01)
        assert made.runner.running_most == 1
        made.runner.gate.set()
        await asyncio.gather(job, waiting)
        assert made.runner.running_most == 1


async def test_a_session_that_is_idle_too_long_is_ended(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", session_idle_s=10.0) as made:
        session = await opened(made)
        for _ in range(3):
            made.clock.advance(8)
            await made.front._look_after()
            await call(made, session)
        assert ends(made) == []
        made.clock.advance(10)
        await until(lambda: ends(made) == ["idle"])
        assert made.runner.sessions[0].closed
        with pytest.raises(errors.NotFoundError):
            await call(made, session)


async def test_a_session_with_a_running_call_is_not_idle(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", session_idle_s=10.0) as made:
        session = await opened(made)
        other = await opened(made)
        made.runner.gate.clear()
        running = asyncio.create_task(call(made, session))
        await until(lambda: made.runner.running == 1)
        made.clock.advance(20)
        await until(lambda: ends(made) == ["idle"])
        assert made.records("session_close")[0]["session"] == other
        made.runner.gate.set()
        await running
        await call(made, session)


async def test_a_session_ends_after_its_life_however_busy(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", session_idle_s=10.0, session_life_s=30.0) as made:
        session = await opened(made)
        for _ in range(4):
            made.clock.advance(7)
            await call(made, session)
        made.clock.advance(2)
        await until(lambda: ends(made) == ["life"])


async def test_a_call_that_meets_a_limit_ends_its_session(tmp_path: Path) -> None:
    killed = sandbox.Result(sandbox.Status.KILLED_LIMIT, "wall_s", signal=9)
    async with rig(tmp_path / "trail", scripted.ScriptedRunner([killed])) as made:
        session = await opened(made)
        assert (await call(made, session)).limit == "wall_s"
        assert ends(made) == ["limit"]
        with pytest.raises(errors.NotFoundError):
            await call(made, session)


async def test_a_call_that_is_lost_ends_its_session_and_is_not_run_again(tmp_path: Path) -> None:
    away = errors.SandboxUnavailableError("The zygote is gone. Try again.")
    async with rig(tmp_path / "trail", scripted.ScriptedRunner([away])) as made:
        session = await opened(made)
        with pytest.raises(errors.SandboxUnavailableError):
            await call(made, session)
        assert len(made.runner.jobs) == 1
        assert ends(made) == ["lost"]


async def test_a_call_whose_caller_went_away_ends_its_session(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        session = await opened(made)
        made.runner.gate.clear()
        task = asyncio.create_task(call(made, session))
        await until(lambda: made.runner.running == 1)
        task.cancel()
        await asyncio.wait([task])
        assert ends(made) == ["lost"]
        assert made.runner.sessions[0].closed


async def test_the_switch_ends_sessions_and_their_calls(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        session = await opened(made)
        await opened(made)
        made.runner.gate.clear()
        task = asyncio.create_task(call(made, session))
        await until(lambda: made.runner.running == 1)
        await made.front.kill("root", "r3")
        with pytest.raises(errors.SandboxStoppedError):
            await task
        assert ends(made) == ["stopped", "stopped"]
        assert all(session.closed for session in made.runner.sessions)
        await made.front.lift("root", "r4")
        with pytest.raises(errors.NotFoundError):
            await call(made, session)


async def test_a_session_opened_as_the_switch_is_thrown_is_closed_again(tmp_path: Path) -> None:
    go = asyncio.Event()

    class Slow(scripted.ScriptedRunner):
        async def open_session(self, limits: sandbox.Limits) -> scripted.ScriptedSession:
            session = await super().open_session(limits)
            await go.wait()
            return session

    async with rig(tmp_path / "trail", Slow()) as made:
        task = asyncio.create_task(opened(made))
        await until(lambda: bool(made.runner.sessions))
        await made.front.kill("root", "r2")
        await made.front.lift("root", "r3")
        go.set()
        with pytest.raises(errors.SandboxStoppedError):
            await task
        assert made.runner.sessions[0].closed
        assert (await made.front.status()).sessions == 0


async def test_a_runner_without_sessions_says_so(tmp_path: Path) -> None:
    class Plain(scripted.ScriptedRunner):
        async def open_session(self, limits: sandbox.Limits) -> scripted.ScriptedSession:
            raise errors.UnsupportedParameterError("This kind has no sessions. Run single jobs.")

    async with rig(tmp_path / "trail", Plain()) as made:
        with pytest.raises(errors.UnsupportedParameterError):
            await opened(made)
        assert (await made.front.status()).sessions == 0


async def test_closing_the_front_ends_its_sessions(tmp_path: Path) -> None:
    made = Rig(tmp_path / "trail")
    await opened(made)
    await made.front.close()
    assert ends(made) == ["shutdown"]
    assert made.runner.sessions[0].closed


def test_a_session_without_limits_has_those_of_the_settings(tmp_path: Path) -> None:
    made = Rig(tmp_path / "trail")

    async def play() -> None:
        await opened(made)
        await made.front.close()

    asyncio.run(play())
    assert made.runner.sessions[0].limits == checks.limits(None, made.settings)
