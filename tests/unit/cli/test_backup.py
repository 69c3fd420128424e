"""The command backup, as far as it needs no snapshot."""

import json
import shutil
from pathlib import Path
from typing import Any

import click.testing
import pytest

from council.cli import main
from council.domain import errors


@pytest.fixture
def place(fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fresh, tmp_path / "h", symlinks=True))


def invoke(place: Path, *arguments: str, **environment: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(main.cli, ["backup", *arguments, "--home", str(place)], env=environment)


def test_a_passphrase_is_made_once_and_shown_once(place: Path) -> None:
    made = invoke(place, "passphrase")
    file = place / "secrets" / "backup.passphrase"
    assert file.read_text() == f"{made.stdout.strip()}\n" and len(made.stdout.strip()) > 40
    assert file.stat().st_mode & 0o777 == 0o600 and "Keep it" in made.stderr
    again = invoke(place, "passphrase")
    assert isinstance(again.exception, errors.SetupError) and file.read_text() == f"{made.stdout.strip()}\n"


def test_without_a_target_or_a_passphrase_the_next_step_is_said(place: Path, tmp_path: Path) -> None:
    for command in ("run", "list", "verify", "drill"):
        failed = invoke(place, command)
        assert isinstance(failed.exception, errors.ConfigError) and "config set backup.target=" in str(failed.exception)
        failed = invoke(place, command, COUNCIL_BACKUP_TARGET=str(tmp_path / "snapshots"))
        assert isinstance(failed.exception, errors.SetupError) and "backup passphrase" in str(failed.exception)


@pytest.mark.parametrize("has_restic", [True, False])
def test_a_folder_without_snapshots_is_said_to_have_none(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_restic: bool
) -> None:
    which = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, *rest: which(name, *rest) if has_restic or name != "restic" else None
    )
    invoke(place, "passphrase")
    listed = invoke(place, "list", COUNCIL_BACKUP_TARGET=str(tmp_path / "snapshots"))
    assert listed.exit_code == 0 and "no snapshots yet" in listed.stdout, listed.exception
    told: dict[str, Any] = json.loads(invoke(place, "list", "--json", "--target", str(tmp_path / "snapshots")).stdout)
    assert told == {"snapshots": [], "runs": []}


def test_a_restore_looks_first_whether_there_is_a_place_for_it(place: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    refused = invoke(place, "restore", str(tmp_path / "full"))
    assert isinstance(refused.exception, errors.BackupError) and refused.exception.reason == "not_empty"
