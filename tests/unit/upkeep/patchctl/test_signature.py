"""Eight rules over a signature: what breaks one is refused by its name, and what breaks none counts."""

from collections.abc import Callable

import pysequoia
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import patch_cases as cases
import pgp
from council.domain import errors
from council.upkeep.patchctl.core import signature

NOW, BORN, ANN, BOB = cases.NOW, cases.BORN, cases.ANN, cases.BOB
DOCUMENT = b'{"title": "Answer shorter"}\nsecond line\n'
AGE = NOW - BORN


def certified(owner: pgp.Owner) -> dict[str, signature.Certificate]:
    return {owner.fingerprint: signature.read_certificate(owner.fingerprint, owner.certificate())}


def checked(raw: bytes, owner: pgp.Owner = ANN, document: bytes = DOCUMENT, revoked: tuple[str, ...] = ()) -> str:
    return signature.check(document, raw, certified(owner), revoked, NOW)


def by_ann(made: int | None = NOW - 30, **more: object) -> bytes:
    return pgp.signature(ANN.primary, DOCUMENT, made, **more)  # type: ignore[arg-type]


def by(owner: pgp.Owner, subkey: bool = False, made: int = NOW - 100) -> bytes:
    return pgp.signature(owner.subkey if subkey else owner.primary, DOCUMENT, made)


