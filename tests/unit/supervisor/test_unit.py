import shutil
import subprocess
from pathlib import Path

import pytest

from council.domain import errors
from council.supervisor import unit

_SYSTEM = unit.Unit(Path("/opt/council/bin/council"), Path("/var/lib/council"), 8000)
_DEPLOYED = Path(__file__).parents[3] / "deploy" / "systemd" / unit.NAME


def test_whatever_ends_council_it_is_started_again() -> None:
    lines = unit.text(_SYSTEM).splitlines()
    assert "Restart=always" in lines and "StartLimitIntervalSec=0" in lines and f"RestartSec={unit.RESTART_S}" in lines
    assert "ExecStart=/opt/council/bin/council up --home /var/lib/council --port 8000" in lines


def test_the_unit_of_a_user_leaves_out_what_only_root_can_close() -> None:
    text = unit.text(unit.Unit(_SYSTEM.program, _SYSTEM.home, of_user=True))
    assert "ProtectSystem" not in text and "WantedBy=default.target" in text and "--port" not in text


def test_a_path_is_one_word_whatever_is_in_it() -> None:
    text = unit.text(unit.Unit(Path("/a b/council"), Path('/h%i"$X'), of_user=True))
    assert 'ReadWritePaths="/h%%i\\"$X"' in unit.text(unit.Unit(Path("/a b/council"), Path('/h%i"$X')))
    with pytest.raises(errors.InvalidRequestError, match="line break"):
        unit.text(unit.Unit(Path("/council"), Path("/h\n[Service]\nUser=root")))
    assert 'ExecStart="/a b/council" up --home "/h%%i\\"$$X"' in text


def test_the_unit_that_ships_is_the_one_that_is_written() -> None:
    assert _DEPLOYED.read_text() == unit.text(_SYSTEM)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "council"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / unit.NAME).write_text(unit.text(unit.Unit(program, tmp_path)))
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.NAME)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and unit.NAME not in done.stderr, done.stderr
