"""The gateway is asked what a token may do; what is no word of its counts as nobody knowing."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import test_utils, web

from council.backends.tokens import http
from council.domain import access, errors

TOLD = {"user": "ann", "token_id": "t", "rights": ["read"], "staging": True}


@contextlib.asynccontextmanager
async def asked(body: Any, status: int = 200) -> AsyncIterator[tuple[http.HttpTokens, list[str]]]:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers["authorization"])
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get("/api/token", handler)
    async with test_utils.TestServer(app) as server:
        tokens = http.HttpTokens(lambda: str(server.make_url("/")))
        yield tokens, seen
        await tokens.close()
        await tokens.close()


async def test_whose_a_token_is_comes_back_with_its_limit() -> None:
    async with asked(TOLD) as (tokens, seen):
        assert await tokens.known("secret") == access.Principal(
            "ann", "t", frozenset({access.Right.READ}), 0, staging=True
        )
        assert seen == ["Bearer secret"]


async def test_one_that_is_not_in_force_is_nobodys() -> None:
    async with asked({}, 401) as (tokens, _):
        assert await tokens.known("secret") is None


@pytest.mark.parametrize("secret", ["two\r\nlines", "\xe9", "x" * 513])
async def test_what_no_token_can_be_is_not_asked_about(secret: str) -> None:
    async with asked(TOLD) as (tokens, seen):
        assert await tokens.known(secret) is None and not seen


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 200), ([], 200), ({**TOLD, "rights": ["rule"]}, 200), (TOLD, 500), (TOLD, 429), (TOLD, 302)],
)
async def test_another_answer_is_none(body: Any, status: int) -> None:
    async with asked(body, status) as (tokens, _):
        with pytest.raises(errors.UnavailableError, match="Try again"):
            await tokens.known("secret")


async def test_a_gateway_that_is_away_or_not_listed_is_told_as_that() -> None:
    def unlisted() -> str:
        raise errors.ScrapeError("targets.json cannot be read")

    for gateway in (lambda: "http://127.0.0.1:9", unlisted):
        tokens = http.HttpTokens(gateway)
        with pytest.raises(errors.UnavailableError, match="does not answer"):
            await tokens.known("secret")
        await tokens.close()
