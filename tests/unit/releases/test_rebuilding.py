"""Where a release and what its source makes differ."""

import pytest

import made_release
from council.releases import folder, rebuilding
from made_release import ABOUT, TOP, VERSION

WHEEL, ARCHIVE = folder.wheel_name(VERSION), folder.archive_name(VERSION)


def told(changed: dict[str, bytes]) -> list[str]:
    return list(rebuilding.differences(made_release.read(changed), made_release.read()))


def test_the_same_release_differs_nowhere() -> None:
    assert told({}) == []


def test_a_text_that_differs_is_told_by_file_and_line() -> None:
    contents = {**made_release.contents(), "council/app.py": b"FIRST = 1\nSECOND = 3\n"}
    first, second = told({WHEEL: made_release.wheel(made_release.recorded(contents))})
    assert first == f"{WHEEL}: council/app.py differs in line 2: 'SECOND = 3' instead of 'SECOND = 2'."
    assert second.startswith(f"{WHEEL}: {ABOUT}/RECORD differs in line 2: 'council/app.py,sha256=")


def test_a_binary_that_differs_is_told_by_byte() -> None:
    contents = {**made_release.contents(), "council/app.py": b"FIRST = 1\n\0\0"}
    first, _ = told({WHEEL: made_release.wheel(made_release.recorded(contents))})
    assert first == f"{WHEEL}: council/app.py differs from byte 10 on."


def test_a_file_more_and_a_file_less_are_told() -> None:
    archive = made_release.archive({f"{TOP}/PKG-INFO": made_release.metadata(), f"{TOP}/b.py": b""})
    assert told({ARCHIVE: archive}) == [
        f"{ARCHIVE}: {TOP}/b.py is not of the source.",
        f"{ARCHIVE}: {TOP}/src/a.py of the source is not in it.",
    ]


def test_the_same_files_packed_otherwise_are_told_as_that() -> None:
    [only] = told({WHEEL: made_release.wheel(made_release.recorded(made_release.contents()), level=0)})
    assert only.startswith(f"{WHEEL} holds the same files, but not packed the same, from byte ")


def test_the_lock_is_told_by_line() -> None:
    [only] = told({folder.LOCK: made_release.LOCK.replace("8.5.1", "8.5.2").encode()})
    assert only == r"requirements.lock differs in line 1: 'click==8.5.2 \\' instead of 'click==8.5.1 \\'."


@pytest.mark.parametrize(
    ("given", "made", "place"), [(b"", b"", 0), (b"abc", b"abd", 2), (b"ab", b"abc", 2), (b"x", b"y", 0)]
)
def test_the_first_byte_that_differs_is_found(given: bytes, made: bytes, place: int) -> None:
    assert rebuilding._first(given, made) == place
