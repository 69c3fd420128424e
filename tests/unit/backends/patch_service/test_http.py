"""patchctl over HTTP: what it says is told as it was, and what is no word of its is told as its absence."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import test_utils, web

from council.backends.patch_service import http
from council.domain import errors, patches

SENT = patches.Submission(b"{}", b"\0", (b"\1",))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[http.HttpPatchService]:
    app = web.Application()
    app.router.add_route("*", "/{path}", handler)
    async with test_utils.TestServer(app) as server:
        service = http.HttpPatchService(str(server.make_url("")).rstrip("/"), "the-key")
        try:
            yield service
        finally:
            await service.close()
            await service.close()


def saying(body: Any, status: int = 200) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        if isinstance(body, bytes):
            return web.Response(body=body, status=status)
        return web.json_response(body, status=status)

    return handler


async def test_a_patch_travels_as_its_exact_bytes_and_the_decision_comes_back() -> None:
    asked: list[Any] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append((request.path, request.headers["authorization"], await request.json()))
        return web.json_response(
            {"success": True, "cid": "ab", "digest": "abcd", "reason": "", "message": ""}, status=202
        )

    async with served(handler) as service:
        assert await service.apply(SENT, trial=True) == patches.Decision(True, "ab", "abcd")
    body = {"patch": "e30=", "signature": "AA==", "cosignatures": ["AQ=="], "target": "staging"}
    assert asked == [("/apply", "Bearer the-key", body)]


async def test_a_refusal_is_a_decision_and_no_error() -> None:
    told = {"success": False, "cid": "ab", "digest": "abcd", "reason": "frozen", "message": "Wait."}
    async with served(saying(told, 423)) as service:
        assert await service.apply(SENT) == patches.Decision(False, "ab", "abcd", "frozen", "Wait.")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("overloaded", errors.OverloadedError),
        ("forbidden", errors.ForbiddenError),
        ("not_found", errors.NotFoundError),
        ("body_too_large", errors.BodyTooLargeError),
        ("request_timeout", errors.RequestTimeoutError),
        ("unavailable", errors.UnavailableError),
        ("setup_incomplete", errors.SetupError),
        ("never_heard_of", errors.PatchServiceUnavailableError),
    ],
)
async def test_its_errors_are_raised_as_they_were(code: str, kind: type[errors.CouncilError]) -> None:
    told = {"success": False, "code": code, "reason": "busy", "message": "Do this."}
    async with served(saying(told, 503)) as service:
        for call in (service.apply(SENT), service.roll_back("", "ann", "So."), service.override(b"{}", b"\0")):
            with pytest.raises(kind, match=r"Do this\.") as caught:
                await call
            assert type(caught.value) is kind and caught.value.reason == "busy"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"This port is for this machine only.\n"])
async def test_what_is_no_word_of_its_means_that_it_is_away(body: bytes) -> None:
    async with served(saying(body, 403)) as service:
        with pytest.raises(errors.PatchServiceUnavailableError, match="council status"):
            await service.apply(SENT)


async def test_nobody_there_is_told_with_what_to_do() -> None:
    service = http.HttpPatchService("http://127.0.0.1:1")
    with pytest.raises(errors.PatchServiceUnavailableError, match="council status"):
        await service.roll_back("", "ann", "So.")
    with pytest.raises(errors.PatchServiceUnavailableError):
        await anext(service.follow())
    await service.close()


async def test_rows_are_followed_and_all_else_is_passed_over() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b': still here\n\nevent: patch\ndata: {"cid": "a"}\n\nevent: patch\nda')
        await response.write(b'ta: {"cid": "b"}\n\n')
        return response

    async with served(handler) as service:
        assert [row["cid"] async for row in service.follow()] == ["a", "b"]


@pytest.mark.parametrize("line", [b"data: [\n", b"data: 1\n", b"data: " + b"x" * (2 * http._LINE_BYTES_MAX + 10)])
async def test_a_line_that_is_no_row_ends_it(line: bytes) -> None:
    async with served(saying(line)) as service:
        with pytest.raises(errors.PatchServiceUnavailableError):
            async for _ in service.follow():
                pass


async def test_following_without_the_key_says_so() -> None:
    async with served(saying({"code": "forbidden", "message": "No."}, 403)) as service:
        with pytest.raises(errors.ForbiddenError, match=r"No\."):
            await anext(service.follow())


async def test_a_list_that_has_not_changed_is_asked_for_by_its_etag_and_is_the_same_object() -> None:
    etag, asked = '"one"', list[str]()

    async def handler(request: web.Request) -> web.StreamResponse:
        shown = request.headers.get("if-none-match", "")
        asked.append(shown)
        if shown == etag:
            return web.Response(status=304)
        return web.json_response({"line": [{"generation": etag}]}, headers={"etag": etag})

    async with served(handler) as service:
        first = await service.line()
        assert await service.line() is first
        etag = '"two"'
        assert await service.line() == [{"generation": '"two"'}]
    assert asked == ["", '"one"', '"one"']
