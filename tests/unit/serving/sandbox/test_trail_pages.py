"""Pages of the audit trail: newest first, over all its files, wherever a page begins."""

from pathlib import Path

import pytest

from council.domain import sandbox
from council.serving.sandbox import audit, trail_pages
from council.testing import clock


def trail_of(folder: Path, jobs: int, file_bytes_max: int = 1 << 20, note: str = "") -> Path:
    made = audit.AuditTrail(folder, file_bytes_max, 16, clock.ManualClock())
    for number in range(jobs):
        made.append(
            {
                "event": "job", "caller": f"ann/{number}", "request_id": f"r{number}", "language": "python", "status": "ok",
                "limit": None, "exit_code": 0, "wall_us": 1_500_000, "cpu_us": 20, "memory_peak_bytes": None,
                "blocked": {"mount": 2}, "reason": note,
            }
        )  # fmt: skip
    made.close()
    return folder


def ids(found: list[sandbox.Record]) -> list[int]:
    return [one.id for one in found]


def test_a_record_is_told_as_people_look_at_it(tmp_path: Path) -> None:
    newest, oldest = trail_pages.page(trail_of(tmp_path / "a", 1), 10)
    assert (newest.event, newest.caller, newest.language, newest.status, newest.limit) == (
        "job", "ann/0", "python", "ok", "",
    )  # fmt: skip
    assert (newest.exit_code, newest.wall_s, newest.cpu_s, newest.memory_peak_bytes) == (0, 1.5, 0.00002, None)
    assert newest.blocked == {"mount": 2} and oldest.event == "begin" and oldest.exit_code is None


@pytest.mark.parametrize("file_bytes_max", [4096, 1 << 20])
def test_pages_meet_and_leave_nothing_out(tmp_path: Path, file_bytes_max: int) -> None:
    # So long that a page begins in the middle of a file of many chunks.
    folder = trail_of(tmp_path / "a", 300, file_bytes_max, note="x" * 900)
    every = ids(trail_pages.page(folder, 10_000))
    assert every == sorted(every, reverse=True) and len(every) == len(set(every))
    pages, before = [], 0
    while found := ids(trail_pages.page(folder, 7, before)):
        pages += found
        before = found[-1]
    assert pages == every


def test_a_damaged_line_is_passed_over(tmp_path: Path) -> None:
    folder = trail_of(tmp_path / "a", 5)
    [path] = folder.glob("audit-*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"{half\n", b"[]\n", b'{"seq": "x"}\n', *lines[3:]]))
    assert ids(trail_pages.page(folder, 10)) == [6, 5, 4, 2, 1]
    path.write_bytes(b"x" * 300_000)
    assert trail_pages.page(folder, 10) == []


def test_an_empty_folder_has_no_records(tmp_path: Path) -> None:
    assert trail_pages.page(tmp_path, 10) == []
