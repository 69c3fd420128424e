"""Vault on restic (restic.readthedocs.io), which encrypts, finds what it has already, and speaks to folders, S3 and SFTP.

restic is a program of its own, started for each step. What opens the repository it reads from files or its environment, and
never from its arguments, which every user of the machine can list. It writes a snapshot last, so a killed run leaves none.
"""

import contextlib
import datetime
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from council.domain import backup, errors
from council.kit import process

_TAG = "council"
_CONNECT_S = 10.0
_SAID_BYTES_MAX = 16 * 1024
_CHUNK_BYTES = 1 << 20
_REPLY_BYTES_MAX = 64 * 1024 * 1024
_CREDENTIALS_BYTES_MAX = 4096
_IDENTIFIER = re.compile(r"[0-9a-f]{8,64}")

# What restic says, in lower case, and what that means to a person. The first that fits counts.
_MEANINGS: tuple[tuple[str, backup.Reason | None, str], ...] = (
    (
        "wrong password or no key",
        backup.Reason.PASSPHRASE,
        "The passphrase does not open these snapshots. Put the one that they were made with into `secrets/backup.passphrase`.",
    ),
    (
        "no space left on device|disk quota exceeded|storagefull",
        backup.Reason.NO_ROOM,
        "There is no room left. Free some there and on the home's disk, then try again: what was kept before is whole.",
    ),
    (
        "already locked",
        backup.Reason.BUSY,
        "Somebody else works on these snapshots just now. Nothing has changed; try again when they have ended.",
    ),
    (
        r"ciphertext verification failed|does not match|contains errors|not found in index|invalid data returned|"
        r"unexpected eof|hash mismatch|blob .* not found|file .* does not exist|invalid blob|load\(<.*no such file|"
        r"\bpack .*not exist",
        backup.Reason.DAMAGED,
        "What is stored is damaged. `council backup list` shows the other snapshots, and `council backup verify SNAPSHOT` "
        "tells which can be read back.",
    ),
    (
        r"host key verification failed|remote host identification",
        None,
        "The SFTP server is not the one whose key stands in `secrets/backup.known_hosts`, or none stands there. Add what "
        "`ssh-keyscan HOST` prints once you know that it is right.",
    ),
    (
        r"permission denied \(|access ?denied|invalidaccesskeyid|signaturedoesnotmatch|access key id|403 forbidden",
        None,
        "The server refuses to let us in. Check `secrets/backup.s3` or `secrets/backup.ssh_key`, and what they may do there.",
    ),
    (
        r"permission denied|read-only file system",
        None,
        "The folder cannot be written. Let the user who runs Council write there.",
    ),
    (
        "unable to start the sftp session|ssh command exited",
        None,
        "The SFTP server does not let us in, or is not the one in `secrets/backup.known_hosts`. Check that file, and that the "
        "server knows the key in `secrets/backup.ssh_key`.",
    ),
    (
        r"connection refused|no such host|i/o timeout|connection reset|no route to host|"
        r"connection timed out|broken pipe|context deadline|server misbehaving",
        None,
        "The server does not answer. Check that it runs and that this machine reaches it, then try again.",
    ),
)


