"""`council security`."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from council.cli import main


@pytest.fixture(name="home")
def copied(fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fresh, tmp_path / "h", symlinks=True))


def run(home: Path, *arguments: str):
    return CliRunner().invoke(main.cli, ["security", *arguments, "--home", str(home)])


def test_a_sound_home_ends_with_status_0_and_its_unknowns_are_told(home: Path) -> None:
    shown = run(home, "check")
    assert shown.exit_code == 0, shown.output
    assert "no advisories are here" in shown.output
    assert shown.output.splitlines()[-1] == "0 critical, 0 high, 0 medium, 0 low, 2 unknown"


def test_a_finding_that_is_high_ends_with_status_1_and_says_what_to_do(home: Path) -> None:
    (home / "token").chmod(0o644)
    shown = run(home, "check")
    assert shown.exit_code == 1
    assert "Others may read a secret (mode 0644)" in shown.output
    assert f"`chmod go-rwx {home / 'token'}`" in " ".join(shown.output.split())
    told = json.loads(run(home, "check", "--json").output)
    assert told["counts"]["high"] == 1
    assert told["findings"][0]["patch_mends_it"] is False


def test_what_is_found_fits_a_terminal_and_a_command_stays_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "token").chmod(0o644)
    monkeypatch.setenv("COLUMNS", "10000")
    whole = run(home, "check").output.splitlines()
    monkeypatch.delenv("COLUMNS")
    shown = run(home, "check").output
    assert " ".join(shown.split()) == " ".join(" ".join(whole).split())
    assert len(shown.splitlines()) > len(whole)
    wide = [line for line in shown.splitlines() if len(line) > 80]
    assert all(len(line.split()) <= 3 for line in wide), "but for a path, which cannot be cut"


def test_a_draft_is_written_as_files_of_a_patch(home: Path, tmp_path: Path) -> None:
    assert CliRunner().invoke(
        main.cli, ["config", "set", "gateway.host=0.0.0.0", "gateway.behind_proxy=true", "--home", str(home)]
    ).exit_code == 0  # fmt: skip
    shown = run(home, "check", "--draft", str(tmp_path / "d"))
    assert shown.exit_code == 0, shown.output
    assert "needs_token: true" in (tmp_path / "d" / "council.yaml").read_text()
    assert "Set patch.needs_token" in shown.output


def test_nobody_is_asked_until_the_owner_says_whom(home: Path) -> None:
    shown = run(home, "check", "--fetch")
    assert shown.exit_code != 0
    assert "`watch.advisories_url` is empty" in str(shown.exception)


def test_the_bill_of_materials_is_one_by_its_schema(home: Path) -> None:
    shown = run(home, "sbom")
    assert shown.exit_code == 0, shown.output
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(shown.output) is None
    names = {one["name"] for one in json.loads(shown.output)["components"]}
    assert {"click", "pydantic"} <= names
    assert "council-cloud" not in names
