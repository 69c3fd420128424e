"""A forge's webhook wakes the steward where it is signed, and does nothing else."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from council import care_app
from council.domain import errors, forge, home
from council.services import hook, local_hosts

SECRET = "0123456789abcdef0123"


def signed(body: bytes, secret: str = SECRET, kind: str = "sha256") -> dict[str, str]:
    return {"x-hub-signature-256": f"{kind}={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


@pytest.fixture
def door() -> hook.Hook:
    return hook.Hook(SECRET)


@pytest.fixture
async def client(door: hook.Hook) -> AsyncIterator[httpx.AsyncClient]:
    application = Starlette(routes=[Route("/webhook", door.answer, methods=["POST"])])
    transport = httpx.ASGITransport(local_hosts.only(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8003") as made:
        yield made


async def test_what_is_signed_wakes(client: httpx.AsyncClient, door: hook.Hook) -> None:
    body = b'{"ref": "refs/heads/main"}'
    assert (await client.post("/webhook", content=body, headers=signed(body))).status_code == 204
    assert door.woken.is_set()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256="},
        signed(b"another body"),
        signed(b"{}", secret="another secret"),
        signed(b"{}", kind="sha1"),
        {"x-hub-signature": signed(b"{}")["x-hub-signature-256"]},
    ],
)
async def test_what_is_not_wakes_nobody(client: httpx.AsyncClient, door: hook.Hook, headers: dict[str, str]) -> None:
    told = await client.post("/webhook", content=b"{}", headers=headers)
    assert told.status_code == 403 and not door.woken.is_set()


async def test_what_is_too_long_is_let_go_of_before_it_is_whole(client: httpx.AsyncClient, door: hook.Hook) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * 1024 * 1024:
            sent += 1024 * 1024
            yield b"x" * 1024 * 1024

    assert (await client.post("/webhook", content=endless(), headers=signed(b""))).status_code == 413
    assert not door.woken.is_set() and sent < 8 * 1024 * 1024


async def test_who_sends_too_slowly_and_too_many_at_once_are_let_go(
    client: httpx.AsyncClient, door: hook.Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await going.wait()
        yield b"}"

    many = [asyncio.create_task(client.post("/webhook", content=slow(), headers=signed(b"{}"))) for _ in range(4)]
    while not door._taking.locked():
        await asyncio.sleep(0)
    assert (await client.post("/webhook", content=b"{}", headers=signed(b"{}"))).status_code == 503
    # Whoever shows no signature takes nobody's place, and is not even read.
    assert (await client.post("/webhook", content=slow())).status_code == 403
    going.set()
    assert {(await one).status_code for one in many} == {204}
    going.clear()
    monkeypatch.setattr(hook, "_BODY_S", 0.05)
    assert (await client.post("/webhook", content=slow(), headers=signed(b"{}"))).status_code == 408


async def test_a_web_page_and_a_foreign_name_reach_nothing(client: httpx.AsyncClient, door: hook.Hook) -> None:
    for more in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        assert (await client.post("/webhook", content=b"{}", headers=signed(b"{}") | more)).status_code == 403
    assert not door.woken.is_set()


async def test_a_secret_that_is_missing_is_found_before_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = cast(Any, type("There", (), {"lacking": AsyncMock(return_value=[]), "close": AsyncMock()})())
    monkeypatch.setattr(care_app, "forge", lambda *_: there)
    settings, where = forge.ForgeConfig("github", "acme/blueprint", webhook=True), home.Home(tmp_path)
    (lack,) = await care_app.lacking(settings, where)
    assert "forge.webhook" in lack.what and lack.remedy.endswith(".")
    where.secrets.mkdir()
    where.forge_webhook_file.write_text(SECRET)
    assert await care_app.lacking(settings, where) == []


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(errors.SetupError, match="openssl rand"):
        hook.Hook("short")
