"""What patchctl does with the keys of providers: on whose word, where they come to lie, and that none is ever told."""

import logging
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council.domain import errors, home
from council.services import provider_keys

YAML = "providers:\n  far: {url: 'https://far.example/v1'}\n  near: {url: 'http://127.0.0.1:9/v1', key: none}\n"
SECRET = "sk-very-secret"


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    made = home.Home(tmp_path)
    folder = made.generations / ("a" * 40)
    folder.mkdir(parents=True)
    (folder / "council.yaml").write_text("{}")
    (folder / "providers.yaml").write_text(YAML)
    made.current.symlink_to(f"generations/{'a' * 40}")
    made.provider_keys.mkdir(parents=True)
    return made


@pytest.fixture
def client(where: home.Home) -> httpx.AsyncClient:
    async def admin(request: Request) -> str:
        if request.headers.get("authorization") != "Bearer rules":
            raise errors.ForbiddenError("This needs the right to administer. Use another token.")
        return "ann"

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, errors.CouncilError)
        return JSONResponse({"code": error.code, "message": error.message}, 400)

    made = provider_keys.ProviderKeys(where, admin)
    app = Starlette(
        routes=[
            Route("/keys/{provider}", made.put, methods=["PUT"]),
            Route("/keys/{provider}", made.remove, methods=["DELETE"]),
        ],
        exception_handlers={errors.CouncilError: refused},
    )
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"authorization": "Bearer rules"}
    )


async def test_a_key_is_put_replaced_and_removed_and_nobody_is_told_what_it_is(
    client: httpx.AsyncClient, where: home.Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = where.provider_key_file("far")
    for replaced in (False, True):
        told = await client.put("/keys/far", json={"key": SECRET})
        assert told.json() == {"success": True, "replaced": replaced}
    assert file.read_text() == f"{SECRET}\n" and stat.S_IMODE(file.stat().st_mode) == 0o600
    for replaced in (True, False):
        assert (await client.delete("/keys/far")).json() == {"success": True, "replaced": replaced}
    assert not file.exists() and not list(where.provider_keys.iterdir())
    assert "ann" in str([vars(one) for one in caplog.records])
    assert SECRET not in str([vars(one) for one in caplog.records])


async def test_where_another_user_reads_the_keys_a_new_one_is_that_groups(
    client: httpx.AsyncClient, where: home.Home
) -> None:
    where.provider_keys.chmod(0o2750)
    await client.put("/keys/far", json={"key": SECRET})
    assert stat.S_IMODE(where.provider_key_file("far").stat().st_mode) == 0o640


async def test_only_an_administrator_puts_or_removes_a_key(client: httpx.AsyncClient, where: home.Home) -> None:
    where.provider_key_file("far").write_text("there")
    stranger = {"authorization": "Bearer other"}
    assert (await client.put("/keys/far", json={"key": SECRET}, headers=stranger)).json()["code"] == "forbidden"
    assert (await client.delete("/keys/far", headers=stranger)).json()["code"] == "forbidden"
    assert where.provider_key_file("far").read_text() == "there"


@pytest.mark.parametrize("name", ["nowhere", "near", "..", "far.key", "%2e%2e%2fpatches"])
async def test_only_a_provider_that_needs_one_has_a_key(client: httpx.AsyncClient, where: home.Home, name: str) -> None:
    assert (await client.put(f"/keys/{name}", json={"key": SECRET})).status_code in (400, 404, 405)
    assert not list(where.provider_keys.iterdir()) and not list(where.secrets.glob("*.key"))


@pytest.mark.parametrize(
    "body", [{}, {"key": ""}, {"key": "a b"}, {"key": "a\nb"}, {"key": 7}, {"key": "k", "more": 1}]
)
async def test_what_is_no_key_is_not_kept(client: httpx.AsyncClient, where: home.Home, body: Any) -> None:
    told = await client.put("/keys/far", json=body)
    assert told.json()["code"] == "invalid_request" and "a b" not in told.json()["message"]
    assert not list(where.provider_keys.iterdir())


async def test_a_folder_that_cannot_be_written_is_told_of(client: httpx.AsyncClient, where: home.Home) -> None:
    where.provider_keys.rmdir()
    where.provider_keys.write_text("in the way")
    assert (await client.put("/keys/far", json={"key": SECRET})).json()["code"] == "unavailable"
