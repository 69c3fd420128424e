"""Calls to GitHub's REST interface: tried again where that is safe, held back where it asks for it, its errors as ours.

Nothing of the token is in a message, a log line or an address. Redirects are not followed, since the token would go with them.
What GitHub says in words is somebody else's text: it is cut and shown, never acted upon but for telling limits apart.
"""

import asyncio
import contextlib
import io
import math
import random
import urllib.parse
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import yarl
from aiohttp import http_exceptions

from council.domain import errors

_ACCEPT = "application/vnd.github+json"
API_VERSION = "2022-11-28"
PER_PAGE = 100
_FAULTS = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError)
_REPLY_BYTES_MAX = 32 * 1024 * 1024
_READ_BYTES = 64 * 1024
_TRIES = 4
_FIRST_WAIT_S, _WAIT_S_MAX = 0.5, 8.0
# What GitHub asks for where it does not say how long (docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api).
_UNSAID_WAIT_S = 60.0
_LIMIT_S_MAX = 24 * 3600.0
_TEXT_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """One repository on GitHub or GitHub Enterprise (`https://HOST/api/v3`), and as whom it is asked.

    `account` is the name of who holds the token, asked of GitHub where it is "": an app has to say it. `call_s` bounds one
    try, `limit_s_max` how long a call waits for a limit to be over.
    """

    repository: str
    token: str = field(repr=False)
    account: str = ""
    url: str = "https://api.github.com"
    call_s: float = 30.0
    limit_s_max: float = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What GitHub answered."""

    status: int
    data: Any
    headers: Mapping[str, str]

    @property
    def said(self) -> str:
        """Its words about an error, for people."""
        told = self.data if isinstance(self.data, dict) else {}
        rows = told.get("errors")
        more = (
            [row.get("message") or row.get("code") for row in rows if isinstance(row, dict)]
            if isinstance(rows, list)
            else []
        )
        return plain("; ".join(str(each) for each in (told.get("message"), *more) if each))

    @property
    def has_more(self) -> bool:
        """Whether another page follows."""
        return 'rel="next"' in self.headers.get("link", "")


class Calls:
    """Asks one GitHub. `sleep` and `now_s`, in Unix seconds, are time; `rng` spreads those who try again."""

    def __init__(
        self,
        settings: Settings,
        now_s: Callable[[], float],
        *,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._url = _checked(settings.url)
        self._token = settings.token
        self._call_s = settings.call_s
        self._limit_s_max = settings.limit_s_max
        self._now_s = now_s
        self._rng = rng or random.Random()  # noqa: S311 - spreads waits, keeps no secret
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None
        # GitHub wants those who change something to come one after the other.
        self._changing = asyncio.Lock()
        self._left_alone_until_s = 0.0

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str] | None = None,
        etag: str = "",
        allowed: Collection[int] = (),
        again: bool = True,
    ) -> Reply:
        """Return the reply to a request, whose status is below 400 or among `allowed`.

        `path` is that of the interface, its parts quoted (`quoted`). With `again` it is sent once more where nobody knows what
        became of it, so it must bear that. Raises ForgeUnavailableError, ForgeLimitedError, ForgeForbiddenError,
        ForgeNotFoundError and, for what else is refused, InvalidRequestError.
        """
        if method == "GET":
            return await self._tried(method, path, body, params, etag, allowed, again)
        async with self._changing:
            return await self._tried(method, path, body, params, etag, allowed, again)

    async def pages(self, path: str, params: Mapping[str, str], rows_max: int, key: str = "") -> list[Any]:
        """Return the rows of all pages, at most so many; `key` is where a page has them, "" where it is a list."""
        rows: list[Any] = []
        for page in range(1, math.ceil(rows_max / PER_PAGE) + 1):
            reply = await self.call("GET", path, params={**params, "per_page": str(PER_PAGE), "page": str(page)})
            found = reply.data.get(key) if key and isinstance(reply.data, dict) else reply.data
            if not isinstance(found, list):
                raise away("an answer that is no list")
            rows += found
            if not reply.has_more:
                break
        return rows[:rows_max]

    async def pause(self, attempt: int) -> None:
        """Wait before the try after this one, the first of which is 0."""
        await self._sleep(min(_WAIT_S_MAX, _FIRST_WAIT_S * 2.0**attempt) * self._rng.uniform(0.5, 1.0))

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _tried(
        self,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, str] | None,
        etag: str,
        allowed: Collection[int],
        again: bool,
    ) -> Reply:
        attempt = 0
        while True:
            self._check_left_alone()
            problem, reply = "", None
            try:
                reply = await self._once(method, path, body, params, etag)
            except TimeoutError:
                problem = f"no answer within {self._call_s:g} s"
            except _FAULTS as error:
                problem = type(error).__name__
            except _SenselessError:
                problem = "an answer that is no JSON"
            if reply is not None:
                wait_s = self._asked_wait_s(reply)
                if wait_s is None and reply.status < 500:
                    return self._accepted(reply, allowed)
                if wait_s is not None:
                    await self._wait_for_limit(wait_s, last=attempt + 1 >= _TRIES)
                    attempt += 1
                    continue
                problem = f"status {reply.status}"
            if not again or attempt + 1 >= _TRIES:
                raise away(problem)
            await self.pause(attempt)
            attempt += 1

    async def _once(self, method: str, path: str, body: Any, params: Mapping[str, str] | None, etag: str) -> Reply:
        headers = {
            "accept": _ACCEPT,
            "authorization": f"Bearer {self._token}",
            "user-agent": "council-cloud",
            "x-github-api-version": API_VERSION,
            **({"if-none-match": etag} if etag else {}),
            **({"content-type": "application/json"} if body is not None else {}),
        }
        # Encoded already: a slash within a name is part of it.
        url = yarl.URL(f"{self._url}{path}", encoded=True).with_query(params)
        data = None if body is None else io.BytesIO(orjson.dumps(body))
        async with self._opened().request(method, url, data=data, headers=headers, allow_redirects=False) as response:
            content = bytearray()
            async for block in response.content.iter_chunked(_READ_BYTES):
                content += block
                if len(content) > _REPLY_BYTES_MAX:
                    raise away(f"an answer of more than {_REPLY_BYTES_MAX:,} bytes")
            told = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, _loaded(response.status, bytes(content)), told)

    def _accepted(self, reply: Reply, allowed: Collection[int]) -> Reply:
        if reply.status in allowed or reply.status < 300 or reply.status == 304:
            return reply
        if reply.status == 401:
            raise errors.ForgeForbiddenError("GitHub does not know the token. Make another, and give Council that.")
        if reply.status == 403:
            needs = plain(reply.headers.get("x-accepted-github-permissions", ""))
            what = f"the token may not do it{f': it needs {needs}' if needs else ''}"
            raise errors.ForgeForbiddenError(f"GitHub says that {what}. Give the token more rights.", detail=reply.said)
        if reply.status in (404, 410):
            raise errors.ForgeNotFoundError(
                "GitHub knows nothing there, or does not show it to this token. See the repository's name and the token."
            )
        if reply.status < 400:
            raise errors.ForgeNotFoundError("The repository has moved on GitHub. Give its new name.")
        raise errors.InvalidRequestError(
            f"GitHub refused it with status {reply.status}: {reply.said or 'no reason'}. Correct that and try again."
        )

    def _asked_wait_s(self, reply: Reply) -> float | None:
        """Return how long GitHub asks to be left alone, None where it does not."""
        if reply.status not in (403, 429):
            return None
        after, reset = reply.headers.get("retry-after", ""), reply.headers.get("x-ratelimit-reset", "")
        if after.isdecimal():
            return max(1.0, float(after))
        if reply.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
            return max(1.0, float(reset) - self._now_s() + 1.0)
        if reply.status == 429 or "secondary rate limit" in reply.said.lower():
            return _UNSAID_WAIT_S
        return None

    async def _wait_for_limit(self, wait_s: float, *, last: bool) -> None:
        wait_s = min(wait_s, _LIMIT_S_MAX)
        if last or wait_s > self._limit_s_max:
            # Who goes on asking is kept out for longer.
            self._left_alone_until_s = self._now_s() + wait_s
            self._check_left_alone()
        await self._sleep(wait_s + self._rng.uniform(0.0, 1.0))

    def _check_left_alone(self) -> None:
        left_s = self._left_alone_until_s - self._now_s()
        if 0 < left_s <= _LIMIT_S_MAX:
            raise errors.ForgeLimitedError(
                f"GitHub asks to be left alone for {math.ceil(left_s)} s. Nothing has changed; try again then.",
                retry_after_s=math.ceil(left_s),
            )

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._call_s)
            self._session = aiohttp.ClientSession(
                timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, requote_redirect_url=False
            )
        return self._session


class _SenselessError(Exception):
    """Something answered in GitHub's place, or only a part came."""


def _loaded(status: int, content: bytes) -> Any:
    if status in (204, 304):
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        if status >= 400:
            return None
        raise _SenselessError from error


def quoted(text: str) -> str:
    """Return a name as one part of a path."""
    return urllib.parse.quote(text, safe="")


def plain(text: str) -> str:
    """Return somebody's words as a line that can be shown."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:_TEXT_CHARS_MAX]


def away(problem: str) -> errors.ForgeUnavailableError:
    """Return the error that says so."""
    return errors.ForgeUnavailableError(
        f"GitHub does not answer as it should ({problem}). Nobody knows whether it was done; ask again later."
    )


def _checked(url: str) -> str:
    """Return an address without a slash at its end. Raises ConfigError for one that would give the token away."""
    with contextlib.suppress(ValueError):
        found = yarl.URL(url)
        is_near = found.scheme == "http" and found.host in ("127.0.0.1", "::1", "localhost")
        is_bare = not (found.user or found.query_string or found.fragment)
        if found.host and is_bare and (is_near or found.scheme == "https"):
            return str(found).rstrip("/")
    raise errors.ConfigError("GitHub's address is `https://…` with nothing but a host and a path. Correct it.")
