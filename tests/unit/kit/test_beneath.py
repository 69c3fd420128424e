import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.kit import beneath

LIMIT = 100


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (tmp_path / "secret").write_text("secret")
    return made


@pytest.fixture
def folder(root: Path) -> Iterator[beneath.Folder]:
    with beneath.held(root) as made:
        yield made


def test_what_is_written_is_read_back_with_its_mode(root: Path, folder: beneath.Folder) -> None:
    folder.write("a/b/c", b"content", 0o500)
    folder.write("a/d", b"", 0o400)
    folder.sync()
    assert folder.read("a/b/c", LIMIT) == beneath.Plain(b"content", executable=True)
    assert folder.read("a/d", LIMIT) == beneath.Plain(b"", executable=False)
    assert stat.S_IMODE((root / "a/b/c").stat().st_mode) == 0o500
    assert folder.listing(10) == beneath.Listing(frozenset({"a/b/c", "a/d"}), frozenset({"a", "a/b"}))


def test_the_mode_is_exact_whatever_the_umask(root: Path, folder: beneath.Folder) -> None:
    before = os.umask(0o777)
    try:
        folder.write("a", b"", 0o444)
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "a").stat().st_mode) == 0o444


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "../secret",
        "a/../../secret",
        "a/./b",
        "a//b",
        "/etc/passwd",
        "a/",
        "a\0b",
        "x" * 256,
        "x/" * 64 + "x",
    ],
)
def test_what_is_no_path_beneath_is_refused_by_every_method(folder: beneath.Folder, path: str) -> None:
    for call in (
        lambda: folder.read(path, LIMIT),
        lambda: folder.write(path, b"", 0o400),
        lambda: folder.make_folder(path),
        lambda: folder.remove(path),
        lambda: folder.rename(path, path),
        lambda: beneath.check(path),
    ):
        with pytest.raises(beneath.NotPlainError):
            call()


def test_a_name_that_is_no_text_is_still_a_name(root: Path, folder: beneath.Folder) -> None:
    (root / os.fsdecode(b"caf\xe9")).write_bytes(b"1")
    (name,) = folder.names(10)
    assert folder.read(name, LIMIT).content == b"1"


@pytest.mark.parametrize("target", ["../secret", "inside", "/etc/passwd", "nowhere"])
def test_a_link_is_never_followed(root: Path, folder: beneath.Folder, target: str) -> None:
    (root / "inside").write_text("1")
    (root / "link").symlink_to(target)
    with pytest.raises(beneath.NotPlainError, match="link"):
        folder.read("link", LIMIT)
    with pytest.raises(FileExistsError):
        folder.write("link", b"2", 0o400)
    with pytest.raises(beneath.NotPlainError, match="neither"):
        folder.listing(10)
    folder.remove("link")
    assert folder.listing(10).files == {"inside"}
    assert (root / "inside").read_text() == "1" and (root.parent / "secret").read_text() == "secret"


@pytest.mark.parametrize("target", ["..", "inside", "/"])
def test_a_link_on_the_way_is_never_followed(root: Path, folder: beneath.Folder, target: str) -> None:
    (root / "inside").mkdir()
    (root / "link").symlink_to(target)
    for call in (
        lambda: folder.read("link/secret", LIMIT),
        lambda: folder.write("link/new", b"", 0o400),
        lambda: folder.make_folder("link/new"),
        lambda: folder.remove("link/secret"),
        lambda: folder.rename("link/secret", "link/new"),
    ):
        with pytest.raises(beneath.NotPlainError):
            call()
    assert not (root.parent / "new").exists() and not (root / "inside/new").exists()
    assert (root.parent / "secret").exists()


def test_a_folder_that_is_a_link_is_not_held(root: Path) -> None:
    (root.parent / "link").symlink_to(root)
    for path in (root.parent / "link", root.parent / "secret"):
        with pytest.raises(beneath.NotPlainError), beneath.held(path):
            pass


