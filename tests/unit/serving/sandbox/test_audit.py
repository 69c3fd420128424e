import errno
import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from council.domain import errors
from council.kit import chain
from council.kit import clock as clocks
from council.serving.sandbox import audit, files
from council.testing import clock

WAIT_S = 20.0
BIG = 1 << 30


def opened(folder: Path, file_bytes_max: int = BIG, files_max: int = 100) -> audit.AuditTrail:
    return audit.AuditTrail(folder, file_bytes_max, files_max, clock.ManualClock())


def filled(folder: Path, count: int, file_bytes_max: int = BIG, files_max: int = 100) -> Path:
    trail = opened(folder, file_bytes_max, files_max)
    for number in range(count):
        trail.append({"event": "job", "number": number})
    trail.close()
    return folder


def trail_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("audit-*.jsonl"))


def records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for file in trail_files(folder) for line in file.read_bytes().splitlines()]


def events(folder: Path) -> list[object]:
    return [record["event"] for record in records(folder)]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


# The chain


def test_a_record_names_the_digest_before_it_and_its_own_as_the_docs_say(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 2)
    lines = trail_files(folder)[0].read_bytes().splitlines()
    for before, line in itertools.pairwise(lines):
        record = json.loads(line)
        own = b',"digest":"%s"' % record["digest"].encode()
        assert hashlib.sha256(line.replace(own, b"")).hexdigest() == record["digest"]
        assert record["previous"] == json.loads(before)["digest"]


def test_the_id_of_a_record_is_its_number_and_digest(tmp_path: Path) -> None:
    trail = opened(tmp_path / "trail")
    audit_id = trail.append({"event": "job"})
    trail.close()
    last = records(tmp_path / "trail")[-1]
    assert audit_id == f"{last['seq']}-{str(last['digest'])[:16]}"


def test_a_whole_trail_is_sound(tmp_path: Path) -> None:
    verdict = audit.verify(filled(tmp_path / "trail", 20, file_bytes_max=1000))
    assert verdict.problem is None
    assert verdict.files == len(trail_files(tmp_path / "trail")) > 3
    assert (verdict.records, verdict.first_seq) == (20 + verdict.files, 1)


@pytest.fixture(scope="module")
def long_trail() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield filled(Path(folder) / "trail", 12, file_bytes_max=700)


@settings(max_examples=200, deadline=None)
@given(data=strategies.data())
def test_any_changed_byte_is_found(long_trail: Path, data: strategies.DataObject) -> None:
    file = data.draw(strategies.sampled_from(trail_files(long_trail)))
    content = file.read_bytes()
    offset = data.draw(strategies.integers(0, len(content) - 1))
    byte = data.draw(strategies.integers(0, 255).filter(lambda byte: byte != content[offset]))
    try:
        file.write_bytes(content[:offset] + bytes([byte]) + content[offset + 1 :])
        problem = audit.verify(long_trail).problem
    finally:
        file.write_bytes(content)
    assert problem is not None
    assert problem.startswith(f"{file.name} line {content[:offset].count(10) + 1}: ")
    assert audit.verify(long_trail).problem is None


@settings(max_examples=100, deadline=None)
@given(data=strategies.data())
def test_any_lines_that_change_places_are_found(long_trail: Path, data: strategies.DataObject) -> None:
    places = [(file, index) for file in trail_files(long_trail) for index in range(len(file.read_bytes().splitlines()))]
    (one, first), (other, second) = data.draw(
        strategies.lists(strategies.sampled_from(places), min_size=2, max_size=2, unique=True)
    )
    kept = {file: file.read_bytes() for file in (one, other)}
    lines = {file: content.splitlines(keepends=True) for file, content in kept.items()}
    lines[one][first], lines[other][second] = lines[other][second], lines[one][first]
    try:
        for file in kept:
            file.write_bytes(b"".join(lines[file]))
        assert audit.verify(long_trail).problem is not None
    finally:
        for file, content in kept.items():
            file.write_bytes(content)


@settings(max_examples=100, deadline=None)
@given(data=strategies.data())
def test_any_line_that_is_removed_or_doubled_is_found(long_trail: Path, data: strategies.DataObject) -> None:
    file = data.draw(strategies.sampled_from(trail_files(long_trail)))
    content = file.read_bytes()
    lines = content.splitlines(keepends=True)
    index = data.draw(strategies.integers(0, len(lines) - 1))
    lines[index : index + 1] = data.draw(strategies.sampled_from([[], [lines[index]] * 2]))
    try:
        file.write_bytes(b"".join(lines))
        assert audit.verify(long_trail).problem is not None
    finally:
        file.write_bytes(content)


