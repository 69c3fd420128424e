"""`council blueprint update`: a home of an earlier version gets the files of this one."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from council import homes
from council.cli import main
from council.domain import home as home_module
from council.upkeep.engine import blueprint


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home_module.Home:
    made = home_module.Home(tmp_path / "home")
    ships(monkeypatch, {"gates.yaml": b"old\n", "sentinels.yaml": b"old\n", "guidebook/gone.md": b"old\n"})
    homes.prepare(made, {})
    monkeypatch.setenv("COUNCIL_HOME", str(made.root))
    return made


_SHIPPED = homes.default_files()


def ships(monkeypatch: pytest.MonkeyPatch, files: Mapping[str, bytes]) -> None:
    """Have this version ship these files beside the settings."""
    made = {homes.CONFIG_FILE: _SHIPPED[homes.CONFIG_FILE], **files}
    monkeypatch.setattr(homes, "default_files", lambda: made)


def update(*options: str) -> str:
    return CliRunner().invoke(main.cli, ["blueprint", "update", *options], catch_exceptions=False).stdout


def live(where: home_module.Home) -> dict[str, str]:
    root = where.generations / blueprint.current(where)
    files = {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}
    files.pop(homes.CONFIG_FILE)
    return files


def test_a_home_of_this_version_is_up_to_date(where: home_module.Home) -> None:
    before = blueprint.current(where)
    assert update() == "Every file that nobody changed is up to date.\n"
    assert blueprint.current(where) == before


def test_files_that_nobody_changed_come_up_to_date_and_others_are_left_with_a_diff(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    blueprint.commit(where, {"sentinels.yaml": b"mine\n", "own.md": b"mine\n"}, "Change it")
    ships(monkeypatch, {"gates.yaml": b"new\n", "sentinels.yaml": b"new\n", "authz.yaml": b"new\n"})
    said = update("--dry-run")
    assert live(where)["gates.yaml"] == "old\n" and "written  gates.yaml\n" in said
    said = update()
    assert live(where) == {"authz.yaml": "new\n", "gates.yaml": "new\n", "own.md": "mine\n", "sentinels.yaml": "mine\n"}
    assert said.splitlines()[:4] == [
        "written  authz.yaml",
        "written  gates.yaml",
        "removed  guidebook/gone.md",
        "left     sentinels.yaml: you changed it, and so did this version:",
    ]
    assert "\n-old\n+new\n" in said and said.endswith("`council down`, then `council up`.\n")


def test_what_was_left_once_is_left_by_the_next_version_too(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    blueprint.commit(where, {"sentinels.yaml": b"mine\n"}, "Change it")
    for version in (b"2\n", b"3\n"):
        ships(monkeypatch, {"gates.yaml": version, "sentinels.yaml": version})
        found = json.loads(update("--json"))
        assert found["changed"] == ["gates.yaml", *(["guidebook/gone.md"] if version == b"2\n" else [])]
        assert live(where) == {"gates.yaml": version.decode(), "sentinels.yaml": "mine\n"}
        assert f"-old\n+{version.decode()}" in found["left"]["sentinels.yaml"]
