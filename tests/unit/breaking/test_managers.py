import subprocess
import sys
from pathlib import Path

import pytest

from council.breaking import managers
from council.domain import home as home_module

_OUTER = """
import subprocess, sys
from council.breaking import managers
one = subprocess.Popen(managers.tied([sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]))
print(one.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.long
def test_what_is_tied_to_a_command_ends_with_it_however_that_ends() -> None:
    outer = subprocess.Popen([sys.executable, "-c", _OUTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert outer.stdout is not None
    assert {outer.stdout.readline(), outer.stdout.readline()} >= {"up\n"}
    outer.kill()
    # The pipe ends once nobody holds it, the tied one neither.
    assert outer.stdout.read() == ""
    outer.communicate()


def test_the_supervisor_of_a_home_is_known_with_what_it_was_started_with(tmp_path: Path) -> None:
    where = home_module.Home(tmp_path)
    where.run.mkdir()
    assert managers.supervisor(where) is None and managers.environment_of(where) is None
    code = "import signal; print('up', flush=True); signal.pause()"
    command = [sys.executable, "-c", code, "council"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"COUNCIL_PORT": "8100", "EMPTY": ""}) as one:
        assert one.stdout is not None and one.stdout.readline() == b"up\n"
        (where.run / "supervisor.lock").write_text(str(one.pid))
        assert managers.supervisor(where) == one.pid
        found = managers.environment_of(where)
        one.kill()
    assert found is not None and (found["COUNCIL_PORT"], found["EMPTY"]) == ("8100", "")
    # What a killed supervisor leaves names nobody, or somebody else.
    (where.run / "supervisor.lock").write_text("1" * 9)
    assert managers.supervisor(where) is None


SYSTEMCTL = """#!/bin/sh
[ "$1" = --user ] && echo "ActiveState=active" && echo "MainPID=4711"
exit 0
"""


def test_systemd_runs_council_where_its_unit_is_the_supervisor_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = home_module.Home(tmp_path / "home")
    where.run.mkdir(parents=True)
    (tmp_path / "systemctl").write_text(SYSTEMCTL)
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(managers, "_SYSTEMD", tmp_path)
    assert managers.systemd_scope(where) == "", "nothing runs"
    for pid, scope in (("4711", "--user"), ("4712", "")):
        (where.run / "supervisor.lock").write_text(pid)
        assert managers.systemd_scope(where) == scope
    monkeypatch.setattr(managers, "_SYSTEMD", tmp_path / "away")
    (where.run / "supervisor.lock").write_text("4711")
    assert managers.systemd_scope(where) == ""
