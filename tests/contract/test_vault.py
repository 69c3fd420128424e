"""Repositories of snapshots: archives and restic in a folder, restic on a real S3 server and a real SFTP server."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pysequoia
import pytest

import servers
from council import care_ports
from council.backends.vault import archive, restic
from council.domain import backup, errors

PASSPHRASE = "correct horse battery staple"
T0 = 1_800_000_000.0
KIB = 1024


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A folder with the passphrase."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "backup.passphrase").write_text(f"{PASSPHRASE}\n")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with what homes hold: big and small files, an empty one, a program, a name that is no ASCII."""
    folder = tmp_path / "source"
    (folder / "library" / "a b").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "records").mkdir()
    (folder / "records" / "council.db").write_bytes(os.urandom(300 * KIB))
    (folder / "library" / "a b" / "überblick.md").write_text("# Überblick\n" * 1000)
    (folder / "library" / "nothing").write_bytes(b"")
    (folder / "library" / "hook").write_text("#!/bin/sh\n")
    (folder / "library" / "hook").chmod(0o755)
    return folder


def made_restic(target: str, secrets: Path, work: Path, label: str = "council-0123456789ab") -> restic.ResticVault:
    work.mkdir(mode=0o700, exist_ok=True)
    return restic.ResticVault(backup.target(target), secrets, work, label, 60.0)


@pytest.fixture(params=["archive", "restic"])
def vault(request: pytest.FixtureRequest, tmp_path: Path, secrets: Path) -> care_ports.Vault:
    """A repository in a folder, of each kind."""
    if request.param == "archive":
        return archive.ArchiveVault(tmp_path / "vault", secrets, "council-0123456789ab")
    servers.need("restic")
    return made_restic(str(tmp_path / "vault"), secrets, tmp_path / "work")


