"""A small HTTP service that answers with its generation, started by a supervisor."""

import asyncio
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from council.services import harness

PIECES = 12


def main() -> None:
    environment = harness.begin()
    harness.setup_logging(environment.name)

    async def answer(request: Request) -> Response:
        body = await request.body()
        return JSONResponse({"generation": environment.generation, "pid": os.getpid(), "bytes": len(body)})

    async def stream(_: Request) -> Response:
        async def pieces() -> AsyncIterator[str]:
            for number in range(PIECES):
                yield f"{environment.generation} {number}\n"
                await asyncio.sleep(0.05)

        return StreamingResponse(pieces())

    app = Starlette(
        routes=[Route("/answer", answer, methods=["GET", "POST"]), Route("/stream", stream, methods=["POST"])]
    )
    if environment.generation == "b" * 40:
        raise SystemExit("this generation does not start")
    harness.serve(app, environment.sockets["public"], environment, drain_s=10.0, linger_s=0.5)


if __name__ == "__main__":
    main()
