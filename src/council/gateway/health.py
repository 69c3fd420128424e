"""Whether the service lives, is ready, and what it measures."""

import asyncio
import dataclasses
import time
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from council import observing, telemetry
from council.domain import errors
from council.gateway import parts

_PING_S = 2.5
_FRESH_S = 1.0
# Without these no question can be answered; without the others some can, and answers say so.
_ESSENTIAL = frozenset({"records"})


class Health:
    """Asks every part whether it is there; one round of asking serves all callers of a second."""

    def __init__(self, made: parts.Parts):
        self._parts = made
        self._states: dict[str, str] = {}
        self._asked_s = float("-inf")
        self._asking = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        return [Route("/livez", self.live), Route("/readyz", self.ready), Route("/metrics", self.metrics)]

    async def states(self) -> dict[str, str]:
        """Return "up" or the error code of each part."""
        async with self._asking:
            if time.monotonic() - self._asked_s > _FRESH_S:
                names = list(self._parts.pings)
                found = await asyncio.gather(*(self._ping(name) for name in names))
                self._states = dict(zip(names, found, strict=True))
                self._asked_s = time.monotonic()
            return self._states

    async def live(self, _: Request) -> Response:
        """Say that this process serves."""
        return _json({"live": True, **dataclasses.asdict(self._parts.label)})

    async def ready(self, _: Request) -> Response:
        """Say whether questions can be answered: 200, or 503 with what is away."""
        states = await self.states()
        ready = all(states[name] == "up" for name in _ESSENTIAL)
        body: dict[str, Any] = {
            "ready": ready,
            "degraded": sorted(name for name, state in states.items() if state != "up"),
        }
        body |= {"parts": states, "providers": self.providers(), **dataclasses.asdict(self._parts.label)}
        body |= {"inputs_digest": observing.inputs_of("gateway")}
        return _json(body, 200 if ready else 503)

    def providers(self) -> dict[str, str]:
        """Return "up", "unasked", "off" or "open" of each provider. Council is ready without them."""
        states = self._parts.calls.states()
        for name, state in states.items():
            telemetry.PROVIDER_STATE.labels(name).set(state in ("up", "unasked"))
        return states

    async def metrics(self, request: Request) -> Response:
        """Show the metrics of all gateway workers, summed."""
        self._parts.doorkeeper.admit_scrape(request)
        observing.observe_process("gateway", self._parts.label.generation)
        self.providers()
        return Response(await asyncio.to_thread(telemetry.render), media_type=telemetry.CONTENT_TYPE)

    async def _ping(self, name: str) -> str:
        try:
            async with asyncio.timeout(_PING_S):
                await self._parts.pings[name]()
        except TimeoutError:
            state = "timeout"
        except errors.CouncilError as error:
            state = error.code
        else:
            state = "up"
        telemetry.CALLS.labels(name, "ok" if state == "up" else "error").inc()
        return state


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
