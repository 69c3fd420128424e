"""What Firejail is told, and what is made of its answers; a script plays Firejail. The real one is in tests/contract."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from council.backends.sandbox_runner import firejail, gvisor
from council.domain import errors, sandbox

MIB = 1024 * 1024
LIMITS = sandbox.Limits(
    cpu_s=5.0, wall_s=20.0, memory_bytes=512 * MIB, output_bytes=100_000, files_bytes=MIB, processes=16
)


def _program(folder: Path, body: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)
    return str(path)


def _job(code: str = "", language: str = "python") -> sandbox.Job:
    return sandbox.Job(language, code, limits=LIMITS)


async def test_firejail_is_told_every_bound(tmp_path: Path) -> None:
    runner = firejail.FirejailRunner(tmp_path / "jobs", _program(tmp_path, 'printf "%s\\n" "$@"'))
    words = (await runner.run(_job())).stdout.decode().split("\n")
    inside = words[words.index("--") + 1 :]
    assert {
        "--net=none",
        "--nonewprivs",
        "--private-dev",
        "--private-tmp",
        "--quiet",
        "--deterministic-shutdown",
    } <= set(words)
    assert {"--rlimit-as=536870912", "--rlimit-cpu=6", "--rlimit-fsize=1048576"} <= set(words)
    assert [word for word in words if word.startswith(f"--private={tmp_path / 'jobs'}/job-")]
    assert [word for word in words if word.startswith("--caps.")]
    assert "main.py" in inside
    assert "env" in inside
    assert inside[inside.index("env") + 1] == "-i"


async def test_nothing_of_our_environment_reaches_firejail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNCIL_SECRET", "x")
    runner = firejail.FirejailRunner(tmp_path / "jobs", _program(tmp_path, "/usr/bin/env"))
    assert b"COUNCIL_SECRET" not in (await runner.run(_job())).stdout


async def test_a_firejail_that_cannot_set_up_is_unavailable_and_leaves_no_folder(tmp_path: Path) -> None:
    program = _program(tmp_path, "echo 'Error: the user is not allowed to use Firejail.' >&2; exit 1")
    with pytest.raises(errors.SandboxUnavailableError) as caught:
        await firejail.FirejailRunner(tmp_path / "jobs", program).run(_job())
    assert "not allowed" in caught.value.detail
    assert not list((tmp_path / "jobs").iterdir())


async def test_a_gvisor_that_cannot_set_up_is_unavailable_and_leaves_no_folder(tmp_path: Path) -> None:
    program = _program(tmp_path, "echo 'creating container: no' >&2; exit 128")
    with pytest.raises(errors.SandboxUnavailableError) as caught:
        await gvisor.GvisorRunner(tmp_path / "jobs", program).run(_job())
    assert "creating container" in caught.value.detail
    assert not list((tmp_path / "jobs").iterdir())


async def test_a_gvisor_job_cancelled_while_its_files_are_made_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go, made = threading.Event(), threading.Event(), gvisor._make_root

    def slowly(*words: Any) -> None:
        begun.set()
        assert go.wait(20)
        made(*words)

    monkeypatch.setattr(gvisor, "_make_root", slowly)
    job = asyncio.create_task(gvisor.GvisorRunner(tmp_path / "jobs", _program(tmp_path, "exit 0")).run(_job()))
    assert await asyncio.to_thread(begun.wait, 20)
    job.cancel()
    asyncio.get_running_loop().call_later(0.05, go.set)
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not list((tmp_path / "jobs").iterdir())


@pytest.mark.parametrize("make", [firejail.FirejailRunner, gvisor.GvisorRunner])
async def test_files_that_cannot_be_written_leave_nothing(
    make: type[firejail.FirejailRunner | gvisor.GvisorRunner], tmp_path: Path
) -> None:
    job = sandbox.Job("python", "", files={"a": b"", "a/b": b""}, limits=LIMITS)
    runner = make(tmp_path / "jobs", _program(tmp_path, "exit 0"))
    with pytest.raises(errors.SandboxUnavailableError, match="could not be written"):
        await runner.run(job)
    assert not list((tmp_path / "jobs").iterdir())


async def test_gvisor_is_given_a_bundle_with_every_bound(tmp_path: Path) -> None:
    show = (
        'for word; do case $word in --bundle=*) cat "${word#--bundle=}/config.json";; esac; done; printf "\\n%s" "$@"'
    )
    runner = gvisor.GvisorRunner(tmp_path / "jobs", _program(tmp_path, show))
    told = (await runner.run(_job(language="bash"))).stdout.decode()
    for piece in (
        '"noNewPrivileges": true',
        '"readonly": true',
        '"RLIMIT_NPROC", "hard": 16',
        "size=1048576",
        "main.sh",
    ):
        assert piece in told, told
    assert "\n--network=none\n" in told
    assert '"capabilities"' not in told


@pytest.mark.parametrize("make", [firejail.FirejailRunner, gvisor.GvisorRunner])
async def test_a_program_that_is_not_installed_is_named_with_the_way_to_get_it(
    make: type[firejail.FirejailRunner | gvisor.GvisorRunner], tmp_path: Path
) -> None:
    runner = make(tmp_path / "jobs", str(tmp_path / "absent"))
    for call in (runner.ping(), runner.run(_job())):
        with pytest.raises(errors.SandboxUnavailableError, match="apt install"):
            await call


@pytest.mark.parametrize("make", [firejail.FirejailRunner, gvisor.GvisorRunner])
async def test_sessions_are_refused_with_the_kind_that_has_them(
    make: type[firejail.FirejailRunner | gvisor.GvisorRunner], tmp_path: Path
) -> None:
    with pytest.raises(errors.UnsupportedParameterError, match="namespaces"):
        await make(tmp_path).open_session(LIMITS)


@pytest.mark.parametrize("make", [firejail.FirejailRunner, gvisor.GvisorRunner])
def test_each_layer_is_there_or_missing_with_a_reason(
    make: type[firejail.FirejailRunner | gvisor.GvisorRunner], tmp_path: Path
) -> None:
    runner = make(tmp_path)
    assert not set(runner.layers) & set(runner.layers_missing)
    assert all(reason.endswith(".") for reason in runner.layers_missing.values())
    assert {"memory: cgroup", "landlock"} <= set(runner.layers_missing)
