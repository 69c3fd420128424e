"""Notices as JSON lines in a file that is turned over when it is full, so that a few files hold the newest."""

import os
from pathlib import Path

import orjson

from council.domain import errors, incidents

FILE = "notices.jsonl"


class FileNotifier:
    """care_ports.Notifier into `<folder>/notices.jsonl`; older files are `notices.jsonl.1`, `.2`, ...

    A line is on the disk when `send` returns. What a process that was killed has left unfinished stays a line of its own.
    """

    def __init__(self, folder: Path, file_bytes_max: int, files_max: int):
        self._file = folder / FILE
        self._file_bytes_max = file_bytes_max
        self._files_max = files_max

    @property
    def channel(self) -> str:
        """The name of its kind."""
        return "file"

    def send(self, notice: incidents.Notice) -> None:
        """Append a notice. Raises NotifyError."""
        line = orjson.dumps(notice) + b"\n"
        try:
            self._file.parent.mkdir(mode=0o700, exist_ok=True)
            if self._size() + len(line) > self._file_bytes_max:
                self._turn_over()
            self._append(line)
        except OSError as error:
            raise errors.NotifyError(
                f"The file of notices cannot be written: {error.strerror}. Check the disk and the rights of its folder.",
                detail=str(error),
            ) from error

    def _append(self, line: bytes) -> None:
        flags = os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._file, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            whole = b"\n" + line if torn else line
            if os.write(descriptor, whole) != len(whole):
                raise OSError(28, "the disk took only a part of the line")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _size(self) -> int:
        try:
            return self._file.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0

    def _turn_over(self) -> None:
        for number in range(self._files_max - 1, 0, -1):
            older = self._file if number == 1 else self._older(number - 1)
            if older.exists():
                older.replace(self._older(number))
        self._file.unlink(missing_ok=True)

    def _older(self, number: int) -> Path:
        return self._file.with_name(f"{FILE}.{number}")
