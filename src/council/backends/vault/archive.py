"""Vault without another program: each snapshot is one encrypted file in a folder, whole each time. Where restic is not there.

    <home>-<UTC time>-<id>.cva         :=  "council archive 1\\n"  frame*
    frame                              :=  length (4 bytes, big-endian)  OpenPGP message
    message, opened by the passphrase  :=  id (16 bytes)  number (8 bytes)  last (1 byte: 0 or 1)
                                           home (20 bytes)  UTC time (8 bytes, seconds)  zlib data

The data of all frames, put together, is a tar file (POSIX.1-2001). A frame is an OpenPGP message of its own (RFC 9580,
symmetric, integrity protected), so nothing of the size of a home is ever in memory; the id and number inside keep frames from
being moved, left out or taken from another archive, and `last` from the end being cut off. Home, time and id are compared with
the file's name, which anybody could change. gpg opens a frame, too.

The engine would open a message that is not encrypted as well, so what is none of a passphrase's is refused before it sees it.

The file gets its name when all of it is on disk.
"""

import contextlib
import datetime
import errno
import io
import os
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pysequoia

from council.domain import backup, errors
from council.kit import durable

_MAGIC = b"council archive 1\n"
_FRAME_BYTES = 8 * 1024 * 1024
# Encrypted, with what zlib adds to what cannot be made smaller.
_MESSAGE_BYTES_MAX = _FRAME_BYTES + 256 * 1024
_HEAD = struct.Struct(">16sQB20sQ")
_LENGTH = struct.Struct(">I")
_NAME = re.compile(r"(council-[0-9a-f]{12})-(\d{8}T\d{6})Z-([0-9a-f]{8})\.cva")
_TIME = "%Y%m%dT%H%M%S"
_PASSPHRASE_BYTES_MAX = 4096
_PARTIAL = ".partial"
# RFC 9580, 5: a session key that a passphrase opens, and what is encrypted with it and integrity protected.
_PASSPHRASE_PACKET, _PROTECTED_PACKET = 3, 18


class ArchiveVault:
    """care_ports.Vault in a folder. `secrets` is the folder with `backup.passphrase`.

    `label`, `council-` and 12 hex digits, tells the snapshots of one home from those of others in the folder, and is "" to see
    those of all.
    """

    name = "archive"

    def __init__(self, folder: Path, secrets: Path, label: str) -> None:
        self._folder = folder
        self._secrets = secrets
        self._label = label

    def begin(self) -> None:
        """Make the folder where there is none, and remove what a killed run left. Idempotent."""
        with self._told():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self._folder.glob(f"{self._label}-*{_PARTIAL}"):
                left.unlink(missing_ok=True)

    def save(self, folder: Path, at_s: float) -> backup.Saved:
        """Keep all that a folder holds as a snapshot of this moment."""
        identifier = os.urandom(16)
        at = datetime.datetime.fromtimestamp(round(at_s), datetime.UTC)
        name = f"{self._label}-{at.strftime(_TIME)}Z-{identifier.hex()[:8]}.cva"
        assert _NAME.fullmatch(name), name
        with self._told():
            partial = self._folder / f"{name}{_PARTIAL}"
            try:
                with _created(partial) as file:
                    writer = _Writer(file, identifier, (self._label.encode(), round(at_s)), self._passphrase())
                    with tarfile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                        size_bytes = _add(tar, folder)
                    writer.close()
                    file.flush()
                    os.fsync(file.fileno())
                    stored_bytes = file.tell()
                partial.rename(self._folder / name)
                durable.sync_folder(self._folder)
            finally:
                partial.unlink(missing_ok=True)
        snapshot = backup.Snapshot(identifier.hex()[:8], round(at_s), size_bytes, self._label)
        return backup.Saved(snapshot, stored_bytes)

    def snapshots(self) -> list[backup.Snapshot]:
        """Return what there is, the newest first. Their sizes are those of the files."""
        with self._told():
            found = [
                backup.Snapshot(match[3], _at_s(match[2]), path.stat().st_size, match[1])
                for path, match in self._archives()
            ]
        return sorted(found, key=lambda one: (one.at_s, one.id), reverse=True)[: backup.SNAPSHOTS_MAX]

    def verify(self, identifier: str) -> None:
        """Return if every byte of the snapshot can be read back and is what was stored."""
        with self._opened(identifier) as tar:
            for member in tar:
                source = tar.extractfile(member)
                while source is not None and source.read(_FRAME_BYTES):
                    pass

    def restore(self, identifier: str, into: Path) -> None:
        """Put the snapshot's files into an empty folder."""
        with self._opened(identifier) as tar:
            for member in tar:
                _extract(tar, member, into)

    def remove(self, identifiers: Sequence[str]) -> None:
        """Remove snapshots. One that is not there is no error."""
        wanted = set(identifiers)
        with self._told():
            for path, match in self._archives():
                if match[3] in wanted:
                    path.unlink(missing_ok=True)
            if self._folder.is_dir():
                durable.sync_folder(self._folder)

    @contextlib.contextmanager
    def _opened(self, identifier: str) -> Iterator[tarfile.TarFile]:
        with self._told():
            path, match = self._found(identifier)
            named = (match[1].encode(), int(_at_s(match[2])), bytes.fromhex(match[3]))
            try:
                with path.open("rb") as file:
                    reader = _Reader(file, named, self._passphrase())
                    with tarfile.open(fileobj=reader, mode="r|") as tar:
                        yield tar
                    reader.drain()
            except (tarfile.TarError, zlib.error, EOFError, struct.error) as error:
                raise _damaged(str(error)) from error

    def _archives(self) -> list[tuple[Path, re.Match[str]]]:
        there = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        found = [(path, match) for path in there if (match := _NAME.fullmatch(path.name))]
        return [(path, match) for path, match in found if self._label in ("", match[1])]

    def _found(self, identifier: str) -> tuple[Path, re.Match[str]]:
        for path, match in self._archives():
            if match[3] == identifier:
                return path, match
        raise errors.BackupError(
            f"There is no snapshot {identifier[:80]!r}. `council backup list` shows those that there are.",
            reason=backup.Reason.NONE,
        )

    def _passphrase(self) -> str:
        file = self._secrets / "backup.passphrase"
        try:
            with file.open("rb") as opened:
                return opened.read(_PASSPHRASE_BYTES_MAX).decode().strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise errors.SetupError(f"{file} cannot be read. Put the passphrase there.") from error

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the disk's errors into ours."""
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise errors.BackupError(
                    f"There is no room left for {self._folder} or what comes out of it. Free some, then try again: what was "
                    "kept before is whole.",
                    reason=backup.Reason.NO_ROOM,
                ) from error
            raise errors.BackupUnavailableError(
                f"{self._folder} cannot be used: {error.strerror or error}. Mend that, or give another `backup.target`.",
                detail=str(error),
            ) from error


