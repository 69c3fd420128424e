"""What is found in a journal that was touched, and what a crash leaves."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from council.domain import errors
from council.kit import chain
from council.upkeep.patchctl import journal, lineage

RECORDS = [{"phase": "staging", "patch": f"{number:064x}", "reason": "é" * number} for number in range(6)]
# Two records fill a segment.
SEGMENT_BYTES = 700


def made(folder: Path) -> dict[str, bytes]:
    book = journal.Journal.open_at(folder, SEGMENT_BYTES)
    for one in RECORDS:
        book.append(one)
    book.close()
    return files(folder)


def files(folder: Path) -> dict[str, bytes]:
    """Return the segments; the lock beside them is empty."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != "journal.lock"}


def put(folder: Path, content: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, inside in content.items():
        (folder / name).write_bytes(inside)


def test_what_a_newer_release_wrote_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "j"
    made(folder)
    with monkeypatch.context() as newer:
        newer.setattr(journal, "FORM", 2)
        book = journal.Journal.open_at(folder)
        book.append({"phase": "inspecting"})
        book.close()
        assert journal.read(folder)[-1].record == {"phase": "inspecting"}
    last = max(folder.glob("*.jsonl"))
    # Half a line at the end is cut off by whoever knows the form, and by nobody else.
    last.write_bytes(last.read_bytes() + b'{"seq":8,')
    before = files(folder)
    for look in (journal.read, journal.Journal.open_at):
        with pytest.raises(
            errors.JournalError, match=r"has form 2, and this release knows forms up to 1\. It is left.* commit of"
        ):
            look(folder)
    assert files(folder) == before


def test_what_was_written_is_read_again_over_several_segments(tmp_path: Path) -> None:
    assert list(made(tmp_path / "j")) == ["000000000001.jsonl", "000000000003.jsonl", "000000000005.jsonl"]
    book = journal.Journal.open_at(tmp_path / "j", SEGMENT_BYTES)
    book.append({"phase": "idle"})
    book.close()
    again = journal.Journal.open_at(tmp_path / "j", SEGMENT_BYTES)
    assert again.records == [*RECORDS, {"phase": "idle"}]
    again.close()


def test_whoever_only_looks_changes_nothing(tmp_path: Path) -> None:
    assert journal.read(tmp_path / "none") == []
    content = made(tmp_path / "j")
    last = max(content)
    put(tmp_path / "j", content | {last: content[last][:-3]})
    before = files(tmp_path / "j")
    assert [one.record for one in journal.read(tmp_path / "j")] == RECORDS[:-1]
    assert files(tmp_path / "j") == before


def test_only_one_appends_at_a_time_and_whoever_looks_waits_for_nobody(tmp_path: Path) -> None:
    book = journal.Journal.open_at(tmp_path / "j")
    book.append(RECORDS[0])
    with pytest.raises(errors.UnavailableError, match="try again when it has ended"):
        journal.Journal.open_at(tmp_path / "j", wait_s=0.0)
    assert [one.record for one in journal.read(tmp_path / "j")] == RECORDS[:1]
    book.close()
    again = journal.Journal.open_at(tmp_path / "j", wait_s=0.0)
    assert again.records == RECORDS[:1]
    again.close()


def test_whoever_waits_for_the_journal_gets_it_and_reads_what_was_written_meanwhile(tmp_path: Path) -> None:
    book = journal.Journal.open_at(tmp_path / "j")
    found: list[journal.Journal] = []
    waiting = threading.Thread(target=lambda: found.append(journal.Journal.open_at(tmp_path / "j", wait_s=60.0)))
    waiting.start()
    book.append(RECORDS[0])
    book.close()
    waiting.join()
    assert found[0].records == RECORDS[:1]
    found[0].close()


def test_a_journal_that_cannot_be_opened_is_held_by_nobody(tmp_path: Path) -> None:
    content = made(tmp_path / "j")
    put(tmp_path / "j", content | {min(content): b"x\n"})
    for _ in range(2):
        with pytest.raises(errors.JournalError, match="damaged"):
            journal.Journal.open_at(tmp_path / "j", wait_s=0.0)


@pytest.mark.parametrize("cut", [1, 40, 100])
def test_a_torn_last_line_is_cut_off_and_the_journal_goes_on(tmp_path: Path, cut: int) -> None:
    content = made(tmp_path / "j")
    last = max(content)
    put(tmp_path / "j", content | {last: content[last][:-cut]})
    book = journal.Journal.open_at(tmp_path / "j", SEGMENT_BYTES)
    assert book.records == RECORDS[:-1]
    book.append(RECORDS[-1])
    book.close()
    assert files(tmp_path / "j") == content


def test_a_segment_that_a_crash_left_empty_is_gone_on_with(tmp_path: Path) -> None:
    content = made(tmp_path / "j")
    put(tmp_path / "j", content | {"000000000007.jsonl": b""})
    book = journal.Journal.open_at(tmp_path / "j", SEGMENT_BYTES)
    assert book.records == RECORDS
    assert book.append({"phase": "idle"}).seq == 7
    book.close()
    assert files(tmp_path / "j")["000000000007.jsonl"]


def test_a_line_that_is_torn_before_others_is_damage(tmp_path: Path) -> None:
    content = made(tmp_path / "j")
    first = min(content)
    put(tmp_path / "j", content | {first: content[first][:-5]})
    with pytest.raises(errors.JournalError, match=r"line 2 of 000000000001\.jsonl: the line is not whole"):
        journal.Journal.open_at(tmp_path / "j")


def flipped(draw: Callable[..., int], content: bytes, upto: int) -> bytes:
    at = draw(st.integers(0, upto))
    return content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_edit_a_swap_or_a_missing_piece_is_found_and_nothing_is_changed(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "j"
    put(folder, {})
    content = made(folder)
    names = sorted(content)
    lines = [(name, line) for name in names for line in content[name].splitlines(keepends=True)]
    kind = data.draw(st.sampled_from(["edit", "swap", "delete", "double", "segment", "rename"]))
    match kind:
        case "edit":
            name = data.draw(st.sampled_from(names))
            # Not the last byte of all: without it the line is torn, which a crash may leave.
            content[name] = flipped(data.draw, content[name], len(content[name]) - (2 if name == names[-1] else 1))
        case "swap" | "delete" | "double":
            first, second = sorted(data.draw(st.lists(st.integers(0, 5), min_size=2, max_size=2, unique=True)))
            if kind == "swap":
                lines[first], lines[second] = (lines[first][0], lines[second][1]), (lines[second][0], lines[first][1])
            elif kind == "delete":
                del lines[first]
            else:
                lines.insert(first, lines[first])
            content = {name: b"".join(line for of, line in lines if of == name) for name in names}
        case "segment":
            del content[data.draw(st.sampled_from(names[:-1]))]
        case _:
            content["000000000002.jsonl"] = content.pop(data.draw(st.sampled_from(names)))
    put(folder, content)
    with pytest.raises(errors.JournalError, match="damaged at line"):
        journal.Journal.open_at(folder)
    assert files(folder) == content


def signed(statement: bytes) -> bytes:
    """Sign as the journal's key would; nothing here depends on how."""
    return b"by the key: " + statement


def check(statement: bytes, signature: bytes) -> bool:
    return signature == signed(statement)


def with_checkpoints(folder: Path, records: int, every: int) -> list[journal.Entry]:
    book = journal.Journal.open_at(folder)
    for number in range(records):
        book.append({"phase": "idle", "number": number})
        if (number + 1) % every == 0:
            book.append(lineage.checkpoint(book.head, signed(lineage.statement(book.head))))
    book.close()
    return journal.read(folder)


def test_a_journal_that_is_whole_has_no_problem(tmp_path: Path) -> None:
    entries = with_checkpoints(tmp_path / "j", 10, 4)
    found = lineage.look(entries, check, {"git": entries[3].point, "the store": chain.Point()})
    assert (found.records, found.checkpoints, found.unsigned, found.problems) == (12, 2, 2, [])
    assert found.head == entries[-1].point


def test_a_chain_that_was_made_anew_has_no_good_checkpoint(tmp_path: Path) -> None:
    entries = with_checkpoints(tmp_path / "j", 4, 2)
    book = journal.Journal.open_at(tmp_path / "forged")
    for one in entries:
        book.append({**one.record, "number": 99} if "number" in one.record else one.record)
    book.close()
    found = lineage.look(journal.read(tmp_path / "forged"), check, {})
    assert found.problems == [
        "The checkpoint in record 3 is not by the journal's key.",
        "The checkpoint in record 6 is not by the journal's key.",
    ]


@pytest.mark.parametrize("kept", range(6))
def test_an_end_that_was_taken_off_is_seen_by_whoever_was_told_the_head(tmp_path: Path, kept: int) -> None:
    entries = with_checkpoints(tmp_path / "j", 4, 2)
    found = lineage.look(entries[:kept], check, {"git": entries[-1].point})
    assert found.problems == [f"git knows of record 6, and the journal ends with record {kept}."]


def test_a_record_that_was_another_when_it_was_told_is_seen(tmp_path: Path) -> None:
    entries = with_checkpoints(tmp_path / "j", 4, 9)
    other = chain.Point(2, "0" * 64)
    assert lineage.look(entries, check, {"the store": other}).problems == [
        "the store knows record 2 as another one than stands in the journal."
    ]


def test_a_signature_that_is_no_base64_is_none(tmp_path: Path) -> None:
    book = journal.Journal.open_at(tmp_path / "j")
    book.append({"kind": lineage.KIND, "signature": "é!"})
    book.append({"kind": lineage.KIND})
    book.close()
    assert len(lineage.look(journal.read(tmp_path / "j"), check, {}).problems) == 2


def test_a_checkpoint_is_due_after_so_many_records(tmp_path: Path) -> None:
    assert not lineage.is_due(with_checkpoints(tmp_path / "few", lineage.RECORDS_BETWEEN - 1, 1000))
    entries = with_checkpoints(tmp_path / "many", lineage.RECORDS_BETWEEN, 1000)
    assert lineage.is_due(entries)
    signed_now = journal.Entry(chain.Point(len(entries) + 1, "x"), lineage.checkpoint(entries[-1].point, b""))
    assert not lineage.is_due([*entries, signed_now])


def test_nothing_follows_a_record_of_which_half_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = journal.Journal.open_at(tmp_path / "j")
    book.append(RECORDS[0])
    whole = journal.os.write
    with monkeypatch.context() as patched:
        patched.setattr(journal.os, "write", lambda descriptor, line: whole(descriptor, line[:10]))
        with pytest.raises(OSError, match="bytes were written"):
            book.append(RECORDS[1])
    with pytest.raises(OSError, match="could not be written"):
        book.append(RECORDS[2])
    book.close()
    again = journal.Journal.open_at(tmp_path / "j")
    again.append(RECORDS[1])
    assert again.records == RECORDS[:2]
    again.close()
    assert [one.record for one in journal.read(tmp_path / "j")] == RECORDS[:2]
