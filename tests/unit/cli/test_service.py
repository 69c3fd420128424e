import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from council.cli import service
from council.domain import config, errors
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
