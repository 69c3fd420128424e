"""The steward process: the forge, what serves, and the guides.

It keeps the forge and what serves in step, takes the local forge's pull requests to their merge, and keeps the guides in the
store in line with the guidebooks. It holds the forge's token and no key that signs. What it does is in `delivery/` and
`upkeep/guides/`; a turn that fails is taken again.
"""

import asyncio
import contextlib
import dataclasses
import hmac
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
from council.domain import errors, guides, home, orders
from council.kit import clock as clock_module
from council.kit import folder_events
from council.services import harness, local_hosts, renderer, rights, tracing
from council.upkeep.guides import loading

_log = logging.getLogger(__name__)

# Between two steps of one work.
_BETWEEN_S = 0.2
# A trial of a patch takes minutes at most.
_TURN_S_MAX = 900.0


def main(config: config_module.Config, where: home.Home) -> int:
    """Keep in step until told to stop."""
    environment = harness.begin("steward", traceable=True)
    harness.setup_logging(environment.name)
    health = environment.tcp_socket("health", "127.0.0.1", config.steward_port)
    where.steward_work.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.update(TMPDIR=str(where.steward_work), RUST_BACKTRACE="0")
    # Made first: the forge's token is read before the confinement.
    forge = care_app.forge(config.forge, where, pulls.ACCOUNT)
    key = care_app.read_secret(where.steward_key_file)
    service = http.HttpPatchService(f"http://127.0.0.1:{config.patchctl_port}", key)
    observing.tell_inputs("steward", homes.inputs_digest(where, environment.generation, "steward"))
    rights.confine_service("steward", config, where)
    tracing.listen()
    pages = renderer.Renderers()
    parts = loading.Parts(
        care_app.guidebook(config.store.url, where), pages.make, guides.FORM, config.guides, clock_module.SystemClock()
    )
    made = _Steward(config, where, environment, forge, service, _Guides(parts, where, environment, key))

    def obey(order: orders.Order) -> None:
        if order.word == orders.LIVE:
            made.guides.follow()

    harness.serve(
        local_hosts.only(made.application()),
        health,
        environment,
        drain_s=0.0,
        is_well=lambda: not made.is_late,
        on_order=obey,
    )
    pages.close()
    return 0


class _Guides:
    """The guides' loader, with what of it the steward's port serves: a sync, for whoever shows the steward's own key."""

    def __init__(
        self, parts: loading.Parts, where: home.Home, environment: harness.ServiceEnvironment, key: str
    ) -> None:
        self._where = where
        self._environment = environment
        self._key = key
        self._book = parts.book
        self._loader = loading.Loader(parts, loading.books(where, environment.generation))

    def follow(self) -> None:
        """Have the guidebook of the generation that is live now."""
        self._loader.follow(loading.books(self._where, self._environment.generation))

    async def keep(self) -> None:
        """Load at each change until cancelled."""
        # The library and not the folder in it, which may come and go.
        events = folder_events.FolderEvents(self._where.library)
        if events.problem:
            _log.warning("no events of files, so changes are found by looking", extra={"reason": events.problem})
        try:
            await self._loader.keep(events)
        finally:
            events.close()
            await self._book.close()

    @property
    def problem(self) -> str:
        """Why the guides are not up to date, "" where they are."""
        return self._loader.problem

    async def sync(self, request: Request) -> Response:
        """Read all documents anew and say how it went."""
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), self._key.encode()):
            return _failure(errors.ForbiddenError("This needs the key in `secrets/steward.key`."), 403)
        try:
            return JSONResponse(dataclasses.asdict(await self._loader.sync(anew=True)))
        except errors.CouncilError as error:
            return _failure(error, 503)


def _failure(error: errors.CouncilError, status: int) -> Response:
    return JSONResponse({"error": {"code": error.code, "message": error.message}}, status)


class _Steward:
    def __init__(
        self,
        config: config_module.Config,
        where: home.Home,
        environment: harness.ServiceEnvironment,
        forge: care_ports.Forge | None,
        service: care_ports.PatchService,
        kept_guides: _Guides,
    ) -> None:
        self._config = config
        self._where = where
        self._environment = environment
        self._forge = forge
        self._service = service
        self.guides = kept_guides
        self._problem = ""
        self._step = ""
        # When the turn under way began, by the loop's clock; never, where there is no forge.
        self._began_s = math.inf

    def application(self) -> Starlette:
        """Return what the port serves; its lifespan takes the turns."""
        return Starlette(
            routes=[
                Route("/livez", self._live),
                Route("/readyz", self._live),
                Route("/metrics", self._metrics),
                Route("/guides/sync", self.guides.sync, methods=["POST"]),
            ],
            lifespan=self._lifespan,
        )

    @property
    def is_late(self) -> bool:
        """Whether a turn has begun so long ago that it hangs."""
        return asyncio.get_running_loop().time() - self._began_s > _TURN_S_MAX + self._config.forge.poll_s

    async def _live(self, _: Request) -> Response:
        told = {"generation": self._environment.generation, "inputs_digest": observing.inputs_of("steward")}
        found = {"problem": self._problem, "guides_problem": self.guides.problem}
        body = {"live": not self.is_late, "step": self._step, **found, **told}
        return JSONResponse(body, 503 if self.is_late else 200)

    async def _metrics(self, _: Request) -> Response:
        observing.observe_process("steward", self._environment.generation)
        return Response(telemetry.render(), media_type=telemetry.CONTENT_TYPE)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        kept = (self.guides.keep(), *([self._keep_in_step(self._forge)] if self._forge else []))
        running = [asyncio.create_task(keeping) for keeping in kept]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            if self._forge is not None:
                await self._forge.close()
            await self._service.close()

    async def _keep_in_step(self, forge: care_ports.Forge) -> None:
        watch = care_app.watch(self._where)
        carrying = courier.Courier(courier.Parts(forge, self._service, watch, self._where.generations))

        def base() -> Path:
            return self._where.generations / carrying.live

        judging = None
        if self._config.forge.kind == "local":
            judging = pulls.Referee(pulls.Parts(forge, self._service, watch, base))
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
            # Until then it is not late.
            self._began_s = asyncio.get_running_loop().time() + wait_s
            await asyncio.sleep(wait_s)

    async def _turn(self, forge: care_ports.Forge, carrying: courier.Courier, judging: pulls.Referee | None) -> bool:
        """Take one turn; return whether there is more to do at once."""
        step = await carrying.turn()
        self._step = type(step).__name__
        telemetry.FORGE_STEPS.labels(self._step).inc()
        telemetry.FORGE_IN_STEP.labels("steward").set(isinstance(step, lines.InStep))
        match step:
            case lines.InStep() if judging is not None:
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