def test_only_a_plain_file_with_one_name_is_read(root: Path, folder: beneath.Folder) -> None:
    os.mkfifo(root / "fifo")
    (root / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket"))
    (root / "file").write_text("1")
    os.link(root / "file", root / "other")
    for name in ("fifo", "folder", "socket", "file"):
        with pytest.raises(beneath.NotPlainError):
            folder.read(name, LIMIT)
    (root / "other").unlink()
    assert folder.read("file", LIMIT).content == b"1"


def test_what_is_no_plain_file_is_not_even_opened(
    root: Path, folder: beneath.Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A device may already do something when it is opened.
    os.mkfifo(root / "fifo")
    opened: list[int] = []
    real = beneath._openat2
    monkeypatch.setattr(beneath, "_openat2", lambda *given: opened.append(given[2]) or real(*given))
    with pytest.raises(beneath.NotPlainError, match="no plain file"):
        folder.read("fifo", LIMIT)
    assert opened == [os.O_PATH]


def test_a_file_that_is_too_large_is_not_read(root: Path, folder: beneath.Folder) -> None:
    (root / "a").write_bytes(b"x" * (LIMIT + 1))
    with pytest.raises(beneath.NotPlainError, match="the limit is 100"):
        folder.read("a", LIMIT)
    assert len(folder.read("a", LIMIT + 1).content) == LIMIT + 1


def test_a_file_whose_size_the_kernel_does_not_tell_is_read_no_further_than_allowed() -> None:
    with (
        beneath.held(Path(f"/proc/{os.getpid()}")) as folder,
        pytest.raises(beneath.NotPlainError, match="grew over 10"),
    ):
        folder.read("status", 10)


def test_another_file_system_beneath_is_out_of_reach() -> None:
    with beneath.held(Path("/")) as folder, pytest.raises(beneath.NotPlainError, match="leads out"):
        folder.read("proc/version", LIMIT)


def test_what_is_there_is_not_written_over(root: Path, folder: beneath.Folder) -> None:
    (root / "a").write_text("1")
    (root / "b").mkdir()
    for name in ("a", "b"):
        with pytest.raises(FileExistsError):
            folder.write(name, b"2", 0o400)
        with pytest.raises(FileExistsError):
            folder.make_folder(name)
    with pytest.raises(beneath.NotPlainError, match="where a folder is wanted"):
        folder.write("a/c", b"2", 0o400)
    assert (root / "a").read_text() == "1"


def test_a_folder_goes_with_all_that_it_holds_and_links_in_it_lead_nowhere(root: Path, folder: beneath.Folder) -> None:
    folder.write("a/b/c", b"1", 0o400)
    (root / "a/link").symlink_to(root.parent)
    (root / "a/file").symlink_to(root.parent / "secret")
    folder.remove("a")
    folder.remove("a")
    folder.remove("x/y")
    folder.sync()
    assert folder.names(10) == [] and (root.parent / "secret").exists()


def test_a_folder_takes_another_name_but_not_the_place_of_a_full_one(root: Path, folder: beneath.Folder) -> None:
    folder.write("a/b", b"1", 0o400)
    folder.write("full/b", b"2", 0o400)
    with pytest.raises(OSError, match="not empty"):
        folder.rename("a", "full")
    folder.rename("a", "c")
    folder.sync()
    assert (root / "c/b").read_bytes() == b"1" and not (root / "a").exists()


def test_an_inner_folder_is_held_like_its_parent(root: Path, folder: beneath.Folder) -> None:
    folder.make_folder("a")
    (root / "link").symlink_to("a")
    with folder.inner("a") as inner:
        inner.write("b", b"1", 0o400)
        inner.sync()
    assert folder.read("a/b", LIMIT).content == b"1"
    with pytest.raises(beneath.NotPlainError), folder.inner("link"):
        pass


def test_a_listing_has_an_end(root: Path, folder: beneath.Folder) -> None:
    for number in range(5):
        (root / f"{number}").write_text("")
    assert len(folder.names(5)) == len(folder.listing(5).files) == 5
    for call in (folder.names, folder.listing):
        with pytest.raises(beneath.NotPlainError, match="more than 4"):
            call(4)
    deep = root
    for _ in range(beneath.DEPTH_MAX):
        deep = deep / "d"
        deep.mkdir()
    with pytest.raises(beneath.NotPlainError, match="folders deep"):
        folder.listing(1_000)


def test_many_files_do_not_use_up_the_descriptors(root: Path, folder: beneath.Folder) -> None:
    most, before = 0, len(os.listdir("/proc/self/fd"))
    for number in range(600):
        folder.write(f"{number}", b"x", 0o400)
        most = max(most, len(os.listdir("/proc/self/fd")))
    folder.sync()
    assert most - before < 300 and len(list(root.iterdir())) == 600
    assert len(os.listdir("/proc/self/fd")) <= before


def test_files_then_folders_are_synced_each_once_and_all_before_sync_returns(
    folder: beneath.Folder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(str(Path(f"/proc/self/fd/{number}").readlink())))
    folder.write("a/b/c", b"1", 0o400)
    folder.write("d", b"1", 0o400)
    folder.rename("d", "e")
    assert synced == []
    folder.sync()
    assert synced[:2] == [f"{root}/a/b/c", f"{root}/e"] and synced[-1] == str(root)
    assert sorted(synced[2:]) == sorted([f"{root}/a/b", f"{root}/a", str(root)])
    folder.sync()
    assert len(synced) == 5
    for change in (
        lambda: folder.rename("a/b/c", "a/c"),
        lambda: folder.remove("a/c"),
        lambda: folder.make_folder("a/f"),
    ):
        synced.clear()
        change()
        folder.sync()
        assert f"{root}/a" in synced
    assert f"{root}/a/f" in synced


def test_a_kernel_without_the_call_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A call that no kernel has.
    monkeypatch.setattr(beneath, "_OPENAT2", 100_000)
    with pytest.raises(OSError, match="openat2 is missing") as raised, beneath.held(root):
        pass
    assert raised.value.errno == errno.ENOSYS
