"""A person's own gpg: their key stays with it and its agent, and Council sees a signature or a certificate.

gpg's exit status says whether it made something; whether that is good is `core/signature.py`'s to say.
"""

import os
import shutil
import subprocess
from pathlib import Path

from council.domain import errors

PROGRAM = "gpg"
# A person may have to find their card, or type a passphrase.
_SIGN_S = 300.0
_EXPORT_S = 60.0
_ERROR_CHARS_MAX = 300


def sign(document: bytes, key: str = "", ring: Path | None = None) -> bytes:
    """Return a detached binary signature over exactly these bytes, by the key with this fingerprint, else by gpg's default.

    `ring` is the folder of another keyring than the person's own.

    Raises SetupError.
    """
    chosen = ["--local-user", key] if key else []
    chosen += ["--homedir", str(ring)] if ring else []
    options = ["--no-armor", "--no-textmode", "--digest-algo", "SHA256", "--output", "-"]
    return _run([*chosen, *options, "--detach-sign"], document, _SIGN_S, "did not sign")


def export(fingerprint: str) -> bytes:
    """Return a key's certificate, armoured, without what others signed about it. Raises SetupError."""
    options = ["--armor", "--export-options", "export-minimal", "--output", "-"]
    raw = _run([*options, "--export", fingerprint], b"", _EXPORT_S, "did not export the key")
    if not raw.strip():
        raise errors.SetupError(
            f"gpg has no key {fingerprint}. `gpg --list-keys` shows those it has; a file with the certificate will do too."
        )
    return raw


def _run(arguments: list[str], stdin: bytes, wait_s: float, what: str) -> bytes:
    program = shutil.which(PROGRAM)
    if program is None:
        raise errors.SetupError("gpg is not installed. Install it: `apt-get install gpg`.")
    # What asks for a passphrase must know the terminal, since standard input is the document.
    environment = {**os.environ, "LC_ALL": "C"}
    if "GPG_TTY" not in environment and (terminal := _terminal()):
        environment["GPG_TTY"] = terminal
    try:
        done = subprocess.run(
            [program, "--batch", *arguments],
            input=stdin,
            capture_output=True,
            env=environment,
            timeout=wait_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise errors.SetupError(f"gpg {what} within {wait_s:.0f} s. Unlock the key and try again.") from error
    except OSError as error:
        raise errors.SetupError(f"gpg could not be started: {error.strerror}. Install it anew.") from error
    if done.returncode:
        told = " ".join(done.stderr.decode("utf-8", "replace").split())[-_ERROR_CHARS_MAX:]
        shown = "".join(letter if letter.isprintable() else "?" for letter in told)
        raise errors.SetupError(
            f"gpg {what}: {shown or 'it gave no reason'}. `gpg --list-secret-keys` shows the keys that you have."
        )
    return done.stdout


def _terminal() -> str:
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor)
        except OSError:
            continue
    return ""