GOOD: dict[str, Callable[[], str]] = {
    "by the primary key": lambda: checked(by_ann()),
    "by a signing subkey": lambda: checked(by(ANN, subkey=True)),
    "armoured": lambda: checked(pgp.armoured(by_ann())),
    "armoured, with other line ends": lambda: checked(pgp.armoured(by_ann()).replace(b"\n", b"\r\n") + b"\n\n"),
    "SHA-384": lambda: checked(by_ann(digest=pgp.SHA384)),
    "SHA-512": lambda: checked(by_ann(digest=pgp.SHA512)),
    "a clock that is five minutes ahead": lambda: checked(by_ann(NOW + 300)),
    "made with the key": lambda: checked(by_ann(BORN)),
    "a signature that expires later": lambda: checked(by_ann(lasts_s=10**9)),
    "a key that expires later": lambda: checked(by(later := pgp.Owner("Ann", BORN, lasts_s=AGE + 50)), later),
    "the primary key when a subkey has expired": lambda: checked(
        by(old := pgp.Owner("Ann", BORN, subkey_lasts_s=AGE - 50)), old
    ),
    "the primary key when a subkey was revoked": lambda: checked(
        by(old := pgp.Owner("Ann", BORN, subkey_revoked_at=NOW - 50)), old
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_a_good_signature_counts(case: str) -> None:
    assert GOOD[case]() == pgp.Owner("Ann", BORN).fingerprint


expired = pgp.Owner("Ann", BORN, lasts_s=AGE - 50)
expired_subkey = pgp.Owner("Ann", BORN, subkey_lasts_s=AGE - 50)
revoked = pgp.Owner("Ann", BORN, revoked_at=NOW - 50)
retired = pgp.Owner("Ann", BORN, revoked_at=NOW - 50, revoked_softly=True)
revoked_subkey = pgp.Owner("Ann", BORN, subkey_revoked_at=NOW - 50)
retired_subkey = pgp.Owner("Ann", BORN, subkey_revoked_at=NOW - 50, revoked_softly=True)
adopted = pgp.Owner("Ann", BORN, back=False)
for_encryption = pgp.Owner("Ann", BORN, subkey_flags=pgp.ENCRYPT)
certifies_only = pgp.Owner("Ann", BORN, flags=pgp.CERTIFY)

BAD: dict[str, tuple[str, Callable[[], object]]] = {
    "nothing": ("signature_too_large", lambda: checked(b"")),
    "a flood": ("signature_too_large", lambda: checked(b"\xc2" * (signature.BYTES_MAX + 1))),
    "noise": ("signature_malformed", lambda: checked(b"\xff\x00noise")),
    "a text": ("signature_malformed", lambda: checked(b"signed, Ann")),
    "text before the armour": ("signature_malformed", lambda: checked(b"Hello\n" + pgp.armoured(by_ann()))),
    "text behind the armour": ("signature_malformed", lambda: checked(pgp.armoured(by_ann()) + b"Hello")),
    "text between the armour and a second end of it": (
        "signature_malformed", lambda: checked(pgp.armoured(by_ann()) + b"Hello\n-----END PGP SIGNATURE-----"),
    ),
    "a cut": ("signature_malformed", lambda: checked(by_ann()[:-3])),
    "a zero behind": ("signature_malformed", lambda: checked(by_ann() + b"\0")),
    "version 3": ("signature_malformed", lambda: checked(by_ann(version=3))),
    "a certificate": ("signature_not_one", lambda: checked(ANN.certificate())),
    "a user id": ("signature_malformed", lambda: checked(pgp.packet(13, b"Ann"))),
    "another key than the pinned one": ("signature_unlisted", lambda: checked(by(BOB))),
    "no word of who signed": ("signature_unlisted", lambda: checked(by_ann(issuer=""))),
    "another key that says it is the pinned one": (
        "signature_wrong", lambda: checked(pgp.signature(BOB.primary, DOCUMENT, NOW, issuer=ANN.fingerprint)),
    ),
    "MD5": ("signature_weak_digest", lambda: checked(by_ann(digest=pgp.MD5))),
    "SHA-1": ("signature_weak_digest", lambda: checked(by_ann(digest=pgp.SHA1))),
    "RIPEMD-160": ("signature_weak_digest", lambda: checked(by_ann(digest=pgp.RIPEMD))),
    "SHA-224": ("signature_weak_digest", lambda: checked(by_ann(digest=pgp.SHA224))),
    "a key expired now, signed while valid": ("signature_key_expired", lambda: checked(by(expired), expired)),
    "signed after the key's expiry": ("signature_key_expired", lambda: checked(by(expired, made=NOW - 10), expired)),
    "a subkey expired now, signed while valid": (
        "signature_key_expired", lambda: checked(by(expired_subkey, subkey=True), expired_subkey),
    ),
    "a good subkey of a key that expired": ("signature_key_expired", lambda: checked(by(expired, subkey=True), expired)),
    "a revoked key": ("signature_revoked", lambda: checked(by(revoked), revoked)),
    "a key that was retired afterwards": ("signature_revoked", lambda: checked(by(retired), retired)),
    "a subkey of a revoked key": ("signature_revoked", lambda: checked(by(revoked, subkey=True), revoked)),
    "a revoked subkey": ("signature_revoked", lambda: checked(by(revoked_subkey, subkey=True), revoked_subkey)),
    "a subkey that was retired": ("signature_revoked", lambda: checked(by(retired_subkey, subkey=True), retired_subkey)),
    "revoked, of which the copy here does not know": (
        "signature_revoked", lambda: checked(by_ann(), revoked=(ANN.fingerprint,)),
    ),
    "a subkey that our list revokes": (
        "signature_revoked", lambda: checked(by(ANN, subkey=True), revoked=(ANN.subkey.fingerprint,)),
    ),
    "two signers, one trusted": ("signature_not_one", lambda: checked(by_ann() + by(BOB))),
    "two signers, armoured as one": ("signature_not_one", lambda: checked(pgp.armoured(by_ann() + by(BOB)))),
    "two signers, armoured each": ("signature_not_one", lambda: checked(pgp.armoured(by_ann()) + pgp.armoured(by(BOB)))),
    "a marker behind": ("signature_not_one", lambda: checked(by_ann() + pgp.packet(10, b"PGP"))),
    "an inline message": ("signature_not_one", lambda: checked(pgp.inline(ANN.primary, DOCUMENT, NOW))),
    "an armoured message": (
        "signature_not_one",
        lambda: checked(pysequoia.armor(pgp.inline(ANN.primary, DOCUMENT, NOW), pysequoia.ArmorKind.Message).encode()),
    ),
    "text mode": (
        "signature_not_binary", lambda: checked(pgp.signature(ANN.primary, pgp.text_form(DOCUMENT), NOW, kind=pgp.TEXT)),
    ),
    "text mode, line ends changed": (
        "signature_not_binary",
        lambda: checked(
            pgp.signature(ANN.primary, pgp.text_form(DOCUMENT), NOW, kind=pgp.TEXT),
            document=DOCUMENT.replace(b"\n", b"\r\n"),
        ),
    ),
    "a signature over nothing": ("signature_not_binary", lambda: checked(by_ann(kind=pgp.STANDALONE))),
    "a certification": ("signature_not_binary", lambda: checked(by_ann(kind=pgp.POSITIVE))),
    "from the future": ("signature_time", lambda: checked(by_ann(NOW + 301))),
    "made before its key": ("signature_time", lambda: checked(by_ann(BORN - 1))),
    "without a time": ("signature_time", lambda: checked(by_ann(None))),
    "with a time that is not signed": (
        "signature_time", lambda: checked(by_ann(None, unhashed=[(2, (NOW - 5).to_bytes(4, "big"))])),
    ),
    "an expired signature": ("signature_expired", lambda: checked(by_ann(NOW - 100, lasts_s=100))),
    "bytes that were changed": ("signature_wrong", lambda: checked(by_ann(), document=DOCUMENT + b" ")),
    "an empty document": ("signature_wrong", lambda: checked(by_ann(), document=b"")),
    "line ends that were changed": ("signature_wrong", lambda: checked(by_ann(), document=pgp.text_form(DOCUMENT))),
    "a subkey that never agreed": ("signature_wrong", lambda: checked(by(adopted, subkey=True), adopted)),
    "a subkey for encryption": ("signature_wrong", lambda: checked(by(for_encryption, subkey=True), for_encryption)),
    "a primary key for certifying": ("signature_wrong", lambda: checked(by(certifies_only), certifies_only)),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_signature_is_refused_by_its_rule(case: str) -> None:
    reason, act = BAD[case]
    with pytest.raises(errors.PatchRefusedError) as raised:
        act()
    assert raised.value.reason == reason
    assert raised.value.message.startswith("The signature ") and raised.value.message.endswith(".")


def test_every_owner_named_ann_has_the_same_key_so_that_only_the_certificate_differs() -> None:
    owners = [
        expired,
        expired_subkey,
        revoked,
        retired,
        revoked_subkey,
        retired_subkey,
        adopted,
        for_encryption,
        certifies_only,
    ]
    assert {owner.fingerprint for owner in owners} == {ANN.fingerprint}


@settings(deadline=None)
@given(raw=st.binary(max_size=300))
@example(b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----")
@example(b"\xc2\x00")
@example(b"\xc2\xff\xff\xff\xff\xff")
def test_any_bytes_are_refused_and_nothing_else_happens(raw: bytes) -> None:
    with pytest.raises(errors.PatchRefusedError):
        checked(raw)


@settings(deadline=None)
@given(data=st.data())
def test_a_good_signature_with_any_bit_turned_counts_for_nobody_else(data: st.DataObject) -> None:
    raw = bytearray(by_ann())
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << at % 8
    try:
        assert checked(bytes(raw)) == ANN.fingerprint
    except errors.PatchRefusedError:
        return
    # Only what is not signed can have changed: the hint of who signed, and the two octets that save time.
    hashed = raw[6 : 12 + int.from_bytes(raw[10:12], "big")]
    assert hashed == by_ann()[6 : 6 + len(hashed)]


@pytest.mark.parametrize(
    ("told", "raw"),
    [
        ("cannot be read", b"no certificate"),
        ("cannot be read", b""),
        ("is that of", BOB.certificate()),
        ("cannot be read as one", ANN.certificate() + BOB.certificate()),
        ("is over", b"\0" * (signature.CERTIFICATE_BYTES_MAX + 1)),
        ("not that of a public key", bytes(pysequoia.Tsk.generate("Ann", profile=pysequoia.Profile.RFC4880))),
    ],
)
def test_what_is_no_certificate_of_that_key_is_refused(told: str, raw: bytes) -> None:
    with pytest.raises(errors.ConfigError, match=told):
        signature.read_certificate(ANN.fingerprint, raw)
