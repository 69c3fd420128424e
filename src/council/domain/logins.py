"""Who is signed in with a browser: one-time codes that become sessions. Pure.

A code is in a link that the owner of the machine is shown, good once and for a while. A session is what a cookie stands for. Of
both only digests are kept. What a session may do is what its role may, and where a token was shown for it, it ends with that
token. Record 0042.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from council.domain import access

OWNER = "owner"
# Sessions in force at once; the oldest give way.
SESSIONS_MAX = 1000
CODES_MAX = 100
SECRET_CHARS_MAX = 512
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Code:
    """What a link carries: for whom it opens a session, and until when. Times in microseconds."""

    secret_sha256: str
    user_id: str
    role: access.Role
    created_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in. `token_id` is that of the token that was shown for it, "" where it was a link."""

    id: str
    secret_sha256: str
    user_id: str
    role: access.Role
    token_id: str
    created_us: int
    expires_us: int

    def in_force(self, at_us: int) -> bool:
        """Return whether it holds at a moment. One that is of the future was begun by a clock that was wrong."""
        return at_us < self.expires_us

    @property
    def payer(self) -> str:
        """Whose limits and budgets count: its token's, or its own."""
        return self.token_id or self.id


def new_secret() -> str:
    """Return 256 random bits as text that stands in links and cookies as it is."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def csrf_of(secret: str) -> str:
    """Return what a page must say beside the cookie: known to whoever was answered here, and to no other site."""
    return hmac.new(secret.encode("utf-8", "surrogatepass"), b"council csrf", hashlib.sha256).hexdigest()


def is_csrf(secret: str, shown: str) -> bool:
    """Return whether it is that."""
    return hmac.compare_digest(csrf_of(secret).encode(), shown.encode("utf-8", "surrogatepass"))
