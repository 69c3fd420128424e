"""A supervisor in the test's own process with toy services, of which another generation can be launched."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from council.domain import config
from council.domain import home as home_module
from council.supervisor import generations, specs, supervisor

A, B, C, BAD = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)

# Says what it was given and what it is told. One of the generation BAD does not get ready.
CHILD = """
import os, signal, socket, sys
name, generation = os.environ["COUNCIL_SERVICE"], os.environ["COUNCIL_GENERATION"]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
def ports(variable):
    found = [entry.rpartition(":") for entry in os.environ[variable].split(",") if entry]
    return {key: socket.socket(fileno=int(number)).getsockname() for key, _, number in found}
print("started", name, generation, ports("COUNCIL_SOCKETS"), ports("COUNCIL_WAITING"), os.environ["COUNCIL_PEERS"], flush=True)
if generation == "d" * 40 and name == "recall":
    sys.exit(7)
ready = int(os.environ["COUNCIL_READY_FD"])
os.write(ready, b"ready\\n")
with os.fdopen(int(os.environ["COUNCIL_ORDERS_FD"]), "rb") as told:
    for line in told:
        print("told", name, generation, line.decode().strip(), flush=True)
        os.write(ready, b"!")
signal.pause()
"""


def spec(home: home_module.Home, name: str, caller: str = "", *, beside: bool = True) -> specs.ServiceSpec:
    """Return a toy service; `caller` is who asks it over a Unix socket."""
    opened: tuple[specs.SocketSpec, ...] = (specs.SocketSpec("public", "tcp"),)
    if caller:
        opened = (*opened, specs.SocketSpec("asked", "unix", path=home.socket(name), caller=caller))
    return specs.ServiceSpec(name, (sys.executable, "-c", CHILD), sockets=opened, beside=beside)


def table(home: home_module.Home) -> list[specs.ServiceSpec]:
    """Return three services, of which the gateway asks recall."""
    return [
        spec(home, "store", beside=False),
        spec(home, "recall", "gateway"),
        spec(home, "gateway"),
    ]


class Rig:
    """A supervisor in this process, of generation A at first unless another one is live."""

    def __init__(
        self,
        home: home_module.Home,
        services: Sequence[specs.ServiceSpec],
        generation: str = A,
        plan: generations.Plan | None = None,
    ):
        self.home = home
        self.said: list[str] = []
        self.supervisor = supervisor.Supervisor(
            config.Config(), home, generation, services, self.said.append, plan=plan
        )
        if not home.current.is_symlink():
            home.current.symlink_to(f"generations/{generation}")

    @property
    def live(self) -> str:
        return self.home.current.readlink().name

    async def do(
        self, command: str, generation: str, *services: str, limit_s: float = 30, **more: object
    ) -> dict[str, object]:
        request: dict[str, object] = {"command": command, "generation": generation, **more}
        async with asyncio.timeout(limit_s):
            return await self.supervisor.handle(request | ({"services": list(services)} if command == "launch" else {}))

    async def rows(self) -> set[tuple[str, str, str]]:
        rows = await self.supervisor.status(memory=False, everywhere=True)
        return {(row.name, row.generation[0], row.place) for row in rows}

    async def settled(self) -> set[tuple[str, str, str]]:
        """Return the rows once nobody leaves any more."""
        async with asyncio.timeout(30):
            while any(place == "leaving" for _, _, place in await self.rows()):
                await asyncio.sleep(0.01)
        return await self.rows()

    async def logged(self, name: str, part: str) -> str:
        """Return the first line with `part` in a service's log, once there is one."""
        async with asyncio.timeout(30):
            while True:
                for line in (self.home.logs / f"{name}.log").read_text().splitlines():
                    if part in line:
                        return line
                await asyncio.sleep(0.01)


LIVE = {("store", "a", "live"), ("recall", "a", "live"), ("gateway", "a", "live")}


@contextlib.asynccontextmanager
async def running(services: Callable[[home_module.Home], Sequence[specs.ServiceSpec]] = table) -> AsyncIterator[Rig]:
    """Yield a supervisor whose services are ready."""
    # Not tmp_path: the path of a Unix socket is limited.
    folder = Path(tempfile.mkdtemp(prefix="c"))
    home = home_module.Home(folder)
    made = Rig(home, services(home))
    await made.supervisor.open()
    made.supervisor.start()
    await made.supervisor.until_ready()
    try:
        yield made
    finally:
        await made.supervisor.close()
        shutil.rmtree(folder)
