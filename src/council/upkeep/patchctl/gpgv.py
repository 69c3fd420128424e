"""The second verifier: Debian's gpgv, a program of another family than the first, with a ring of the one certificate.

Both must say yes. Its exit status says too little and its yes too much, so what counts are its status lines: one signature, of
this primary key, over the bytes as they are, by a digest that counts, and no word of expiry or revocation.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

from council.domain import errors, patches

PROGRAM = "gpgv"
_WAIT_S = 10.0
_MARK = "[GNUPG:] "
_OUTPUT_BYTES_MAX = 64 * 1024
# SHA-256, SHA-384, SHA-512 by their numbers in OpenPGP.
_DIGESTS = frozenset({"8", "9", "10"})
_BINARY = "00"
# Any of these is a no, whatever stands beside it.
_NO = frozenset(
    {
        "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "KEYEXPIRED", "KEYREVOKED", "SIGEXPIRED", "NODATA",
        "UNEXPECTED", "BADARMOR", "FAILURE", "NO_PUBKEY",
    }
)  # fmt: skip


async def check(document: bytes, raw: bytes, fingerprint: str, certificate: bytes) -> None:
    """Return if gpgv, too, finds one good signature of this primary key over the document.

    `certificate` is binary. Raises SetupError where gpgv is missing, PatchRefusedError for any other no.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise errors.SetupError("gpgv is missing, and no patch is applied without it: `apt-get install gpgv`.")
    with tempfile.TemporaryDirectory(prefix="council-") as folder:
        names = {"ring.gpg": certificate, "patch.json": document, "patch.sig": raw}
        for name, content in names.items():
            (Path(folder) / name).write_bytes(content)
        ring, data, signature = (str(Path(folder) / name) for name in names)
        command = [
            program, "--homedir", folder, "--keyring", ring, "--weak-digest", "SHA1", "--status-fd", "1", signature, data,
        ]  # fmt: skip
        told = await _told(command)
    if why := no(told, fingerprint):
        raise errors.PatchRefusedError(
            f"gpgv does not agree that the signature is good ({why}). Sign the file again with `council patch sign`.",
            reason=patches.Reason.SIGNATURE_DISPUTED,
        )


async def _told(command: list[str]) -> str:
    started = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    assert started.stdout is not None
    try:
        async with asyncio.timeout(_WAIT_S):
            output = b""
            while len(output) < _OUTPUT_BYTES_MAX and (more := await started.stdout.read(_OUTPUT_BYTES_MAX)):
                output += more
            if len(output) < _OUTPUT_BYTES_MAX:
                await started.wait()
    except TimeoutError:
        return ""
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
    return output.decode("utf-8", "replace")


def no(told: str, fingerprint: str) -> str:
    """Return why the status lines are no yes to this primary key, "" where they are. Pure."""
    lines = [line.removeprefix(_MARK).split() for line in told.splitlines() if line.startswith(_MARK)]
    words = [line[0] for line in lines if line]
    if refused := _NO.intersection(words):
        return ", ".join(sorted(refused))
    if words.count("NEWSIG") != 1 or words.count("GOODSIG") != 1 or words.count("VALIDSIG") != 1:
        return "it does not tell of one good signature"
    valid = next(line for line in lines if line and line[0] == "VALIDSIG")
    if len(valid) != 11:
        return "it tells of the signature in a form that is not known"
    if valid[-1].lower() != fingerprint:
        return "it tells of another key"
    if valid[8] not in _DIGESTS:
        return "the digest is too weak"
    return "" if valid[9] == _BINARY else "the signature is not over the bytes as they are"
