"""What people did with the dashboard, a row each. Pure."""

from dataclasses import dataclass

# The newest are kept.
ROWS_MAX = 100_000
ACTION_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One action. `id` is the request's; `status` is None until it has ended."""

    id: str
    at_us: int
    user_id: str
    session_id: str
    role: str
    action: str
    status: int | None = None
