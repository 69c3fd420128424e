"""A second list of keys, kept where who can change the blueprint's cannot: a patch must be signed by one that it has, too."""

import re

from council.domain import errors, patches
from council.upkeep.patchctl.core import signature

_BLOCK = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
_PRIVATE = b"-----BEGIN PGP PRIVATE KEY BLOCK-----"
_BLOCKS_MAX = 200


def check(sent: patches.Submission, pinned: bytes, now: float) -> None:
    """Return if one of the armoured certificates in `pinned` is of who signed. `now` in Unix seconds.

    Raises PatchRefusedError with the signature's reason, ConfigError for what holds no certificates.
    """
    if _PRIVATE in pinned:
        raise errors.ConfigError(
            "BOT_GPG_KEY holds a private key, which must never leave who signs with it. Revoke it, make another, and give its "
            "public half: `gpg --armor --export FINGERPRINT`."
        )
    blocks = _BLOCK.findall(pinned)
    if not 0 < len(blocks) <= _BLOCKS_MAX:
        raise errors.ConfigError(
            f"BOT_GPG_KEY holds {len(blocks)} armoured certificates; it should be 1 to {_BLOCKS_MAX}. Export each with "
            "`gpg --armor --export FINGERPRINT`, or leave it empty."
        )
    names = {signature.fingerprint_of(one): one for one in blocks}
    found = {name: signature.read_certificate(name, raw) for name, raw in names.items()}
    signature.check(sent.document, sent.signature, found, (), now)
