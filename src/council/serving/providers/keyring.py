"""Holds providers to the keys that lie in the home: asked with the newest one, and off without.

A key is looked for again and again, so one that was put, changed or removed counts without a new start. What is under way goes
on with the key that it began with.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from council import ports
from council.domain import errors, providers

_log = logging.getLogger(__name__)

# Servers of earlier keys that are kept for the calls under way; those before them have long ended.
_RETIRED_MAX = 8


class Switchboard(Protocol):
    """Who makes calls; see `calls.Calls`."""

    def switch(self, name: str, server: ports.ModelProvider | None, why_off: str = "") -> None:
        """Have a provider be asked through another server, or not at all."""


class Keyring:
    """The providers of one process that need a key."""

    def __init__(
        self,
        wanted: Mapping[str, providers.Provider],
        calls: Sequence[Switchboard],
        stamp: Callable[[str], int | None],
        server: Callable[[providers.Provider], ports.ModelProvider | None],
    ):
        """`stamp` says when a provider's key was put, nanoseconds, None for no key; `server` is one with the key that is there.

        Both block, and may raise OSError, the latter SetupError too. The keys that are there now are known to `calls` already.
        """
        self._wanted = {name: one for name, one in wanted.items() if one.key == "file"}
        self._calls = calls
        self._stamp = stamp
        self._server = server
        self._stamps = {name: _or_none(stamp, name) for name in self._wanted}
        self._made: dict[str, ports.ModelProvider] = {}
        self._retired: list[ports.ModelProvider] = []
        self._looking = asyncio.Lock()

    def set_us(self, name: str) -> int | None:
        """Return when the key of a provider was put, None where it has none, or needs none."""
        stamp = self._stamps.get(name)
        return None if stamp is None else stamp // 1000

    async def look(self) -> None:
        """Have calls go by the keys that are there now. One that cannot be read changes nothing, and is logged."""
        async with self._looking:
            for name, provider in self._wanted.items():
                try:
                    stamp = await asyncio.to_thread(self._stamp, name)
                    if stamp == self._stamps[name]:
                        continue
                    server = await asyncio.to_thread(self._server, provider)
                except (errors.SetupError, OSError) as error:
                    reason = error.message if isinstance(error, errors.SetupError) else str(error)
                    _log.warning("a provider's key cannot be read", extra={"provider": name, "reason": reason})
                    continue
                self._stamps[name] = None if server is None else stamp
                await self._change(name, server)

    async def _change(self, name: str, server: ports.ModelProvider | None) -> None:
        for one in self._calls:
            one.switch(name, server, why_off(name))
        before = self._made.pop(name, None)
        if before is not None:
            self._retired.append(before)
        if server is not None:
            self._made[name] = server
        while len(self._retired) > _RETIRED_MAX:
            await self._retired.pop(0).close()
        _log.info("a provider's key has changed", extra={"provider": name, "on": server is not None})

    async def keep(self, every_s: float) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - keys that are never looked for again would outlive their removal
                _log.exception("the keys of providers could not be looked for")

    async def close(self) -> None:
        """Give back the connections of the servers that were made here. Idempotent."""
        for one in (*self._made.values(), *self._retired):
            await one.close()
        self._made.clear()
        self._retired.clear()


def _or_none(stamp: Callable[[str], int | None], name: str) -> int | None:
    """Return when a key was put; one that cannot be looked at now is looked at again."""
    try:
        return stamp(name)
    except OSError:
        return None


def why_off(name: str) -> str:
    """Return why a provider without its key is not asked, and what to do."""
    return f"it has no key yet. Give it one: `council providers key {name}`."