class _Writer(io.RawIOBase):
    """Cuts what is written into frames."""

    def __init__(self, file: Any, identifier: bytes, made: tuple[bytes, int], passphrase: str) -> None:
        """`made` is whose home it is, and when, Unix seconds."""
        self._file = file
        self._identifier = identifier
        self._made = made
        self._passphrase = passphrase
        self._waiting = bytearray()
        self._number = 0
        file.write(_MAGIC)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        # One frame is kept back, since the last says that it is.
        while len(self._waiting) > _FRAME_BYTES:
            self._frame(bytes(self._waiting[:_FRAME_BYTES]), last=False)
            del self._waiting[:_FRAME_BYTES]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._frame(bytes(self._waiting), last=True)
            super().close()

    def _frame(self, data: bytes, *, last: bool) -> None:
        plain = _HEAD.pack(self._identifier, self._number, last, *self._made) + zlib.compress(data, 1)
        message = bytes(pysequoia.encrypt(plain, passwords=[self._passphrase], armor=False))
        self._file.write(_LENGTH.pack(len(message)) + message)
        self._number += 1


class _Reader(io.RawIOBase):
    """Puts frames together again, and believes none that does not follow. Raises BackupError."""

    def __init__(self, file: Any, named: tuple[bytes, int, bytes], passphrase: str) -> None:
        """`named` is what the file's name says: home, Unix seconds, how the id begins."""
        self._file = file
        self._named = named
        self._passphrase = passphrase
        self._identifier = b""
        self._number = 0
        self._is_last = False
        self._waiting = memoryview(b"")
        if file.read(len(_MAGIC)) != _MAGIC:
            raise _damaged("it does not begin as an archive does")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "a tar file is read in blocks"
        parts = []
        while size:
            if not self._waiting and not self._next():
                break
            part, self._waiting = self._waiting[:size], self._waiting[size:]
            parts.append(bytes(part))
            size -= len(part)
        return b"".join(parts)

    def drain(self) -> None:
        """Read on to the end: an archive is whole when its last frame is."""
        while self._next():
            pass

    def _next(self) -> bool:
        if self._is_last:
            if self._file.read(1):
                raise _damaged("something follows its end")
            return False
        length = self._file.read(_LENGTH.size)
        if len(length) < _LENGTH.size:
            raise _damaged("its end is missing")
        size_bytes = _LENGTH.unpack(length)[0]
        message = self._file.read(size_bytes) if size_bytes <= _MESSAGE_BYTES_MAX else b""
        if len(message) != size_bytes:
            raise _damaged("its end is missing")
        plain = self._plain(message)
        identifier, number, last, label, at_s = _HEAD.unpack_from(plain)
        if (label, at_s, identifier[: len(self._named[2])]) != self._named:
            raise _damaged("its name tells of another home, time or id than its content")
        if number != self._number or (number and identifier != self._identifier):
            raise _damaged(f"part {self._number} is not where it was")
        data = zlib.decompressobj().decompress(plain[_HEAD.size :], _FRAME_BYTES)
        self._identifier, self._number, self._is_last = identifier, number + 1, bool(last)
        self._waiting = memoryview(data)
        return True

    def _plain(self, message: bytes) -> bytes:
        if not _is_protected(message):
            raise _damaged(f"part {self._number} is not encrypted with a passphrase")
        try:
            opened = pysequoia.decrypt(message, passwords=[self._passphrase])
        except Exception as error:  # whatever the engine raises
            if self._number:
                raise _damaged(f"part {self._number}: {error}") from error
            # The engine does not say which of the two it is, and a later part would have shown it.
            raise errors.BackupError(
                "The passphrase does not open this snapshot, or its beginning is damaged. Put the passphrase that it was made "
                "with into `secrets/backup.passphrase`; if it is that, restore another: `council backup list`.",
                reason=backup.Reason.PASSPHRASE,
                detail=str(error),
            ) from error
        plain = bytes(opened.bytes or b"")
        if len(plain) < _HEAD.size:
            raise _damaged("a part is too short")
        return plain


