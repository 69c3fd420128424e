"""Eight rules over one detached OpenPGP signature, since no verifier's own yes is enough.

Tools accept signatures that must not count: of a key that has expired since, of text mode (line ends may change), the first
of several, of a weak digest. So the engine (Sequoia) only computes, and these decide:

    1. the signature is small
    2. it is exactly one packet, a signature of version 4
    3. it is over the bytes as they are (type Binary)
    4. its digest is SHA-256, SHA-384 or SHA-512
    5. it was made no later than now and five minutes, and not before its key
    6. it has not expired
    7. its key belongs to a pinned certificate, named by full fingerprints, that neither our list nor itself revokes
    8. neither its key nor the primary key has expired by now

A certificate in which any revocation of the key stands, proven or not, is not used. The engine reads the machine's clock for
checks of its own, which can only refuse more; what decides here is the `now` that is passed in.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import pysequoia
from pysequoia import packet

from council.domain import errors, patches

BYTES_MAX = 16 * 1024
CERTIFICATE_BYTES_MAX = 256 * 1024
AHEAD_S_MAX = 300
_BEGIN, _END = b"-----BEGIN PGP SIGNATURE-----", b"-----END PGP SIGNATURE-----"
_DIGESTS = (packet.HashAlgorithm.SHA256, packet.HashAlgorithm.SHA384, packet.HashAlgorithm.SHA512)
_KEY_TAGS = (packet.Tag.PublicKey, packet.Tag.PublicSubkey)
_REVOCATIONS = (packet.SignatureType.KeyRevocation, packet.SignatureType.SubkeyRevocation)
_TRY_AGAIN = "Sign the file again with `council patch sign`"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a certificate. Times in Unix seconds; `expires` None is never."""

    created: float
    expires: float | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """What one signature packet says of itself. Times in Unix seconds, `expires` None is never."""

    kind: packet.SignatureType | None
    digest: packet.HashAlgorithm | None
    issuer: str | None
    made: float | None
    expires: float | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signer's certificate, read once. `keys` holds its primary key and its subkeys by full fingerprint."""

    fingerprint: str
    keys: Mapping[str, Key]
    engine: pysequoia.Cert


def read_certificate(fingerprint: str, raw: bytes) -> Certificate:
    """Return the certificate in `raw`, armoured or not, which must be the one of this primary key. Raises ConfigError."""
    if len(raw) > CERTIFICATE_BYTES_MAX:
        raise _unusable(fingerprint, f"is over {CERTIFICATE_BYTES_MAX} bytes")
    try:
        engine = pysequoia.Cert.from_bytes(raw)
        packets: list[packet.Packet] = list(packet.PacketPile.from_bytes(raw))
        tags, keys = [one.tag for one in packets], _keys(packets)
        expires, is_revoked = engine.expiration, engine.is_revoked
    except Exception as error:  # whatever the engine raises, it could not read it
        raise _unusable(fingerprint, "cannot be read as one certificate") from error
    if tags.count(packet.Tag.PublicKey) != 1:
        raise _unusable(fingerprint, "is not that of a public key")
    if engine.fingerprint != fingerprint:
        raise _unusable(fingerprint, f"is that of {engine.fingerprint}")
    primary = keys[fingerprint]
    keys[fingerprint] = Key(primary.created, expires.timestamp() if expires else None, primary.revoked or is_revoked)
    return Certificate(fingerprint, keys, engine)


def _keys(packets: list[packet.Packet]) -> dict[str, Key]:
    """Return the keys in the order of the packets; the time of expiry is right for subkeys only."""
    keys: dict[str, Key] = {}
    name, bound = "", 0.0
    for one in packets:
        if one.tag in _KEY_TAGS and one.fingerprint and one.key_created:
            name, bound = one.fingerprint, 0.0
            keys[name] = Key(one.key_created.timestamp(), None, revoked=False)
        elif one.tag == packet.Tag.Signature and name:
            key = keys[name]
            if one.signature_type in _REVOCATIONS:
                keys[name] = Key(key.created, key.expires, revoked=True)
            elif one.signature_type == packet.SignatureType.SubkeyBinding and one.signature_created:
                made = one.signature_created.timestamp()
                if made >= bound:
                    lasts: timedelta | None = one.key_validity_period
                    bound = made
                    keys[name] = Key(key.created, key.created + lasts.total_seconds() if lasts else None, key.revoked)
    return keys


def check(
    document: bytes, raw: bytes, certificates: Mapping[str, Certificate], revoked: Collection[str], now: float
) -> str:
    """Return the fingerprint of the primary key that stands behind `document`, by the signature `raw`.

    `certificates` are those of the listed signers by fingerprint, `now` is in Unix seconds. Raises PatchRefusedError.
    """
    found = _one_packet(raw)
    if found.kind != packet.SignatureType.Binary:
        _refuse(
            patches.Reason.SIGNATURE_NOT_BINARY,
            f"is not over the bytes as they are (type {found.kind}). {_TRY_AGAIN}.",
        )
    if found.digest not in _DIGESTS:
        _refuse(patches.Reason.SIGNATURE_WEAK_DIGEST, f"must use SHA-256, SHA-384 or SHA-512. {_TRY_AGAIN}.")
    issuer = found.issuer
    certificate = next((one for one in certificates.values() if issuer in one.keys), None)
    if issuer is None or certificate is None:
        _refuse(patches.Reason.SIGNATURE_UNLISTED, "is of no listed key. Ask who looks after this Council to list it.")
    _check_keys(certificate, issuer, revoked, now)
    _check_times(found, certificate, issuer, now)
    _compute(document, raw, certificate, issuer)
    return certificate.fingerprint


