"""Ordinary programs run in the sandbox as they would anywhere."""

import asyncio
import importlib.util

import pytest

from council import ports
from council.domain import sandbox
from sandbox import benign, programs


@pytest.mark.parametrize("program", benign.ALL, ids=lambda program: program.name)
async def test_an_ordinary_program_runs(program: programs.Benign, runner: ports.SandboxRunner, kind: str) -> None:
    if program.kinds and kind.split(maxsplit=1)[0] not in program.kinds:
        pytest.skip(f"{program.name}: said of {', '.join(program.kinds)} only, not of {kind}")
    if program.needs and importlib.util.find_spec(program.needs) is None:
        pytest.skip(f"{program.name}: {program.needs} is not installed here")
    if program.needs and not await _has(runner, program.needs):
        pytest.skip(f"{program.name}: the Python inside {kind} has no {program.needs}")
    result = await runner.run(program.job())
    told = (
        result.status,
        result.limit,
        result.exit_code,
        result.stdout[-2000:],
        result.stderr[-2000:],
        result.not_collected,
    )
    assert (result.status, result.exit_code, result.signal) == (program.status, program.exit_code, program.signal), told
    assert result.limit is None and not result.truncated, told
    if program.stdout is not None:
        assert result.stdout == program.stdout, told
    assert all(piece in result.stdout for piece in program.stdout_has), told
    assert all(piece in result.stderr for piece in program.stderr_has), told
    assert not any(piece in result.stderr for piece in program.stderr_lacks), told
    assert dict(result.files) == dict(program.files_out), told
    assert not result.not_collected, told


async def _has(runner: ports.SandboxRunner, package: str) -> bool:
    """The kind `namespaces` shows jobs the packages beside Council, so there it must be found."""
    code = f"import importlib.util, sys\nsys.exit(importlib.util.find_spec('{package}') is None)\n"
    result = await runner.run(sandbox.Job("python", code, limits=programs.LIMITS))
    return result.exit_code == 0


@pytest.mark.alone
async def test_a_program_that_sleeps_uses_no_cpu_time(runner: ports.SandboxRunner) -> None:
    job = sandbox.Job("python", "import time\ntime.sleep(0.5)\n", limits=programs.LIMITS)
    result = await runner.run(job)
    assert result.wall_s >= 0.5
    assert result.cpu_s < 0.5


@pytest.mark.alone
async def test_what_a_program_used_is_told(runner: ports.SandboxRunner) -> None:
    code = "import time\nx = bytearray(60_000_000)\nwhile time.process_time() < 0.6:\n    pass\n"
    result = await runner.run(sandbox.Job("python", code, limits=programs.LIMITS))
    assert result.status is sandbox.Status.OK
    assert 0.5 < result.cpu_s < 3.0
    assert result.memory_peak_bytes is not None
    assert result.memory_peak_bytes >= 60_000_000


async def test_programs_run_beside_each_other(runner: ports.SandboxRunner) -> None:
    jobs = [
        sandbox.Job("python", f"import time\ntime.sleep(0.2)\nprint({number})", limits=programs.LIMITS)
        for number in range(6)
    ]
    results = await asyncio.gather(*(runner.run(job) for job in jobs))
    assert [result.stdout for result in results] == [f"{number}\n".encode() for number in range(6)]


async def test_layers_are_told_with_each_result(runner: ports.SandboxRunner) -> None:
    result = await runner.run(sandbox.Job("python", "", limits=programs.LIMITS))
    assert result.layers == tuple(runner.layers)
    assert set(result.layers_missing) == set(runner.layers_missing)
    assert not set(result.layers) & set(result.layers_missing)
