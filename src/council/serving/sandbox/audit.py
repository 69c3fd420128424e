"""The audit trail: one line a job, on file before its answer, each line holding on to the one before (`chain.py`).

`audit-00000001.jsonl` and so on; every file begins with a record that names it. A record is handed to the kernel before
`append` returns, so it survives a kill -9 of this process; a thread of its own brings it to disk soon after, and then
notes number and digest in `head.json`. Without that note nobody could see that the end of the last file was cut off;
with it, what is cut off from the last synced record on is found, and at most some 50 ms of records are not. When the
oldest file is removed the chain begins with the first record that is left.

Two fronts may hold one folder for the moment in which one relieves the other: each append is made under a lock, after
reading what the other has written. What does not fit the chain is never mended in silence: a new file begins, with a
record `broken` that names the reason, and `verify` shows it for as long as the file is kept.
"""

import contextlib
import errno
import fcntl
import itertools
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from council.domain import errors
from council.kit import chain, durable
from council.kit import clock as clocks
from council.serving.sandbox import files

_log = logging.getLogger(__name__)

SYNC_AFTER_S = 0.02
SYNC_AGAIN_S = 1.0
TORN_FILES_MAX = 16
# As long as the longest record of a job, so that one which fits shows that those will.
PROBE_BYTES = 4096

_VERIFY_TRIES = 3


