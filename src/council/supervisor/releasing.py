"""Releases that generations pin: has them installed, and has those services come to the live one that cannot run twice.

    install G    makes the environment of G's release, by a process that is allowed nothing else; then has a process of that
                 release add to the records what it needs. Nothing that serves is touched. Bears being done twice, and whoever
                 asks while it goes on waits for the same. On a return the records are left alone: G's release has worked on
                 them before, and passes over what came since, so a return does not depend on them.
    renew        has the services of which no two can run side by side start anew with the live generation's release, patchctl
                 last: until then it is the old one's, which can take the new one back whatever that is like. One that does not
                 get ready stays with the release it had. Then the environments go that no generation on disk pins.

The store begins with the live release when Council starts the next time, and so does the supervisor.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from council import homes
from council.domain import alerting, errors, release_pin
from council.domain import home as home_module
from council.releases import approvals, environments
from council.supervisor import children, files, logs, service, specs, users

_log = logging.getLogger(__name__)

MIGRATE_S = 600.0
_LAST = "patchctl"
_WHY_CHARS = 400
_SHOWN_CHARS = 8


class Releases:
    """Use it from the supervisor's event loop. `services` are the live ones by name, the same mapping always."""

    def __init__(
        self,
        home: home_module.Home,
        around: service.Surroundings,
        regime: users.Regime,
        services: Mapping[str, service.RunningService],
        plan: Callable[[str], Sequence[specs.ServiceSpec]],
        interpreters: Callable[[], Iterable[str]],
    ):
        """`plan` returns the services of a generation, with the interpreter of its release; blocking.

        `interpreters` returns those of all that runs, live or not.
        """
        self._home = home
        self._around = around
        self._regime = regime
        self._services = services
        self._plan = plan
        self._interpreters = interpreters
        self._running: list[tuple[str, children.ChildProcess]] = []
        # By what a release is named by: for which generation it was begun, and the work.
        self._installing: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._given_up: set[tuple[str, str]] = set()

    def processes(self) -> Iterator[tuple[str, children.ChildProcess]]:
        """Yield what installs or migrates now, by name."""
        yield from self._running

    async def install(self, generation: str, *, returning: bool = False) -> None:
        """Have a generation's release ready to be launched. Raises InstallError, ConfigError.

        Who is `returning` has served before: no more is done than to make an environment that is missing.
        """
        pin = await asyncio.to_thread(homes.load_pin, self._home, generation)
        if returning and (pin is None or await self._there(pin) is not None):
            return
        key = "" if pin is None else pin.digest
        if key not in self._installing:
            begun = asyncio.create_task(self._install(generation, pin, migrates=not returning))
            self._installing[key] = generation, begun
            begun.add_done_callback(lambda _: self._installing.pop(key))
        _, task = self._installing[key]
        await asyncio.wait({task})
        if task.cancelled():
            raise errors.InstallError(f"{_named(pin)} is not installed: that was called off. Submit the patch again.")
        task.result()

    async def call_off(self, generation: str = "") -> None:
        """End the installations that were begun for this generation, or for any; return when they have."""
        unwanted = [task for of, task in self._installing.values() if generation in ("", of)]
        for task in unwanted:
            task.cancel()
        await asyncio.gather(*unwanted, return_exceptions=True)

    async def renew(self, live: str) -> None:
        """Begin to have all come to the release of the live generation, and remove what none pins."""
        if self._renewing is None or self._renewing.done():
            planned = await asyncio.to_thread(self._plan, live)
            self._renewing = asyncio.create_task(self._renew(planned))
        await self._sweep()
        pin = await asyncio.to_thread(homes.load_pin, self._home, live)
        if pin is not None:
            await asyncio.to_thread(self._retire, pin)

    def _retire(self, live: release_pin.Pin) -> None:
        try:
            if gone := approvals.retire(self._home, live.digest, environments.there(self._home)):
                older = ", ".join(name[:_SHOWN_CHARS] for name in gone)
                self._say(f"releases approved before {live} are to be approved again before they may run: {older}")
        except errors.SetupError as error:
            _log.warning("older releases stay approved", extra={"reason": error.message})

    async def _sweep(self) -> None:
        running = (*self._interpreters(), environments.own_python(os.environ))
        in_use = {Path(sys.prefix), *(Path(one).parent for one in running)}
        gone = await asyncio.to_thread(environments.sweep, self._home, in_use)
        if gone:
            self._say(f"removed releases that no generation pins: {', '.join(name[:_SHOWN_CHARS] for name in gone)}")

    async def close(self) -> None:
        """End what is under way."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self.call_off()

    def kill(self) -> None:
        """End every process at once."""
        for _, one in self._running:
            one.destroy()

    async def _install(self, generation: str, pin: release_pin.Pin | None, *, migrates: bool) -> None:
        try:
            python = environments.own_python(os.environ) if pin is None else await self._made(generation, pin)
            if migrates:
                # By whose user the records may be written.
                await self._run(specs.migrator(self._home, python), generation, b"", MIGRATE_S, "gateway")
        except (OSError, errors.CouncilError) as error:
            why = error.message if isinstance(error, errors.CouncilError) else f"{error}. Mend that and try again."
            raise errors.InstallError(f"{_named(pin)} cannot be installed: {why}") from error

    async def _there(self, pin: release_pin.Pin) -> Path | None:
        return await asyncio.to_thread(environments.python, self._home, pin.digest)

    async def _made(self, generation: str, pin: release_pin.Pin) -> str:
        """Return the interpreter of a release that is allowed here, once its environment is there."""
        await asyncio.to_thread(approvals.check, self._home, pin)
        if await self._there(pin) is None:
            await self._fill(generation, pin)
        python = await self._there(pin)
        assert python is not None, "it was stamped"
        if self._needs_apprise(pin) and environments.lacks(self._home, pin.digest, "apprise"):
            # No gate would see it: all would go on, and nobody hear of anything any more.
            raise errors.InstallError(
                "There are addresses for notices, and what its lock pins has not Apprise, which they need. Have a release "
                "whose lock has the extra `notify`, or remove them first: `council notify list` shows them."
            )
        return str(python)

    def _needs_apprise(self, pin: release_pin.Pin) -> bool:
        """Return whether people are told by Apprise there: at every address but Slack's webhooks, which newer releases know."""
        knows_slack = environments.knows(self._home, pin.digest, "council.backends.notifier.slack")
        found = [_text(file) for file in self._home.notify_addresses.glob("*.url")]
        return alerting.needs_apprise(found) if knows_slack else bool(found)

    async def _fill(self, generation: str, pin: release_pin.Pin) -> None:
        most = self._around.limits.releases_max
        others = await asyncio.to_thread(environments.there, self._home) - {pin.digest}
        if len(others) >= most:
            # A trial leaves what it had installed for the patch, which may never have come.
            await self._sweep()
            others = await asyncio.to_thread(environments.there, self._home) - {pin.digest}
        if len(others) >= most:
            raise errors.InstallError(
                f"{len(others)} releases are installed, and `supervisor.releases_max` allows {most}. One is removed when no "
                "generation on disk pins it: have fewer kept (`patch.kept_generations`), or allow more."
            )
        self._say(f"installs release {pin}, which takes minutes")
        folder = await asyncio.to_thread(environments.clear, self._home, pin.digest)
        try:
            account = self._regime.accounts.get(specs.INSTALLER)
            await asyncio.to_thread(files.give_release, self._home, self._regime, folder, account)
            given = json.dumps(asdict(pin)).encode()
            await self._run(
                specs.installer(self._home), generation, given, self._around.limits.install_s, specs.INSTALLER
            )
            await asyncio.to_thread(files.settle_release, self._home, self._regime, folder)
            await asyncio.to_thread(environments.stamp, self._home, pin)
        except (errors.CouncilError, OSError):
            await asyncio.to_thread(environments.remove, self._home, pin.digest)
            raise
        self._say(f"release {pin} is installed")

    async def _run(self, spec: specs.ServiceSpec, generation: str, given: bytes, limit_s: float, user: str) -> None:
        """Run a process that does one thing and ends, with the user of that name. Raises InstallError, OSError."""
        log = self._home.logs / f"{spec.name}.log"
        log.unlink(missing_ok=True)
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        order = children.Order(
            spec, 0, generation, {}, log, account=self._regime.accounts.get(user), given=given or b"\n"
        )
        one = spec.name, children.ChildProcess(order, on_ready=lambda: None, on_exit=ended.set_result)
        self._running.append(one)
        self._around.on_change()
        try:
            async with asyncio.timeout(limit_s):
                reason = await asyncio.shield(ended)
        except (TimeoutError, asyncio.CancelledError) as error:
            one[1].destroy()
            await ended
            if isinstance(error, asyncio.CancelledError):
                raise
            reason = f"it was not through after {limit_s:.0f} s"
        finally:
            self._running.remove(one)
            self._around.on_change()
            self._around.after_exit()
        if reason != children.ENDED_WELL:
            told = await asyncio.to_thread(logs.last_error, log, _WHY_CHARS)
            raise errors.InstallError(told or f"{spec.name}: {reason}. See {log}, then try again.")

    async def _renew(self, planned: Sequence[specs.ServiceSpec]) -> None:
        single = [
            spec for spec in planned if not spec.beside and spec.ready == "notify" and spec.name in self._services
        ]
        for spec in sorted(single, key=lambda one: one.name == _LAST):
            live = self._services[spec.name]
            if spec.argv[0] == live.spec.argv[0] or (spec.name, spec.argv[0]) in self._given_up:
                continue
            await self._exchange(live, spec)

    async def _exchange(self, live: service.RunningService, spec: specs.ServiceSpec) -> None:
        before, live.spec = live.spec, spec
        if not live.state.on:
            # Somebody has stopped it. It begins with this release.
            return
        self._say(f"{spec.name} comes to the release of the live generation")
        try:
            await live.restart()
        except errors.UnavailableError as error:
            self._given_up.add((spec.name, spec.argv[0]))
            live.spec = before
            self._say(f"{spec.name} stays with the release it had, since of the live one {error.message}")
            try:
                await live.restart()
            except errors.UnavailableError:
                _log.exception("a service did not come back", extra={"service": spec.name})

    def _say(self, text: str) -> None:
        self._around.say("council", text)


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _named(pin: release_pin.Pin | None) -> str:
    return "The release that Council was started of" if pin is None else f"Release {pin}"
