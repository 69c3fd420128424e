"""How many different users have a request in flight. In this process: one who asks two gateway workers at once counts twice."""

from starlette.requests import HTTPConnection
from starlette.types import Scope

from council import telemetry
from council.domain import access

# Where in an exchange's state stands to which crowd its caller belongs, and as whom they were met.
_CROWD = "crowd"
_CALLER = "caller"


class Crowd:
    """Everybody who waits now. Holds no more names than the gateway has requests in flight."""

    def __init__(self) -> None:
        self._requests: dict[str, int] = {}

    def expect(self, scope: Scope) -> None:
        """Let the caller of this exchange be counted, once somebody knows who it is."""
        scope["state"][_CROWD] = self

    def part(self, scope: Scope) -> None:
        """Note that an exchange is over. Idempotent."""
        scope["state"].pop(_CROWD, None)
        name = scope["state"].pop(_CALLER, None)
        if name is not None:
            self._requests[name] -= 1
            if not self._requests[name]:
                del self._requests[name]
            telemetry.USERS_IN_FLIGHT.set(len(self._requests))

    def add(self, name: str) -> None:
        """Count one more request of somebody."""
        self._requests[name] = self._requests.get(name, 0) + 1
        telemetry.USERS_IN_FLIGHT.set(len(self._requests))


def met(connection: HTTPConnection, principal: access.Principal) -> None:
    """Count the caller of an exchange that expects one; the first time alone."""
    state = connection.scope.get("state", {})
    crowd = state.get(_CROWD)
    if not isinstance(crowd, Crowd) or _CALLER in state:
        return
    address = connection.client.host if connection.client is not None else ""
    # Callers without a token share one name, and are told apart by where they are.
    state[_CALLER] = f"user {principal.user_id}" if principal.token_id else f"address {address}"
    crowd.add(state[_CALLER])