def _one_packet(raw: bytes) -> _Found:
    if not raw or len(raw) > BYTES_MAX:
        _refuse(patches.Reason.SIGNATURE_TOO_LARGE, f"has {len(raw)} bytes; 1 to {BYTES_MAX} are read. {_TRY_AGAIN}.")
    # A binary packet begins with its highest bit set. The engine would look for armour behind any other text.
    if raw[0] < 0x80:
        text = raw.strip()
        if text.count(b"-----BEGIN PGP ") > 1 or b"-----BEGIN PGP MESSAGE" in text:
            _refuse(patches.Reason.SIGNATURE_NOT_ONE, f"is not one detached signature. {_TRY_AGAIN}.")
        if not text.startswith(_BEGIN) or not text.endswith(_END) or text.count(b"-----") != 4:
            _refuse(patches.Reason.SIGNATURE_MALFORMED, f"is neither armoured nor binary. {_TRY_AGAIN}.")
    try:
        packets: list[packet.Packet] = list(packet.PacketPile.from_bytes(raw))
        found = _read(packets[0]) if len(packets) == 1 else None
    except Exception as error:  # whatever the engine raises, it could not read it
        raise _refusal(patches.Reason.SIGNATURE_MALFORMED, f"cannot be read. {_TRY_AGAIN}.") from error
    if len(packets) != 1:
        _refuse(
            patches.Reason.SIGNATURE_NOT_ONE,
            f"has {len(packets)} packets, not one. {_TRY_AGAIN}; each further signer gives a file of its own.",
        )
    if found is None:
        _refuse(patches.Reason.SIGNATURE_MALFORMED, f"is no signature of version 4. {_TRY_AGAIN}.")
    return found


def _read(one: packet.Packet) -> _Found | None:
    """Return what a packet says, None if it is no signature of version 4."""
    if one.tag != packet.Tag.Signature or one.signature_version != 4:
        return None
    made = one.signature_created.timestamp() if one.signature_created else None
    lasts: timedelta | None = one.signature_validity_period
    expires = None if made is None or lasts is None else made + lasts.total_seconds()
    return _Found(one.signature_type, one.hash_algorithm, one.issuer_fingerprint, made, expires)


def _check_keys(certificate: Certificate, issuer: str, revoked: Collection[str], now: float) -> None:
    for name in (certificate.fingerprint, issuer):
        key = certificate.keys[name]
        if key.revoked or name in revoked:
            _refuse(patches.Reason.SIGNATURE_REVOKED, "is of a key that was revoked. Sign with one that is not.")
        if key.expires is not None and key.expires <= now:
            _refuse(
                patches.Reason.SIGNATURE_KEY_EXPIRED,
                "is of a key that has expired. Extend the key, have its new certificate listed, and sign again.",
            )


def _check_times(found: _Found, certificate: Certificate, issuer: str, now: float) -> None:
    born = max(certificate.keys[name].created for name in (certificate.fingerprint, issuer))
    if found.made is None or found.made > now + AHEAD_S_MAX or found.made < born:
        _refuse(
            patches.Reason.SIGNATURE_TIME,
            "must say when it was made, not in the future and not before its key. Set the clock and sign again.",
        )
    if found.expires is not None and found.expires <= now:
        _refuse(patches.Reason.SIGNATURE_EXPIRED, f"has expired. {_TRY_AGAIN}.")


def _compute(document: bytes, raw: bytes, certificate: Certificate, issuer: str) -> None:
    try:
        signature = pysequoia.Sig.from_bytes(raw)
        found = pysequoia.verify(bytes=document, store=lambda _: [certificate.engine], signature=signature).valid_sigs
    except Exception as error:  # whatever the engine raises, it is no yes
        raise _wrong() from error
    if [(one.certificate, one.signing_key) for one in found] != [(certificate.fingerprint, issuer)]:
        raise _wrong()


def _wrong() -> errors.PatchRefusedError:
    return _refusal(
        patches.Reason.SIGNATURE_WRONG,
        "is not of these bytes, or not of that key. Send the file that was signed, byte for byte, or sign it again.",
    )


def _refusal(reason: patches.Reason, what: str) -> errors.PatchRefusedError:
    return errors.PatchRefusedError(f"The signature {what}", reason=reason)


def _refuse(reason: patches.Reason, what: str) -> NoReturn:
    raise _refusal(reason, what)


def _unusable(fingerprint: str, what: str) -> errors.ConfigError:
    return errors.ConfigError(
        f"The certificate of {fingerprint} {what}. Export it with `gpg --armor --export {fingerprint}`."
    )
