import asyncio
import dataclasses
import errno
import hashlib
import json
import os
from pathlib import Path

import prometheus_client
import pytest

from council import ports
from council.domain import errors, sandbox
from council.serving.sandbox import front, recorder, switch
from council.testing import sandbox as scripted
from unit.serving.sandbox import front_rig
from unit.serving.sandbox.front_rig import JOB, rig, until

ROOT = Path(__file__).resolve().parents[4]
OK = sandbox.Result(sandbox.Status.OK, exit_code=0)


def sample(name: str, **labels: str) -> float:
    return prometheus_client.REGISTRY.get_sample_value(name, labels) or 0.0


def test_the_front_is_a_sandbox_and_the_scripted_runner_a_runner(tmp_path: Path) -> None:
    def takes(sandbox_port: ports.Sandbox, runner: ports.SandboxRunner) -> None: ...

    made = front_rig.Rig(tmp_path)
    takes(made.front, made.runner)
    made.trail.close()


# Jobs


async def test_a_job_is_recorded_before_its_answer(tmp_path: Path) -> None:
    outcome = sandbox.Result(
        sandbox.Status.SIGNAL, "cpu_s", None, 24, b"out", b"err!", wall_s=0.5, cpu_s=0.25, blocked={"network": 2}
    )
    async with rig(
        tmp_path / "trail", scripted.ScriptedRunner([outcome], layers_missing={"x": "y"}), allow_missing=("x",)
    ) as made:
        result = await made.run(sandbox.Job("python", "print('é')", stdin=b"12"))
        (record,) = made.records("job")
        assert result.audit_id == f"{record['seq']}-{record['digest'][:16]}"
        assert (result.stdout, result.layers, result.layers_missing) == (b"out", scripted.LAYERS, ("x",))
        expected = {
            "caller": "ada",
            "request_id": "r1",
            "language": "python",
            "code_sha256": hashlib.sha256("print('é')".encode()).hexdigest(),
            "stdin_bytes": 2,
            "status": "signal",
            "limit": "cpu_s",
            "exit_code": None,
            "signal": 24,
            "layers": list(scripted.LAYERS),
            "layers_missing": ["x"],
            "wall_us": 500_000,
            "cpu_us": 250_000,
            "stdout_bytes": 3,
            "stderr_bytes": 4,
            "blocked": {"network": 2},
        }
        assert expected.items() <= record.items()
        assert record["limits"]["wall_s"] == 10.0


async def test_the_runner_gets_the_job_with_its_limits(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", wall_s=3.0) as made:
        await made.run()
        assert made.runner.jobs[0].limits is not None
        assert made.runner.jobs[0].limits.wall_s == 3.0


async def test_the_limits_are_told_before_and_those_that_held_after(tmp_path: Path) -> None:
    short = sandbox.Result(sandbox.Status.OK, lowered={"processes": 4, "mood": 1})
    async with rig(tmp_path / "trail", scripted.ScriptedRunner([short]), wall_s=3.0) as made:
        before = (await made.front.status()).limits
        assert before is not None and (before.wall_s, before.processes) == (3.0, 32)
        assert (await made.run()).limits == dataclasses.replace(before, processes=4)
        asked = dataclasses.replace(before, memory_bytes=64 << 20)
        assert (await made.run(sandbox.Job("python", "", limits=asked))).limits == asked


async def test_without_a_record_there_is_no_answer_and_then_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with rig(tmp_path / "trail") as made:
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            for _ in range(3):
                with pytest.raises(errors.SandboxUnavailableError, match="audit trail"):
                    await made.run()
            assert len(made.runner.jobs) == 1
        assert (await made.run()).status is sandbox.Status.OK


async def test_a_job_is_run_once_more_when_the_runner_failed(tmp_path: Path) -> None:
    away = errors.SandboxUnavailableError("The zygote is gone. Try again.")
    async with rig(tmp_path / "trail", scripted.ScriptedRunner([away, OK, away, away]), concurrent_max=1) as made:
        assert (await made.run()).status is sandbox.Status.OK
        assert len(made.runner.jobs) == 2
        assert made.runner.running_most == 1
        with pytest.raises(errors.SandboxUnavailableError, match="zygote"):
            await made.run()
        assert len(made.runner.jobs) == 4
        assert [record["status"] for record in made.records("job")] == ["ok", "unavailable"]


async def test_a_fault_in_the_runner_is_recorded_and_told_without_its_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tmp_path / "trail", scripted.ScriptedRunner([ZeroDivisionError("secret")])) as made:
        with pytest.raises(errors.SandboxUnavailableError) as caught:
            await made.run()
        assert "secret" not in caught.value.message
        assert made.records("job")[0]["status"] == "failed"
        assert "unexpected error in a runner" in caplog.messages