def test_a_file_missing_between_others_is_found(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 12, file_bytes_max=700)
    trail_files(folder)[1].unlink()
    assert audit.verify(folder).problem == "audit-00000002.jsonl: the file is missing"


def test_an_end_cut_off_before_the_last_synced_record_is_found(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 5)
    file = trail_files(folder)[0]
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))
    assert audit.verify(folder).problem == "audit-00000001.jsonl: ends at record 5, though record 6 had been synced"


def test_a_trail_whose_files_are_all_gone_is_no_empty_trail(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 5)
    trail_files(folder)[0].unlink()
    assert "had been synced" in str(audit.verify(folder).problem)


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"seq":-1,"digest":""}', b'{"seq":1e99,"digest":""}'])
def test_a_missing_or_damaged_note_of_the_end_is_found(tmp_path: Path, content: bytes | None) -> None:
    folder = filled(tmp_path / "trail", 5)
    (folder / files.HEAD).unlink()
    if content is not None:
        (folder / files.HEAD).write_bytes(content)
    assert audit.verify(folder).problem == "head.json is missing or damaged"


def test_a_synced_record_that_was_made_anew_is_found(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 2)
    file = trail_files(folder)[0]
    lines = file.read_bytes().splitlines(keepends=True)
    forged, _ = chain.seal({"event": "job", "number": 99}, chain.read(lines[-2])[1])
    file.write_bytes(b"".join([*lines[:-1], forged]))
    assert "is not the one that was synced" in str(audit.verify(folder).problem)


def test_a_folder_without_a_trail_has_none(tmp_path: Path) -> None:
    assert "holds no audit trail" in str(audit.verify(tmp_path).problem)


# Turning over


def test_beyond_the_most_files_the_oldest_goes_and_the_chain_begins_later(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 40, file_bytes_max=700, files_max=3)
    verdict = audit.verify(folder)
    assert verdict.problem is None
    assert verdict.files == len(trail_files(folder)) == 3
    assert verdict.first_seq == records(folder)[0]["seq"] != 1


def test_removing_the_first_lines_of_the_oldest_file_that_is_left_is_found(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 40, file_bytes_max=700, files_max=3)
    file = trail_files(folder)[0]
    file.write_bytes(file.read_bytes().split(b"\n", 1)[1])
    assert audit.verify(folder).problem == f"{file.name} line 1: the file's first record is missing"


def test_a_file_is_turned_over_at_its_size(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 40, file_bytes_max=700)
    assert all(700 <= file.stat().st_size < 1000 for file in trail_files(folder)[:-1])


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 1)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


# Crashes


def test_the_chain_goes_on_when_the_trail_is_opened_again(tmp_path: Path) -> None:
    filled(tmp_path / "trail", 3)
    folder = filled(tmp_path / "trail", 3)
    verdict = audit.verify(folder)
    assert (verdict.problem, verdict.records, verdict.files) == (None, 7, 1)


WRITER = """
import sys
from pathlib import Path
from council.kit import clock
from council.serving.sandbox import audit
trail = audit.AuditTrail(Path(sys.argv[1]), 20_000, 1000, clock.SystemClock())
while True:
    print(trail.append({"event": "job", "filler": "x" * 200}), flush=True)
"""


def test_a_killed_writer_leaves_every_record_that_it_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "trail"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline() for _ in range(300)]
            writer.send_signal(signal.SIGKILL)
            told += writer.stdout.readlines()
        acknowledged = {line.decode().strip() for line in told if line.endswith(b"\n")}
        kept = {f"{record['seq']}-{str(record['digest'])[:16]}" for record in records(folder)}
        assert len(acknowledged) >= 300
        assert acknowledged <= kept
        assert audit.verify(folder).problem is None
    opened(folder).close()
    assert audit.verify(folder).problem is None


@pytest.mark.covers("sandbox", "documentation")
def test_a_torn_last_line_is_set_aside_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = filled(tmp_path / "trail", 3)
    file = trail_files(folder)[0]
    size = file.stat().st_size
    with file.open("ab") as end:
        end.write(b'{"seq":5,"at_us"')
    assert "line 5: the line is not whole" in str(audit.verify(folder).problem)
    filled(folder, 1)
    assert (folder / f"torn-00000001-{size}.bin").read_bytes() == b'{"seq":5,"at_us"'
    assert events(folder) == ["begin", "job", "job", "job", "torn", "job"]
    assert "an audit record was torn, and is set aside" in caplog.messages
    assert audit.verify(folder).problem is None


