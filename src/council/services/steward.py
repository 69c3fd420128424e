"""The steward process: works that go on beside each other, each in a module of its own beside this one.

`in_step` keeps the forge and what serves in step; `guiding` keeps the guides in the store; `observer` keeps snapshots, and
tells people of gates that stay red; `archiver` puts each day into the forge; `scaling` carries out overrides of how many
gateways run; `healing` repairs what is wrong; `securing` looks at how safe all of it is; `proposed` opens the pull requests of
bots. The steward holds the forge's token and no key that signs. A work that does not get on makes `/livez` fail, so that the
supervisor starts the process anew.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council import care_app, care_ports, homes, observing, telemetry
from council.backends.patch_service import http
from council.delivery import pulls
from council.domain import config as config_module
from council.domain import home, orders
from council.kit import halt
from council.services import (
    archiver,
    guiding,
    harness,
    healing,
    hook,
    in_step,
    local_hosts,
    observer,
    proposed,
    rights,
    scaling,
    securing,
    tracing,
)


class Work(Protocol):
    """What goes on as long as the steward does."""

    @property
    def name(self) -> str:
        """What `/livez` calls it."""

    @property
    def is_well(self) -> bool:
        """Whether it gets on; where it hangs, or lacks what only a new process can have, it does not."""

    @property
    def routes(self) -> Sequence[Route]:
        """What the port serves of it."""

    def told(self) -> dict[str, Any]:
        """Return what `/livez` says of it; `problem` is why it does not get on, "" where it does."""

    async def run(self) -> None:
        """Do it until cancelled."""

    async def close(self) -> None:
        """Close what it leans on."""


def main(config: config_module.Config, where: home.Home) -> int:
    """Do every work until told to stop."""
    environment = harness.begin("steward", traceable=True)
    harness.setup_logging(environment.name)
    health = environment.tcp_socket("health", "127.0.0.1", config.steward_port)
    where.steward_work.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.update(TMPDIR=str(where.steward_work), SQLITE_TMPDIR=str(where.steward_work), RUST_BACKTRACE="0")
    # Made first: the forge's token is read before the confinement, and its folder is what that leaves to be written.
    forge, archived = (care_app.forge(config.forge, where, pulls.ACCOUNT) for _ in range(2))
    knock = hook.Hook(care_app.read_secret(where.forge_webhook_file)) if config.forge.webhook else None
    with contextlib.suppress(PermissionError):
        where.forge.mkdir(mode=0o700, exist_ok=True)
    key = care_app.read_secret(where.steward_key_file)
    service = http.HttpPatchService(f"http://127.0.0.1:{config.patchctl_port}", key)
    works: list[Work] = [observer.made(where, service, lambda: environment.generation, archived)]

    def settings() -> config_module.Config:
        # Whole, and not as the steward's own row has them: they are those of whichever generation serves.
        return observer.settings_of(where, environment.generation)

    works.append(scaling.made(settings(), where, lambda: settings().gateway))
    works.append(securing.made(where, lambda: environment.generation))
    works.append(healing.made(where, service, lambda: environment.generation))
    if forge is not None:
        works.append(in_step.InStep(config.forge, where, forge, service, knock))
    if archived is not None:
        works.append(archiver.made(where, archived, lambda: environment.generation))
    # A home whose `council up` is of a release from before there were bots has no such key.
    if where.bots_key_file.exists():
        bots_key = care_app.read_secret(where.bots_key_file)

        def paused() -> str:
            return one.reason if (one := halt.standing(where.autonomy_file)) else ""

        works.append(proposed.Proposed(where, config.forge, service, bots_key, paused))
    observing.tell_inputs("steward", homes.inputs_digest(where, environment.generation, "steward"))
    rights.confine_service("steward", config, where)
    tracing.listen()
    guided = guiding.made(config, where, lambda: environment.generation, key)
    made = _Steward(environment, service, [*works, guided])

    def obey(order: orders.Order) -> None:
        if order.word == orders.LIVE:
            guided.follow()

    harness.serve(
        local_hosts.only(made.application()),
        health,
        environment,
        drain_s=0.0,
        is_well=lambda: made.is_well,
        on_order=obey,
    )
    return 0


class _Steward:
    def __init__(
        self, environment: harness.ServiceEnvironment, service: care_ports.PatchService, works: Sequence[Work]
    ) -> None:
        self._environment = environment
        self._service = service
        self._works = works

    def application(self) -> Starlette:
        """Return what the port serves; its lifespan does the works."""
        own = [Route("/livez", self._live), Route("/readyz", self._live), Route("/metrics", self._metrics)]
        return Starlette(
            routes=[*own, *(route for one in self._works for route in one.routes)], lifespan=self._lifespan
        )

    @property
    def is_well(self) -> bool:
        """Whether every work gets on."""
        return all(one.is_well for one in self._works)

    async def _live(self, _: Request) -> Response:
        told = {"generation": self._environment.generation, "inputs_digest": observing.inputs_of("steward")}
        works = {one.name: {"live": one.is_well, **one.told()} for one in self._works}
        body = {"live": self.is_well, "works": works, **told}
        return JSONResponse(body, 200 if self.is_well else 503)

    async def _metrics(self, _: Request) -> Response:
        observing.observe_process("steward", self._environment.generation)
        return Response(telemetry.render(), media_type=telemetry.CONTENT_TYPE)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        running = [asyncio.create_task(one.run(), name=one.name) for one in self._works]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            for one in self._works:
                await one.close()
            await self._service.close()