async def test_a_job_whose_caller_went_away_is_recorded(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        made.runner.gate.clear()
        (task,) = made.start()
        await until(lambda: made.runner.running == 1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert made.records("job")[0]["status"] == "cancelled"
        assert made.runner.running == 0
        assert (await made.front.status()).running == 0


# The queue


async def test_so_many_run_so_many_wait_and_the_rest_is_turned_away(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", concurrent_max=2, queue_max=3) as made:
        made.runner.gate.clear()
        tasks = made.start(5)
        await until(lambda: made.runner.running == 2)
        with pytest.raises(errors.OverloadedError) as caught:
            await made.run()
        assert caught.value.retry_after_s
        state = await made.front.status()
        assert (state.running, state.waiting) == (2, 3)
        made.runner.gate.set()
        await asyncio.gather(*tasks)
        assert made.runner.running_most == 2
        assert [record["reason"] for record in made.records("refused")] == ["queue"]


async def test_what_waits_too_long_is_turned_away(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", concurrent_max=1, queue_wait_s=0.1) as made:
        made.runner.gate.clear()
        (first,) = made.start()
        await until(lambda: made.runner.running == 1)
        with pytest.raises(errors.OverloadedError, match=r"within 0\.1 s"):
            await made.run()
        made.runner.gate.set()
        await first


# Layers


@pytest.mark.covers("sandbox", "gate")
async def test_a_missing_layer_refuses_every_job_and_names_the_setting(tmp_path: Path) -> None:
    runner = scripted.ScriptedRunner(layers_missing={"landlock": "the kernel has none"})
    async with rig(tmp_path / "trail", runner) as made:
        for call in (made.run(), made.front.open_session(None, "ada", "r1"), made.front.ping()):
            with pytest.raises(errors.SandboxUnavailableError) as caught:
                await call
            for word in ("`landlock`", "the kernel has none", "sandbox.allow_missing"):
                assert word in caught.value.message
        assert not made.runner.jobs
        assert (await made.front.status()).refuses == caught.value.message
        assert [record["reason"] for record in made.records("refused")] == ["layers", "layers"]
        runner.layers_missing.clear()
        assert (await made.run()).status is sandbox.Status.OK


async def test_a_missing_layer_that_the_settings_name_is_told(tmp_path: Path) -> None:
    runner = scripted.ScriptedRunner(layers_missing={"landlock": "the kernel has none"})
    async with rig(tmp_path / "trail", runner, allow_missing=("landlock",)) as made:
        assert (await made.run()).layers_missing == ("landlock",)
        assert (await made.front.status()).refuses == ""
        assert made.records("job")[0]["layers_missing"] == ["landlock"]


@pytest.mark.parametrize("name", ["memory", "processes"])
async def test_a_cgroup_may_be_missing_only_where_rlimits_stand_in(tmp_path: Path, name: str) -> None:
    missing = {f"{name}: cgroup": "not writable"}
    stands_in = scripted.ScriptedRunner(layers=("seccomp", f"{name}: rlimit"), layers_missing=missing)
    async with rig(tmp_path / "one", stands_in) as made:
        assert (await made.run()).layers_missing == (f"{name}: cgroup",)
    async with rig(tmp_path / "other", scripted.ScriptedRunner(layers=("seccomp",), layers_missing=missing)) as made:
        with pytest.raises(errors.SandboxUnavailableError, match="cgroup"):
            await made.run()


@pytest.mark.parametrize(("layers", "missing"), [((), ()), (("seccomp",), ("landlock",))])
async def test_a_result_that_turns_out_to_lack_a_layer_is_withheld(
    tmp_path: Path, layers: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    lacking = sandbox.Result(sandbox.Status.OK, stdout=b"out", layers=layers, layers_missing=missing)
    async with rig(tmp_path / "trail", scripted.ScriptedRunner([lacking], layers=())) as made:
        with pytest.raises(errors.SandboxUnavailableError):
            await made.run()
        assert made.records("job")[0]["status"] == "unavailable"


# Refusals


async def test_an_invalid_job_is_refused_recorded_and_never_run(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        with pytest.raises(errors.InvalidRequestError):
            await made.run(sandbox.Job("perl", "\ud800"), caller="eve\udc80")
        assert not made.runner.jobs
        (record,) = made.records("refused")
        assert (record["reason"], record["asked"], record["caller"]) == ("invalid", "job", "eve?")


async def test_refusals_beyond_ten_a_second_are_counted_in_the_next_record(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        for _ in range(25):
            with pytest.raises(errors.InvalidRequestError):
                await made.run(sandbox.Job("perl", ""))
        assert len(made.records("refused")) == 10
        await made.run()
        assert made.records("job")[0]["refusals_left_out"] == 15
        made.clock.advance(1.0)
        for _ in range(12):
            with pytest.raises(errors.InvalidRequestError):
                await made.run(sandbox.Job("perl", ""))
    assert len(made.records("refused")) == 21
    assert made.records("refused")[-1]["refusals_left_out"] == 2


# The kill switch


async def test_the_status_says_why_a_runner_that_is_away_runs_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        made.runner.away = "the zygote is being started"
        assert (await made.front.status()).refuses == "the zygote is being started"


@pytest.mark.covers("sandbox", "healing")
async def test_the_switch_ends_what_runs_and_what_waits_and_refuses_until_lifted(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", concurrent_max=2) as made:
        made.runner.gate.clear()
        tasks = made.start(5)
        await until(lambda: made.runner.running == 2)
        assert await made.front.kill("root", "r2") == 2
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, errors.SandboxStoppedError)
        assert len(made.runner.jobs) == 2
        assert [record["status"] for record in made.records("job")] == ["stopped", "stopped"]
        (record,) = made.records("kill")
        assert (record["caller"], record["killed"], record["turned_away"]) == ("root", 2, 3)
        state = await made.front.status()
        assert (state.stopped, state.stopped_by) == (True, "root")
        for call in (made.run(), made.front.ping(), made.front.open_session(None, "ada", "r3")):
            with pytest.raises(errors.SandboxStoppedError):
                await call
        made.runner.gate.set()
        await made.front.lift("root", "r4")
        await made.front.lift("root", "r5")
        assert (await made.run()).status is sandbox.Status.OK
        assert [record["request_id"] for record in made.records("lift")] == ["r4"]


async def test_the_switch_outlives_a_restart(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        await made.front.kill("root", "r1")
    async with rig(tmp_path / "trail") as made:
        with pytest.raises(errors.SandboxStoppedError):
            await made.run()
        await made.front.lift("root", "r2")
        await made.run()


async def test_a_switch_that_cannot_be_read_has_stopped_everything(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        (tmp_path / "trail" / switch.NAME).mkdir()
        with pytest.raises(errors.SandboxStoppedError):
            await made.run()


async def test_a_switch_thrown_by_another_front_ends_the_jobs_of_this_one(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made, rig(tmp_path / "trail") as other:
        made.runner.gate.clear()
        (task,) = made.start()
        await until(lambda: made.runner.running == 1)
        await other.front.kill("root", "r1")
        with pytest.raises(errors.SandboxStoppedError):
            await task
        await other.front.lift("root", "r2")
        made.runner.gate.set()
        assert (await made.run()).status is sandbox.Status.OK


async def test_a_job_that_finished_as_the_switch_was_thrown_and_lifted_is_stopped_too(tmp_path: Path) -> None:
    class Slow(scripted.ScriptedRunner):
        async def kill_all(self) -> int:
            return 0

    async with rig(tmp_path / "trail", Slow(), concurrent_max=1) as made:
        made.runner.gate.clear()
        task, waiting = made.start(2)
        await until(lambda: made.runner.running == 1)
        await made.front.kill("root", "r1")
        await made.front.lift("root", "r2")
        with pytest.raises(errors.SandboxStoppedError):
            await waiting
        made.runner.gate.set()
        with pytest.raises(errors.SandboxStoppedError):
            await task


async def test_a_job_whose_turn_comes_after_the_switch_was_thrown_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "WATCH_S", 1000.0)
    async with rig(tmp_path / "trail", concurrent_max=1) as made:
        made.runner.gate.clear()
        tasks = made.start(2)
        await until(lambda: made.runner.running == 1)
        other = switch.KillSwitch(tmp_path / "trail")
        other.throw("root")
        made.runner.gate.set()
        _, waited = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(waited, errors.SandboxStoppedError)
        assert len(made.runner.jobs) == 1


async def test_a_runner_lost_as_the_switch_was_thrown_is_not_asked_again(tmp_path: Path) -> None:
    class Lost(scripted.ScriptedRunner):
        async def run(self, job: sandbox.Job) -> sandbox.Result:
            await super().run(job)
            raise errors.SandboxUnavailableError("The zygote is gone. Try again.")

    async with rig(tmp_path / "trail", Lost()) as made:
        made.runner.gate.clear()
        (task,) = made.start()
        await until(lambda: made.runner.running == 1)
        await made.front.kill("root", "r1")
        with pytest.raises(errors.SandboxStoppedError):
            await task
        assert len(made.runner.jobs) == 1


async def test_the_switch_ends_everything_even_if_it_cannot_be_saved_or_the_runner_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(scripted.ScriptedRunner):
        async def kill_all(self) -> int:
            await super().kill_all()
            raise errors.SandboxUnavailableError("The zygote is gone. Try again.")

    def full(switch_self: switch.KillSwitch, caller: str, at_us: int, reason: str) -> None:
        raise errors.SandboxUnavailableError("Not saved. Stop it again.")

    for runner in (scripted.ScriptedRunner(), Failing()):
        async with rig(tmp_path / "trail", runner) as made:
            made.runner.gate.clear()
            (task,) = made.start()
            await until(lambda made=made: made.runner.running == 1)
            with monkeypatch.context() as patched:
                if not isinstance(runner, Failing):
                    patched.setattr(switch.KillSwitch, "save", full)
                with pytest.raises(errors.SandboxUnavailableError):
                    await made.front.kill("root", "r1")
            with pytest.raises(errors.SandboxStoppedError):
                await task
            with pytest.raises(errors.SandboxStoppedError):
                await made.run()
            assert made.records("kill")[-1]["failed"]
            await made.front.lift("root", "r2")


# Status, metrics, the end


async def test_the_status_tells_the_pool_where_the_runner_has_one(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        made.runner.pool_ready, made.runner.pool_target, made.runner.refills_per_s = 3, 8, 1.5
        await made.run()
        state = await made.front.status()
        assert (state.pool_ready, state.pool_target, state.refills_per_s) == (3, 8, 1.5)
        assert (state.kind, state.layers, state.jobs) == ("namespaces", scripted.LAYERS, 1)
        await until(lambda: sample("council_sandbox_pool_ready") == 3)
        del made.runner.pool_ready, made.runner.pool_target, made.runner.refills_per_s
        state = await made.front.status()
        assert (state.pool_ready, state.pool_target, state.refills_per_s) == (0, 0, 0.0)


async def test_the_watch_shows_what_runs_and_waits(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail", concurrent_max=1) as made:
        made.runner.gate.clear()
        tasks = made.start(3)
        await until(lambda: (sample("council_sandbox_running"), sample("council_sandbox_waiting")) == (1, 2))
        made.runner.gate.set()
        await asyncio.gather(*tasks)
        await until(lambda: (sample("council_sandbox_running"), sample("council_sandbox_waiting")) == (0, 0))


async def test_labels_come_from_closed_sets(tmp_path: Path) -> None:
    strange = sandbox.Result(sandbox.Status.KILLED_LIMIT, "mood", blocked={"x": 1, "y": 2, "clock": 4})
    before = {kind: sample("council_sandbox_blocked_total", **{"class": kind}) for kind in ("other", "clock")}
    kills = sample("council_sandbox_kills_total", limit="other")
    jobs = sample("council_sandbox_jobs_total", language="python", status="killed_limit")
    seconds = sample("council_sandbox_run_seconds_count", status="killed_limit")
    refused = sample("council_sandbox_refused_total", reason="invalid")
    async with rig(tmp_path / "trail", scripted.ScriptedRunner([strange])) as made:
        await made.run()
        with pytest.raises(errors.InvalidRequestError):
            await made.run(sandbox.Job("perl", ""))
    assert sample("council_sandbox_blocked_total", **{"class": "other"}) == before["other"] + 3
    assert sample("council_sandbox_blocked_total", **{"class": "clock"}) == before["clock"] + 4
    assert sample("council_sandbox_kills_total", limit="other") == kills + 1
    assert sample("council_sandbox_jobs_total", language="python", status="killed_limit") == jobs + 1
    assert sample("council_sandbox_run_seconds_count", status="killed_limit") == seconds + 1
    assert sample("council_sandbox_refused_total", reason="invalid") == refused + 1


def test_every_class_of_the_zygote_is_one_that_is_counted() -> None:
    folder = ROOT / "src" / "council" / "zygote" / "calls"
    tables = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    assert tables
    assert {kind for table in tables for kind in table.values()} == set(recorder.BLOCKED_CLASSES)


async def test_closing_ends_what_runs_and_waits_and_records_it(tmp_path: Path) -> None:
    made = front_rig.Rig(tmp_path / "trail", concurrent_max=1)
    made.runner.gate.clear()
    tasks = made.start(2)
    await until(lambda: made.runner.running == 1)
    await made.front.close()
    await made.front.close()
    ran, waited = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(ran, sandbox.Result)
    assert isinstance(waited, errors.SandboxUnavailableError)
    assert made.runner.closed
    assert [record["status"] for record in made.records("job")] == ["signal"]
    with pytest.raises(errors.SandboxUnavailableError, match="stopping"):
        await made.run(JOB)


async def test_why_the_switch_was_thrown_and_lifted_is_in_state_and_trail(tmp_path: Path) -> None:
    async with rig(tmp_path / "trail") as made:
        await made.front.kill("ada", "r1", "Too many jobs.")
        assert (await made.front.status()).stopped_reason == "Too many jobs."
        await made.front.lift("ada", "r2", "Well again.")
        assert (await made.front.status()).stopped_reason == ""
        lifted, killed = (await made.front.audit(2)).records
        assert (lifted.event, lifted.reason, killed.event, killed.reason) == (
            "lift", "Well again.", "kill", "Too many jobs.",
        )  # fmt: skip
        assert [one.event for one in (await made.front.audit(9, killed.id)).records] == ["begin"]