@pytest.mark.parametrize("left", [b"", b'{"seq":'])
def test_a_file_whose_first_record_did_not_get_there_is_made_anew(tmp_path: Path, left: bytes) -> None:
    folder = filled(tmp_path / "trail", 3, file_bytes_max=200)
    following = folder / files.file_name(len(trail_files(folder)) + 1)
    following.write_bytes(left)
    filled(folder, 1, file_bytes_max=200)
    assert audit.verify(folder).problem is None
    assert json.loads(following.read_bytes().splitlines()[0])["event"] == "begin"


@pytest.mark.parametrize("damage", ["changed", "cut", "gone", "headless"])
def test_a_broken_chain_begins_a_new_file_and_stays_broken_for_all_to_see(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = filled(tmp_path / "trail", 5)
    file = trail_files(folder)[0]
    content = file.read_bytes()
    if damage == "changed":
        file.write_bytes(content.replace(b'"number":2', b'"number":7'))
    elif damage == "cut":
        file.write_bytes(b"".join(content.splitlines(keepends=True)[:-2]))
    elif damage == "gone":
        file.unlink()
    else:
        (folder / files.HEAD).unlink()
    before = audit.verify(folder)
    assert before.problem is not None
    filled(folder, 2)
    filled(folder, 2)
    broken = [record for record in records(folder) if record["event"] == "broken"]
    assert len(broken) == 1
    assert broken[0]["seq"] == 7
    assert "the audit trail is broken; a new file begins" in caplog.messages
    assert audit.verify(folder).problem is not None
    assert [record["event"] for record in records(folder)][-4:] == ["job"] * 4


@pytest.mark.parametrize("damage", ["gone", "replaced", "cut"])
def test_a_file_touched_while_the_trail_is_open_is_noticed_at_the_next_record(tmp_path: Path, damage: str) -> None:
    trail = opened(tmp_path / "trail")
    for _ in range(3):
        trail.append({"event": "job"})
    file = trail_files(tmp_path / "trail")[0]
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "replaced":
        (tmp_path / "copy").write_bytes(content)
        (tmp_path / "copy").replace(file)
    else:
        os.truncate(file, len(content) - len(content.splitlines()[-1]) - 1)
    trail.append({"event": "job"})
    trail.close()
    assert events(tmp_path / "trail")[-2:] == ["broken", "job"]
    assert audit.verify(tmp_path / "trail").problem is not None


# Two fronts


def test_two_writers_share_one_chain_across_files(tmp_path: Path) -> None:
    one, other = (opened(tmp_path / "trail", file_bytes_max=900) for _ in range(2))
    for _ in range(10):
        one.append({"event": "job", "by": "one"})
        other.append({"event": "job", "by": "other"})
    one.close()
    for _ in range(20):
        other.append({"event": "job"})
    other.close()
    verdict = audit.verify(tmp_path / "trail")
    assert verdict.problem is None
    assert events(tmp_path / "trail").count("job") == 40


def test_a_writer_left_behind_by_removed_files_goes_on_at_the_end(tmp_path: Path) -> None:
    one, other = (opened(tmp_path / "trail", file_bytes_max=900, files_max=2) for _ in range(2))
    for _ in range(30):
        other.append({"event": "job"})
    one.append({"event": "job"})
    one.close()
    other.close()
    assert "broken" not in events(tmp_path / "trail")
    assert audit.verify(tmp_path / "trail").problem is None


# The disk


def test_records_are_brought_to_disk_soon_without_another_call(tmp_path: Path) -> None:
    trail = opened(tmp_path / "trail")
    audit_id = trail.append({"event": "job"})
    wait_until(lambda: files.read_head(tmp_path / "trail").seq == int(audit_id.split("-")[0]))
    trail.close()
    assert not list((tmp_path / "trail").glob("*.new"))


def test_many_records_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trail = opened(tmp_path / "trail")
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(descriptor), real(descriptor))[1])
    for _ in range(500):
        trail.append({"event": "job"})
    trail.close()
    assert 0 < len(synced) < 250


