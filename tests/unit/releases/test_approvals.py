import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from council.domain import errors, home, release_pin
from council.releases import approvals

PIN = release_pin.Pin("2.0.0", "2" * 64, "/srv/2.0.0")


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    made = home.Home(tmp_path)
    made.secrets.mkdir()
    return made


def test_a_release_may_be_run_once_it_is_approved_and_others_stay_so(where: home.Home) -> None:
    with pytest.raises(errors.SetupError, match="nobody has approved it"):
        approvals.check(where, PIN)
    assert approvals.approve(where, "3" * 64, "3.0.0") and approvals.approve(where, PIN.digest, PIN.version)
    assert not approvals.approve(where, PIN.digest, PIN.version)
    approvals.check(where, PIN)
    assert approvals.approved(where) == {"2" * 64, "3" * 64}


@pytest.mark.parametrize("text", ["2" * 63, "2" * 64 + "0", "x" + "2" * 64, "# " + "2" * 64])
def test_what_is_no_digest_approves_nothing(where: home.Home, text: str) -> None:
    where.approved_releases_file.write_text(text + "\n")
    assert not approvals.approved(where)


def test_a_list_that_others_can_write_counts_for_nothing(where: home.Home) -> None:
    approvals.approve(where, PIN.digest, PIN.version)
    where.approved_releases_file.chmod(0o620)
    with pytest.raises(errors.SetupError, match="can be written by others"):
        approvals.check(where, PIN)


def test_a_link_in_its_place_is_not_followed(where: home.Home, tmp_path: Path) -> None:
    (tmp_path / "other").write_text(PIN.digest + "\n")
    where.approved_releases_file.symlink_to(tmp_path / "other")
    with pytest.raises(errors.SetupError, match="cannot be read"):
        approvals.check(where, PIN)


def test_what_was_approved_before_the_live_release_counts_only_while_it_is_installed(where: home.Home) -> None:
    for number in (1, 2, 3, 4):
        approvals.approve(where, f"{number}" * 64, f"{number}.0.0")
    where.approved_releases_file.chmod(0o440)
    assert approvals.retire(where, "3" * 64, {"2" * 64}) == ["1" * 64]
    assert approvals.approved(where) == {f"{number}" * 64 for number in (2, 3, 4)}
    assert where.approved_releases_file.stat().st_mode & 0o777 == 0o440
    assert approvals.retire(where, "3" * 64, {"2" * 64}) == []


def test_where_the_live_release_is_not_in_the_list_all_stays(where: home.Home) -> None:
    approvals.approve(where, PIN.digest, PIN.version)
    assert approvals.retire(where, "9" * 64, set()) == [] and approvals.approved(where) == {PIN.digest}
    where.approved_releases_file.unlink()
    assert approvals.retire(where, "9" * 64, set()) == []


def test_what_is_approved_anew_is_not_older_than_the_live_release(where: home.Home) -> None:
    for number in (1, 2, 3):
        approvals.approve(where, f"{number}" * 64, f"{number}.0.0")
    where.approved_releases_file.chmod(0o440)
    assert not approvals.approve(where, "1" * 64, "1.0.0")
    assert where.approved_releases_file.stat().st_mode & 0o777 == 0o440
    assert approvals.retire(where, "3" * 64, set()) == ["2" * 64]
    assert where.approved_releases_file.read_text() == f"{'3' * 64} 3.0.0\n{'1' * 64} 1.0.0\n"


@contextmanager
def held(where: home.Home) -> Iterator[None]:
    """Be another process that writes the list."""
    descriptor = os.open(where.secrets, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("does", "left"), [("approve", "1234"), ("retire", "24")])
def test_what_another_writes_meanwhile_stays(where: home.Home, does: str, left: str) -> None:
    for number in (1, 2):
        approvals.approve(where, f"{number}" * 64, f"{number}.0.0")
    jobs = {
        "approve": lambda: approvals.approve(where, "3" * 64, "3.0.0"),
        "retire": lambda: approvals.retire(where, "2" * 64, set()),
    }
    job = threading.Thread(target=jobs[does])
    with held(where):
        job.start()
        # It waits, and has read nothing yet that it goes by.
        job.join(0.3)
        assert job.is_alive()
        with where.approved_releases_file.open("a") as file:
            file.write(f"{'4' * 64} 4.0.0\n")
    job.join()
    assert approvals.approved(where) == {number * 64 for number in left}


def test_nobody_waits_for_another_without_end(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        approvals.approve(where, f"{number}" * 64, f"{number}.0.0")
    monkeypatch.setattr(approvals, "_LOCK_WAIT_S", 0.05)
    with held(where):
        with pytest.raises(errors.SetupError, match="Another process has been writing"):
            approvals.approve(where, "3" * 64, "3.0.0")
        with pytest.raises(errors.SetupError, match="Another process has been writing"):
            approvals.retire(where, "2" * 64, set())
        assert approvals.retire(where, "1" * 64, set()) == []
    assert approvals.approved(where) == {"1" * 64, "2" * 64}


def test_a_list_that_cannot_be_written_is_told_of(where: home.Home) -> None:
    where.secrets.rmdir()
    with pytest.raises(errors.SetupError, match="could not be written"):
        approvals.approve(where, PIN.digest, PIN.version)


def test_it_stays_as_readable_as_it_was_whatever_the_umask(where: home.Home) -> None:
    approvals.approve(where, PIN.digest, PIN.version)
    where.approved_releases_file.chmod(0o440)
    before = os.umask(0o077)
    try:
        approvals.approve(where, "3" * 64, "3.0.0")
    finally:
        os.umask(before)
    assert where.approved_releases_file.stat().st_mode & 0o777 == 0o440
