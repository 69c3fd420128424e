"""What patchctl is asked to do with the keys of providers: put one into the home, replace it, remove it. None is ever told.

It comes over the gateway, on the word of an administrator whose token or session it shows, as a rollback does.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Annotated

import pydantic
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from council import homes
from council.domain import errors, home
from council.gateway import exchange
from council.kit import durable

_log = logging.getLogger(__name__)

_BODY_S = 10.0
_BODY_BYTES_MAX = 16 * 1024
_KEY_CHARS_MAX = 4096


class KeyForm(pydantic.BaseModel):
    """A key."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    key: Annotated[str, pydantic.Field(min_length=1, max_length=_KEY_CHARS_MAX, pattern=r"^[!-~]+$")]


class ProviderKeys:
    """Handlers. `admin` returns who asks and may, "" for the owner; it raises ForbiddenError."""

    def __init__(self, where: home.Home, admin: Callable[[Request], Awaitable[str]]) -> None:
        self._where = where
        self._admin = admin

    async def put(self, request: Request) -> Response:
        """Keep a key. Answers whether there was one before."""
        who = await self._admin(request)
        wanted = await exchange.form(request, _BODY_S, _BODY_BYTES_MAX, KeyForm)
        name = await self._named(request)
        file = self._where.provider_key_file(name)
        replaced = file.exists()
        try:
            await asyncio.to_thread(homes.write_provider_key, self._where, name, wanted.key)
        except errors.SetupError as error:
            raise errors.UnavailableError(error.message) from error
        _log.info("a provider's key was put", extra={"provider": name, "by": who or "owner", "replaced": replaced})
        return JSONResponse({"success": True, "replaced": replaced})

    async def remove(self, request: Request) -> Response:
        """Remove a key. Answers whether there was one."""
        who, name = await self._admin(request), await self._named(request)
        try:
            await asyncio.to_thread(durable.remove, self._where.provider_key_file(name))
        except FileNotFoundError:
            return JSONResponse({"success": True, "replaced": False})
        except OSError as error:
            raise errors.UnavailableError(
                f"The key of {name} cannot be removed: {error.strerror}. `council providers key {name} --forget` removes it."
            ) from error
        _log.info("a provider's key was removed", extra={"provider": name, "by": who or "owner"})
        return JSONResponse({"success": True, "replaced": True})

    async def _named(self, request: Request) -> str:
        """Return the provider that is asked for, of those that the live generation has and that need a key."""
        name = str(request.path_params["provider"])
        config = await asyncio.to_thread(homes.load_config, self._where, None, os.environ, {})
        found = await asyncio.to_thread(homes.load_catalogue, self._where, None, config)
        if name not in found.providers or found.providers[name].key != "file":
            raise errors.NotFoundError("There is no provider of that name that needs a key. `council providers list`.")
        return name
