"""One work of the steward: opens pull requests for bots, which reach neither the forge nor the blueprint's git themselves.

A bot shows the key in `secrets/bots.key`, and a patch that a listed bot has signed. What is opened is looked at, tried and
merged like every other pull request; here is only kept out what could not come to that, so that the forge does not fill.
"""

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Any

import pydantic
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council import care_app, care_ports
from council.delivery import proposing
from council.domain import authz, errors, home, patches
from council.domain import forge as forge_module
from council.gateway import exchange
from council.patching import situation
from council.upkeep.engine import blueprint
from council.upkeep.patchctl.core import judging

_BODY_BYTES_MAX = 4 * patches.PATCH_BYTES_MAX // 3 + 64 * 1024
_BODY_S = 10.0
_HOUR_S = 3600.0
# Of all bots together; beyond it something is wrong with them.
OPENED_MAX = 12
_ROWS_MAX = 500
_STATUS = {
    "malformed_body": 400,
    "invalid_request": 400,
    "invalid_api_key": 401,
    "rate_limit_exceeded": 429,
    "patch_refused": 422,
    "not_found": 404,
    "forbidden": 403,
}


class _Sent(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    patch: str
    signature: str


class Proposed:
    """Implements steward.Work."""

    name = "proposals"

    def __init__(
        self,
        where: home.Home,
        settings: forge_module.ForgeConfig,
        service: care_ports.PatchService,
        key: str,
        paused: Callable[[], str] = lambda: "",
    ) -> None:
        """`paused` says why nothing may change by itself, "" where it may. Tokens are read here. Raises SetupError."""
        self._where = where
        self._settings = settings
        self._service = service
        self._key = key
        self._paused = paused
        self._forge = forges(settings, where)
        self._opened_s: list[float] = []
        self._opening = asyncio.Lock()

    @property
    def is_well(self) -> bool:
        """It only answers."""
        return True

    @property
    def routes(self) -> Sequence[Route]:
        """What bots ask."""
        return [
            Route("/proposals", self._base),
            Route("/proposals", self._propose, methods=["POST"]),
            Route("/proposals/changes", self._changes),
        ]

    def told(self) -> dict[str, Any]:
        """Return how many were opened within the hour."""
        return {"opened": len(self._recent()), "problem": ""}

    async def run(self) -> None:
        """Nothing goes on by itself."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is held."""

    async def _base(self, request: Request) -> Response:
        return await self._answered(request, self._tell_base)

    async def _changes(self, request: Request) -> Response:
        return await self._answered(request, self._tell_changes)

    async def _propose(self, request: Request) -> Response:
        return await self._answered(request, self._open)

    async def _answered(self, request: Request, answer: Any) -> Response:
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            if not hmac.compare_digest(shown.encode(), self._key.encode()):
                raise errors.UnauthenticatedError("This is for bots of this home. Show the key in `secrets/bots.key`.")
            return JSONResponse(await answer(request))
        except errors.CouncilError as error:
            told = {"code": error.code, "message": error.message, "reason": error.reason}
            return JSONResponse(told, _STATUS.get(error.code, 503))

    async def _tell_base(self, _: Request) -> dict[str, Any]:
        tree, generation = "", blueprint.current(self._where)
        if (there := self._forge("")) is not None:
            try:
                tree = (await there.head()).tree
            finally:
                await there.close()
        return {"generation": generation, "tree": tree, "forge": self._settings.kind, "paused": self._paused()}

    async def _tell_changes(self, request: Request) -> dict[str, Any]:
        given = request.query_params.get("limit", "")
        limit = min(_ROWS_MAX, int(given)) if given.isdecimal() else _ROWS_MAX
        return {"changes": await self._service.rows(max(1, limit))}

    async def _open(self, request: Request) -> dict[str, Any]:
        body = await exchange.form(request, _BODY_S, _BODY_BYTES_MAX, _Sent)
        try:
            document, signature = (base64.b64decode(one, validate=True) for one in (body.patch, body.signature))
        except (binascii.Error, ValueError) as error:
            raise errors.MalformedBodyError("`patch` and `signature` must be base64. Send the exact bytes.") from error
        if paused := self._paused():
            raise errors.ForbiddenError(
                f"Nothing changes by itself now: {paused}. `council autonomy resume` ends that."
            )
        async with self._opening:
            return {"number": await self._opened(patches.Submission(document, signature))}

    async def _opened(self, sent: patches.Submission) -> int:
        if len(self._recent()) >= OPENED_MAX:
            raise errors.RateLimitedError(
                f"Bots opened {OPENED_MAX} pull requests within an hour. See `council bots log`."
            )
        live = self._where.generations / blueprint.current(self._where)
        seen = await asyncio.to_thread(situation.look_at, live)
        if (asked := self._forge("")) is None:
            raise errors.ForgeForbiddenError(
                "There is no forge, so nobody can open pull requests. Set `forge.kind` to `local`, or propose by hand."
            )
        try:
            head = await asked.head()
        finally:
            await asked.close()
        at = situation.situation_at(live, seen, {head.tree, head.commit}, time.time())
        verdict = await asyncio.to_thread(judging.judge, sent, at)
        # What a person must sign, too, is opened for that.
        awaits = verdict.reason == patches.Reason.PROTECTED
        if (verdict.reason and not awaits) or verdict.patch is None or verdict.signer is None:
            raise errors.PatchRefusedError(verdict.message, reason=verdict.reason)
        if verdict.signer.kind is not authz.Kind.BOT or not verdict.signer.account:
            raise errors.PatchRefusedError(
                f"{verdict.signer.name} is no bot with an account on the forge. `council bots enable` lists one.",
                reason=patches.Reason.PATH_NOT_ALLOWED,
            )
        draft = proposing.Draft(sent, verdict.patch, verdict.signer)
        if (there := self._forge(verdict.signer.account)) is None:
            raise errors.ForgeForbiddenError(
                f"A pull request counts for who opened it, and there is no token of {verdict.signer.account!a}. Put one into "
                "`secrets/forge_accounts/ACCOUNT.token` of the home, then start Council anew."
            )
        try:
            number = await proposing.propose(there, head.commit, draft)
        finally:
            await there.close()
        self._opened_s.append(time.monotonic())
        return number

    def _recent(self) -> list[float]:
        self._opened_s = [one for one in self._opened_s if time.monotonic() - one < _HOUR_S]
        return self._opened_s


def forges(settings: forge_module.ForgeConfig, where: home.Home) -> Callable[[str], care_ports.Forge | None]:
    """Return what gives the forge as an account sees it, "" for the steward's own; None where there is none, or no token of it.

    Tokens are read now, before the process confines itself. Raises SetupError.
    """
    if settings.kind != "github":
        return lambda account: care_app.forge(settings, where, account)
    tokens = {"": care_app.read_secret(where.forge_token_file)}
    tokens |= {file.stem: care_app.read_secret(file) for file in sorted(where.forge_accounts.glob("*.token"))}

    def asked(account: str) -> care_ports.Forge | None:
        if account not in tokens:
            return None
        return care_app.github_forge(settings.repository, tokens[account], account, settings.api_url)

    return asked
