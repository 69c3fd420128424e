"""What recall is asked to do with documents: tell which there are, keep one, delete one.

Only the folder `uploads` of the library is written to; what lies beside it is its owner's. A document is whole before it has
its name, and one that is there is never written over unless that was asked for.
"""

import asyncio
import base64
import binascii
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from council.domain import config as config_module
from council.domain import documents, errors
from council.serving.memory import documents as reading
from council.serving.memory import folder

KINDS = reading.SUFFIXES | reading.TAKEN_APART_SUFFIXES
_LISTED_MAX = 2_000
_AWAY = "The library cannot be written now. `council doctor` says what is in the way."


class Uploads:
    """Answers frames that name `library`. `refresh` reads what has changed, and returns whether there is more to read."""

    def __init__(
        self,
        library: Path,
        watched: folder.Folder,
        settings: config_module.RecallConfig,
        refresh: Callable[[], Awaitable[bool]],
    ) -> None:
        self._library = library
        self._watched = watched
        self._settings = settings
        self._refresh = refresh
        # One at a time, so that the bounds of all hold.
        self._changing = asyncio.Lock()

    async def reply(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer; errors of ours become answers, too."""
        try:
            match str(request["library"]):
                case "list":
                    return await self._list()
                case "put":
                    return await self._put(request)
                case "delete":
                    return await self._delete(str(request["name"]))
                case _:
                    raise errors.InvalidRequestError("Recall knows no such operation. Update Council.")
        except errors.CouncilError as error:
            told = {name: getattr(error, name) for name in ("code", "message", "detail", "parameter")}
            return {"error": told}

    async def _list(self) -> dict[str, Any]:
        found = await asyncio.to_thread(self._documents)
        return {"documents": [asdict(one) for one in found[:_LISTED_MAX]], "more": max(0, len(found) - _LISTED_MAX)}

    async def _put(self, request: Mapping[str, Any]) -> dict[str, Any]:
        name = documents.checked_name(str(request["name"]), KINDS)
        try:
            content = base64.b64decode(str(request["content"]), validate=True)
        except (binascii.Error, ValueError) as error:
            raise errors.InvalidRequestError("The document did not come whole. Send it again.") from error
        if len(content) > self._settings.file_bytes_max:
            raise errors.BodyTooLargeError(
                f"The document has {len(content):,} bytes; {self._settings.file_bytes_max:,} are read "
                "(`recall.file_bytes_max`). Split it."
            )
        async with self._changing:
            replaced = await asyncio.to_thread(self._keep, name, content, bool(request.get("replace")))
            await self._refresh()
        return {"document": asdict(await asyncio.to_thread(self._one, name)), "replaced": replaced}

    async def _delete(self, name: str) -> dict[str, Any]:
        kept = documents.checked_name(name, KINDS)
        async with self._changing:
            try:
                await asyncio.to_thread((self._folder / kept).unlink)
            except FileNotFoundError as error:
                raise errors.NotFoundError(
                    f"There is no document of that name in {documents.UPLOADS}/. GET /api/library/documents lists all."
                ) from error
            except OSError as error:
                raise errors.RecallUnavailableError(_AWAY, detail=str(error)) from error
            await self._refresh()
        return {}

    @property
    def _folder(self) -> Path:
        return self._library / documents.UPLOADS

    def _keep(self, name: str, content: bytes, replace: bool) -> bool:
        """Write a document; return whether another one has made room for it.

        Raises ConflictError, InvalidRequestError where there is no room, RecallUnavailableError.
        """
        # A name that begins with a dot is passed over by whoever reads the library.
        target, partial = self._folder / name, self._folder / ".partial"
        try:
            replaced = self._check_room(target, len(content), replace)
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                partial.replace(target)
            else:
                # A rename would write over one that has come in the meantime.
                os.link(partial, target, follow_symlinks=False)
                partial.unlink()
            return replaced
        except FileExistsError as error:
            raise _there_is_one(name) from error
        except OSError as error:
            raise errors.RecallUnavailableError(_AWAY, detail=str(error)) from error

    def _check_room(self, target: Path, size_bytes: int, replace: bool) -> bool:
        """Return whether there is one of that name."""
        sizes = {path.name: path.lstat().st_size for path in self._folder.iterdir() if not path.name.startswith(".")}
        is_there = target.name in sizes
        if is_there and not replace:
            raise _there_is_one(target.name)
        sizes[target.name] = size_bytes
        if len(sizes) > documents.COUNT_MAX or sum(sizes.values()) > documents.BYTES_MAX:
            raise errors.InvalidRequestError(
                f"{documents.UPLOADS}/ holds at most {documents.COUNT_MAX:,} documents and "
                f"{documents.BYTES_MAX // 1024**2:,} MiB. Delete some, or put this one into the library yourself."
            )
        return is_there

    def _documents(self) -> list[documents.Document]:
        known = self._watched.known()
        waiting = {f"{documents.UPLOADS}/{one}" for one in self._names()} - known.keys()
        found = [self._document(name, *told) for name, told in known.items()]
        found += [self._document(name, None, "") for name in waiting]
        return sorted(found, key=lambda one: one.name)

    def _one(self, name: str) -> documents.Document:
        whole = f"{documents.UPLOADS}/{name}"
        return self._document(whole, *self._watched.known().get(whole, (None, "")))

    def _document(self, name: str, passages: int | None, reason: str) -> documents.Document:
        try:
            status = (self._library / name).lstat()
            size_bytes, at_us = status.st_size, status.st_mtime_ns // 1000
        except (OSError, ValueError):
            size_bytes, at_us = 0, 0
        if passages is None and not reason:
            return documents.Document(name, size_bytes, at_us, documents.State.WAITING)
        if not passages and not reason:
            reason = "no words in it"
        return documents.Document(
            name, size_bytes, at_us, documents.state_of(passages or 0, reason), passages or 0, reason
        )

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self._folder.iterdir() if not path.name.startswith(".")]
        except OSError:
            return []


def _there_is_one(name: str) -> errors.ConflictError:
    return errors.ConflictError(
        f"There is a document {name!r} already. Send it with `replace=true` to have this one in its place.",
        parameter="replace",
    )
