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


def ids(found: sandbox.Page) -> list[int]:
    return [one.id for one in found.records]


def test_a_record_is_told_as_people_look_at_it(tmp_path: Path) -> None:
    newest, oldest = trail_pages.page(trail_of(tmp_path / "a", 1), 10).records
    assert (newest.event, newest.caller, newest.language, newest.status, newest.limit) == (
        "job", "ann/0", "python", "ok", "",
    )  # fmt: skip
    assert (newest.exit_code, newest.wall_s, newest.cpu_s, newest.memory_peak_bytes) == (0, 1.5, 0.00002, None)
    assert newest.blocked == {"mount": 2} and oldest.event == "begin" and oldest.exit_code is None


def walked(folder: Path, limit: int) -> list[int]:
    """Return what all pages hold, asked for as they say."""
    found = trail_pages.page(folder, limit)
    pages = ids(found)
    while found.before is not None:
        found = trail_pages.page(folder, limit, found.before)
        assert found.records
        pages += ids(found)
    return pages


@pytest.mark.parametrize("file_bytes_max", [4096, 1 << 20])
def test_pages_meet_and_leave_nothing_out(tmp_path: Path, file_bytes_max: int) -> None:
    # So long that a page begins in the middle of a file of many chunks.
    folder = trail_of(tmp_path / "a", 300, file_bytes_max, note="x" * 900)
    every = ids(trail_pages.page(folder, 10_000))
    assert every == sorted(every, reverse=True) and len(every) == len(set(every))
    assert walked(folder, 7) == every == walked(folder, len(every))


def test_a_damaged_line_is_passed_over(tmp_path: Path) -> None:
    folder = trail_of(tmp_path / "a", 5)
    [path] = folder.glob("audit-*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"{half\n", b"[]\n", b'{"seq": "x"}\n', *lines[3:]]))
    assert ids(trail_pages.page(folder, 10)) == [6, 5, 4, 2, 1]
    # Longer than any line, in the middle.
    path.write_bytes(b"".join([*lines[:3], b"x" * 300_000, b"\n", *lines[3:]]))
    assert ids(trail_pages.page(folder, 10)) == [6, 5, 4, 3, 2, 1]
    path.write_bytes(b"x" * 300_000)
    assert trail_pages.page(folder, 10) == sandbox.Page([])


def test_what_is_read_for_one_page_has_a_bound_and_does_not_end_the_trail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trail_of(tmp_path / "a", 40, 12_000, note="x" * 900)
    every = ids(trail_pages.page(folder, 100))
    monkeypatch.setattr(trail_pages, "_READ_BYTES_MAX", 5_000)
    assert len(trail_pages.page(folder, 30).records) < 10 and walked(folder, 30) == every
    # Of a file of nothing but damage, to the one before it.
    newest = max(folder.glob("audit-*.jsonl"))
    lost = {record for record in every if f'"seq":{record},' in newest.read_text()}
    newest.write_bytes(b"{}\n" * 10_000)
    assert lost and walked(folder, 30) == [one for one in every if one not in lost]


def test_what_stands_before_much_damage_in_the_same_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trail_of(tmp_path / "a", 30)
    every = ids(trail_pages.page(folder, 100))
    [path] = folder.glob("audit-*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:20], b"{half\n" * 20_000, *lines[20:]]))
    monkeypatch.setattr(trail_pages, "_READ_BYTES_MAX", 20_000)
    assert walked(folder, 5) == every == walked(folder, 100)


def test_an_empty_folder_has_no_records(tmp_path: Path) -> None:
    assert trail_pages.page(tmp_path, 10) == sandbox.Page([])
