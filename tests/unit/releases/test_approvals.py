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
