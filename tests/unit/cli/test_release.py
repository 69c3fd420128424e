"""The owner of a machine says which releases it may run."""

import json
from pathlib import Path

import pytest
from click import testing

import pinned_release
from council.cli import main
from council.domain import home
from council.releases import approvals, folder


def asked(*words: str) -> testing.Result:
    return testing.CliRunner().invoke(main.cli, ["approve-release", *words])


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    made = home.Home(tmp_path / "home")
    made.secrets.mkdir(parents=True)
    return made


def test_a_release_is_approved_by_its_digest_once_it_was_looked_at(where: home.Home, tmp_path: Path) -> None:
    pin = pinned_release.write(tmp_path / "r", "2.0.0", "1" * 64)
    said = asked(pin.folder, "--home", str(where.root))
    assert "its signature was not looked at, is approved" in said.output and pin.digest in said.output
    approvals.check(where, pin)
    again = json.loads(asked(pin.folder, "--home", str(where.root), "--json").output)
    assert again == {"version": "2.0.0", "digest": pin.digest, "signer": "", "new": False}


def test_what_is_not_a_release_as_it_was_made_is_not_approved(where: home.Home, tmp_path: Path) -> None:
    pin = pinned_release.write(tmp_path / "r", "2.0.0", "1" * 64)
    (tmp_path / "r" / folder.LOCK).write_text("evil\n")
    assert asked(pin.folder, "--home", str(where.root)).exit_code
    assert not approvals.approved(where)


def test_an_unsigned_release_is_not_approved_where_somebodys_signature_is_asked_for(
    where: home.Home, tmp_path: Path
) -> None:
    pin = pinned_release.write(tmp_path / "r", "2.0.0", "1" * 64)
    assert asked(pin.folder, "--home", str(where.root), "--key", "0" * 40).exit_code
    assert not approvals.approved(where)
