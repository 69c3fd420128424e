"""Makes OpenPGP certificates and signatures packet by packet (RFC 4880), also such as no honest program would make."""

import dataclasses
import hashlib
from collections.abc import Sequence

import pysequoia
from cryptography.hazmat.primitives.asymmetric import ed25519

EDDSA = 22
SHA1, RIPEMD, SHA256, SHA384, SHA512, SHA224, MD5 = 2, 3, 8, 9, 10, 11, 1
_HASHES = {MD5: "md5", SHA1: "sha1", SHA256: "sha256", SHA384: "sha384", SHA512: "sha512", SHA224: "sha224"}
BINARY, TEXT, STANDALONE, POSITIVE, SUBKEY_BINDING, BACK, DIRECT, KEY_REVOCATION, SUBKEY_REVOCATION = (
    0x00, 0x01, 0x02, 0x13, 0x18, 0x19, 0x1F, 0x20, 0x28,
)  # fmt: skip
CERTIFY, SIGN, ENCRYPT = 1, 2, 12
_PUBLIC, _SUBKEY, _USER_ID, _SIGNATURE, _LITERAL, _ONE_PASS = 6, 14, 13, 2, 11, 4


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


@dataclasses.dataclass(frozen=True)
class Key:
    """A key pair, the same for the same name."""

    name: str
    created: int

    @property
    def private(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.name.encode()).digest())

    @property
    def body(self) -> bytes:
        point = b"\x40" + self.private.public_key().public_bytes_raw()
        curve = bytes.fromhex("2b06010401da470f01")
        return (
            b"\x04" + self.created.to_bytes(4, "big") + bytes([EDDSA, len(curve)]) + curve
            + (263).to_bytes(2, "big") + point
        )  # fmt: skip

    @property
    def hashed(self) -> bytes:
        return b"\x99" + len(self.body).to_bytes(2, "big") + self.body

    @property
    def fingerprint(self) -> str:
        return hashlib.sha1(self.hashed).hexdigest()


def signature(
    key: Key,
    data: bytes,
    made: int | None,
    *,
    kind: int = BINARY,
    digest: int = SHA256,
    lasts_s: int | None = None,
    key_lasts_s: int | None = None,
    flags: int | None = None,
    embedded: bytes = b"",
    issuer: str | None = None,
    reason: bytes = b"",
    unhashed: Sequence[tuple[int, bytes]] = (),
    version: int = 4,
) -> bytes:
    """Return a signature packet over `data` as it is to be hashed; `issuer` says that another key made it."""
    subpackets: list[tuple[int, bytes]] = []
    if made is not None:
        subpackets.append((2, made.to_bytes(4, "big")))
    if lasts_s is not None:
        subpackets.append((3, lasts_s.to_bytes(4, "big")))
    if key_lasts_s is not None:
        subpackets.append((9, key_lasts_s.to_bytes(4, "big")))
    if flags is not None:
        subpackets.append((27, bytes([flags])))
    if reason:
        subpackets.append((29, reason))
    if issuer != "":
        subpackets.append((33, b"\x04" + bytes.fromhex(issuer or key.fingerprint)))
    area = _area(subpackets)
    late = _area(
        [*unhashed, (16, bytes.fromhex(issuer or key.fingerprint)[-8:])] + ([(32, embedded)] if embedded else [])
    )
    head = bytes([version, kind, EDDSA, digest]) + len(area).to_bytes(2, "big") + area
    trailer = bytes([version, 0xFF]) + len(head).to_bytes(4, "big")
    hashed = hashlib.new(_HASHES.get(digest, "sha256"), data + head + trailer).digest()
    signed = key.private.sign(hashed)
    body = head + len(late).to_bytes(2, "big") + late + hashed[:2] + _mpi(signed[:32]) + _mpi(signed[32:])
    return packet(_SIGNATURE, body)


def _area(subpackets: Sequence[tuple[int, bytes]]) -> bytes:
    return b"".join(b"\xff" + (len(body) + 1).to_bytes(4, "big") + bytes([kind]) + body for kind, body in subpackets)


def _mpi(number: bytes) -> bytes:
    stripped = number.lstrip(b"\0")
    return (int.from_bytes(stripped, "big").bit_length()).to_bytes(2, "big") + stripped


@dataclasses.dataclass(frozen=True)
class Owner:
    """A primary key with one signing subkey, and what the certificate says about them. Times in seconds."""

    name: str
    created: int
    lasts_s: int | None = None
    subkey_lasts_s: int | None = None
    flags: int = CERTIFY | SIGN
    subkey_flags: int = SIGN
    back: bool = True
    revoked_at: int | None = None
    subkey_revoked_at: int | None = None
    revoked_softly: bool = False

    @property
    def primary(self) -> Key:
        return Key(self.name, self.created)

    @property
    def subkey(self) -> Key:
        return Key(self.name + "'s subkey", self.created)

    @property
    def fingerprint(self) -> str:
        return self.primary.fingerprint

    def certificate(self) -> bytes:
        """Return the certificate as binary packets."""
        primary, subkey = self.primary, self.subkey
        user = f"{self.name} <{self.name.lower()}@example.org>".encode()
        why = b"\x01" if self.revoked_softly else b"\x02"
        parts = [packet(_PUBLIC, primary.body)]
        if self.revoked_at is not None:
            parts.append(signature(primary, primary.hashed, self.revoked_at, kind=KEY_REVOCATION, reason=why))
        named = primary.hashed + b"\xb4" + len(user).to_bytes(4, "big") + user
        parts += [
            packet(_USER_ID, user),
            signature(primary, named, self.created, kind=POSITIVE, flags=self.flags, key_lasts_s=self.lasts_s),
            packet(_SUBKEY, subkey.body),
        ]
        both = primary.hashed + subkey.hashed
        back = signature(subkey, both, self.created, kind=BACK)[6:] if self.back else b""
        parts.append(
            signature(
                primary, both, self.created, kind=SUBKEY_BINDING, flags=self.subkey_flags,
                key_lasts_s=self.subkey_lasts_s, embedded=back,
            )
        )  # fmt: skip
        if self.subkey_revoked_at is not None:
            parts.append(signature(primary, both, self.subkey_revoked_at, kind=SUBKEY_REVOCATION, reason=why))
        return b"".join(parts)


def armoured(raw: bytes) -> bytes:
    return pysequoia.armor(raw, pysequoia.ArmorKind.Signature).encode()


def text_form(data: bytes) -> bytes:
    """Return what a text signature is made over: each line's end is CR LF."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def inline(key: Key, data: bytes, made: int) -> bytes:
    """Return one message that carries what it signs."""
    one_pass = bytes([3, BINARY, SHA256, EDDSA]) + bytes.fromhex(key.fingerprint)[-8:] + b"\x01"
    literal = b"b\0" + made.to_bytes(4, "big") + data
    return packet(_ONE_PASS, one_pass) + packet(_LITERAL, literal) + signature(key, data, made)
