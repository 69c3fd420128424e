"""The folder of a release: what must be there, what may not, and what its digests say."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import made_release
from council.domain import errors
from council.releases import checking, folder

WHEEL, BILL = folder.wheel_name(made_release.VERSION), folder.bill_name(made_release.VERSION)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return made_release.write(tmp_path / "release")


def refused(place: Path) -> errors.ReleaseRefusedError:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        checking.look(place, "", None, "", 0.0)
    return caught.value


def test_a_good_release_is_told_of(place: Path) -> None:
    found = checking.look(place, "", None, "", 0.0)
    assert found == checking.Found("1.2.0", made_release.COMMIT, False, "", 4, 3, 5, False)


@pytest.mark.parametrize("name", sorted([*made_release.files(), folder.SUMS]))
def test_a_file_that_is_missing_is_named(place: Path, name: str) -> None:
    (place / name).unlink()
    told = refused(place)
    assert told.reason == folder.Reason.FILES_MISSING
    assert name in told.message or name == WHEEL
    assert told.message.endswith(folder.AGAIN)


@pytest.mark.parametrize("name", sorted(made_release.files()))
def test_a_file_that_was_altered_is_named(place: Path, name: str) -> None:
    content = bytearray((place / name).read_bytes())
    content[len(content) // 2] ^= 1
    (place / name).write_bytes(content)
    told = refused(place)
    assert (told.reason, name in told.message) == (folder.Reason.DIGEST_WRONG, True)


@pytest.mark.parametrize("name", ["setup.py", "council_cloud-1.2.0-py3-none-any.whl.asc", ".hidden", "a name\n"])
def test_a_file_more_is_named(place: Path, name: str) -> None:
    (place / name).write_text("x")
    told = refused(place)
    assert (told.reason, repr(name)[1:-1] in told.message) == (folder.Reason.FILES_EXTRA, True)


def test_a_second_wheel_is_refused(place: Path) -> None:
    (place / folder.wheel_name("1.3.0")).write_bytes(b"")
    assert refused(place).reason == folder.Reason.FILES_EXTRA


def a_link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def too_large(path: Path) -> None:
    os.truncate(path, folder.FILE_BYTES_MAX + 1)


@pytest.mark.parametrize("spoil", [a_link, a_folder, a_pipe, too_large])
def test_what_is_no_plain_file_of_a_bounded_size_is_not_read(place: Path, spoil: Callable[[Path], None]) -> None:
    spoil(place / BILL)
    told = refused(place)
    assert (told.reason, BILL in told.message) == (folder.Reason.FILE_UNREADABLE, True)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"\n", b"\r\n", folder.Reason.SUMS_MALFORMED),
        (b"  ", b" *", folder.Reason.SUMS_MALFORMED),
        (b"  requirements.lock", b"  ../requirements.lock", folder.Reason.SUMS_MALFORMED),
        (b"  requirements.lock", b"  other.lock", folder.Reason.FILES_EXTRA),
        (b"  requirements.lock", "  requirements.löck".encode(), folder.Reason.SUMS_MALFORMED),
    ],
)
def test_digests_in_another_form_are_refused(place: Path, old: bytes, new: bytes, reason: folder.Reason) -> None:
    sums = place / folder.SUMS
    sums.write_bytes(sums.read_bytes().replace(old, new))
    assert refused(place).reason == reason


def test_digests_that_name_a_file_twice_are_refused(place: Path) -> None:
    sums = place / folder.SUMS
    sums.write_bytes(sums.read_bytes() + sums.read_bytes().splitlines(keepends=True)[0])
    assert refused(place).reason == folder.Reason.SUMS_MALFORMED


def test_digests_that_name_what_is_not_there_are_refused(place: Path) -> None:
    sums = place / folder.SUMS
    sums.write_bytes(sums.read_bytes() + b"0" * 64 + b"  gone.txt\n")
    assert refused(place).reason == folder.Reason.FILES_MISSING


def test_a_folder_that_is_not_there_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidRequestError, match="Name the folder of a release"):
        checking.look(tmp_path / "gone", "", None, "", 0.0)


def test_a_release_without_a_signature_does_not_count_where_a_key_is_named(place: Path) -> None:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        checking.look(place, "0" * 40, None, "", 0.0)
    assert caught.value.reason == folder.Reason.NOT_SIGNED
