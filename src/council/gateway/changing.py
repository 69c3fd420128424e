"""Who may change something, and that it is found again: the right, the rate limit, and a row in the audit before it is done."""

from starlette.requests import Request

from council.domain import access
from council.gateway import limits, parts


async def admit(made: parts.Parts, request: Request, right: access.Right) -> access.Principal:
    """Return who asks, once their deed is noted, by a token as by a browser.

    Raises UnauthenticatedError, ForbiddenError, RateLimitedError, RecordsUnavailableError.
    """
    caller = made.doorkeeper.admit(request, right)
    limits.tell(request, await made.limiter.admit(caller))
    await made.guests.witness(request.scope, caller)
    return caller
