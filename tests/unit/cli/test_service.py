import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click import testing

from council import care_app
from council.breaking import managers
from council.cli import service
from council.domain import config, errors, states
from council.domain import home as home_module


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Have `--detach` start `program.code` in place of the supervisor; the list holds what was started."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def begin(_: list[str], **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen([sys.executable, "-c", Program.code], **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", begin)
    yield started
    for one in started:
        one.kill()
        one.wait()


class Program:
    code = ""


@pytest.fixture
def where(tmp_path: Path) -> home_module.Home:
    home = home_module.Home(tmp_path)
    home.logs.mkdir()
    return home


def test_a_supervisor_that_takes_long_is_left_running(
    where: home_module.Home, begun: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_DETACH_S", 0.2)
    Program.code = "import signal; signal.pause()"
    with pytest.raises(errors.UnavailableError, match="still starting; `council status`"):
        service._detach(where, config.Config())
    assert begun[0].poll() is None


@pytest.mark.usefixtures("begun")
def test_a_supervisor_that_ends_did_not_start(where: home_module.Home) -> None:
    Program.code = "print('no')"
    with pytest.raises(errors.SetupError, match="did not start"):
        service._detach(where, config.Config())


@pytest.mark.usefixtures("begun")
def test_the_ready_line_is_seen_in_a_log_that_was_turned_over(where: home_module.Home) -> None:
    limits = config.build({}, {}, {"supervisor": {"log_bytes_max": 4096}})
    log = where.logs / "supervisor.log"
    log.write_bytes(b"x" * 5000)
    # It cuts its own log, as the supervisor does, long after what it said first was seen.
    Program.code = """
import os, time
print("y" * 200, flush=True)
time.sleep(1)
os.truncate(1, 0)
print("ready there", flush=True)
"""
    service._detach(where, limits)
    assert log.with_name("supervisor.log.1").read_bytes() == b"x" * 4096


class Running:
    """A supervisor that has these services."""

    def __init__(self, services: Sequence[states.ServiceStatus]):
        self._services = services

    async def status(self, *, memory: bool = True) -> Sequence[states.ServiceStatus]:
        return self._services


def runs(monkeypatch: pytest.MonkeyPatch, where: home_module.Home, port: int = 8000, **state_by_service: str) -> None:
    """Have a Council run in this home, on this port."""
    services = [states.ServiceStatus(name, state, 7, "0" * 40, 60.0, 0, 0) for name, state in state_by_service.items()]
    monkeypatch.setattr(care_app, "runtime", lambda _: Running(services))
    where.run.mkdir(exist_ok=True)
    where.targets_file.write_text(json.dumps([{"labels": {"svc": "gateway"}, "targets": [f"127.0.0.1:{port}"]}]))


def test_a_council_that_runs_already_is_no_failure_and_says_where(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs(monkeypatch, where, gateway="ready", model="backoff", zygote="stopped")
    assert service._runs_already(where, config.Config())
    said = capsys.readouterr().out.splitlines()
    assert said == ["council   runs already, without model; `council status` shows more", "ready http://127.0.0.1:8000"]


def test_up_detach_starts_no_second_one(where: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, where, gateway="ready")
    monkeypatch.setattr(service, "_detach", lambda *_: pytest.fail("it was started"))
    done = testing.CliRunner().invoke(service.up, ["--detach", "--home", str(where.root)])
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "ready http://127.0.0.1:8000")


def test_one_that_runs_on_another_port_is_not_what_was_asked_for(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, where, port=8100, gateway="ready")
    with pytest.raises(errors.SetupError, match=r"already at .*:8100, and not on port 8000"):
        service._runs_already(where, config.Config())


def test_one_that_serves_nobody_yet_may_be_waited_for(where: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, where, gateway="starting")
    with pytest.raises(errors.UnavailableError, match="runs already, but answers nobody yet"):
        service._runs_already(where, config.Config())


@pytest.mark.usefixtures("begun")
def test_a_start_that_another_was_faster_than_is_none_that_failed(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    Program.code = ""
    runs(monkeypatch, where, gateway="ready")
    service._detach(where, config.Config())


SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$ASKED"
exit "$ENDS"
"""


@pytest.mark.parametrize(("scope", "start"), [("--user", "systemctl --user start"), ("--system", "systemctl start")])
def test_what_systemd_runs_is_stopped_by_systemd_which_would_start_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str, start: str
) -> None:
    (tmp_path / "systemctl").write_text(SYSTEMCTL)
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    monkeypatch.setenv("ENDS", "0")
    monkeypatch.setattr(managers, "systemd_scope", lambda _: scope)
    done = testing.CliRunner().invoke(service.down, ["--home", str(tmp_path)])
    assert done.exit_code == 0 and f"`{start} council.service`" in done.output
    assert (tmp_path / "asked").read_text() == f"{scope} stop council.service\n"
    monkeypatch.setenv("ENDS", "1")
    assert isinstance(testing.CliRunner().invoke(service.down, ["--home", str(tmp_path)]).exception, errors.SetupError)
