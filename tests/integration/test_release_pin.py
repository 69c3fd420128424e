"""A generation that pins a release of its own: installed for real, launched beside the one before, and taken back.

The releases are of a toy service, and small; pip, environments, the supervisor and its processes are real.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import council
import generations_rig
import pinned_release
from council import homes
from council.domain import errors, release_pin
from council.domain import home as home_module
from council.releases import approvals, environments
from council.supervisor import specs
from council.upkeep.engine import blueprint, repository

# What runs where no release is pinned: the same service, as part of this checkout.
OWN = pinned_release.TOY.replace("import toylib, council", "import council")
LIMIT_S = 120.0


def planned(where: home_module.Home, of: str) -> list[specs.ServiceSpec]:
    """Return a gateway, and a patchctl of which no two can run."""
    python = environments.interpreter(where, of, sys.executable)

    def service(name: str, *, beside: bool) -> specs.ServiceSpec:
        start = ("-c", OWN) if python == sys.executable else ("-m", "council")
        argv = (python, *start, "run", name, "--home", str(where.root))
        return specs.ServiceSpec(name, argv, sockets=(specs.SocketSpec("public", "tcp"),), beside=beside)

    return [service("patchctl", beside=False), service("gateway", beside=True)]


class Rig(generations_rig.Rig):
    """A supervisor of a home with a blueprint."""

    def ask(self, name: str) -> list[str]:
        """Return what the live service says of itself: its name, its release's version, its environment."""
        address = self.supervisor.services[name].sockets["public"].getsockname()
        with socket.create_connection(address, timeout=10) as connection:
            said = connection.makefile("rb").read()
        assert said, "it was not answered"
        return list(json.loads(said))

    def pins(self, pin: release_pin.Pin) -> str:
        """Return a new generation that differs from the live one in its approved pin; nothing but its files is there yet."""
        approvals.approve(self.home, pin.digest, pin.version)
        live, content = blueprint.current(self.home), repository.File(pinned_release.text(pin))
        made = repository.add_commit(self.home, live, {release_pin.FILE: content}, "Pin a release", int(time.time()))
        blueprint.materialise(self.home, made)
        return made

    async def until_says(self, name: str, version: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while True:
                with contextlib.suppress(OSError, AssertionError):
                    if (await asyncio.to_thread(self.ask, name))[1] == version:
                        return
                await asyncio.sleep(0.05)


@pytest.fixture
def where() -> Iterator[home_module.Home]:
    # Not tmp_path: the path of a Unix socket is limited.
    made = home_module.Home(Path(tempfile.mkdtemp(prefix="c")))
    homes.prepare(made, {})
    yield made
    shutil.rmtree(made.root)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have pip look for packages in a folder and nowhere else; return the digest of the one that is there."""
    folder = tmp_path / "wheels"
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return pinned_release.needed(folder)


@contextlib.asynccontextmanager
async def running(where: home_module.Home) -> AsyncIterator[Rig]:
    live = blueprint.current(where)
    made = Rig(where, planned(where, live), generation=live, plan=lambda of: planned(where, of))
    await made.supervisor.open()
    made.supervisor.start()
    await made.supervisor.until_ready()
    try:
        yield made
    finally:
        await made.supervisor.close()


@contextlib.contextmanager
def set_aside(wheels: Path) -> Iterator[None]:
    """Have another package there than that which the lock pins, of the same name."""
    [wheel] = wheels.iterdir()
    good = wheel.read_bytes()
    wheel.write_bytes(good + b"\0")
    yield
    wheel.write_bytes(good)


async def asked(rig: Rig, said: list[list[str]]) -> None:
    """Ask the gateway on and on; whoever is not answered ends it."""
    while True:
        said.append(await asyncio.to_thread(rig.ask, "gateway"))


async def killed(rig: Rig, name: str) -> None:
    """Kill a process that the supervisor runs for a moment, once there is one."""
    async with asyncio.timeout(LIMIT_S):
        while not (pids := [one.pid for found, one in rig.supervisor._processes() if found == name]):
            await asyncio.sleep(0.01)
    os.kill(pids[0], signal.SIGKILL)


async def test_a_release_that_a_generation_pins_is_installed_serves_and_is_taken_back(
    where: home_module.Home, wheels: str, tmp_path: Path
) -> None:
    pin = pinned_release.write(tmp_path / "2.0.0", "2.0.0", wheels)
    async with running(where) as rig:
        base, target = rig.live, rig.pins(pin)
        installing = asyncio.create_task(rig.do("install", target, limit_s=LIMIT_S))
        await killed(rig, "installer")
        with pytest.raises(errors.InstallError, match=r"2\.0\.0 .*installer: stopped by signal 9"):
            await installing
        assert not environments.there(where)
        with pytest.raises(errors.SetupError, match="is not installed"):
            await rig.do("launch", target, "gateway")

        with (
            set_aside(tmp_path / "wheels"),
            pytest.raises(errors.InstallError, match=r"DO NOT MATCH THE HASHES.* toylib"),
        ):
            await rig.do("install", target, limit_s=LIMIT_S)
        assert not environments.there(where)

        said: list[list[str]] = []
        asking = asyncio.create_task(asked(rig, said))
        # Two at once wait for the same.
        await asyncio.gather(*(rig.do("install", target, limit_s=LIMIT_S) for _ in range(2)))
        await rig.do("launch", target, "gateway")
        assert {version for _, version, _ in said} == {council.__version__}
        await rig.do("promote", target)
        await rig.until_says("gateway", "2.0.0")
        assert rig.ask("gateway") == ["gateway", "2.0.0", str(environments.folder(where, pin.digest))]
        assert (where.root / "migrated").read_text() == "2.0.0\n"

        # Until the generation has proved itself.
        assert rig.ask("patchctl")[1] == council.__version__
        await rig.do("renew", target)
        await rig.until_says("patchctl", "2.0.0")

        await rig.do("launch", base, "gateway", returning=True)
        await rig.do("promote", base)
        await rig.until_says("gateway", council.__version__)
        await rig.do("renew", base)
        await rig.until_says("patchctl", council.__version__)
        assert environments.there(where) == {pin.digest}
        await rig.do("discard", target)
        shutil.rmtree(where.generations / target)
        await rig.do("renew", base)
        assert not where.releases.exists()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