def _is_protected(message: bytes) -> bool:
    """Return whether a message is session keys for passphrases, then one integrity protected packet up to its end."""
    place, keys = 0, 0
    while place < len(message):
        tag, place, is_whole = _packet(message, place)
        if tag == _PROTECTED_PACKET:
            return keys > 0 and is_whole and place == len(message)
        if tag != _PASSPHRASE_PACKET or not is_whole:
            return False
        keys += 1
    return False


def _packet(message: bytes, place: int) -> tuple[int, int, bool]:
    """Return the tag of the packet that begins at `place`, where it ends, and whether it has the form of today and an end."""
    first, place = message[place], place + 1
    is_partial = first & 0xC0 == 0xC0
    if not is_partial:
        return 0, place, False
    while is_partial and place < len(message):
        octet = message[place]
        is_partial = 224 <= octet < 255
        if octet < 192:
            place += 1 + octet
        elif octet < 224:
            place += 2 + ((octet - 192) << 8) + 192 + int.from_bytes(message[place + 1 : place + 2])
        elif is_partial:
            place += 1 + (1 << (octet & 0x1F))
        else:
            place += 5 + int.from_bytes(message[place + 1 : place + 5])
    return first & 0x3F, place, not is_partial


@contextlib.contextmanager
def _created(path: Path) -> Iterator[Any]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file


def _add(tar: tarfile.TarFile, folder: Path) -> int:
    """Add all files and folders beneath `folder`, in order of name; return how many bytes the files hold."""
    size_bytes = 0
    for path in sorted(folder.rglob("*")):
        info = tar.gettarinfo(path, path.relative_to(folder).as_posix())
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        if info.isreg():
            size_bytes += info.size
            with path.open("rb") as source:
                tar.addfile(info, source)
        elif info.isdir():
            tar.addfile(info)
    return size_bytes


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    place = PurePosixPath(member.name)
    if place.is_absolute() or ".." in place.parts or not (member.isreg() or member.isdir()):
        raise _damaged(f"{member.name[:80]!r} is none of what a home holds")
    path = into / place
    if member.isdir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source = tar.extractfile(member)
    assert source is not None, "a plain file"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, member.mode & 0o777)
    with os.fdopen(descriptor, "wb") as target:
        left_bytes = member.size
        while left_bytes and (chunk := source.read(min(left_bytes, _FRAME_BYTES))):
            target.write(chunk)
            left_bytes -= len(chunk)
    if left_bytes:
        raise _damaged(f"{member.name[:80]!r} is not whole")


def _at_s(text: str) -> float:
    with contextlib.suppress(ValueError):
        return datetime.datetime.strptime(text, _TIME).replace(tzinfo=datetime.UTC).timestamp()
    return 0.0


def _damaged(why: str) -> errors.BackupError:
    return errors.BackupError(
        f"The snapshot is damaged: {why}. `council backup list` shows the others, and `council backup verify SNAPSHOT` tells "
        "which can be read back.",
        reason=backup.Reason.DAMAGED,
    )
