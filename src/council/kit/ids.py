"""Identifiers that sort by time of birth."""

import os
import secrets

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(now_us: int) -> str:
    """Return a 26-character ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits."""
    return ulid_from(now_us, os.urandom(10))


def ulid_from(at_us: int, rest: bytes) -> str:
    """Return the ULID of this time whose other 80 bits are `rest`."""
    assert len(rest) == 10, "80 bits"
    value = ((at_us // 1_000) & ((1 << 48) - 1)) << 80 | int.from_bytes(rest, "big")
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def secret(prefix: str) -> str:
    """Return `prefix` plus 256 random bits, URL-safe."""
    return prefix + secrets.token_urlsafe(32)


def time_us(identifier: str) -> int:
    """Return the time, in microseconds, that a ULID begins with; 0 for what is none."""
    value = 0
    for letter in identifier[:10]:
        place = _CROCKFORD.find(letter)
        if place < 0:
            return 0
        value = value << 5 | place
    return (value & ((1 << 48) - 1)) * 1_000
