"""A whole Council whose records are on a real PostgreSQL and whose store is a real Redis, both from Debian's packages."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator

import pytest

import servers
import whole


@pytest.fixture(scope="module")
def database() -> Iterator[servers.PostgresqlServer]:
    servers.need("postgresql")
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="module")
def council(database: servers.PostgresqlServer) -> Iterator[whole.Council]:
    servers.need("redis")
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(servers.redis())
        outside = {"COUNCIL_RECORDS_URL": database.create_database(), "COUNCIL_STORE_URL": store.url}
        yield stack.enter_context(whole.anew(outside))


def ask(council: whole.Council) -> dict:
    body = json.dumps({"model": "council", "messages": [{"role": "user", "content": "What is 2+2?"}]}).encode()
    headers = {"authorization": f"Bearer {council.token}", "content-type": "application/json"}
    request = urllib.request.Request(council.base_url + "/v1/chat/completions", body, headers)
    with urllib.request.urlopen(request) as response:
        return {**json.loads(response.read())["council"], "left": response.headers["x-ratelimit-remaining-requests"]}


def test_answers_are_recorded_in_postgresql_and_counted_in_redis(council):
    first, second = ask(council), ask(council)
    assert first["verified"] and not first["degraded"] and int(second["left"]) <= int(first["left"]) < 600
    rows = [json.loads(line) for line in council.command("ledger", "export").stdout.splitlines()]
    assert [row["request_id"] for row in rows] == [first["request_id"], second["request_id"]]


def test_no_store_of_our_own_is_started(council):
    names = [one["name"] for one in json.loads(council.command("status", "--json").stdout)["services"]]
    assert names == [
        "model",
        "worker",
        "recall",
        "zygote",
        "sandboxd",
        "patchctl",
        "watcher",
        "steward",
        "gateway",
        "bots",
    ]


def test_the_password_of_the_database_is_shown_nowhere(council, database):
    shown = council.command("config", "show").stdout + council.command("doctor").stdout
    logs = "".join(path.read_text() for path in (council.home / "logs").iterdir())
    for text in (shown, logs):
        assert database.password not in text
