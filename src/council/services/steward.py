"""The steward process: keeps the forge and what serves in step, and takes the local forge's pull requests to their merge.

It holds the forge's token and no key that signs. What it does is in `delivery/`; a turn that fails is taken again.
"""

import asyncio
import contextlib
import logging
import math
import os
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council import care_app, care_ports, homes, observing, telemetry
from council.backends.patch_service import http
from council.delivery import courier, lines, pulls
from council.domain import config as config_module
from council.domain import errors, home
from council.services import harness, hook, local_hosts, rights, tracing

_log = logging.getLogger(__name__)

# Between two steps of one work.
_BETWEEN_S = 0.2
# So long it is not woken after a turn.
_WOKEN_S = 1.0
_MARK = "in-step"
# A trial of a patch takes minutes at most.
_TURN_S_MAX = 900.0


def main(config: config_module.Config, where: home.Home) -> int:
    """Keep in step until told to stop."""
    environment = harness.begin("steward", traceable=True)
    harness.setup_logging(environment.name)
    health = environment.tcp_socket("health", "127.0.0.1", config.steward_port)
    where.steward_work.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.update(TMPDIR=str(where.steward_work), RUST_BACKTRACE="0")
    # Made first: the forge's token is read before the confinement, and its folder is what that leaves to be written.
    forge = care_app.forge(config.forge, where, pulls.ACCOUNT)
    knock = hook.Hook(care_app.read_secret(where.forge_webhook_file)) if config.forge.webhook else None
    with contextlib.suppress(PermissionError):
        where.forge.mkdir(mode=0o700, exist_ok=True)
    service = http.HttpPatchService(
        f"http://127.0.0.1:{config.patchctl_port}", care_app.read_secret(where.steward_key_file)
    )
    observing.tell_inputs("steward", homes.inputs_digest(where, environment.generation, "steward"))
    rights.confine_service("steward", config, where)
    tracing.listen()
    made = _Steward(config, where, environment, forge, service, knock)
    harness.serve(local_hosts.only(made.application()), health, environment, drain_s=0.0, is_well=lambda: made.is_well)
    return 0


class _Steward:
    def __init__(
        self,
        config: config_module.Config,
        where: home.Home,
        environment: harness.ServiceEnvironment,
        forge: care_ports.Forge | None,
        service: care_ports.PatchService,
        knock: hook.Hook | None = None,
    ) -> None:
        self._config = config
        self._where = where
        self._environment = environment
        self._forge = forge
        self._service = service
        self._hook = knock
        self._problem = ""
        self._step = ""
        # When the turn under way began, by the loop's clock; never, where there is no forge.
        self._began_s = math.inf

    def application(self) -> Starlette:
        """Return what the port serves; its lifespan takes the turns."""
        routes = [Route("/livez", self._live), Route("/readyz", self._live), Route("/metrics", self._metrics)]
        if self._hook is not None:
            routes.append(Route("/webhook", self._hook.answer, methods=["POST"]))
        return Starlette(routes=routes, lifespan=self._lifespan)

    @property
    def is_well(self) -> bool:
        """Whether it can do its work. A folder of the forge that went away can only be had by beginning anew."""
        return not self.is_late and (self._config.forge.kind != "local" or self._where.forge.is_dir())

    @property
    def is_late(self) -> bool:
        """Whether a turn has begun so long ago that it hangs."""
        return asyncio.get_running_loop().time() - self._began_s > _TURN_S_MAX + self._config.forge.poll_s

    async def _live(self, _: Request) -> Response:
        told = {"generation": self._environment.generation, "inputs_digest": observing.inputs_of("steward")}
        body = {"live": self.is_well, "step": self._step, "problem": self._problem, **told}
        return JSONResponse(body, 200 if self.is_well else 503)

    async def _metrics(self, _: Request) -> Response:
        observing.observe_process("steward", self._environment.generation)
        return Response(telemetry.render(), media_type=telemetry.CONTENT_TYPE)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        turning = asyncio.create_task(self._keep_in_step(self._forge)) if self._forge else None
        try:
            yield
        finally:
            if turning is not None:
                turning.cancel()
                await asyncio.gather(turning, return_exceptions=True)
            if self._forge is not None:
                await self._forge.close()
            await self._service.close()

    async def _keep_in_step(self, forge: care_ports.Forge) -> None:
        watch = care_app.watch(self._where)
        is_local = self._config.forge.kind == "local"
        mark = self._where.steward_work / _MARK
        parts = courier.Parts(forge, self._service, watch, self._where.generations, mark, of_main=not is_local)
        carrying = courier.Courier(parts)

        def base() -> Path:
            return self._where.generations / carrying.live

        judging = pulls.Referee(pulls.Parts(forge, self._service, watch, base)) if is_local else None
        while True:
            self._began_s = asyncio.get_running_loop().time()
            wait_s = self._config.forge.poll_s
            try:
                async with asyncio.timeout(_TURN_S_MAX):
                    if await self._turn(forge, carrying, judging):
                        wait_s = _BETWEEN_S
                self._told("")
            except errors.CouncilError as error:
                self._told(error.message)
                telemetry.FORGE_ERRORS.inc()
                wait_s = max(wait_s, float(error.retry_after_s or 0))
            except Exception as error:  # noqa: BLE001 - one bad turn must not end the others
                _log.exception("a turn failed")
                self._told(type(error).__name__)
                telemetry.FORGE_ERRORS.inc()
            await self._rest(wait_s)

    async def _rest(self, wait_s: float) -> None:
        """Wait until the next turn is due, or until somebody wakes it who may."""
        # Until then it is not late.
        self._began_s = asyncio.get_running_loop().time() + wait_s
        # Where the forge asks to be left alone nobody wakes it before.
        may_wake = self._hook is not None and wait_s <= self._config.forge.poll_s
        if not may_wake or wait_s <= _WOKEN_S:
            await asyncio.sleep(wait_s)
            return
        assert self._hook is not None
        await asyncio.sleep(_WOKEN_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s - _WOKEN_S):
                await self._hook.woken.wait()
        self._hook.woken.clear()

    async def _turn(self, forge: care_ports.Forge, carrying: courier.Courier, judging: pulls.Referee | None) -> bool:
        """Take one turn; return whether there is more to do at once."""
        step = await carrying.turn()
        self._step = type(step).__name__
        telemetry.FORGE_STEPS.labels(self._step).inc()
        telemetry.FORGE_IN_STEP.labels("steward").set(isinstance(step, lines.InStep))
        match step:
            case lines.InStep() if judging is not None and (judging.waits or not carrying.is_still):
                return await judging.turn(await forge.head())
            case lines.Push() | lines.Restore():
                _log.info("main was brought into step", extra={"step": self._step, "main": carrying.live})
                return True
            case lines.Unrelated():
                raise errors.ForgeConflictError(
                    "Main of the forge and what serves have nothing in common, so nothing is done. Give Council a repository "
                    "of its own, or have main hold what serves: `council status` names the generation."
                )
        return False

    def _told(self, problem: str) -> None:
        if problem and problem != self._problem:
            _log.warning("the forge is not in step", extra={"reason": problem})
        self._problem = problem
