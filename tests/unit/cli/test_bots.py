"""council bots: enabled by a patch that a person signs, paused and resumed, run dry, and what it shows."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import bot_house
import pgp
from council import homes
from council.cli import main
from council.domain import authz, errors, home
from council.patching import roster
from council.upkeep.bots import registry
from council.upkeep.engine import blueprint

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    return bot_house.prepared(tmp_path_factory.mktemp("bots"), "remediation", "docs")


def called(where: home.Home, *arguments: str) -> str:
    done = CliRunner().invoke(main.cli, ["bots", *arguments, "--home", str(where.root)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_the_list_says_which_are_enabled_and_a_pause_is_seen(where: home.Home) -> None:
    called(where, "pause", "docs")
    states = {one["name"]: one["state"] for one in json.loads(called(where, "list", "--json"))}
    assert states == {
        "remediation": "enabled",
        "author": "not enabled",
        "cost": "not enabled",
        "docs": "paused",
        "security": "not enabled",
    }
    called(where, "resume", "docs")
    assert "docs" in called(where, "list") and "paused" not in called(where, "list")


def test_the_list_fits_a_terminal(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    shown = called(where, "list")
    assert max(map(len, shown.splitlines())) <= 80
    for one in registry.BOTS:
        assert " ".join(one.does.split()) in " ".join(shown.split())


def test_a_bot_is_enabled_by_a_patch_that_a_person_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    where = home.Home(tmp_path / "home")
    homes.prepare(where, {})
    with pytest.raises(errors.InvalidRequestError, match="council keys add"):
        called(where, "enable", "remediation")
    ann = pgp.Owner("Ann", 1_700_000_000)
    text = roster.with_signer(
        homes.default_files()[authz.FILE], authz.Signer(ann.fingerprint, "Ann", authz.Kind.HUMAN, ("**",))
    )
    blueprint.commit(where, {authz.FILE: text, authz.certificate_path(ann.fingerprint): ann.certificate()}, "List Ann")
    said = called(where, "enable", "author")
    assert "council patch sign patch.json" in said
    key = where.bot_key_file("author")
    assert key.stat().st_mode & 0o777 == 0o600
    files = json.loads((tmp_path / "patch.json").read_text())["files"]
    assert {one["path"] for one in files} > {"authz.yaml"} and len(files) == 2
    assert "PRIVATE KEY" not in (tmp_path / "patch.json").read_text()
    # Prompts only where the owner says so.
    assert '"allow": ["council.yaml", "providers.yaml"]' in (tmp_path / "patch.json").read_text().replace('\\"', '"')
    content = key.read_bytes()
    called(where, "enable", "author", "--force", "--allow", "prompts/**", "--account", "drafts[bot]")
    assert key.read_bytes() == content and "drafts[bot]" in (tmp_path / "patch.json").read_text()


def test_a_dry_run_shows_what_it_would_propose_with_nothing_running(where: home.Home) -> None:
    house = bot_house.House(where)
    house.incident(1)
    house.close()
    said = called(where, "run", "remediation", "--dry-run")
    assert "council.yaml" in said and "would propose" in said and "bot=remediation" in said
    assert json.loads(called(where, "log", "--json")) == []


def test_a_run_without_a_steward_fails_and_is_kept(where: home.Home) -> None:
    with pytest.raises(errors.UnavailableError):
        called(where, "run", "docs")
    [row] = json.loads(called(where, "log", "docs", "--json"))
    assert (row["bot"], row["outcome"]) == ("docs", "failed")
    assert "failed" in called(where, "log")


def test_the_report_of_the_bot_cost_needs_nothing_but_the_records(where: home.Home) -> None:
    said = called(where, "run", "cost", "--dry-run")
    assert "# Where the money went in 28 days" in said and "proposes nothing" in said
