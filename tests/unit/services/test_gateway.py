import dataclasses
from typing import Any

import pytest
import uvicorn

from council.domain import config
from council.services import gateway


async def seen(settings: config.GatewayConfig) -> dict[str, Any]:
    """The scope of a caller on loopback who says that it comes from elsewhere, behind what uvicorn puts around it."""
    scopes: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    server = uvicorn.Config(application, lifespan="off", **gateway.server_options(settings))
    server.load()
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    scope: Any = {"type": "http", "scheme": "http", "client": ("127.0.0.1", 5000), "headers": headers}
    await server.loaded_app(scope, None, None)
    return scopes[0]


@pytest.mark.parametrize(
    ("behind_proxy", "host", "scheme"), [(False, "127.0.0.1", "http"), (True, "203.0.113.9", "https")]
)
async def test_forwarded_headers_are_believed_only_behind_a_proxy(behind_proxy: bool, host: str, scheme: str) -> None:
    found = await seen(dataclasses.replace(config.GatewayConfig(), behind_proxy=behind_proxy))
    assert (found["client"][0], found["scheme"]) == (host, scheme)
