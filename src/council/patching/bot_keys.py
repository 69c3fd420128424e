"""The OpenPGP keys of bots: made for the owner, read by the child that signs, and by nobody else.

A bot's key is made here rather than in a person's gpg, since no person and no agent stands by when it signs. It lies in
`secrets/bots/`, and counts for nothing until authz.yaml lists it.
"""

import os
import re
from pathlib import Path

import pysequoia

from council.domain import errors
from council.kit import durable

NAME = re.compile(r"^[a-z][a-z0-9-]{0,39}\Z")


def ensure(file: Path, bot: str) -> str:
    """Make a bot's key where there is none; return its certificate, armoured. Raises SetupError."""
    try:
        if not file.exists():
            made = pysequoia.Tsk.generate(bot, profile=pysequoia.Profile.RFC4880)
            folder = file.parent
            folder.mkdir(mode=0o700, exist_ok=True)
            # Whose the folder is may read it: with a user for each service, the bots' group.
            durable.write_whole(file, str(made).encode(), 0o600 | folder.stat().st_mode & 0o040)
            _share(file, folder)
    except OSError as error:
        raise errors.SetupError(
            f"The key of the bot {bot} could not be written: {error.strerror or error}. Mend that and try again."
        ) from error
    return str(_secret(file, bot).extract_certificate())


def fingerprint(file: Path, bot: str) -> str:
    """Return which key it is, "" where there is none. Raises SetupError."""
    return str(_secret(file, bot).extract_certificate().fingerprint) if file.exists() else ""


def sign(file: Path, bot: str, document: bytes) -> bytes:
    """Return a detached binary signature over exactly these bytes. Raises SetupError."""
    signer = _secret(file, bot).signer()
    return bytes(pysequoia.sign(signer, document, mode=pysequoia.SignatureMode.DETACHED, armor=False))


def _share(file: Path, folder: Path) -> None:
    owner = folder.stat()
    if os.geteuid() == 0:
        os.chown(file, owner.st_uid, owner.st_gid)


def _secret(file: Path, bot: str) -> pysequoia.Tsk:
    try:
        return pysequoia.Tsk.from_bytes(file.read_bytes())
    except Exception as error:  # the disk's errors and whatever the engine raises
        raise errors.SetupError(
            f"The key of the bot {bot} cannot be read. `council bots enable {bot}` makes one where there is none."
        ) from error