FULL = """
import resource, sys
from pathlib import Path
from council.domain import errors
from council.kit import clock
from council.serving.sandbox import audit
trail = audit.AuditTrail(Path(sys.argv[1]), 1 << 30, 10, clock.SystemClock())
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))
written = 0
try:
    while True:
        trail.append({"event": "job", "filler": "x" * 200})
        written += 1
except errors.SandboxUnavailableError:
    print(written)
try:
    trail.check()
except errors.SandboxUnavailableError:
    print("refused before the job")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
trail.check()
trail.append({"event": "job"})
trail.close()
"""


def test_what_does_not_fit_on_the_disk_raises_and_leaves_no_torn_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "trail")], capture_output=True, check=True, timeout=WAIT_S
    )
    written, refused = done.stdout.decode().splitlines()
    assert 5 < int(written) < 25
    assert refused == "refused before the job"
    assert events(tmp_path / "trail") == ["begin", *["job"] * int(written), "recovered", "job"]
    assert audit.verify(tmp_path / "trail").problem is None


def test_a_file_that_could_not_be_begun_is_begun_once_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = opened(tmp_path / "trail", file_bytes_max=300)
    trail.append({"event": "job"})
    trail.append({"event": "job"})

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        for _ in range(2):
            with pytest.raises(errors.SandboxUnavailableError, match="Free some space"):
                trail.append({"event": "job"})
    trail.append({"event": "job"})
    trail.close()
    assert audit.verify(tmp_path / "trail").problem is None


def test_a_file_that_is_none_keeps_the_trail_shut_with_where_to_look(tmp_path: Path) -> None:
    opened(tmp_path / "trail").close()
    (file,) = (tmp_path / "trail").glob("audit-*")
    file.unlink()
    file.mkdir()
    with pytest.raises(errors.SandboxUnavailableError, match="`council doctor` says what") as caught:
        opened(tmp_path / "trail")
    assert str(file) in caught.value.detail
    assert audit.verify(tmp_path / "trail").problem == f"{file} cannot be read: Is a directory"


def test_of_the_newest_files_alone_only_what_is_in_them_is_found(tmp_path: Path) -> None:
    trail = opened(tmp_path / "trail", file_bytes_max=300)
    for _ in range(12):
        trail.append({"event": "job"})
    trail.close()
    names = sorted((tmp_path / "trail").glob("audit-*"))
    assert len(names) > 3
    names[1].write_bytes(names[1].read_bytes().replace(b"job", b"jab"))
    assert audit.verify(tmp_path / "trail", 2).problem is None and audit.verify(tmp_path / "trail", 2).files == 2
    assert audit.verify(tmp_path / "trail").problem is not None


def test_a_failed_sync_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "SYNC_AGAIN_S", 0.01)
    trail = opened(tmp_path / "trail")

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        trail.append({"event": "job"})
        wait_until(lambda: "the audit trail could not be brought to disk" in caplog.messages)
    wait_until(lambda: files.read_head(tmp_path / "trail").seq == 2)
    trail.close()


def test_a_folder_that_cannot_be_made_refuses(tmp_path: Path) -> None:
    with pytest.raises(errors.SandboxUnavailableError):
        opened(tmp_path / "gone" / "trail")


def test_a_lock_that_is_never_let_go_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    monkeypatch.setattr(files, "LOCK_WAIT_S", 0.05)
    trail = opened(tmp_path / "trail")
    with (tmp_path / "trail" / files.LOCK).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(errors.SandboxUnavailableError):
            trail.append({"event": "job"})
    trail.append({"event": "job"})
    trail.close()


def test_after_closing_nothing_is_written(tmp_path: Path) -> None:
    trail = opened(tmp_path / "trail")
    trail.close()
    trail.close()
    with pytest.raises(errors.SandboxUnavailableError):
        trail.append({"event": "job"})


def test_a_trail_can_be_verified_while_it_is_written(tmp_path: Path) -> None:
    trail = audit.AuditTrail(tmp_path / "trail", 3000, 3, clocks.SystemClock())
    for _ in range(60):
        for _ in range(7):
            trail.append({"event": "job"})
        assert audit.verify(tmp_path / "trail").problem is None
    trail.close()


def test_a_copy_of_a_trail_is_as_sound_as_the_trail(tmp_path: Path) -> None:
    folder = filled(tmp_path / "trail", 3)
    shutil.copytree(folder, tmp_path / "copy")
    assert audit.verify(tmp_path / "copy") == audit.verify(folder)
