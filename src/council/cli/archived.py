"""The forge's archive, for commands that show what the records no longer hold."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from council import care_app
from council.cli import options
from council.delivery import pulls
from council.domain import errors, home, snapshots
from council.upkeep.observer import archive

_Found = TypeVar("_Found")
_READ_S_MAX = 60.0


def newest(
    where: home.Home, limit: int, *, before: str, occasion: snapshots.Occasion | None
) -> list[snapshots.Snapshot]:
    """Return up to `limit` snapshots of the archive, newest first; none, and a word on stderr, where it cannot be read."""
    return _read(where, lambda reader: reader.newest(limit, before=before, occasion=occasion)) or []


def find(where: home.Home, identifier: str) -> snapshots.Snapshot | None:
    """Return the snapshot of this id; None, and a word on stderr, where the archive cannot be read."""
    return _read(where, lambda reader: reader.find(identifier))


def explained(where: home.Home, start_s: float, end_s: float) -> dict[str, float] | None:
    """Return when the patches that ended in a span were archived, by CID; None where the archive cannot be read."""
    return _read(where, lambda reader: reader.explained(start_s, end_s))


def _read(where: home.Home, ask: Callable[[archive.Reader], Awaitable[_Found]]) -> _Found | None:
    async def read() -> _Found | None:
        there = care_app.forge(options.known_config(where).forge, where, pulls.ACCOUNT)
        if there is None:
            return None
        try:
            async with asyncio.timeout(_READ_S_MAX):
                return await ask(archive.Reader(there))
        except errors.ForgeNotFoundError:
            # There is none yet.
            return None
        finally:
            await there.close()

    try:
        return asyncio.run(read())
    except errors.CouncilError as error:
        click.echo(f"The archive cannot be read: {error.message}", err=True)
    except TimeoutError:
        click.echo("The archive cannot be read: the forge takes too long. Ask again later.", err=True)
    return None
