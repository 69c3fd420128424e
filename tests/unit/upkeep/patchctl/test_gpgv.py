"""The second verifier says no to whatever the first is there to refuse, and to much that its own exit status lets pass."""

import shutil
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pgp
from council.domain import errors
from council.upkeep.patchctl import gpgv

DOCUMENT = b'{"title": "Answer shorter"}\nsecond line\n'
# gpgv reads the machine's clock.
NOW = int(time.time())
BORN = NOW - 1_000_000
AGE = NOW - BORN
ANN, BOB = pgp.Owner("Ann", BORN), pgp.Owner("Bob", BORN)
installed = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")


def by(owner: pgp.Owner, made: int = NOW - 100, **more: object) -> bytes:
    return pgp.signature(owner.primary, DOCUMENT, made, **more)  # type: ignore[arg-type]


GOOD = {
    "by the primary key": (by(ANN), ANN),
    "armoured": (pgp.armoured(by(ANN)), ANN),
    "by a signing subkey": (pgp.signature(ANN.subkey, DOCUMENT, NOW - 100), ANN),
    "SHA-384": (by(ANN, digest=pgp.SHA384), ANN),
    "SHA-512": (by(ANN, digest=pgp.SHA512), ANN),
    "a key that expires later": (by(later := pgp.Owner("Ann", BORN, lasts_s=AGE + 10_000)), later),
}
expired = pgp.Owner("Ann", BORN, lasts_s=AGE - 50)
revoked = pgp.Owner("Ann", BORN, revoked_at=NOW - 50)
revoked_subkey = pgp.Owner("Ann", BORN, subkey_revoked_at=NOW - 50)
BAD = {
    "nothing": (b"", ANN),
    "noise": (b"\xff\x00noise", ANN),
    "another key": (by(BOB), ANN),
    "another key that says it is this one": (by(BOB, issuer=ANN.fingerprint), ANN),
    "SHA-1": (by(ANN, digest=pgp.SHA1), ANN),
    "text mode": (pgp.signature(ANN.primary, pgp.text_form(DOCUMENT), NOW - 100, kind=pgp.TEXT), ANN),
    "two signatures": (by(ANN) + by(BOB), ANN),
    "twice the same": (by(ANN) * 2, ANN),
    "a key that has expired since": (by(expired), expired),
    "a key that was revoked since": (by(revoked), revoked),
    "a subkey that was revoked since": (pgp.signature(revoked_subkey.subkey, DOCUMENT, NOW - 100), revoked_subkey),
    "a signature that has expired": (by(ANN, lasts_s=10), ANN),
    "before the key was made": (by(ANN, BORN - 1000), ANN),
    "inline": (pgp.inline(ANN.primary, DOCUMENT, NOW - 100), ANN),
    "of other bytes": (pgp.signature(ANN.primary, DOCUMENT + b" ", NOW - 100), ANN),
}


@installed
@pytest.mark.parametrize("case", GOOD)
async def test_a_good_signature_counts(case: str) -> None:
    raw, owner = GOOD[case]
    await gpgv.check(DOCUMENT, raw, owner.fingerprint, owner.certificate())


@installed
@pytest.mark.parametrize("case", BAD)
async def test_a_bad_signature_does_not(case: str) -> None:
    raw, owner = BAD[case]
    with pytest.raises(errors.PatchRefusedError) as refused:
        await gpgv.check(DOCUMENT, raw, owner.fingerprint, owner.certificate())
    assert refused.value.reason == "signature_disputed"


async def test_without_gpgv_nothing_is_applied_and_the_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(errors.SetupError, match="apt-get install gpgv"):
        await gpgv.check(DOCUMENT, by(ANN), ANN.fingerprint, ANN.certificate())


GOOD_LINES = [
    "[GNUPG:] NEWSIG",
    "[GNUPG:] GOODSIG 0123456789ABCDEF Ann",
    f"[GNUPG:] VALIDSIG {ANN.fingerprint.upper()} 2026-11-29 1790000000 0 4 0 22 8 00 {ANN.fingerprint.upper()}",
]


def test_the_good_lines_are_a_yes() -> None:
    assert gpgv.no("\n".join(GOOD_LINES), ANN.fingerprint) == ""


@pytest.mark.parametrize("missing", range(3))
def test_no_line_may_be_missing(missing: int) -> None:
    assert gpgv.no("\n".join(GOOD_LINES[:missing] + GOOD_LINES[missing + 1 :]), ANN.fingerprint)


@given(st.text())
def test_no_other_output_is_a_yes(told: str) -> None:
    assert gpgv.no(told, ANN.fingerprint)
    assert gpgv.no("\n".join([*GOOD_LINES[:2], "[GNUPG:] VALIDSIG " + told]), ANN.fingerprint)