class ResticVault:
    """care_ports.Vault. `secrets` is the folder with `backup.passphrase` and what the target needs to be opened.

    `work` is a folder for restic's cache and its temporary files. `label` tells the snapshots of one home from those of others
    in the same repository, and is "" to see those of all. Raises BackupError with NO_PROGRAM where there is no restic.
    """

    name = "restic"

    def __init__(
        self, target: backup.Target, secrets: Path, work: Path, label: str, limit_s: float, upload_kib_s: int = 0
    ) -> None:
        self._target = target
        self._secrets = secrets
        self._work = work
        self._label = label
        self._limit_s = limit_s
        self._upload_kib_s = upload_kib_s
        self._program = program()

    def begin(self) -> None:
        """Make the repository where there is none. Idempotent."""
        if not self._is_there():
            self._run("init", "--quiet")

    def save(self, folder: Path, at_s: float) -> backup.Saved:
        """Keep all that a folder holds as a snapshot of this moment."""
        at = datetime.datetime.fromtimestamp(round(at_s), datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
        # From within it, so that the paths in the snapshot are those of a home.
        said = self._run("backup", "--json", *self._own, "--time", at, ".", folder=folder, cached=True)
        for line in reversed(said.splitlines()):
            told = json.loads(line)
            if told.get("message_type") == "summary":
                size_bytes = int(told["total_bytes_processed"])
                snapshot = backup.Snapshot(told["snapshot_id"][:8], round(at_s), size_bytes, self._label)
                return backup.Saved(snapshot, int(told["data_added"]))
        raise errors.BackupError(
            "restic made no snapshot and said nothing of it. Try again; `restic version` should be 0.14 or later.",
            reason=backup.Reason.UNREADABLE,
        )

    def snapshots(self) -> list[backup.Snapshot]:
        """Return what there is, the newest first; none where there is no repository."""
        if not self._is_there():
            return []
        found = json.loads(self._run("snapshots", "--json", *self._own, cached=True)) or []
        made = [
            backup.Snapshot(one["short_id"], _at_s(one["time"]), home=str(one["hostname"]))
            for one in found[-backup.SNAPSHOTS_MAX :]
        ]
        return sorted(made, key=lambda one: (one.at_s, one.id), reverse=True)

    def verify(self, identifier: str) -> None:
        """Return if every byte of the snapshot can be read back and is what was stored."""
        # Without a cache, in which a part that is damaged there would still be whole.
        self._run("dump", _checked(identifier), "/", discard=True)

    def restore(self, identifier: str, into: Path) -> None:
        """Put the snapshot's files into an empty folder."""
        self._run("restore", _checked(identifier), "--quiet", "--target", str(into))

    def remove(self, identifiers: Sequence[str]) -> None:
        """Remove snapshots and what only they needed. One that is not there is no error."""
        wanted = set(identifiers)
        there = [one.id for one in self.snapshots() if one.id in wanted]
        if there:
            self._run("forget", "--quiet", "--prune", *there, cached=True)

    @property
    def _own(self) -> tuple[str, ...]:
        return *(("--host", self._label) if self._label else ()), "--tag", _TAG

    def _is_there(self) -> bool:
        self._reach()
        if self._target.place is backup.Place.FOLDER:
            return Path(self._target.path, "config").exists()
        try:
            self._run("cat", "config")
        except _NoRepositoryError:
            return False
        return True

    def _reach(self) -> None:
        """Return if the server takes connections: restic itself may try for minutes. Raises BackupUnavailableError."""
        target = self._target
        if target.place is backup.Place.FOLDER:
            return
        host, port = target.host, target.port or 22
        if target.place is backup.Place.S3:
            parts = urllib.parse.urlsplit(target.host)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((host, port), _CONNECT_S).close()
        except OSError as error:
            raise errors.BackupUnavailableError(
                f"{target.shown} cannot be reached: {error.strerror or error}. Check that the server runs and that this "
                "machine reaches it, then try again.",
                detail=f"{host}:{port}",
            ) from error

    def _run(
        self, command: str, *arguments: str, folder: Path | None = None, cached: bool = False, discard: bool = False
    ) -> str:
        """Return what restic prints; `discard` reads it and forgets it. Raises BackupError, BackupUnavailableError."""
        places = ("--cache-dir", str(self._work / "cache")) if cached else ("--no-cache",)
        bounds = ("--limit-upload", str(self._upload_kib_s)) if self._upload_kib_s else ()
        words = [command, *places, *bounds, *arguments]
        try:
            return self._start(words, folder, discard=discard)
        except errors.BackupError as error:
            if error.reason != backup.Reason.BUSY:
                raise
        # Of a run that was killed: restic takes away no lock of a process that may live.
        self._start(["unlock", "--quiet", *places], None, discard=True)
        return self._start(words, folder, discard=discard)

    def _start(self, arguments: Sequence[str], folder: Path | None, *, discard: bool) -> str:
        temporary = self._work / "tmp"
        temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (temporary / "stderr").open("w+b") as said:
            child = subprocess.Popen(
                [self._program, *self._options(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=folder or temporary,
                env=self._environment(temporary),
                # Nothing goes on with a home after whoever began it was killed.
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call, in processes of one thread
            )
            assert child.stdout is not None
            with child, _ended_after(child, self._limit_s):
                told = _read(child.stdout, discard=discard)
            said.seek(0)
            problem = said.read(_SAID_BYTES_MAX).decode(errors="replace")
        if child.returncode:
            raise _meaning(problem, child.returncode, self._target)
        return told.decode(errors="replace")

    def _options(self) -> Sequence[str]:
        if self._target.place is not backup.Place.SFTP:
            return ()
        host = self._target.host
        port = ("-p", str(self._target.port)) if self._target.port else ()
        words = (
            *("ssh", "-F", "none", "-i", str(self._secrets / "backup.ssh_key"), "-o", "IdentitiesOnly=yes"),
            *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null"),
            *("-o", f"UserKnownHostsFile={self._secrets / 'backup.known_hosts'}"),
            *("-o", f"ConnectTimeout={_CONNECT_S:.0f}", "-o", "ServerAliveInterval=15"),
            *("-l", self._target.user, *port, host, "-s", "sftp"),
        )
        return "-o", f"sftp.command={shlex.join(words)}"

    def _environment(self, temporary: Path) -> dict[str, str]:
        repository = self._target.path
        if self._target.place is backup.Place.S3:
            repository = self._target.shown
        elif self._target.place is backup.Place.SFTP:
            # The host is in the command; restic only wants a form that it knows.
            repository = f"sftp:host:{self._target.path}"
        made = {
            "PATH": os.environ.get("PATH", os.defpath),
            "TZ": "UTC",
            "LC_ALL": "C",
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
            "RESTIC_REPOSITORY": repository,
            "RESTIC_PASSWORD_FILE": str(self._secrets / "backup.passphrase"),
            # On the processor that serves, too, so not on all of it.
            "GOMAXPROCS": str(max(1, (os.cpu_count() or 2) // 2)),
        }
        made |= {name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
        return made | (self._keys() if self._target.place is backup.Place.S3 else {})

    def _keys(self) -> dict[str, str]:
        file = self._secrets / "backup.s3"
        try:
            with file.open("rb") as opened:
                lines = opened.read(_CREDENTIALS_BYTES_MAX).decode().split()
        except (OSError, UnicodeDecodeError) as error:
            raise errors.SetupError(
                f"{file} cannot be read. Put the key's id into its first line and the key into its second."
            ) from error
        if len(lines) not in (2, 3):
            raise errors.SetupError(
                f"{file} must have two lines, the key's id and the key, or a third with the region. Mend it."
            )
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
        return dict(zip(names, lines, strict=False))


class _NoRepositoryError(errors.BackupError):
    """There is no repository at the target yet."""


def program() -> str:
    """Return where restic is. Raises BackupError with NO_PROGRAM."""
    found = shutil.which("restic")
    if found is None:
        raise errors.BackupError(
            "Snapshots on S3 and SFTP need restic. Install it, as with `sudo apt-get install restic`, or give a folder as "
            "`backup.target`.",
            reason=backup.Reason.NO_PROGRAM,
        )
    return found


def _end_with_parent() -> None:
    process.set_parent_death_signal(signal.SIGTERM)


@contextlib.contextmanager
def _ended_after(child: "subprocess.Popen[bytes]", limit_s: float) -> Iterator[None]:
    """End a child that takes longer, which ends whoever reads from it; an error within ends it, too."""
    overdue = threading.Event()

    def end() -> None:
        overdue.set()
        child.kill()

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except BaseException:
        child.kill()
        raise
    finally:
        timer.cancel()
        child.wait()
    if overdue.is_set():
        raise errors.BackupUnavailableError(
            f"restic was not through after {limit_s:.0f} s and was ended. What was kept before is whole. Allow it longer with "
            "`backup.limit_s`, or see why the target is slow."
        )


def _read(stream: IO[bytes], *, discard: bool) -> bytes:
    kept: list[bytes] = []
    size_bytes = 0
    while chunk := stream.read(_CHUNK_BYTES):
        size_bytes += len(chunk)
        if discard:
            continue
        if size_bytes > _REPLY_BYTES_MAX:
            raise errors.BackupError(
                "restic says more than can be taken in. See what the repository holds with `restic snapshots`.",
                reason=backup.Reason.UNREADABLE,
            )
        kept.append(chunk)
    return b"".join(kept)


def _meaning(said: str, status: int, target: backup.Target) -> errors.CouncilError:
    lines = [line for line in said.splitlines() if line.strip()]
    detail = f"restic ended with status {status}: {' / '.join(lines[-4:])[:600]}"
    lowered = said.lower()
    for pattern, reason, message in _MEANINGS:
        if re.search(pattern, lowered):
            if reason is None:
                return errors.BackupUnavailableError(f"{target.shown}: {message}", detail=detail)
            return errors.BackupError(f"{target.shown}: {message}", reason=reason, detail=detail)
    if "is there a repository at the following location" in lowered:
        return _NoRepositoryError(
            f"There are no snapshots at {target.shown}. Check `backup.target`, or make the first with `council backup run`.",
            reason=backup.Reason.NONE,
            detail=detail,
        )
    if "no matching id found" in lowered or "no snapshot found" in lowered:
        return errors.BackupError(
            "There is no such snapshot. `council backup list` shows those that there are.", reason=backup.Reason.NONE
        )
    last = lines[-1][:200] if lines else "nothing"
    return errors.BackupError(
        f"{target.shown}: restic failed and said: {last}. Mend that and try again.",
        reason=backup.Reason.UNREADABLE,
        detail=detail,
    )


def _checked(identifier: str) -> str:
    if not _IDENTIFIER.fullmatch(identifier):
        raise errors.BackupError(
            f"{identifier[:80]!r} is no snapshot. `council backup list` shows those that there are.",
            reason=backup.Reason.NONE,
        )
    return identifier


def _at_s(moment: Any) -> float:
    """Return the Unix time of an RFC 3339 one, less its fraction, of which Go writes more digits than Python reads."""
    return datetime.datetime.fromisoformat(re.sub(r"\.\d+", "", str(moment))).timestamp()
