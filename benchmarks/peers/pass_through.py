"""The least a gateway in Python can be: FastAPI takes the body, aiohttp hands it on, the answer's bytes go back unread.

No routing, no evidence, no ledger, no limits, no checks: what is above its figures is what those cost.
"""

import contextlib
import os
from collections.abc import AsyncIterator

import aiohttp
import fastapi
from fastapi import responses

UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:1")


@contextlib.asynccontextmanager
async def _lifespan(made: fastapi.FastAPI) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        made.state.session = session
        yield


app = fastapi.FastAPI(lifespan=_lifespan)


@app.get("/livez")
async def live() -> dict[str, bool]:
    return {"live": True}


@app.post("/v1/chat/completions")
async def chat(request: fastapi.Request) -> responses.Response:
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
