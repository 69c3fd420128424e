"""As pass_through.py with Starlette alone: no framework that reads signatures, and nothing else either."""

import contextlib
import os
from collections.abc import AsyncIterator

import aiohttp
from starlette import applications, requests, responses, routing

UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:1")


@contextlib.asynccontextmanager
async def _lifespan(made: applications.Starlette) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        made.state.session = session
        yield


async def _live(_: requests.Request) -> responses.Response:
    return responses.JSONResponse({"live": True})


async def _chat(request: requests.Request) -> responses.Response:
    headers = {"content-type": "application/json", "authorization": request.headers.get("authorization", "")}
    session: aiohttp.ClientSession = request.app.state.session
    answer = await session.post(f"{UPSTREAM}/v1/chat/completions", data=await request.body(), headers=headers)
    kind = answer.headers.get("content-type", "application/json")
    if not kind.startswith("text/event-stream"):
        async with answer:
            return responses.Response(await answer.read(), answer.status, media_type=kind)

    async def pieces() -> AsyncIterator[bytes]:
        async with answer:
            async for piece in answer.content.iter_any():
                yield piece

    return responses.StreamingResponse(pieces(), answer.status, media_type=kind)


app = applications.Starlette(
    routes=[routing.Route("/livez", _live), routing.Route("/v1/chat/completions", _chat, methods=["POST"])],
    lifespan=_lifespan,
)
