"""The bots' process: looks once an hour, for each bot that authz.yaml lists, whether there is cause, and runs it.

It has no port; the watcher tells what came of runs. What may read the keys parts from it first (`signer.py`), and then it gives
up that right itself; what reads untrusted text is a child without rights for each run (`drafter.py`). Where no bot is listed it
only waits.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from council import homes
from council.domain import bots, errors, home, orders
from council.domain import config as config_module
from council.kit import clock as clock_module
from council.services import bot_runs, harness, rights, signer
from council.upkeep.bots import registry
from council.upkeep.engine import blueprint

_log = logging.getLogger(__name__)

# At most so long until a bot that was just enabled, or a new `check_s`, counts.
_LOOK_S = 60.0
_RUN_S_MAX = 900.0


def main(config: config_module.Config, where: home.Home) -> int:
    """Run bots until told to stop."""
    environment = harness.begin("bots")
    harness.setup_logging(environment.name)
    # Before anything is read, and before this process gives up what it keeps.
    keys = signer.Signer(where, lambda: rights.confine_keys(where))
    releases = rights.releases_beside(where)
    rights.confine_service("bots", config, where)
    try:
        asyncio.run(_serve(environment, Schedule(where, keys, releases)))
    finally:
        keys.close()
    return 0


async def _serve(environment: harness.ServiceEnvironment, schedule: "Schedule") -> None:
    """Keep the schedule until SIGTERM; a run that goes on then is left, and the next one begins anew."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    keeping = asyncio.create_task(schedule.keep())
    environment.stir(lambda: schedule.is_well)
    # What serves is looked up for each run; that it was told of is what every switch waits for.
    environment.obey(_heard)
    await ending.wait()
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


async def _heard(_: orders.Order) -> None:
    return


class Schedule:
    """Runs each bot when it is due, one at a time."""

    def __init__(self, where: home.Home, keys: signer.Signer, releases: Sequence[Path] = ()) -> None:
        self._where = where
        self._keys = keys
        self._releases = releases
        # Made for the first run: without one there is no need for the records' libraries.
        self._parts: bot_runs.Parts | None = None
        self._began_s: float | None = None

    @property
    def is_well(self) -> bool:
        """Whether no run hangs, and what keeps the keys is there."""
        hangs = self._began_s is not None and time.monotonic() - self._began_s > 2 * _RUN_S_MAX
        return self._keys.is_alive and not hangs

    async def keep(self) -> None:
        """Look and run for ever."""
        seen_s = time.time()
        while True:
            check_s = self._check_s()
            due = {one.name: bots.due_s(one.offset_s, check_s, seen_s) for one in registry.BOTS}
            next_s = min(due.values())
            await asyncio.sleep(max(0.5, min(_LOOK_S, next_s - time.time())))
            now_s = time.time()
            # A clock that was put back only makes it wait anew.
            ready = [one for one in registry.BOTS if due[one.name] <= now_s]
            seen_s = now_s if ready or now_s < seen_s else seen_s
            for one in ready:
                await self._look(one)

    async def _look(self, bot: bots.Bot) -> None:
        self._began_s = time.monotonic()
        try:
            if homes.bot_signer(self._where, bot.name) is None or self._where.bot_pause_file(bot.name).exists():
                return
            async with asyncio.timeout(_RUN_S_MAX):
                if self._parts is None:
                    now_us = clock_module.SystemClock().now_us
                    self._parts = bot_runs.parts_of(self._where, self._keys, now_us, self._releases)
                done = await bot_runs.run(self._parts, bot)
            told = {"bot": bot.name, "outcome": done.run.outcome.value, "reason": done.run.reason, "cid": done.run.cid}
            _log.info("a bot has run", extra=told)
        except errors.CouncilError as error:
            _log.warning("a bot could not run", extra={"bot": bot.name, "reason": error.message})
        except Exception:  # noqa: BLE001 - one bad run must not end the others
            _log.exception("a bot's run failed")
        finally:
            self._began_s = None

    def _check_s(self) -> float:
        try:
            return homes.load_config(self._where, blueprint.current(self._where), os.environ, {}).bots.check_s
        except errors.CouncilError:
            return bots.BotsConfig().check_s
