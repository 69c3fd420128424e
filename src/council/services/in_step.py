"""One work of the steward: keeps the forge and what serves in step, and takes the local forge's pull requests to their merge.

What it does is in `delivery/`; a turn that fails is taken again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.routing import Route

from council import care_app, care_ports, telemetry
from council.delivery import courier, lines, pulls
from council.domain import errors, home
from council.domain import forge as forge_module
from council.services import hook, turns

_log = logging.getLogger(__name__)

# Between two steps of one work.
_BETWEEN_S = 0.2
# So long it is not woken after a turn.
_WOKEN_S = 1.0
_MARK = "in-step"
# Housekeeping waits for a turn with nothing to do, and is looked for so long after the start and so often.
_TIDY_FIRST_S, _TIDY_EVERY_S = 600.0, 3600.0
# A trial of a patch takes minutes at most.
_TURN_S_MAX = 900.0


class InStep:
    """Implements steward.Work."""

    name = "forge"

    def __init__(
        self,
        settings: forge_module.ForgeConfig,
        where: home.Home,
        forge: care_ports.Forge,
        service: care_ports.PatchService,
        knock: hook.Hook | None = None,
    ) -> None:
        self._settings = settings
        self._where = where
        self._forge = forge
        self._service = service
        self._hook = knock
        self._step = ""
        self._tidy_at_s: float | None = None
        self._turns = turns.Turns(
            _log, "the forge is not in step", _TURN_S_MAX, settings.poll_s, telemetry.FORGE_ERRORS.inc
        )

    @property
    def is_well(self) -> bool:
        """Whether no turn hangs. A folder of the forge that went away can only be had by beginning anew."""
        return not self._turns.is_late and (self._settings.kind != "local" or self._where.forge.is_dir())

    @property
    def routes(self) -> Sequence[Route]:
        """Where a forge that tells of news knocks."""
        return [] if self._hook is None else [Route("/webhook", self._hook.answer, methods=["POST"])]

    def told(self) -> dict[str, Any]:
        """Return its last step, and why it is not in step, "" where it is."""
        return {"step": self._step, "problem": self._turns.problem}

    async def run(self) -> None:
        """Take turns until cancelled."""
        watch = care_app.watch(self._where)
        is_local = self._settings.kind == "local"
        mark = self._where.steward_work / _MARK
        carrying = courier.Courier(
            courier.Parts(self._forge, self._service, watch, self._where.generations, mark, of_main=not is_local)
        )

        def base() -> Path:
            return self._where.generations / carrying.live

        judging = pulls.Referee(pulls.Parts(self._forge, self._service, watch, base)) if is_local else None
        while True:
            has_more, asked_s = await self._turns.take(lambda: self._turn(carrying, judging))
            if has_more is False and self._step == lines.InStep.__name__:
                await self._tidy()
            wait_s = _BETWEEN_S if has_more else max(self._settings.poll_s, asked_s or 0.0)
            await self._rest(wait_s, left_alone=asked_s is not None)

    async def close(self) -> None:
        """Close the forge."""
        await self._forge.close()

    async def _rest(self, wait_s: float, *, left_alone: bool = False) -> None:
        """Wait until the next turn is due, or until somebody wakes it who may: nobody where the forge is to be `left_alone`."""
        self._turns.due_in(wait_s)
        may_wake = self._hook is not None and not left_alone
        if not may_wake or wait_s <= _WOKEN_S:
            await asyncio.sleep(wait_s)
            return
        assert self._hook is not None
        await asyncio.sleep(_WOKEN_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s - _WOKEN_S):
                await self._hook.woken.wait()
        self._hook.woken.clear()

    async def _tidy(self) -> None:
        """Have the forge do its housekeeping, where that is due. That it cannot is no reason to serve less."""
        now_s = asyncio.get_running_loop().time()
        if self._tidy_at_s is None:
            self._tidy_at_s = now_s + _TIDY_FIRST_S
        if now_s < self._tidy_at_s:
            return
        self._tidy_at_s = now_s + _TIDY_EVERY_S
        try:
            if await self._forge.tidy():
                _log.info("the forge was tidied")
        except errors.ForgeError as error:
            _log.warning("the forge could not be tidied", extra={"reason": error.message})

    async def _turn(self, carrying: courier.Courier, judging: pulls.Referee | None) -> bool:
        """Take one turn; return whether there is more to do at once."""
        step = await carrying.turn()
        self._step = type(step).__name__
        telemetry.FORGE_STEPS.labels(self._step).inc()
        telemetry.FORGE_IN_STEP.labels("steward").set(isinstance(step, lines.InStep))
        match step:
            case lines.InStep() if judging is not None and (judging.waits or not carrying.is_still):
                return await judging.turn(await self._forge.head())
            case lines.Push() | lines.Restore():
                _log.info("main was brought into step", extra={"step": self._step, "main": carrying.live})
                return True
            case lines.Unrelated():
                raise errors.ForgeConflictError(
                    "Main of the forge and what serves have nothing in common, so nothing is done. Give Council a repository "
                    "of its own, or have main hold what serves: `council status` names the generation."
                )
        return False
