"""One work of the steward: keeps the guides in the store in line with the guidebooks.

What it does is in `upkeep/guides/`; pages are made in children of its own. Whoever shows the steward's key has a sync at once.
"""

import dataclasses
import hmac
import logging
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council import care_app
from council.domain import config as config_module
from council.domain import errors, guides, home
from council.kit import clock as clock_module
from council.kit import folder_events
from council.services import renderer
from council.upkeep.guides import loading

_log = logging.getLogger(__name__)


class Guiding:
    """Implements steward.Work."""

    name = "guides"

    def __init__(
        self,
        parts: loading.Parts,
        where: home.Home,
        generation: Callable[[], str],
        key: str,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """`generation` is the one that serves; `close` ends what makes pages."""
        self._where = where
        self._generation = generation
        self._key = key
        self._close = close
        self._book = parts.book
        self._loader = loading.Loader(parts, loading.books(where, generation()))

    @property
    def is_well(self) -> bool:
        """True: it looks again by itself, and `told` says what is wrong meanwhile."""
        return True

    @property
    def routes(self) -> Sequence[Route]:
        """Where a sync is asked for."""
        return [Route("/guides/sync", self._sync, methods=["POST"])]

    def told(self) -> dict[str, Any]:
        """Return why the guides are not up to date, "" where they are."""
        return {"problem": self._loader.problem}

    def follow(self) -> None:
        """Have the guidebook of the generation that is live now."""
        self._loader.follow(loading.books(self._where, self._generation()))

    async def run(self) -> None:
        """Load at each change until cancelled."""
        # The library and not the folder in it, which may come and go.
        events = folder_events.FolderEvents(self._where.library)
        if events.problem:
            _log.warning("no events of files, so changes are found by looking", extra={"reason": events.problem})
        try:
            await self._loader.keep(events)
        finally:
            events.close()

    async def close(self) -> None:
        """Close the store, and end what makes pages."""
        await self._book.close()
        self._close()

    async def _sync(self, request: Request) -> Response:
        """Read all documents anew and say how it went."""
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), self._key.encode()):
            return _failure(errors.ForbiddenError("This needs the key in `secrets/steward.key`."), 403)
        try:
            return JSONResponse(dataclasses.asdict(await self._loader.sync(anew=True)))
        except errors.CouncilError as error:
            return _failure(error, 503)


def made(config: config_module.Config, where: home.Home, generation: Callable[[], str], key: str) -> Guiding:
    """Return the loader of this home's guides. `key` is the steward's."""
    pages = renderer.Renderers()
    book = care_app.guidebook(config.store.url, where)
    parts = loading.Parts(book, pages.make, guides.FORM, config.guides, clock_module.SystemClock())
    return Guiding(parts, where, generation, key, pages.close)


def _failure(error: errors.CouncilError, status: int) -> Response:
    return JSONResponse({"error": {"code": error.code, "message": error.message}}, status)
