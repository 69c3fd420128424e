"""A key that is to be listed or revoked: its certificate, looked at, and the changes of the blueprint that do it."""

from pathlib import Path

from council import homes
from council.domain import authz, errors, patches
from council.patching import gpg, roster
from council.upkeep.patchctl.core import signature


def certificate(given: str, now: float) -> signature.Certificate:
    """Return a certificate that can be listed: of the file `given`, or of the key with that fingerprint in the user's gpg.

    `now` in Unix seconds. Raises ConfigError, SetupError, InvalidRequestError.
    """
    name = given.replace(" ", "").lower().removeprefix("0x")
    if authz.FINGERPRINT.match(name) and not Path(given).exists():
        raw = gpg.export(name)
    else:
        raw = _read(given)
        name = signature.fingerprint_of(raw)
    if not authz.FINGERPRINT.match(name):
        raise errors.InvalidRequestError("The key is not of version 4. Make one with `gpg --quick-generate-key`.")
    found = signature.read_certificate(name, raw)
    primary = found.keys[name]
    if primary.revoked:
        raise errors.InvalidRequestError(f"The key {name} is revoked. Make a new one and add that.")
    if primary.expires is not None and primary.expires <= now:
        raise errors.InvalidRequestError(f"The key {name} has expired. Extend it: `gpg --quick-set-expire {name} 1y`.")
    return found


def with_signer(live: Path, signer: authz.Signer, found: signature.Certificate) -> tuple[patches.Change, ...]:
    """Return what lists a signer in the generation in `live`. Raises ConfigError."""
    return (
        *_changed(live, authz.FILE, roster.with_signer(_rules(live), signer)),
        *_changed(live, authz.certificate_path(signer.fingerprint), str(found.engine).encode()),
    )


def with_revoked(live: Path, fingerprint: str) -> tuple[patches.Change, ...]:
    """Return what revokes a key in the generation in `live`. Raises ConfigError."""
    return _changed(live, authz.FILE, roster.with_revoked(_rules(live), fingerprint))


def _read(given: str) -> bytes:
    try:
        with Path(given).open("rb") as opened:
            return opened.read(signature.CERTIFICATE_BYTES_MAX + 1)
    except OSError as error:
        raise errors.InvalidRequestError(
            f"{given!r} is neither a file that can be read nor a full fingerprint. `gpg --list-keys` shows those you have."
        ) from error


def _rules(live: Path) -> bytes:
    path = live / authz.FILE
    # A blueprint from before there were signers begins with those that Council ships: none.
    return path.read_bytes() if path.is_file() else homes.default_files()[authz.FILE]


def _changed(live: Path, path: str, content: bytes) -> tuple[patches.Change, ...]:
    there = live / path
    before = patches.digest(there.read_bytes()) if there.is_file() else None
    if before == patches.digest(content):
        return ()
    return (patches.Change(path, patches.Action.PUT, content, before),)
