"""Patch service kind `http`: patchctl over its port on this machine."""

import base64
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import aiohttp
import orjson
from aiohttp import http_exceptions

from council.domain import errors, patches

_CALL_S = 60.0
_REPLY_BYTES_MAX = 32 * 1024 * 1024
_LINE_BYTES_MAX = 256 * 1024
_LISTS_MAX = 4
_NOT_MODIFIED = 304


class HttpPatchService:
    """Implements care_ports.PatchService. `key` is shown where more than a signature is asked for."""

    def __init__(self, url: str, key: str = ""):
        self._url = url
        self._key = key
        self._session: aiohttp.ClientSession | None = None
        # The last answer to each path that is asked again and again, with its ETag.
        self._lists: dict[str, tuple[str, list[Mapping[str, Any]]]] = {}

    async def apply(self, sent: patches.Submission, *, trial: bool = False) -> patches.Decision:
        """Have a patch take effect, or only be tried."""
        body = {
            "patch": _text(sent.document),
            "signature": _text(sent.signature),
            "cosignatures": [_text(one) for one in sent.cosignatures],
            "target": "staging" if trial else "live",
        }
        told = await self._call("POST", "/apply", body)
        try:
            return patches.Decision(bool(told["success"]), told["cid"], told["digest"], told["reason"], told["message"])
        except KeyError:
            raise _error(told) from None

    async def roll_back(self, cid: str, by: str, reason: str, token: str = "") -> Mapping[str, Any]:
        """Take back the patch on its way, or the newest that was applied; on the word of whoever's `token` it is."""
        named = {"cid": cid} if cid else {}
        return await self._asked("POST", "/rollback", {"by": by, "reason": reason, **named}, token)

    async def freeze(self, *, frozen: bool, by: str, reason: str, token: str = "") -> None:
        """Have no more patches taken, or have them taken again, on the word of whoever's `token` it is."""
        await self._asked("POST", "/freeze", {"frozen": frozen, "by": by, "reason": reason}, token)

    async def put_key(self, provider: str, key: str, token: str) -> bool:
        """Have a provider's key kept in the home, on the word of whoever's `token` it is; return whether there was one."""
        return bool((await self._asked("PUT", f"/keys/{provider}", {"key": key}, token)).get("replaced"))

    async def remove_key(self, provider: str, token: str) -> bool:
        """Have a provider's key removed; return whether there was one."""
        return bool((await self._asked("DELETE", f"/keys/{provider}", None, token)).get("replaced"))

    async def page(self, limit: int, before: int | None = None) -> Mapping[str, Any]:
        """Return `patches`, newest first, and as `before` what asks for the next page: how many are older."""
        told = await self._asked("GET", f"/patches?limit={limit}" + ("" if before is None else f"&before={before}"))
        if "patches" not in told:
            raise _error(told)
        return told

    async def standing(self) -> Mapping[str, Any]:
        """Return what serves, what is on its way, freeze and quota."""
        told = await self._asked("GET", "/status")
        if "generation" not in told:
            raise _error(told)
        return told

    async def quarantine(self) -> Mapping[str, Any]:
        """Return `patches`, the newest in quarantine, newest first, and their `count` in all."""
        told = await self._asked("GET", "/quarantine")
        if "patches" not in told:
            raise _error(told)
        return told

    async def detail(self, cid: str) -> Mapping[str, Any]:
        """Return one patch with its document and differences; `cid` are hex digits."""
        told = await self._asked("GET", f"/patches/{cid}/detail")
        if "patch" not in told:
            raise _error(told)
        return told

    async def override(self, statement: bytes, signature: bytes) -> Mapping[str, Any]:
        """Raise today's limits by a person's signed statement."""
        body = {"statement": _text(statement), "signature": _text(signature)}
        return await self._asked("POST", "/override", body)

    async def put_settings_back(self) -> str:
        """Have settings that cannot be read put back; return what was done."""
        return str((await self._asked("POST", "/settings/put-back")).get("told", ""))

    async def keep_repair(self, record: Mapping[str, Any]) -> None:
        """Have the lineage keep a step of a repair."""
        await self._asked("POST", "/repairs", dict(record))

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        """Return the rows of up to `limit` patches, newest first."""
        return await self._listed("/patches?limit=" + str(limit), "patches")

    async def line(self) -> list[Mapping[str, Any]]:
        """Return the generations that serve and served, newest first."""
        return await self._listed("/line", "line")

    async def follow(self) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield the rows of the patch on its way or last there and of the newest, then that of each at each of its steps."""
        unlimited = aiohttp.ClientTimeout(total=None, sock_read=60)
        try:
            async with self._opened().get(
                f"{self._url}/events", headers=self._headers(), timeout=unlimited, read_bufsize=_LINE_BYTES_MAX
            ) as response:
                if response.status != 200:
                    raise _error(_object(await response.content.read(_REPLY_BYTES_MAX)))
                async for line in response.content:
                    if line.startswith(b"data:"):
                        yield _object(line.removeprefix(b"data:"))
        # The last is a line that is too long, and no ClientError.
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, http_exceptions.HttpProcessingError) as error:
            raise _away(error) from error

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _listed(self, path: str, name: str) -> list[Mapping[str, Any]]:
        """Return a list that may be asked for often: one that has not changed is the same object."""
        etag, kept = self._lists.get(path, ("", []))
        status, etag, content = await self._requested("GET", path, None, {"if-none-match": etag} if etag else {})
        if status == _NOT_MODIFIED:
            return kept
        told = _object(content)
        if not isinstance(found := told.get(name), list):
            raise _error(told)
        if etag:
            while len(self._lists) >= _LISTS_MAX:
                self._lists.pop(next(iter(self._lists)))
            self._lists[path] = etag, found
        return found

    async def _asked(self, method: str, path: str, body: Any = None, token: str = "") -> Mapping[str, Any]:
        told = await self._call(method, path, body, token)
        if told.get("success") is False:
            raise _error(told)
        return told

    async def _call(self, method: str, path: str, body: Any = None, token: str = "") -> dict[str, Any]:
        shown = {"authorization": f"Bearer {token}"} if token else {}
        _, _, content = await self._requested(method, path, body, shown)
        return _object(content)

    async def _requested(self, method: str, path: str, body: Any, more: Mapping[str, str]) -> tuple[int, str, bytes]:
        """Return the status, the ETag and the content of an answer."""
        raw = None if body is None else orjson.dumps(body)
        headers = self._headers() | dict(more) | ({} if raw is None else {"content-type": "application/json"})
        try:
            async with self._opened().request(method, self._url + path, data=raw, headers=headers) as response:
                content = await response.content.read(_REPLY_BYTES_MAX)
                while not response.content.at_eof() and len(content) < _REPLY_BYTES_MAX:
                    content += await response.content.read(_REPLY_BYTES_MAX - len(content))
                return response.status, response.headers.get("etag", ""), content
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _away(error) from error

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._key}"} if self._key else {}

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_CALL_S), trust_env=False)
        return self._session


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise _away(error) from error
    if not isinstance(found, dict):
        raise _away(ValueError("no object"))
    return found


def _error(told: Mapping[str, Any]) -> errors.CouncilError:
    kind = errors.BY_CODE.get(str(told.get("code")), errors.PatchServiceUnavailableError)
    return kind(str(told.get("message", "")) or "It was refused without a word.", reason=str(told.get("reason", "")))


def _away(error: BaseException) -> errors.PatchServiceUnavailableError:
    return errors.PatchServiceUnavailableError(
        "What takes patches in does not answer. `council status` shows whether patchctl runs, and its log under logs/ why not.",
        detail=f"{type(error).__name__}: {error}",
    )
