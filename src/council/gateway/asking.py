"""Who asks, as the serving loop must know it."""

from council.domain import access, config, ledger
from council.gateway import limits
from council.serving import pipeline


def asker(
    settings: config.Config,
    principal: access.Principal,
    admission: limits.Admission,
    memory: bool = False,
    session_id: str = "",
    cache: str | None = None,
) -> pipeline.Asker:
    """Return the asker that a caller is, with the budgets of their token."""
    degraded = ("store: rate limits count here only",) if admission.degraded else ()
    scope, general = f"token:{principal.token_id or 'anonymous'}", settings.budget
    budgets = (
        ledger.Budget(scope, "day", principal.day_usd_micros or general.token_day_usd_micros),
        ledger.Budget(scope, "month", principal.month_usd_micros or general.token_month_usd_micros),
    )
    # Callers without a token are several people with one name, who would see each other's questions.
    kept = cache if principal.token_id else "off"
    return pipeline.Asker(principal.user_id, principal.token_id, degraded, budgets, memory, session_id, kept)