class AuditTrail:
    """Writes the trail in `folder`. Blocking, but for a fraction of a millisecond; safe from several threads.

    Raises SandboxUnavailableError, here and in `append`, when the folder cannot be written: no record, no answer.
    """

    def __init__(self, folder: Path, file_bytes_max: int, files_max: int, clock: clocks.Clock):
        self._folder = folder
        self._file_bytes_max = file_bytes_max
        self._files_max = files_max
        self._clock = clock
        self._guard = threading.Lock()
        self._number = 0
        self._file = -1
        self._path = folder / files.file_name(0)
        self._size_bytes = 0
        self._point: chain.Point | None = None
        self._failed = False
        self._unsynced = threading.Event()
        self._closing = threading.Event()
        self._lock = -1
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(folder / files.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with self._alone():
                self._resume()
        except OSError as error:
            self._let_go()
            raise _unwritable(error) from error
        self._thread = threading.Thread(target=self._sync_forever, name="audit-sync", daemon=True)
        self._thread.start()

    @property
    def folder(self) -> Path:
        """Where the trail lies."""
        return self._folder

    def append(self, record: Mapping[str, object]) -> str:
        """Write a record and return its id, made of number and digest. Raises SandboxUnavailableError."""
        try:
            with self._alone():
                self._catch_up()
                if self._size_bytes >= self._file_bytes_max:
                    self._turn_over()
                point = self._write(record)
        except OSError as error:
            self._failed = True
            raise _unwritable(error) from error
        self._failed = False
        self._unsynced.set()
        return f"{point.seq}-{point.digest[:16]}"

    def check(self) -> None:
        """After a failed write or sync, try one, so that no code runs which could not be recorded.

        Raises SandboxUnavailableError.
        """
        if self._failed:
            self.append({"event": "recovered", "room": "." * PROBE_BYTES})

    def close(self) -> None:
        """Bring everything to disk and let go of the folder; idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._unsynced.set()
        self._thread.join()
        with self._guard:
            self._let_go()

    def _let_go(self) -> None:
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self._guard:
            if self._lock < 0:
                raise OSError(errno.EBADF, "the trail is closed")
            with files.locked(self._lock, fcntl.LOCK_EX):
                yield

    # Reading on: at the start, and after another front

    def _resume(self) -> None:
        numbers = files.file_numbers(self._folder)
        torn: list[dict[str, object]] = []
        while numbers:
            torn += self._set_torn_aside(numbers[-1])
            if (self._folder / files.file_name(numbers[-1])).stat().st_size:
                break
            # Made, but its first record did not get there; it will be made anew.
            (self._folder / files.file_name(numbers.pop())).unlink()
        if not numbers and not (self._folder / files.HEAD).exists():
            self._put_head(self._new_head(chain.Point()), chain.Point())
        try:
            self._read_last(numbers)
        except chain.ChainError as error:
            self._begin_broken(str(error))
        else:
            if not numbers:
                self._begin(1, {"event": "begin"})
        for record in torn:
            self._write(record)

    def _read_last(self, numbers: list[int]) -> None:
        """Take the last file's first record on trust, as `verify` does not, and follow from there. Raises ChainError."""
        head, problem = None, None
        try:
            head = files.read_head(self._folder)
        except chain.ChainError as error:
            problem = error
        if numbers:
            self._open(numbers[-1])
            self._read_on(head)
        if problem is not None:
            raise problem
        last = self._point or chain.Point()
        if head is not None and last.seq < head.seq:
            raise chain.ChainError(f"the trail ends at record {last.seq}, though record {head.seq} had been synced")

    def _catch_up(self) -> None:
        """Read what another front has appended since; see that nobody has touched what was there."""
        torn: list[dict[str, object]] = []
        try:
            if not self._path.exists() and (later := files.file_numbers(self._folder)) and later[-1] > self._number:
                # The other front has gone on so far that our file was the oldest and is removed.
                self._point = None
                self._open(later[-1])
            while True:
                following = (self._folder / files.file_name(self._number + 1)).exists()
                if self._is_longer():
                    torn += self._set_torn_aside(self._number)
                    self._read_on(None)
                if not following:
                    break
                self._open(self._number + 1)
        except chain.ChainError as error:
            self._begin_broken(str(error))
        if not self._size_bytes:  # made, but its first record did not get there
            self._write({"event": "begin", "file": self._number})
        for record in torn:
            self._write(record)

    def _is_longer(self) -> bool:
        """Say if somebody else has written to our file. Raises ChainError when it is not the file that we left."""
        try:
            found, ours = self._path.stat(), os.fstat(self._file)
        except FileNotFoundError as error:
            raise chain.ChainError(f"{self._path.name} is gone") from error
        if (found.st_ino, found.st_dev) != (ours.st_ino, ours.st_dev):
            raise chain.ChainError(f"{self._path.name} was replaced")
        if found.st_size < self._size_bytes:
            raise chain.ChainError(f"{self._path.name} was cut off")
        return found.st_size > self._size_bytes

    def _read_on(self, head: chain.Point | None) -> None:
        """Follow the chain from here to the end of the open file. Raises ChainError."""
        name = self._path.name
        with self._path.open("rb") as file:
            file.seek(self._size_bytes)
            while line := file.readline(chain.LINE_BYTES_MAX + 1):
                try:
                    record, point = chain.read(line)
                    # A break that was told before is not told again.
                    if not self._size_bytes and record.get("event") != "broken":
                        _check_begin(record, self._number)
                    chain.check_follows(record, self._point)
                    _check_synced(point, head)
                except chain.ChainError as error:
                    raise chain.ChainError(f"{name}, byte {self._size_bytes}: {error}") from error
                self._size_bytes += len(line)
                self._point = point

    def _set_torn_aside(self, number: int) -> list[dict[str, object]]:
        """Move a last line without its end, which a crash leaves, to a file of its own; return what to record of it."""
        path = self._folder / files.file_name(number)
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            whole = files.end_of_last_line(file, size)
            if whole == size:
                return []
            file.seek(whole)
            aside = self._folder / f"torn-{number:08d}-{whole}.bin"
            files.save(aside, file.read())
            file.truncate(whole)
            os.fsync(file.fileno())
        for old in sorted(self._folder.glob("torn-*.bin"))[:-TORN_FILES_MAX]:
            old.unlink()
        _log.error("an audit record was torn, and is set aside", extra={"aside": aside.name, "bytes": size - whole})
        return [{"event": "torn", "aside": aside.name, "bytes": size - whole}]

    # Writing

    def _write(self, record: Mapping[str, object]) -> chain.Point:
        line, point = chain.seal({"at_us": self._clock.now_us(), **record}, self._point or chain.Point())
        written = os.write(self._file, line)
        if written != len(line):
            os.ftruncate(self._file, self._size_bytes)
            raise OSError(errno.ENOSPC, "no space for a whole record")
        self._size_bytes += written
        self._point = point
        return point

    def _turn_over(self) -> None:
        """Go on in a new file. The old one is synced first: only the newest may end in what is not on disk."""
        self._sync()
        self._begin(self._number + 1, {"event": "begin"})

    def _begin(self, number: int, record: Mapping[str, object]) -> None:
        (self._folder / files.file_name(number)).touch(mode=0o600)
        self._open(number)
        self._write({**record, "file": number})
        durable.sync_folder(self._folder)
        for old in files.file_numbers(self._folder)[: -self._files_max]:
            (self._folder / files.file_name(old)).unlink()

    def _begin_broken(self, reason: str) -> None:
        _log.error("the audit trail is broken; a new file begins", extra={"reason": reason})
        with contextlib.suppress(chain.ChainError):
            # No number is given twice, even where the end is gone.
            head, last = files.read_head(self._folder), self._point or chain.Point()
            self._point = last if last.seq >= head.seq else chain.Point(head.seq, last.digest)
        numbers = [self._number, *files.file_numbers(self._folder)]
        self._begin(max(numbers) + 1, {"event": "broken", "reason": reason[:500]})
        self._sync()

    def _open(self, number: int) -> None:
        path = self._folder / files.file_name(number)
        opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._path, self._number, self._size_bytes = opened, path, number, 0

    # To disk

    def _sync_forever(self) -> None:
        while True:
            self._unsynced.wait()
            self._closing.wait(SYNC_AFTER_S)  # what comes meanwhile is in the same batch
            self._unsynced.clear()
            try:
                self._sync_beside()
            except OSError as error:
                _log.error("the audit trail could not be brought to disk", extra={"error": str(error)})
                self._failed = True
                self._unsynced.set()
                if self._closing.wait(SYNC_AGAIN_S):
                    return
            if self._closing.is_set() and not self._unsynced.is_set():
                return

    def _sync_beside(self) -> None:
        """Bring everything to disk while appends go on."""
        with self._guard:
            file, point = os.dup(self._file), self._point or chain.Point()
        try:
            os.fsync(file)
        finally:
            os.close(file)
        new = self._new_head(point)
        with self._alone():
            self._put_head(new, point)

    def _sync(self) -> None:
        """Bring everything to disk, alone."""
        os.fsync(self._file)
        point = self._point or chain.Point()
        self._put_head(self._new_head(point), point)

    def _new_head(self, point: chain.Point) -> Path:
        new = self._folder / f"head.{threading.get_native_id()}.new"
        files.save(new, orjson.dumps({"seq": point.seq, "digest": point.digest}))
        return new

    def _put_head(self, new: Path, point: chain.Point) -> None:
        with contextlib.suppress(chain.ChainError):
            if files.read_head(self._folder).seq > point.seq:  # another front's, or of a file that was begun meanwhile
                new.unlink()
                return
        new.replace(self._folder / files.HEAD)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: how many records in how many files, the first one's number, the first problem with its place."""

    records: int
    files: int
    first_seq: int
    problem: str | None


def verify(folder: Path, newest: int | None = None) -> Verdict:
    """Check the trail, or so many of its newest files, beside a front that writes it too. Nothing is changed.

    Found are: a changed, added, removed or moved line, a missing file between others, and an end that was cut off before
    the last synced record. Not found are: records cut off that were never synced, oldest files that were removed
    whole (as the trail itself does), and a chain that somebody with the right to write made anew from some record on.
    """
    for _ in range(_VERIFY_TRIES):
        try:
            return _Verifier(folder, newest).verdict()
        except FileNotFoundError:
            continue  # the oldest file was removed meanwhile, or there is no trail
        except OSError as error:
            return Verdict(0, 0, 0, f"{error.filename or folder} cannot be read: {error.strerror}")
    return Verdict(0, 0, 0, f"{folder} holds no audit trail")


class _Verifier:
    def __init__(self, folder: Path, newest: int | None):
        self._folder = folder
        self._newest = newest
        self._records = 0
        self._first_seq = 0
        self._point: chain.Point | None = None
        self._head: chain.Point | None = None
        self._numbers: list[int] = []
        self._last_bytes = 0

    def verdict(self) -> Verdict:
        problem = None
        try:
            self._take_stock()
            for number in self._numbers:
                self._check_file(number)
            self._check_head()
        except chain.ChainError as error:
            problem = str(error)
        return Verdict(self._records, len(self._numbers), self._first_seq, problem)

    def _take_stock(self) -> None:
        """See under the lock how far the trail goes now; what is appended later is not looked at."""
        lock = os.open(self._folder / files.LOCK, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with files.locked(lock, fcntl.LOCK_SH):
                self._numbers = files.file_numbers(self._folder)
                if self._newest is not None:
                    self._numbers = self._numbers[-self._newest :]
                if self._numbers:
                    self._last_bytes = (self._folder / files.file_name(self._numbers[-1])).stat().st_size
                self._head = files.read_head(self._folder)
        finally:
            os.close(lock)

    def _check_file(self, number: int) -> None:
        name = files.file_name(number)
        if number != self._numbers[0] and number - 1 not in self._numbers:
            raise chain.ChainError(f"{files.file_name(number - 1)}: the file is missing")
        if number == 1:
            self._point = chain.Point()
        left_bytes = self._last_bytes if number == self._numbers[-1] else None
        with (self._folder / name).open("rb") as file:
            for count in itertools.count(1):
                line = file.readline(chain.LINE_BYTES_MAX + 1)
                if not line or left_bytes == 0:
                    break
                if left_bytes is not None:
                    left_bytes -= min(len(line), left_bytes)
                try:
                    self._check_line(line, number, count)
                except chain.ChainError as error:
                    raise chain.ChainError(f"{name} line {count}: {error}") from error

    def _check_line(self, line: bytes, number: int, count: int) -> None:
        record, point = chain.read(line)
        if count == 1:
            _check_begin(record, number)
        chain.check_follows(record, self._point)
        _check_synced(point, self._head)
        self._point = point
        self._records += 1
        self._first_seq = self._first_seq or point.seq

    def _check_head(self) -> None:
        assert self._head is not None
        last, first = (self._point or chain.Point()).seq, self._first_seq
        end = files.file_name(self._numbers[-1]) if self._numbers else str(self._folder)
        if last < self._head.seq:
            raise chain.ChainError(f"{end}: ends at record {last}, though record {self._head.seq} had been synced")
        if self._head.seq < first - 1:
            raise chain.ChainError(f"{files.HEAD}: names record {self._head.seq}, before the first, {first}")


def _check_begin(record: Mapping[str, object], number: int) -> None:
    if record.get("event") == "broken":
        raise chain.ChainError(f"the chain was broken before this record: {record.get('reason')}")
    if (record.get("event"), record.get("file")) != ("begin", number):
        raise chain.ChainError("the file's first record is missing")


def _check_synced(point: chain.Point, head: chain.Point | None) -> None:
    if head is not None and point.seq == head.seq and point != head:
        raise chain.ChainError(f"record {point.seq} is not the one that was synced")


def _unwritable(error: OSError) -> errors.SandboxUnavailableError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        way = "Free some space on its disk, then try again."
    else:
        way = "`council doctor` says what is in the way."
    return errors.SandboxUnavailableError(
        f"The sandbox's audit trail cannot be written, so no code is run. {way}", detail=str(error)
    )
