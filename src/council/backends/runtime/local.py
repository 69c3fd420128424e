"""Runtime kind `local`: commands to the supervisor of this machine over its Unix socket."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from council.domain import errors, states
from council.domain import home as home_module
from council.kit import frames

FRAME_BYTES_MAX = 64 * 1024

# Reading answers at once. A change waits for drains and starts, whose limits the supervisor keeps.
READ_S = 5.0
CHANGE_S = 600.0
# Beyond `supervisor.install_s` at its highest.
INSTALL_S = 7300.0


class LocalRuntime:
    """Talks to the supervisor of one home. Beside the port's errors, a refused or failed change raises its own error."""

    def __init__(self, home: home_module.Home):
        self._path = home.socket("supervisor")

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        """Return one row a replica, in start order; memory takes longest, and is 0 where it is not asked for."""
        reply = await self._command("status", limit_s=READ_S, memory=memory, everywhere=everywhere)
        return [states.ServiceStatus(**row) for row in reply["services"]]

    async def restart(self, service: str) -> None:
        """Drain and stop a service, then start it again; returns when it is ready."""
        await self._command("restart", service=service)

    async def stop(self, service: str) -> None:
        """Drain and stop a service until it is started again."""
        await self._command("stop", service=service)

    async def start(self, service: str) -> None:
        """Start a stopped service; returns when it is ready."""
        await self._command("start", service=service)

    async def scale(self, service: str, replicas: int) -> None:
        """Run `replicas` processes of a service; returns when exactly these run."""
        await self._command("scale", service=service, replicas=replicas)

    async def replace(self, service: str, generation: str) -> None:
        """Hand a service over to another generation; returns when that serves and the old one drains."""
        await self._command("replace", service=service, generation=generation)

    async def launch(
        self, generation: str, services: Sequence[str], *, pause_s: float = 0.0, returning: bool = False
    ) -> list[str]:
        """Start these services of another generation, and those that ask them; return all, once they are ready."""
        reply = await self._command(
            "launch", generation=generation, services=list(services), pause_s=pause_s, returning=returning
        )
        return list(reply["services"])

    async def promote(self, generation: str) -> list[str]:
        """Have a launched generation serve; return who has not said yet that it heard of it."""
        return list((await self._command("promote", generation=generation))["unheard"])

    async def discard(self, generation: str) -> None:
        """End what runs of a generation that is not live; returns when none of it is left."""
        await self._command("discard", generation=generation)

    async def install(self, generation: str, *, returning: bool = False) -> None:
        """Make the release of a generation ready: its environment, and the records unless it served before."""
        await self._command("install", limit_s=INSTALL_S, generation=generation, returning=returning)

    async def renew(self) -> None:
        """Have what cannot run twice come to the live generation's release; returns when that is begun."""
        await self._command("renew")

    async def used(self) -> list[str]:
        """Return the generations whose files a service may read, now or after a return."""
        return list((await self._command("list", limit_s=READ_S))["generations"])

    async def trace(self, service: str) -> None:
        """Have a service find out which of its lines keep memory, and log them within a minute; returns at once."""
        await self._command("trace", service=service, limit_s=READ_S)

    async def shut_down(self) -> None:
        """Stop everything, the supervisor last; returns when the home is free for the next one."""
        await self._command("shutdown", until_closed=True)

    async def _command(
        self, command: str, *, limit_s: float = CHANGE_S, until_closed: bool = False, **fields: Any
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(limit_s):
                reply = await self._exchange({"command": command, **fields}, until_closed)
        except TimeoutError as error:
            raise errors.SupervisorUnavailableError(
                f"The supervisor did not finish {command!r} in {limit_s:.0f} s. `council status` shows what it does."
            ) from error
        except (OSError, frames.FrameError) as error:
            raise errors.SupervisorUnavailableError(
                "Council is not running. Start it with `council up`.", detail=f"{self._path}: {error}"
            ) from error
        if not reply.get("ok"):
            kind = errors.BY_CODE.get(str(reply.get("code")), errors.CouncilError)
            raise kind(str(reply.get("message", "The supervisor refused without a reason. See its own output.")))
        return reply

    async def _exchange(self, request: dict[str, Any], until_closed: bool) -> dict[str, Any]:
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        try:
            writer.write(frames.encode(request))
            await writer.drain()
            reply = await frames.read(reader, FRAME_BYTES_MAX)
            if reply is None:
                raise ConnectionResetError("closed without a reply")
            if until_closed and reply.get("ok"):
                with contextlib.suppress(ConnectionError):
                    await reader.read(1)
            return reply
        finally:
            writer.close()
