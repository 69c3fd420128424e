"""What the keeper opens for the front, and what it reads of counters: a job may have put anything there."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.zygote import keeper


@pytest.fixture
def work(tmp_path: Path) -> Iterator[int]:
    """A job's folder beside something that is not its own."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "held/inner").mkdir(parents=True)
    folder = os.open(tmp_path / "held", os.O_RDONLY | os.O_DIRECTORY)
    yield folder
    os.close(folder)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("name", ["out", "inner/out", ".hidden", "inner/..dots", "naïve ☃", "-rf", "a\nb"])
def test_a_regular_file_is_opened_for_reading(name: str, work: int, tmp_path: Path) -> None:
    (tmp_path / "held" / name).write_text("found")
    before = _descriptors()
    descriptor = keeper._open_regular(work, name)
    assert os.read(descriptor, 100) == b"found"
    assert not os.get_inheritable(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(descriptor, b"x")
    os.close(descriptor)
    assert _descriptors() == before


def _make(kind: str, work: Path) -> str:
    """Put something at a name that is no regular file of the job's; return the name."""
    secret = work.parent / "secret"
    match kind:
        case "a link":
            (work / "out").symlink_to(secret)
        case "a link within":
            (work / "real").write_text("x")
            (work / "out").symlink_to("real")
        case "a link to nothing":
            (work / "out").symlink_to("nothing")
        case "a link to itself":
            (work / "out").symlink_to("out")
        case "a linked folder":
            (work / "folder").symlink_to(work.parent)
            return "folder/secret"
        case "a linked folder within":
            (work / "inner/out").write_text("x")
            (work / "folder").symlink_to("inner")
            return "folder/out"
        case "a FIFO":
            os.mkfifo(work / "out")
        case "a folder":
            (work / "out").mkdir()
        case "a folder with a slash":
            return "inner/"
        case "a socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(str(work / "out"))
        case "a device":
            if os.geteuid() == 0:
                os.mknod(work / "out", 0o20666, os.makedev(1, 5))
            else:
                (work / "out").symlink_to("/dev/zero")
        case "a file as a folder":
            (work / "file").write_text("x")
            return "file/out"
    return "out"


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "a link",
            "a link within",
            "a link to nothing",
            "a link to itself",
            "a linked folder",
            "a linked folder within",
        ),
        *("a FIFO", "a folder", "a folder with a slash", "a socket", "a device", "a file as a folder", "nothing"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(kind: str, work: int, tmp_path: Path) -> None:
    name = _make(kind, tmp_path / "held")
    before = _descriptors()
    with pytest.raises(OSError):
        keeper._open_regular(work, name)
    assert _descriptors() == before


@pytest.mark.parametrize(
    "name",
    ["../secret", "inner/../../secret", "..", ".", "", "/", "/etc/passwd", "//etc/passwd", "inner/..", "../held/real"],
)
def test_a_name_that_leads_out_is_refused(name: str, work: int, tmp_path: Path) -> None:
    (tmp_path / "held/real").write_text("x")
    with pytest.raises(OSError):
        keeper._open_regular(work, name)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_refused(name: str, work: int) -> None:
    with pytest.raises((OSError, ValueError)):
        keeper._open_regular(work, name)


def test_a_counter_is_found_by_its_whole_name(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("oom_kill_disable 0\noom 3\noom_kill 2\nmax many\n")
    descriptor = os.open(tmp_path / "events", os.O_RDONLY)
    assert keeper._count(descriptor, "oom_kill") == 2
    assert keeper._count(descriptor, "absent") == 0
    assert keeper._count(descriptor, "max") == 0
    os.close(descriptor)
    assert keeper._count(descriptor, "oom_kill") == 0


def test_time_of_collected_children_is_read_behind_a_name_that_lies() -> None:
    child = os.fork()
    if child == 0:
        # A child of its own that works, is collected, and whose time stays in ours.
        if os.fork() == 0:
            while sum(os.times()[:2]) < 0.05:
                pass
            os._exit(0)
        os.wait()
        Path("/proc/self/comm").write_text(") R 1 1 1 (")
        collected_s = keeper._collected_s(str(os.getpid()))
        os._exit(0 if collected_s >= 0.04 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
