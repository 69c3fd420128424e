import sys
from pathlib import Path

import pytest

import pinned_release
from council.domain import errors, home, release_pin
from council.releases import environments

PIN = release_pin.Pin("2.0.0", "2" * 64, "/srv/2.0.0")
OTHER = release_pin.Pin("3.0.0", "3" * 64, "/srv/3.0.0")
BASE, PINNED = "a" * 40, "b" * 40


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    made = home.Home(tmp_path)
    for name in (BASE, PINNED):
        (made.generations / name).mkdir(parents=True)
    (made.generations / PINNED / release_pin.FILE).write_bytes(pinned_release.text(PIN))
    return made


def fill(where: home.Home, pin: release_pin.Pin) -> Path:
    """Put something in the place of an environment that runs."""
    python = environments.clear(where, pin.digest) / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    return python


def test_an_environment_is_there_once_it_is_stamped(where: home.Home) -> None:
    python = fill(where, PIN)
    assert environments.python(where, PIN.digest) is None
    environments.stamp(where, PIN)
    assert environments.python(where, PIN.digest) == python


def test_one_whose_python_has_gone_is_not_there(where: home.Home) -> None:
    python = fill(where, PIN)
    environments.stamp(where, PIN)
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    assert environments.python(where, PIN.digest) is None


@pytest.mark.parametrize("stamp", ["", "{}", "[]", '{"digest": "other"}'])
def test_a_stamp_that_says_something_else_is_none(where: home.Home, stamp: str) -> None:
    fill(where, PIN)
    (where.releases / f"{PIN.digest}.json").write_text(stamp)
    assert environments.python(where, PIN.digest) is None


def test_to_begin_anew_takes_stamp_and_content_away(where: home.Home) -> None:
    fill(where, PIN)
    environments.stamp(where, PIN)
    made = environments.clear(where, PIN.digest)
    assert list(made.iterdir()) == [] and environments.python(where, PIN.digest) is None


def test_a_generation_without_a_pin_runs_by_our_own_python_and_one_with_it_by_its_releases(where: home.Home) -> None:
    assert environments.interpreter(where, BASE, "/own/python") == "/own/python"
    with pytest.raises(errors.SetupError, match=r"Release 2\.0\.0 .* is not installed\. `council up`"):
        environments.interpreter(where, PINNED, "/own/python")
    python = fill(where, PIN)
    environments.stamp(where, PIN)
    assert environments.interpreter(where, PINNED, "/own/python") == str(python)


def test_what_no_generation_on_disk_pins_is_removed_whole_or_not(where: home.Home) -> None:
    for pin in (PIN, OTHER):
        fill(where, pin)
    environments.stamp(where, OTHER)
    (where.releases / "notes.txt").write_text("mine")
    assert environments.sweep(where, []) == [OTHER.digest]
    assert environments.there(where) == {PIN.digest}
    assert sorted(path.name for path in where.releases.iterdir()) == [PIN.digest, "notes.txt"]


def test_what_runs_is_never_removed(where: home.Home) -> None:
    python = fill(where, OTHER)
    assert environments.sweep(where, [python.parent]) == []
    assert environments.sweep(where, [where.root]) == [OTHER.digest]
    assert not where.releases.exists()


def test_where_a_pin_cannot_be_read_nothing_is_removed(where: home.Home) -> None:
    fill(where, OTHER)
    (where.generations / BASE / release_pin.FILE).write_text("release: 7\n")
    assert environments.sweep(where, []) == []
    assert environments.there(where) == {OTHER.digest}


def test_a_home_without_releases_has_none(tmp_path: Path) -> None:
    where = home.Home(tmp_path)
    assert environments.there(where) == set() and environments.sweep(where, []) == []
    environments.remove(where, PIN.digest)
