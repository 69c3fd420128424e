"""Identifiers that sort by time of birth."""

import os
import secrets

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]


def ulid(now_us: int) -> str:
    """Return a 26-character ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits."""
    value = ((now_us // 1_000) & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join([_CROCKFORD_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])


def secret(prefix: str) -> str:
    """Return `prefix` plus 256 random bits, URL-safe."""
    return prefix + secrets.token_urlsafe(32)
