"""A patch is signed by a key of the second list, too, or is not sent."""

import base64
import time

import pytest

import pgp
from council.domain import errors, patches
from council.patching import pinning

NOW = int(time.time())
ANN, BOB = (pgp.Owner(name, NOW - 1_000_000) for name in ("Ann", "Bob"))
DOCUMENT = b"{}"


def armoured(owner: pgp.Owner, kind: str = "PUBLIC KEY") -> bytes:
    body = base64.encodebytes(owner.certificate()).decode()
    return f"-----BEGIN PGP {kind} BLOCK-----\n\n{body}-----END PGP {kind} BLOCK-----\n".encode()


def sent(owner: pgp.Owner) -> patches.Submission:
    return patches.Submission(DOCUMENT, pgp.signature(owner.primary, DOCUMENT, NOW - 30))


@pytest.mark.parametrize("by", [ANN, BOB])
def test_any_key_of_the_list_will_do(by: pgp.Owner) -> None:
    pinning.check(sent(by), b"Ann's\n" + armoured(ANN) + b"\n" + armoured(BOB), NOW)


def test_another_key_will_not() -> None:
    with pytest.raises(errors.PatchRefusedError) as refused:
        pinning.check(sent(BOB), armoured(ANN), NOW)
    assert refused.value.reason == patches.Reason.SIGNATURE_UNLISTED


def test_a_signature_of_other_bytes_will_not() -> None:
    with pytest.raises(errors.PatchRefusedError) as refused:
        pinning.check(patches.Submission(b"{ }", sent(ANN).signature), armoured(ANN), NOW)
    assert refused.value.reason == patches.Reason.SIGNATURE_WRONG


def test_a_private_key_is_told_of_and_not_shown() -> None:
    with pytest.raises(errors.ConfigError, match="private key") as refused:
        pinning.check(sent(ANN), armoured(ANN, "PRIVATE KEY"), NOW)
    assert "BEGIN" not in refused.value.message


@pytest.mark.parametrize("pinned", [b"a key", b"0123456789abcdef"])
def test_what_holds_no_certificate_is_an_error(pinned: bytes) -> None:
    with pytest.raises(errors.ConfigError, match="0 armoured"):
        pinning.check(sent(ANN), pinned, NOW)
