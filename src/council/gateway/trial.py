"""Marked requests: they go the whole way of a question and leave nothing behind, so that a generation can be tried.

Whoever has the trial's key marks a request by the header. The door recognises it before anybody looks at the body, gives it a
place of its own, and has what it counts kept apart; `parts.Parts.trials` has the pipeline that keeps nothing of it.
"""

import hmac

from starlette.types import Scope

from council import telemetry
from council.domain import access, errors
from council.gateway.wire import chat as wire
from council.serving import pipeline as pipeline_module

HEADER = "x-council-trial"
# As it stands in an exchange, for which it is looked up in every request.
_RAW_HEADER = HEADER.encode()
PATH = "/v1/chat/completions"
# Together with what users ask; a trial that asks more at once is told to wait.
PLACES = 4
# Where in an exchange's state stands what it counts apart.
_STATE = "apart"
# Nobody: a marked question has no user, no token and no budget.
ASKER = pipeline_module.Asker("", "")


class Trials:
    """Who may mark requests, and by which pipeline those are answered."""

    def __init__(self, key_sha256: str, pipeline: pipeline_module.Pipeline):
        self._key_sha256 = key_sha256
        self.pipeline = pipeline

    def recognise(self, scope: Scope) -> telemetry.Apart | None:
        """Return where a marked exchange counts; None for any other. Raises ForbiddenError, InvalidRequestError."""
        shown = [value for name, value in scope["headers"] if name == _RAW_HEADER]
        if not shown:
            return None
        if len(shown) != 1 or not self._is_key(shown[0].decode("latin-1")):
            telemetry.of(telemetry.UNAUTHORISED, "trial").inc()
            raise errors.ForbiddenError(
                f"The header `{HEADER}` is for whoever tries a generation, and this is not the key in the file "
                "`secrets/trial.key`. Leave the header out."
            )
        if (scope["method"], scope["path"]) != ("POST", PATH):
            raise errors.InvalidRequestError(
                f"The header `{HEADER}` marks questions to POST {PATH} alone. Leave it out.", parameter=HEADER
            )
        scope["state"][_STATE] = apart = telemetry.Apart()
        return apart

    def _is_key(self, shown: str) -> bool:
        return bool(shown) and hmac.compare_digest(access.digest(shown), self._key_sha256)


def apart(scope: Scope) -> telemetry.Apart | None:
    """Return where an exchange counts that was recognised as marked; None for any other."""
    found = scope["state"].get(_STATE)
    assert found is None or isinstance(found, telemetry.Apart), found
    return found


def check(asked: wire.ChatRequest, relayed: bool) -> None:
    """Return if a marked question may be asked. Raises UnsupportedParameterError for what would leave something behind."""
    for name, given in (
        ("model", relayed),
        ("memory", asked.memory),
        ("session", asked.session),
        ("cache", asked.cache not in (None, "off")),
    ):
        if given:
            raise errors.UnsupportedParameterError(
                f"A marked request is put to `council` or one of its specialists, without memory or cache; `{name}` asks for "
                "more. Leave it out.",
                parameter=name,
            )
