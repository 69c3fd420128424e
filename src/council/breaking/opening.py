"""Opens a stage: on the Council that runs in a home, or on one of the campaign's own."""

import contextlib
import random
import time
from collections.abc import AsyncIterator
from typing import Any

from council import homes
from council.breaking import asking, managers, own_home, undo
from council.breaking import stage as stages
from council.domain import config as config_module
from council.domain import errors
from council.domain import home as home_module
from council.kit import cpu
from council.upkeep.chaos import mark


@contextlib.asynccontextmanager
async def on_running(
    where: home_module.Home, config: config_module.Config, base: str, tls: Any, token: str, seed: int
) -> AsyncIterator[stages.Stage]:
    """Give the stage of a Council that runs.

    Raises ForbiddenError where its home is not marked, UnavailableError where another command breaks it.
    """
    mark.check(where.chaos)
    with undo.alone(where):
        _take_out_what_was_left(where)
        async with _running(where, config, base, tls, token, seed) as stage:
            yield stage


def _take_out_what_was_left(where: home_module.Home) -> None:
    left = undo.left(where)
    if left.failed or left.unbelieved:
        raise errors.UnavailableError(
            f"What a command before this left in is not out: {'; '.join(left.failed) or left.unbelieved}. "
            "`council chaos undo` tries again."
        )


@contextlib.asynccontextmanager
async def _running(
    where: home_module.Home, config: config_module.Config, base: str, tls: Any, token: str, seed: int
) -> AsyncIterator[stages.Stage]:
    manager: stages.Manager = (
        managers.Systemd(where)
        if managers.systemd_scope(where)
        else managers.Restarter(where, config.port, managers.environment_of(where))
    )
    asker = asking.Asker(base, token, config.model.name, relayed=False, said=cpu.runs_local_model(), tls=tls)
    try:
        async with asker:
            yield stages.Stage(where, config, random.Random(seed), asker, manager)  # noqa: S311 - chance that can be repeated
    finally:
        await manager.close()


@contextlib.asynccontextmanager
async def on_own(
    port: int, seed: int, who: mark.Mark, more: own_home.More | None = None
) -> AsyncIterator[stages.Stage]:
    """Make a home, start its Council, and give its stage; all of it is gone afterwards."""
    async with own_home.made(port, who, more or own_home.More()) as own:
        await own_home.until_upstream(own.upstream)
        config = homes.load_config(own.where, None, own.environment, {"port": port})
        manager, signer = (
            own_home.manager(own),
            None if own.keyring is None else own_home.Signer(own, own.keyring, time.time),
        )
        token = own.where.token_file.read_text().strip()
        asker = asking.Asker(
            f"http://127.0.0.1:{port}", token, config.model.name, relayed=True, said=cpu.runs_local_model()
        )
        manager.start()
        try:
            async with asker:
                yield stages.Stage(
                    own.where, config, random.Random(seed), asker, manager, own.upstream, own.small_disk, signer  # noqa: S311
                )  # fmt: skip
        finally:
            if signer is not None:
                await signer.close()
            await manager.stop()