def listed(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode & 0o777, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


def restored(vault: care_ports.Vault, identifier: str, into: Path) -> dict[str, tuple[int, bytes]]:
    into.mkdir()
    vault.restore(identifier, into)
    return listed(into)


def test_a_snapshot_comes_back_as_it_was(vault: care_ports.Vault, source: Path, tmp_path: Path) -> None:
    vault.begin()
    saved = vault.save(source, T0)
    assert saved.snapshot.size_bytes == sum(len(content) for _, content in listed(source).values())
    vault.verify(saved.snapshot.id)
    found = restored(vault, saved.snapshot.id, tmp_path / "out")
    files = {name: held for name, held in listed(source).items() if name != "empty"}
    assert {name: held for name, held in found.items() if name != "empty"} == files


def test_there_are_no_snapshots_before_the_first_and_then_the_newest_comes_first(
    vault: care_ports.Vault, source: Path
) -> None:
    assert vault.snapshots() == []
    vault.begin()
    vault.begin()
    assert vault.snapshots() == []
    made = [vault.save(source, T0 + day * 86_400).snapshot for day in (1, 0)]
    assert [(one.id, one.at_s) for one in vault.snapshots()] == [(one.id, one.at_s) for one in made]
    vault.remove([made[0].id, "00000000"])
    vault.remove([made[0].id])
    assert [one.id for one in vault.snapshots()] == [made[1].id]


def test_the_wrong_passphrase_opens_nothing(
    vault: care_ports.Vault, source: Path, secrets: Path, tmp_path: Path
) -> None:
    vault.begin()
    identifier = vault.save(source, T0).snapshot.id
    (secrets / "backup.passphrase").write_text("another passphrase\n")
    for call in (lambda: vault.verify(identifier), lambda: vault.restore(identifier, tmp_path / "out")):
        with pytest.raises(errors.BackupError) as refused:
            call()
        assert refused.value.reason == backup.Reason.PASSPHRASE
    assert "backup.passphrase" in refused.value.message


def largest(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.chmod(0o600)
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize("spoil", [flip, cut, Path.unlink])
def test_what_was_spoilt_is_not_taken_for_whole(
    vault: care_ports.Vault, source: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    if vault.name == "restic" and spoil is not flip:
        pytest.skip("restic asks again for a minute and more for what is not there")
    vault.begin()
    identifier = vault.save(source, T0).snapshot.id
    spoil(largest(tmp_path / "vault"))
    with pytest.raises(errors.BackupError) as refused:
        vault.verify(identifier)
    # An archive is one file, and its beginning is in the middle of a small one.
    expected = {backup.Reason.DAMAGED, backup.Reason.NONE} | (
        {backup.Reason.PASSPHRASE} if vault.name == "archive" else set()
    )
    assert refused.value.reason in expected
    with pytest.raises(errors.BackupError):
        vault.restore(identifier, tmp_path / "out")


def test_nothing_that_was_stored_can_be_read_without_the_passphrase(
    vault: care_ports.Vault, source: Path, tmp_path: Path
) -> None:
    vault.begin()
    vault.save(source, T0)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "vault").rglob("*") if path.is_file())
    assert b"berblick" not in stored and b"council.db" not in stored


_KILLED = """
import sys
from pathlib import Path
from council.backends.vault import archive, restic
from council.domain import backup
kind, vault, secrets, work, source = sys.argv[1:]
made = (
    archive.ArchiveVault(Path(vault), Path(secrets), "council-0123456789ab") if kind == "archive"
    else restic.ResticVault(backup.target(vault), Path(secrets), Path(work), "council-0123456789ab", 60.0)
)
print("begins", flush=True)
made.save(Path(source), 1_800_000_100.0)
"""


@pytest.mark.parametrize("after_s", [0.02, 0.3])
def test_a_run_that_is_killed_leaves_the_snapshots_that_there_were_and_no_half_one(
    vault: care_ports.Vault, source: Path, secrets: Path, tmp_path: Path, after_s: float
) -> None:
    vault.begin()
    first = vault.save(source, T0).snapshot
    (source / "records" / "council.db").write_bytes(os.urandom(24 * 1024 * KIB))
    arguments = [vault.name, str(tmp_path / "vault"), str(secrets), str(tmp_path / "work"), str(source)]
    command = [sys.executable, "-c", textwrap.dedent(_KILLED), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None and killed.stdout.readline()
        with contextlib.suppress(subprocess.TimeoutExpired):
            killed.wait(after_s)
        killed.send_signal(signal.SIGKILL)
    vault.begin()
    for one in vault.snapshots():
        vault.verify(one.id)
    assert first.id in {one.id for one in vault.snapshots()}
    # And it goes on from there.
    assert vault.save(source, T0 + 200).snapshot.id == vault.snapshots()[0].id


def test_of_an_archive_no_part_can_be_left_out_moved_or_taken_from_another(
    source: Path, secrets: Path, tmp_path: Path
) -> None:
    (source / "records" / "council.db").write_bytes(os.urandom(20 * 1024 * KIB))
    vault = archive.ArchiveVault(tmp_path / "vault", secrets, "council-0123456789ab")
    vault.begin()
    files, made = [], []
    for number in range(2):
        made.append(vault.save(source, T0 + number).snapshot.id)
        files.append(next((tmp_path / "vault").glob(f"*-{made[-1]}.cva")))
    whole, other = (frames(file) for file in files)
    for spoilt in (
        whole[:1] + whole[2:],
        [whole[0], whole[2], whole[1]],
        whole[:-1],
        [*whole, whole[-1]],
        [whole[0], *other[1:]],
    ):
        files[0].write_bytes(archive._MAGIC + b"".join(spoilt))
        with pytest.raises(errors.BackupError) as refused:
            vault.verify(made[0])
        assert refused.value.reason == backup.Reason.DAMAGED


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4, "big") + body


def literal(plain: bytes) -> bytes:
    return packet(11, b"b\0" + bytes(4) + plain)


def marked(plain: bytes) -> bytes:
    """What looks as if a passphrase opened it, with what is not encrypted behind that."""
    real = bytes(pysequoia.encrypt(plain, passwords=["anything"], armor=False))
    return real[: 2 + real[1]] + literal(plain)


UNENCRYPTED: list[Callable[[bytes], bytes]] = [
    literal,
    lambda plain: b"\xaf" + literal(plain),
    lambda plain: packet(8, b"\1" + zlib.compressobj(wbits=-15).compress(literal(plain))),
    marked,
    lambda plain: marked(plain) + bytes(pysequoia.encrypt(plain, passwords=[PASSPHRASE], armor=False)),
    lambda plain: bytes(pysequoia.encrypt(plain, passwords=[PASSPHRASE], armor=False)) + literal(plain),
    lambda plain: packet(9, plain),
]


@pytest.mark.parametrize("wrap", UNENCRYPTED)
@pytest.mark.parametrize("number", [0, 1])
def test_a_part_that_no_passphrase_was_needed_for_is_not_believed(
    source: Path, secrets: Path, tmp_path: Path, wrap: Callable[[bytes], bytes], number: int
) -> None:
    (source / "records" / "council.db").write_bytes(os.urandom(9 * 1024 * KIB))
    vault = archive.ArchiveVault(tmp_path / "vault", secrets, "council-0123456789ab")
    vault.begin()
    made = vault.save(source, T0).snapshot.id
    file = next((tmp_path / "vault").glob("*.cva"))
    found = frames(file)
    plain = pysequoia.decrypt(found[number][archive._LENGTH.size :], passwords=[PASSPHRASE]).bytes
    message = wrap(bytes(plain or b""))
    found[number] = archive._LENGTH.pack(len(message)) + message
    file.write_bytes(archive._MAGIC + b"".join(found))
    with pytest.raises(errors.BackupError) as refused:
        vault.verify(made)
    assert refused.value.reason == backup.Reason.DAMAGED


@pytest.mark.parametrize(
    ("before", "after"), [("-2027", "-2028"), ("0123456789ab", "ba9876543210"), ("-{id}.", "-00000000.")]
)
def test_an_archive_is_of_the_home_and_the_time_that_it_was_made_with_whatever_its_name(
    source: Path, secrets: Path, tmp_path: Path, before: str, after: str
) -> None:
    vault = archive.ArchiveVault(tmp_path / "vault", secrets, "council-0123456789ab")
    vault.begin()
    made = vault.save(source, T0).snapshot.id
    file = next((tmp_path / "vault").glob("*.cva"))
    file.rename(file.with_name(file.name.replace(before.format(id=made), after)))
    everybody = archive.ArchiveVault(tmp_path / "vault", secrets, "")
    [there] = everybody.snapshots()
    with pytest.raises(errors.BackupError) as refused:
        everybody.verify(there.id)
    assert refused.value.reason == backup.Reason.DAMAGED


def frames(file: Path) -> list[bytes]:
    content, found = file.read_bytes()[len(archive._MAGIC) :], []
    while content:
        size = archive._LENGTH.size + archive._LENGTH.unpack_from(content)[0]
        found.append(content[:size])
        content = content[size:]
    return found


def test_restic_stores_once_what_two_snapshots_hold_and_tells_homes_apart(
    source: Path, secrets: Path, tmp_path: Path
) -> None:
    servers.need("restic")
    vault = made_restic(str(tmp_path / "vault"), secrets, tmp_path / "work")
    vault.begin()
    first, second = (vault.save(source, T0 + number) for number in range(2))
    assert first.added_bytes > 300 * KIB > 30 * KIB > second.added_bytes
    assert made_restic(str(tmp_path / "vault"), secrets, tmp_path / "other", "another").snapshots() == []


@contextlib.contextmanager
def elsewhere(kind: str, folder: Path, secrets: Path) -> Iterator[tuple[servers.Server, str]]:
    servers.need("restic")
    folder.mkdir()
    if kind == "s3":
        servers.need("s3")
        (secrets / "backup.s3").write_text("an id\na key\n".replace(" ", "-"))
        with servers.s3(folder) as server:
            yield server, f"s3:{server.url}/snapshots/home"
        return
    servers.need("sshd")
    with servers.sftp(folder) as server:
        for name in ("ssh_key", "known_hosts"):
            shutil.copy(folder / name, secrets / f"backup.{name}")
        yield server, f"{server.url}/{folder / 'snapshots'}"


@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_snapshots_lie_on_a_server_which_may_be_away(kind: str, source: Path, secrets: Path, tmp_path: Path) -> None:
    with elsewhere(kind, tmp_path / "server", secrets) as (server, target):
        vault = made_restic(target, secrets, tmp_path / "work")
        assert vault.snapshots() == []
        vault.begin()
        identifier = vault.save(source, T0).snapshot.id
        vault.verify(identifier)
        assert restored(vault, identifier, tmp_path / "out") == listed(source)
        vault.remove([identifier])
        assert vault.snapshots() == []
        server.stop()
        with pytest.raises(errors.BackupUnavailableError):
            vault.save(source, T0 + 120)


def test_another_server_than_the_known_one_gets_nothing(source: Path, secrets: Path, tmp_path: Path) -> None:
    with elsewhere("sftp", tmp_path / "server", secrets) as (_, target):
        known = secrets / "backup.known_hosts"
        name, kind, _ = known.read_text().split()
        other = (tmp_path / "server" / "ssh_key.pub").read_text().split()[1]
        known.write_text(f"{name} {kind} {other}\n")
        with pytest.raises(errors.BackupUnavailableError, match="known_hosts"):
            made_restic(target, secrets, tmp_path / "work").begin()
        assert not (tmp_path / "server" / "snapshots").exists()
