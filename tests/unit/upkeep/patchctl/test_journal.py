"""What is found in a journal that was touched, and what a crash leaves."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from council.domain import errors
from council.upkeep.patchctl import journal

RECORDS = [{"phase": "staging", "patch": f"{number:064x}", "reason": "é" * number} for number in range(6)]


def made(path: Path) -> bytes:
    book = journal.Journal.open_at(path)
    for one in RECORDS:
        book.append(one)
    book.close()
    return path.read_bytes()


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    made(tmp_path / "j")
    book = journal.Journal.open_at(tmp_path / "j")
    book.append({"phase": "idle"})
    book.close()
    again = journal.Journal.open_at(tmp_path / "j")
    assert again.records == [*RECORDS, {"phase": "idle"}]
    again.close()


@pytest.mark.parametrize("cut", [1, 40, 100])
def test_a_torn_last_line_is_cut_off_and_the_journal_goes_on(tmp_path: Path, cut: int) -> None:
    content = made(tmp_path / "j")
    (tmp_path / "j").write_bytes(content[:-cut])
    book = journal.Journal.open_at(tmp_path / "j")
    assert book.records == RECORDS[:-1]
    book.append(RECORDS[-1])
    book.close()
    assert (tmp_path / "j").read_bytes() == content


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_edit_a_swap_or_a_missing_line_is_found_and_nothing_is_changed(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "j"
    path.unlink(missing_ok=True)
    content = made(path)
    lines = content.splitlines(keepends=True)
    match data.draw(st.sampled_from(["edit", "swap", "delete", "double"])):
        case "edit":
            # Not the last byte: without it the line is torn, which a crash may leave.
            at = data.draw(st.integers(0, len(content) - 2))
            changed = content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]
        case "swap":
            first, second = sorted(data.draw(st.lists(st.integers(0, 5), min_size=2, max_size=2, unique=True)))
            lines[first], lines[second] = lines[second], lines[first]
            changed = b"".join(lines)
        case "delete":
            del lines[data.draw(st.integers(0, 4))]
            changed = b"".join(lines)
        case _:
            at = data.draw(st.integers(0, 5))
            changed = b"".join([*lines[: at + 1], *lines[at:]])
    path.write_bytes(changed)
    with pytest.raises(errors.JournalError, match="damaged at line"):
        journal.Journal.open_at(path)
    assert path.read_bytes() == changed
