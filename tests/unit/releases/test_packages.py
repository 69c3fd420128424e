"""Wheels and source archives that would put something elsewhere, or are not what they say."""

import json
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import made_release
from council.domain import errors
from council.releases import checking, folder, packages
from made_release import ABOUT, TOP, VERSION


def wheel_refused(files: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> errors.ReleaseRefusedError:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        packages.read_wheel(made_release.wheel(files, modes), VERSION)
    return caught.value


def archive_refused(raw: bytes) -> errors.ReleaseRefusedError:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        packages.read_archive(raw, VERSION)
    return caught.value


OUTSIDE = [
    "../evil.py", "council/../../evil.py", "/etc/evil", "council//evil.py", "council/./evil.py", "council\\..\\evil.py",
    "C:/evil.py", "council/e\x07vil.py", "council/\u0435vil.py", "council/", "evil.pth", "sitecustomize.py", "other/a.py",
    f"council_cloud-{VERSION}.data/scripts/sh", "council", f"{ABOUT}", "council_cloud-9.dist-info/METADATA",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_wheel_keeps_to_its_own_folders(name: str) -> None:
    told = wheel_refused(made_release.recorded({**made_release.contents(), name: b""}))
    assert (told.reason, told.message.endswith(folder.AGAIN)) == (folder.Reason.PATH_UNSAFE, True)


@pytest.mark.parametrize("name", ["../evil.py", f"{TOP}/../evil.py", "/etc/evil", "other/a.py", TOP, f"{TOP}//a.py"])
def test_a_source_archive_keeps_to_its_own_folder(name: str) -> None:
    files = {f"{TOP}/PKG-INFO": made_release.metadata(), name: b""}
    assert archive_refused(made_release.archive(files)).reason == folder.Reason.PATH_UNSAFE


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO])
def test_a_wheel_holds_plain_files_only(kind: int) -> None:
    files = made_release.recorded(made_release.contents())
    assert wheel_refused(files, {"council/app.py": kind | 0o755}).reason == folder.Reason.PATH_UNSAFE


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_source_archive_holds_plain_files_only(kind: bytes) -> None:
    member = tarfile.TarInfo(f"{TOP}/link")
    member.type, member.linkname = kind, "/etc/passwd"
    assert archive_refused(made_release.archive(members=[member])).reason == folder.Reason.PATH_UNSAFE


def test_no_file_of_a_source_archive_takes_rights() -> None:
    member = tarfile.TarInfo(f"{TOP}/run")
    member.mode = 0o4755
    assert archive_refused(made_release.archive(members=[member])).reason == folder.Reason.PATH_UNSAFE


@pytest.mark.parametrize("name", ["council/APP.py", "council/app.py/inner.py"])
def test_names_that_meet_on_some_disks_are_refused(name: str) -> None:
    assert (
        wheel_refused(made_release.recorded({**made_release.contents(), name: b""})).reason == folder.Reason.PATH_UNSAFE
    )


def test_a_name_that_is_there_twice_is_refused() -> None:
    member = tarfile.TarInfo(f"{TOP}/PKG-INFO")
    assert archive_refused(made_release.archive(members=[member])).reason == folder.Reason.PATH_UNSAFE


@pytest.mark.parametrize("name", ["METADATA", "WHEEL"])
def test_a_wheel_without_its_metadata_is_refused(name: str) -> None:
    files = made_release.contents()
    del files[f"{ABOUT}/{name}"]
    assert wheel_refused(made_release.recorded(files)).reason == folder.Reason.PACKAGE_MALFORMED


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("council/app.py", b"SECOND = 3\n", "council/app.py is not as"),
        ("council/more.py", b"", "differ in council/more.py"),
        (f"{ABOUT}/RECORD", b"", "differ in"),
        (f"{ABOUT}/RECORD", b"council/app.py\n", "cannot be read"),
        (f"{ABOUT}/RECORD", b"\xff", "cannot be read"),
    ],
)
def test_a_wheel_is_as_its_record_says(path: str, content: bytes, words: str) -> None:
    told = wheel_refused({**made_release.recorded(made_release.contents()), path: content})
    assert (told.reason, words in told.message) == (folder.Reason.PACKAGE_MALFORMED, True), told.message


