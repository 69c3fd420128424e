"""The supervisor process: what `council up` becomes."""

import asyncio
import signal
from collections.abc import Callable, Sequence

from council.domain import config as config_module
from council.domain import home as home_module
from council.kit import process
from council.supervisor import control, generations, specs, supervisor, users

Console = Callable[[str], None]


def run(
    config: config_module.Config,
    home: home_module.Home,
    generation: str,
    console: Console,
    *,
    on_ready: Callable[[], None] | None = None,
    services: Sequence[specs.ServiceSpec] | None = None,
    rights: control.Rights | None = None,
    regime: users.Regime | None = None,
    plan: generations.Plan | None = None,
) -> int:
    """Run everything until SIGINT, SIGTERM or a shutdown command; return the exit status.

    It takes over the process: signals, and the reaping of every child. `console` gets one line an event. `on_ready` is
    called once, when all services are ready for the first time. A second signal ends the children at once. `services`
    replaces the table, for tests. `regime` is what `users.decide` said about it; without one all run as our own user, and
    nothing of the home changes owner. `plan` returns the services of another generation.
    Raises SetupError if the home is taken or a socket cannot be opened.
    """
    # What a service leaves behind becomes our child, so its place in the tree still says whose it was.
    process.set_child_subreaper()
    chosen = specs.specs(config, home, generation) if services is None else services

    async def main() -> int:
        # At SIGCHLD, and once more after each child of our own: until that is collected it hides orphans behind it.
        one = supervisor.Supervisor(
            config,
            home,
            generation,
            chosen,
            console,
            rights=rights,
            regime=regime,
            after_exit=process.reap_adopted,
            plan=plan,
        )
        return await _run(one, on_ready)

    return asyncio.run(main())


async def _run(one: supervisor.Supervisor, on_ready: Callable[[], None] | None) -> int:
    signals = 0
    killed = asyncio.Event()

    def on_signal() -> None:
        nonlocal signals
        signals += 1
        if signals == 1:
            one.closing.set()
        else:
            killed.set()
            one.kill()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    loop.add_signal_handler(signal.SIGCHLD, lambda: process.reap_adopted(one.pids()))
    await one.open()
    if not one.closing.is_set():
        one.start()
    reporting = asyncio.create_task(_report_ready(one, on_ready))
    await one.closing.wait()
    one.say("council", "stopping")
    closing = asyncio.create_task(one.close())
    gave_up = await _finished(closing, killed)
    reporting.cancel()
    await asyncio.gather(reporting, return_exceptions=True)
    if not gave_up:
        one.say("council", "stopped")
    return 1 if gave_up or killed.is_set() else 0


async def _report_ready(one: supervisor.Supervisor, on_ready: Callable[[], None] | None) -> None:
    await one.until_ready()
    if on_ready is not None:
        on_ready()


async def _finished(closing: "asyncio.Task[None]", killed: asyncio.Event) -> bool:
    """Wait for the clean stop; once `killed`, only a few seconds more. Returns whether it was given up."""
    kill = asyncio.create_task(killed.wait())
    await asyncio.wait({closing, kill}, return_when=asyncio.FIRST_COMPLETED)
    kill.cancel()
    done, _ = await asyncio.wait({closing}, timeout=supervisor.KILLED_S)
    if not done:
        closing.cancel()
        return True
    closing.result()
    return False
