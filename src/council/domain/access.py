"""Who may do what: users, tokens, roles."""

import enum
import hashlib
from dataclasses import dataclass

TOKEN_PREFIX = "cncl_"  # noqa: S105 - a prefix by which leaked tokens are found, no secret


class Role(enum.StrEnum):
    """What a token may do; each includes the ones before it, except bot."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    BOT = "bot"


class Right(enum.StrEnum):
    """What an endpoint asks of its caller."""

    READ = "read"
    CHAT = "chat"
    EXECUTE = "execute"
    OPERATE = "operate"
    ADMINISTER = "administer"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.READ, Right.CHAT}),
    Role.OPERATOR: frozenset({Right.READ, Right.CHAT, Right.EXECUTE, Right.OPERATE}),
    Role.ADMIN: frozenset(Right),
    Role.BOT: frozenset({Right.READ, Right.CHAT, Right.EXECUTE}),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the records keep it: only a digest of the secret.

    `requests_per_minute` and the budgets None mean the configured default. `revoked_us` None means in force. `memory` is
    whether requests that do not say use the user's memory. `staging` limits it to trying patches and reading.
    """

    id: str
    user_id: str
    role: Role
    label: str
    secret_sha256: str
    created_us: int
    requests_per_minute: int | None = None
    revoked_us: int | None = None
    day_usd_micros: int | None = None
    month_usd_micros: int | None = None
    memory: bool = False
    staging: bool = False

    @property
    def rights(self) -> frozenset[Right]:
        """What it may do at the gateway: what its role may, and nothing that changes anything if it is limited."""
        return RIGHTS[self.role] & {Right.READ} if self.staging else RIGHTS[self.role]


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """What a token in force may spend, for whoever counts money and has no business with the token itself.

    None means the configured default. `label` is what its owner calls it.
    """

    id: str
    label: str
    day_usd_micros: int | None = None
    month_usd_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever makes a request. `token_id` is "" for a caller on loopback without a token.

    `staging` says that the token may have patches tried, and none applied. `session_id` is that of a signed-in browser, "" for
    others; then `token_id` names whose limits and budgets count.
    """

    user_id: str
    token_id: str
    rights: frozenset[Right]
    requests_per_minute: int
    day_usd_micros: int | None = None
    month_usd_micros: int | None = None
    memory: bool = False
    staging: bool = False
    role: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate limit. `retry_after_s` is 0 when allowed; `granted` counts the permits that were given."""

    allowed: bool
    limit: int
    remaining: int
    retry_after_s: float
    granted: int = 1


def digest(secret: str) -> str:
    """Return the SHA-256 of a token, in hex. Tokens carry 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
