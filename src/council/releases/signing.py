"""The signature of a release: over SHA256SUMS, by the one key that the person names.

As for patches, two verifiers must agree.
"""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

from council.domain import authz, errors, patches
from council.patching import gpg
from council.releases import folder
from council.upkeep.patchctl import gpgv
from council.upkeep.patchctl.core import signature

_WHY: Mapping[str, str] = {
    patches.Reason.SIGNATURE_WRONG: f"it is not over this {folder.SUMS}, or not made by that key",
    patches.Reason.SIGNATURE_EXPIRED: "it has expired",
    patches.Reason.SIGNATURE_KEY_EXPIRED: "its key has expired",
    patches.Reason.SIGNATURE_REVOKED: "its key was revoked",
    patches.Reason.SIGNATURE_TIME: "it says that it was made in the future, or before its key",
    patches.Reason.SIGNATURE_WEAK_DIGEST: "its digest is too weak",
    patches.Reason.SIGNATURE_NOT_BINARY: "it is not over the bytes as they are",
    patches.Reason.SIGNATURE_NOT_ONE: "it is not one detached signature",
    patches.Reason.SIGNATURE_DISPUTED: "gpgv does not agree that it is good",
}


def check(release: folder.Release, key: str, now: float) -> str:
    """Return the fingerprint of the key that signed the release, which must be `key`: a fingerprint that the user's gpg has,
    or a file with its certificate. `now` in Unix seconds.

    Raises ReleaseRefusedError, ConfigError, SetupError, InvalidRequestError.
    """
    if release.signature is None:
        folder.refuse(folder.Reason.NOT_SIGNED, f"The release is not signed: it has no {folder.SIGNATURE}.")
    if shutil.which(gpgv.PROGRAM) is None:
        raise errors.SetupError("gpgv is missing, and no signature counts without it: `apt-get install gpgv`.")
    fingerprint, raw = _certificate(key)
    certificate = signature.read_certificate(fingerprint, raw)
    try:
        signature.check(release.sums, release.signature, {fingerprint: certificate}, (), now)
        asyncio.run(gpgv.check(release.sums, release.signature, fingerprint, signature.packets_of(raw)))
    except errors.PatchRefusedError as error:
        if error.reason == patches.Reason.SIGNATURE_UNLISTED:
            folder.refuse(
                folder.Reason.SIGNATURE_OF_ANOTHER, f"The release was signed by another key than {fingerprint}.", error
            )
        why = _WHY.get(error.reason, "it cannot be read as one")
        folder.refuse(folder.Reason.SIGNATURE_WRONG, f"The signature of the release does not count: {why}.", error)
    return fingerprint


def _certificate(key: str) -> tuple[str, bytes]:
    name = key.replace(" ", "").lower().removeprefix("0x")
    if authz.FINGERPRINT.match(name) and not Path(key).exists():
        return name, gpg.export(name)
    try:
        with Path(key).open("rb") as opened:
            raw = opened.read(signature.CERTIFICATE_BYTES_MAX + 1)
    except OSError as error:
        raise errors.InvalidRequestError(
            f"{key!r} is neither a file that can be read nor a full fingerprint. `gpg --list-keys` shows those you have."
        ) from error
    return signature.fingerprint_of(raw), raw
