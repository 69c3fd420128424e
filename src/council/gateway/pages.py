"""The dashboard's own files: the page at `/` and at each of its views, and what it is made of.

They lie beside this package, in a release as built; in a checkout tools/dashboard.py puts them there, and until then the plain
page answers and says how far that is. A file is served by its name in a list that was made of the folder, never by a path that
was sent.
"""

import asyncio
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import council
from council.domain import errors
from council.gateway import page
from council.kit import shown

FOLDER = Path(council.__file__).parent / "dashboard"
STATE = "building.json"
_INDEX = "index.html"
# Each, and whatever lies below it, is the same page; its own script shows what the address asks for.
VIEWS = ("chat", "health", "changes", "insight", "guide", "sandbox", "memory", "admin")
# Files beside the page that browsers look for by name.
NAMED = ("icon.svg", "favicon.svg", "favicon.ico", "manifest.webmanifest", "robots.txt", "icon-192.png", "icon-512.png")
_ASSETS = "assets/"
_FILES_MAX = 1000
_FILE_BYTES_MAX = 8 * 1024 * 1024
_STATE_BYTES_MAX = 4096
_LOOK_S = 1.0
_TYPES = {
    **{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"},
    **{".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2"},
    **{".json": "application/json", ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8"},
    ".map": "application/json",
}
_PACKED = (("br", ".br"), ("gzip", ".gz"))
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_PAGE_HEADERS = {
    "content-security-policy": _POLICY,
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    # The browser may keep it, and asks each time whether it is still so.
    "cache-control": "no-cache",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_WHILE = "public, max-age=3600"


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    etag: str


class Pages:
    """What is served of the folder."""

    def __init__(self, plain: page.Plain, folder: Path):
        self._plain = plain
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._mark: tuple[int, ...] = ()
        self._looked_s = float("-inf")

    def routes(self) -> list[Route]:
        """Return Starlette routes."""
        views = [Route(f"/{view}{below}", self.view) for view in VIEWS for below in ("", "/{rest:path}")]
        named = [Route(f"/{name}", self.named) for name in NAMED]
        return [Route("/", self.view), *views, *named, Route("/assets/{name:path}", self.asset)]

    async def view(self, request: Request) -> Response:
        """Send the page, or the plain one while there is none."""
        found = await self._found(_INDEX)
        if found is None:
            return await self._plain.answer(request, await asyncio.to_thread(self._progress))
        return await self._send(request, _INDEX, found, _PAGE_HEADERS)

    async def asset(self, request: Request) -> Response:
        """Send a part of the page; its name holds its digest, so it never changes. Raises NotFoundError."""
        return await self._part(request, _ASSETS + request.path_params["name"], _FOR_EVER)

    async def named(self, request: Request) -> Response:
        """Send a file that browsers look for. Raises NotFoundError."""
        return await self._part(request, request.url.path.removeprefix("/"), _FOR_A_WHILE)

    async def _part(self, request: Request, name: str, keep: str) -> Response:
        found = await self._found(name)
        if found is None or Path(name).suffix not in _TYPES:
            raise errors.NotFoundError("There is no such part of the dashboard. Load the page again.")
        return await self._send(request, name, found, {"cache-control": keep})

    async def _send(self, request: Request, name: str, found: _File, headers: dict[str, str]) -> Response:
        told = {**headers, "etag": found.etag, "vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=told)
        taken = {one.partition(";")[0].strip() for one in request.headers.get("accept-encoding", "").split(",")}
        packed, path = next(
            (
                (kind, self._files[name + end].path)
                for kind, end in _PACKED
                if kind in taken and name + end in self._files
            ),
            ("", found.path),
        )
        try:
            content = await asyncio.to_thread(_content, path)
        except OSError as error:
            self._looked_s = float("-inf")
            raise errors.UnavailableError(
                "The dashboard is being built anew. Load the page again in a moment.", detail=str(error)
            ) from error
        if packed:
            told["content-encoding"] = packed
        return Response(content, headers=told, media_type=_TYPES[Path(name).suffix])

    async def _found(self, name: str) -> _File | None:
        if time.monotonic() - self._looked_s > _LOOK_S:
            self._looked_s = time.monotonic()
            await asyncio.to_thread(self._look)
        return self._files.get(name)

    def _look(self) -> None:
        """Make the list of files anew where the page is another one."""
        mark = _mark(self._folder / _INDEX)
        if mark != self._mark:
            self._files = dict(_listed(self._folder)) if mark else {}
            self._mark = mark

    def _progress(self) -> str:
        """Return how far the build is, in a sentence."""
        try:
            told = orjson.loads(_content(self._folder / STATE)[:_STATE_BYTES_MAX])
            step, since_s, problem = str(told["step"]), float(told["since_s"]), str(told["problem"])
        except (OSError, ValueError, KeyError, TypeError):
            return "The dashboard is not built here. `make ui` builds it, where there is npm."
        if problem:
            return f"The dashboard could not be built ({step}): {problem[:300]} Mend that and run `make ui`."
        lasts = shown.duration(max(0.0, time.time() - since_s))
        return f"The dashboard is being built: {step}, for {lasts}. Load this page again in a minute."


def _mark(path: Path) -> tuple[int, ...]:
    """Return what is another for another file; nothing where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _listed(folder: Path) -> Iterator[tuple[str, _File]]:
    """Yield the plain files of the folder by their names in it; no link is followed."""
    count = 0
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place, name)
            try:
                found = path.lstat()
            except OSError:
                continue
            count += 1
            if count > _FILES_MAX or not stat.S_ISREG(found.st_mode) or found.st_size > _FILE_BYTES_MAX:
                continue
            etag = f'"{found.st_size:x}-{found.st_mtime_ns:x}"'
            yield path.relative_to(folder).as_posix(), _File(path, etag)


def _content(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_FILE_BYTES_MAX)
