"""The key that seals the journal: an OpenPGP key of patchctl's own, which signs checkpoints and nothing else.

Whoever may write the journal's files could make a whole new one; without this key it has no checkpoints. So it lies in another
folder than the journal, and `authz.yaml` may never list it: a key that a process holds approves no change. It does not expire,
since old checkpoints must stay good.
"""

import contextlib
import time
from pathlib import Path

import pysequoia

from council.domain import errors
from council.kit import durable
from council.upkeep.patchctl import lineage
from council.upkeep.patchctl.core import signature

_OWNER = "Council journal"
_BYTES_MAX = 64 * 1024


def ensure(secret_file: Path, public_file: Path) -> str:
    """Make the key where there is none; return its fingerprint. Both files are on disk then. Raises SetupError.

    A key that is there stays, and its public half is written again where it is missing or another's.
    """
    try:
        if not secret_file.exists():
            made = pysequoia.Tsk.generate(_OWNER, profile=pysequoia.Profile.RFC4880)
            _write(secret_file, str(made).encode(), 0o600)
        certificate = _secret(secret_file).extract_certificate()
        public = str(certificate).encode()
        if not public_file.exists() or public_file.read_bytes() != public:
            _write(public_file, public, 0o644)
    except OSError as error:
        raise errors.SetupError(
            f"The journal's key could not be written: {error.strerror or error}. Mend that and try again."
        ) from error
    return str(certificate.fingerprint)


def sign(secret_file: Path, statement: bytes) -> bytes:
    """Return the signature of a statement, as `lineage.checkpoint` takes it. Raises SetupError."""
    signer = _secret(secret_file).signer()
    return bytes(pysequoia.sign(signer, statement, mode=pysequoia.SignatureMode.DETACHED, armor=False))


def fingerprint(public_file: Path) -> str:
    """Return the fingerprint of the journal's key, "" where none was made yet. Raises ConfigError."""
    raw = _read(public_file)
    return signature.fingerprint_of(raw) if raw else ""


def checker(public_file: Path, secret_file: Path | None = None) -> lineage.Check:
    """Return what says whether a signature over a statement is by the journal's key; nothing is where there is no key.

    Where the secret half can be read too, it says which key that is: whoever could write the journal could write the public
    half beside it. Raises SetupError, ConfigError.
    """
    raw = _read(public_file)
    if secret_file is not None and _is_readable(secret_file):
        raw = str(_secret(secret_file).extract_certificate()).encode()
    if not raw:
        return lambda _, __: False
    name = signature.fingerprint_of(raw)
    certificates = {name: signature.read_certificate(name, raw)}

    def check(statement: bytes, given: bytes) -> bool:
        try:
            return signature.check(statement, given, certificates, (), time.time()) == name
        except errors.PatchRefusedError:
            return False

    return check


def _is_readable(file: Path) -> bool:
    with contextlib.suppress(OSError), file.open("rb"):
        return True
    return False


def _secret(file: Path) -> pysequoia.Tsk:
    try:
        return pysequoia.Tsk.from_bytes(file.read_bytes())
    except Exception as error:  # the disk's errors and whatever the engine raises
        raise errors.SetupError(
            f"The journal's key {file} cannot be read. Put a copy of it in its place; without one its checkpoints end here."
        ) from error


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_BYTES_MAX)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise errors.SetupError(f"{file} cannot be read: {error.strerror}. Mend that and try again.") from error


def _write(file: Path, content: bytes, mode: int) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    durable.write_whole(file, content, mode)