def test_a_wheel_for_one_machine_is_refused() -> None:
    files = {**made_release.contents(), f"{ABOUT}/WHEEL": b"Root-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n"}
    assert "for every machine" in wheel_refused(made_release.recorded(files)).message


def test_what_would_fill_the_memory_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "CONTENT_BYTES_MAX", 1 << 20)
    files = made_release.recorded({**made_release.contents(), "council/zeros": bytes(2 << 20)})
    assert "would unpack" in wheel_refused(files).message
    bomb = made_release.archive({f"{TOP}/PKG-INFO": made_release.metadata(), f"{TOP}/zeros": bytes(2 << 20)})
    assert "would unpack" in archive_refused(bomb).message
    monkeypatch.setattr(packages, "FILES_MAX", 1)
    assert "more than 1 files" in wheel_refused(files).message
    assert "more than 1 files" in archive_refused(made_release.archive()).message


@pytest.mark.parametrize("raw", [b"", b"PK\x05\x06", b"no archive", made_release.wheel({"council/a": b"a"})[:-30]])
def test_what_is_no_wheel_is_refused(raw: bytes) -> None:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        packages.read_wheel(raw, VERSION)
    assert caught.value.reason in (folder.Reason.PACKAGE_MALFORMED, folder.Reason.PATH_UNSAFE)


@pytest.mark.parametrize("raw", [b"", b"no archive", made_release.archive()[:-30], made_release.archive()[:60]])
def test_what_is_no_source_archive_is_refused(raw: bytes) -> None:
    assert archive_refused(raw).reason == folder.Reason.PACKAGE_MALFORMED


def test_a_wheel_packed_as_no_installer_expects_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_LZMA) as opened:
        opened.writestr("council/a.py", b"a")
    with pytest.raises(errors.ReleaseRefusedError, match="packed in a way"):
        packages.wheel_files((tmp_path / "x").read_bytes())


def refused(tmp_path: Path, changed: Mapping[str, bytes]) -> errors.ReleaseRefusedError:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        checking.look(made_release.write(tmp_path / "release", changed), "", None, "", 0.0)
    return caught.value


@pytest.mark.parametrize("metadata", [made_release.metadata("1.3.0"), made_release.metadata(name="council")])
def test_a_package_of_another_name_or_version_is_refused(tmp_path: Path, metadata: bytes) -> None:
    files = made_release.recorded({**made_release.contents(), f"{ABOUT}/METADATA": metadata})
    told = refused(tmp_path, {folder.wheel_name(VERSION): made_release.wheel(files)})
    assert told.reason == folder.Reason.VERSION_DIFFERS
    (tmp_path / "again").mkdir()
    archive = made_release.archive({f"{TOP}/PKG-INFO": metadata})
    assert refused(tmp_path / "again", {folder.archive_name(VERSION): archive}).reason == folder.Reason.VERSION_DIFFERS


def test_wheel_and_source_archive_require_the_same(tmp_path: Path) -> None:
    archive = made_release.archive({f"{TOP}/PKG-INFO": made_release.metadata(requires=("click>=8",))})
    assert refused(tmp_path, {folder.archive_name(VERSION): archive}).reason == folder.Reason.DEPENDENCY_DIFFERS


def test_a_wheel_that_requires_what_the_lock_lacks_is_refused(tmp_path: Path) -> None:
    requires = (*made_release.REQUIRES, "evil>=1")
    wheel = made_release.wheel(made_release.recorded(made_release.contents(requires=requires)))
    archive = made_release.archive({f"{TOP}/PKG-INFO": made_release.metadata(requires=requires)})
    told = refused(tmp_path, {folder.wheel_name(VERSION): wheel, folder.archive_name(VERSION): archive})
    assert (told.reason, "evil" in told.message) == (folder.Reason.DEPENDENCY_DIFFERS, True)


def test_a_lock_of_other_digests_than_the_bill_is_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, {folder.LOCK: made_release.LOCK.replace("1" * 64, "7" * 64).encode()})
    assert (told.reason, "click" in told.message) == (folder.Reason.BILL_DIFFERS, True)
    assert json.loads(made_release.files()[folder.bill_name(VERSION)])["specVersion"] == "1.6"
