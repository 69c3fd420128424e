"""`council up` of a home that pins a release goes on as that release."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

import pinned_release
from council import homes
from council.cli import pinned
from council.domain import errors, home, release_pin
from council.kit import commits
from council.releases import approvals, environments
from council.supervisor import ownership
from council.upkeep.engine import blueprint

PIN = release_pin.Pin("2.0.0", "2" * 64, "/srv/2.0.0")


class BecameError(Exception):
    """In the place of which this process would have gone on as another."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]):
        self.command = list(command)
        self.environment = dict(environment)


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    def become(python: Path, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
        assert str(python) == command[0]
        raise BecameError(command, environment)

    monkeypatch.setattr(pinned.os, "execve", become)
    made = home.Home(tmp_path)
    homes.prepare(made, {})
    blueprint.commit(made, {release_pin.FILE: pinned_release.text(PIN)}, "Pin")
    approvals.approve(made, PIN.digest, PIN.version)
    return made


def fill(where: home.Home) -> Path:
    python = environments.folder(where, PIN.digest) / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.symlink_to(sys.executable)
    return python


def test_it_goes_on_by_the_releases_python_with_the_words_that_it_was_given(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = fill(where)
    environments.stamp(where, PIN)
    monkeypatch.setattr(sys, "argv", ["council", "up", "--detach"])
    with pytest.raises(BecameError) as became:
        pinned.take_over(where, {"PYTHONPATH": "/src", "PATH": "/bin"})
    assert became.value.command == [str(python), "-P", "-m", "council", "up", "--detach"]
    assert became.value.environment == {
        "PATH": "/bin",
        "COUNCIL_OWN_PYTHON": sys.executable,
        "COUNCIL_GONE_ON_AS": PIN.digest,
    }
    assert environments.own_python(became.value.environment) == sys.executable
    # Whoever comes next may have the home.
    ownership.lock(where).release()


def test_one_that_went_on_as_it_and_is_still_another_does_not_go_on_for_ever(where: home.Home) -> None:
    fill(where)
    environments.stamp(where, PIN)
    with pytest.raises(errors.SetupError, match=r"is damaged: .* Remove its folder"):
        pinned.take_over(where, {"COUNCIL_GONE_ON_AS": PIN.digest})


def test_the_way_back_stays_that_to_the_first(where: home.Home) -> None:
    fill(where)
    environments.stamp(where, PIN)
    with pytest.raises(BecameError) as became:
        pinned.take_over(where, {"COUNCIL_OWN_PYTHON": "/first/python"})
    assert became.value.environment["COUNCIL_OWN_PYTHON"] == "/first/python"


def test_the_release_itself_goes_on_as_it_is(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(environments.folder(where, PIN.digest)))
    pinned.take_over(where, {})


def test_where_none_is_pinned_or_nothing_is_there_yet_this_release_goes_on(where: home.Home, tmp_path: Path) -> None:
    pinned.take_over(home.Home(tmp_path / "new"), {})
    blueprint.commit(where, {release_pin.FILE: None}, "Pin none")
    pinned.take_over(where, {})
    assert environments.own_python({}) == sys.executable


def test_a_council_that_runs_already_is_left_alone(where: home.Home) -> None:
    held = ownership.lock(where)
    pinned.take_over(where, {})
    held.release()
    assert not where.releases.exists()


@pytest.mark.parametrize("status", [0, 4])
def test_what_is_not_there_is_installed_first_or_nothing_of_it_is_left(
    where: home.Home, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    def ran(
        command: Sequence[str], *, input: bytes, env: Mapping[str, str], **_: Any
    ) -> "subprocess.CompletedProcess[bytes]":
        assert "-P" in command and "SECRET_OF_ANOTHER_PROGRAM" not in env and env["PIP_NO_INDEX"] == "1"
        assert "installer" in command and b'"version": "2.0.0"' in input
        fill(where)
        return subprocess.CompletedProcess(command, status)

    monkeypatch.setattr(subprocess, "run", ran)
    monkeypatch.setenv("SECRET_OF_ANOTHER_PROGRAM", "x")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    expected = errors.SetupError if status else BecameError
    monkeypatch.setattr(pinned.blueprint, "repair", blueprint.current)
    with pytest.raises(expected):
        pinned.take_over(where, {})
    assert (environments.python(where, PIN.digest) is None) == bool(status)
    assert environments.there(where) == (set() if status else {PIN.digest})


def test_a_pin_that_nobody_approved_on_this_machine_is_neither_installed_nor_gone_on_as(where: home.Home) -> None:
    fill(where)
    environments.stamp(where, PIN)
    where.approved_releases_file.unlink()
    with pytest.raises(
        errors.SetupError, match=r"nobody has approved it .* `council approve-release /srv/2\.0\.0 --key"
    ):
        pinned.take_over(where, {})
    ownership.lock(where).release()


def test_only_a_release_that_all_generations_are_of_is_alone_and_only_where_none_runs(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, live = None, blueprint.current(where)
    for one in where.generations.iterdir():
        if commits.is_commit(one.name) and one.name != live:
            first = one
    assert first is not None
    with pinned.kept_alone(where) as is_alone:
        assert not is_alone
    shutil.rmtree(first)
    with pinned.kept_alone(where) as is_alone:
        # All pin one release, and this is another.
        assert not is_alone
    monkeypatch.setattr(sys, "prefix", str(environments.folder(where, PIN.digest)))
    with pinned.kept_alone(where) as is_alone:
        assert is_alone
        with pinned.kept_alone(where) as second:
            assert not second
