"""What recall is asked to do with documents: tell which there are, keep one, delete one.

Only the folder `uploads` of the library is written to; what lies beside it is its owner's, and so is what they put into it
themselves: a list in the folder names what came in here, and when it was written, since its owner may have saved another one
under its name. Nothing else is deleted or written over. A document is whole before it has its name, and one that is there is
never written over unless that was asked for.
"""

import asyncio
import base64
import binascii
import contextlib
import os
import re
import stat
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from council.domain import config as config_module
from council.domain import documents, errors
from council.kit import durable
from council.serving.memory import documents as reading
from council.serving.memory import folder

KINDS = reading.SUFFIXES | reading.TAKEN_APART_SUFFIXES
_LISTED_MAX = 2_000
# A name that begins with a dot is passed over by whoever reads the library.
_OWN = ".put-over-the-api"
# A name, when it was written, and its size. A name alone, as once was kept, tells nothing of what lies there now.
_OWN_LINE = re.compile(r"([^\t]+)\t([0-9]{1,20})\t([0-9]{1,20})")
_OWN_LINE_BYTES_MAX = documents.NAME_BYTES_MAX + 43
_MODE = 0o640
_AWAY = "The library cannot be written now. `council doctor` says what is in the way."


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What tells a file from one that was saved later under its name."""

    mtime_ns: int
    size_bytes: int


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
            await asyncio.to_thread(self._remove, kept)
            await self._refresh()
        return {}

    @property
    def _folder(self) -> Path:
        return self._library / documents.UPLOADS

    def _keep(self, name: str, content: bytes, replace: bool) -> bool:
        """Write a document; return whether another one has made room for it.

        Raises ConflictError, ForbiddenError, InvalidRequestError where there is no room, RecallUnavailableError.
        """
        try:
            own = self._own()
            replaced = self._check_room(name, len(content), replace, own)
            stamp = _stamp(durable.write_among_others(self._folder / name, content, _MODE, replace=replaced))
            # Afterwards: should this end in between, the document is taken for its owner's, and never theirs for ours.
            self._own_one_more(own, name, stamp, is_new=not replaced)
            return replaced
        except FileExistsError as error:
            raise _there_is_one(name) from error
        except OSError as error:
            raise errors.RecallUnavailableError(_AWAY, detail=str(error)) from error

    def _remove(self, name: str) -> None:
        """Delete a document that was put here. Raises NotFoundError, ForbiddenError, RecallUnavailableError."""
        try:
            own = self._own()
            if name not in own and os.path.lexists(self._folder / name):
                raise _theirs(name)
            # First: should this end in between, the document is taken for its owner's. It must not be the other way.
            if own.pop(name, None) is not None:
                self._write_own(own)
            durable.remove(self._folder / name)
        except FileNotFoundError as error:
            raise errors.NotFoundError(
                f"There is no document of that name in {documents.UPLOADS}/. GET /api/library/documents lists all."
            ) from error
        except OSError as error:
            raise errors.RecallUnavailableError(_AWAY, detail=str(error)) from error

    def _own_one_more(self, own: Mapping[str, _Stamp], name: str, stamp: _Stamp, *, is_new: bool) -> None:
        try:
            self._write_own({**own, name: stamp})
        except OSError:
            # Who sent it is told that it is not kept, and could not delete it.
            with contextlib.suppress(OSError):
                if is_new and self._there().get(name) == stamp:
                    durable.remove(self._folder / name)
            raise

    def _own(self) -> dict[str, _Stamp]:
        """Return what was put here and still lies there as it was, nothing where there is no list. Raises OSError."""
        most = documents.COUNT_MAX * _OWN_LINE_BYTES_MAX
        try:
            descriptor = os.open(self._folder / _OWN, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        with os.fdopen(descriptor, "rb") as file:
            lines = file.read(most).decode("utf-8", "replace").splitlines()
        told = [match.groups() for line in lines if (match := _OWN_LINE.fullmatch(line))]
        there = self._there()
        return {name: stamp for name, *of in told if (stamp := _Stamp(*map(int, of))) == there.get(name)}

    def _there(self) -> dict[str, _Stamp]:
        """Return the files of the folder; a link is none, whatever it leads to. Raises OSError."""
        found = {}
        for path in self._folder.iterdir():
            # It may have gone by now.
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    found[path.name] = _stamp(status)
        return found

    def _write_own(self, own: Mapping[str, _Stamp]) -> None:
        lines = [f"{name}\t{own[name].mtime_ns}\t{own[name].size_bytes}\n" for name in sorted(own)]
        durable.write_among_others(self._folder / _OWN, "".join(lines).encode(), _MODE)

    def _check_room(self, name: str, size_bytes: int, replace: bool, own: Collection[str]) -> bool:
        """Return whether there is one of that name, which then makes room."""
        sizes = {path.name: path.lstat().st_size for path in self._folder.iterdir() if not path.name.startswith(".")}
        is_there = name in sizes
        if is_there and name not in own:
            raise _theirs(name)
        if is_there and not replace:
            raise _there_is_one(name)
        sizes[name] = size_bytes
        if len(sizes) > documents.COUNT_MAX or sum(sizes.values()) > documents.BYTES_MAX:
            raise errors.InvalidRequestError(
                f"{documents.UPLOADS}/ holds at most {documents.COUNT_MAX:,} documents and "
                f"{documents.BYTES_MAX // 1024**2:,} MiB. Delete some, or put this one into the library yourself."
            )
        return is_there

    def _documents(self) -> list[documents.Document]:
        known, own = self._watched.known(), {f"{documents.UPLOADS}/{one}" for one in self._listed_own()}
        waiting = {f"{documents.UPLOADS}/{one}" for one in self._names()} - known.keys()
        found = [self._document(name, *told, removable=name in own) for name, told in known.items()]
        found += [self._document(name, None, "", removable=name in own) for name in waiting]
        return sorted(found, key=lambda one: one.name)

    def _one(self, name: str) -> documents.Document:
        whole = f"{documents.UPLOADS}/{name}"
        return self._document(whole, *self._watched.known().get(whole, (None, "")), removable=True)

    def _document(self, name: str, passages: int | None, reason: str, *, removable: bool) -> documents.Document:
        try:
            status = (self._library / name).lstat()
            size_bytes, at_us = status.st_size, status.st_mtime_ns // 1000
        except (OSError, ValueError):
            size_bytes, at_us = 0, 0
        if passages is None and not reason:
            return documents.Document(name, size_bytes, at_us, documents.State.WAITING, removable=removable)
        if not passages and not reason:
            reason = "no words in it"
        state = documents.state_of(passages or 0, reason)
        return documents.Document(name, size_bytes, at_us, state, passages or 0, reason, removable)

    def _listed_own(self) -> Collection[str]:
        try:
            return self._own()
        except OSError:
            return ()

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self._folder.iterdir() if not path.name.startswith(".")]
        except OSError:
            return []


def _stamp(status: os.stat_result) -> _Stamp:
    return _Stamp(status.st_mtime_ns, status.st_size)


def _theirs(name: str) -> errors.ForbiddenError:
    return errors.ForbiddenError(
        f"{documents.UPLOADS}/{name} was not put there over the API, so only its owner may replace or delete it. Give this one "
        "another name, or have it taken away in the library's folder.",
        parameter="file",
    )


def _there_is_one(name: str) -> errors.ConflictError:
    return errors.ConflictError(
        f"There is a document {name!r} already. Send it with `replace=true` to have this one in its place.",
        parameter="replace",
    )
