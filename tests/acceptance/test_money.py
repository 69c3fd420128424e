"""Money through a kill -9 of the gateway: what was acknowledged is exact, what was under way is held and later charged."""

import contextlib
import http.client
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import whole
from council import homes
from council.backends.records import sql
from council.domain import home, ledger
from council.upkeep.engine import blueprint

PRICE = {"input_usd_micros": 1_000_000, "output_usd_micros": 2_000_000}
TOKENS_MAX = 1_000
DAY_US = 86_400_000_000
END_US = 1 << 62


@pytest.fixture(scope="module")
def council(upstream: str) -> Iterator[whole.Council]:
    names = ("ok", "ok-400-50ms")
    models = {name: {"deployments": [{"provider": "paid", "model": name, **PRICE}]} for name in names}
    file = {"providers": {"paid": {"url": f"{upstream}/v1", "key": "none"}}, "models": models}
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        root = Path(folder, "h")
        where = home.Home(root)
        homes.prepare(where, {"COUNCIL_HOME": str(root)})
        blueprint.commit(where, {"providers.yaml": yaml.safe_dump(file).encode()}, "Add a provider that is paid")
        with whole.running(root, whole.free_port()) as one:
            yield one


@contextlib.contextmanager
def asking(council: whole.Council, model: str, *, stream: bool) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", council.port, timeout=60)
    headers = {"authorization": f"Bearer {council.token}", "content-type": "application/json"}
    messages = [{"role": "user", "content": "one two three"}]
    body = {"model": model, "messages": messages, "max_tokens": TOKENS_MAX, "stream": stream}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    with contextlib.closing(connection):
        yield connection.getresponse()


def gateway(council: whole.Council) -> dict:
    return next(one for one in council.services() if one["name"] == "gateway")


def billed(upstream: str, request_id: str) -> list[dict]:
    connection = http.client.HTTPConnection(upstream.removeprefix("http://"), timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/_tally")
        entries = json.loads(connection.getresponse().read())["entries"]
    return [one for one in entries if one["request_id"] == request_id]


def test_a_kill_of_the_gateway_in_mid_call_loses_no_money(council: whole.Council, upstream: str) -> None:
    acknowledged = []
    for stream in (False, True, True):
        with asking(council, "ok", stream=stream) as response:
            assert response.status == 200 and (b"[DONE]" in response.read()) == stream
            acknowledged.append(response.headers["x-request-id"])
    with asking(council, "ok-400-50ms", stream=True) as response:
        assert response.status == 200 and response.readline().startswith(b"data: ")
        under_way = response.headers["x-request-id"]
        killed = gateway(council)["pid"]
        os.kill(killed, signal.SIGKILL)
        with contextlib.suppress(http.client.IncompleteRead, ConnectionError):
            assert b"[DONE]" not in response.read()
    whole.wait_until(lambda: (found := gateway(council))["state"] == "ready" and found["pid"] != killed, 60)

    records = sql.SqlRecords(home.Home(council.home).records_url)
    try:
        rows = {row.request_id: row for row in records.rows(0, END_US)}
        assert {name: rows[name].cost_usd_micros for name in acknowledged} == dict.fromkeys(acknowledged, 3 + 2 * 8)
        assert under_way not in rows
        day = ledger.period_of(rows[acknowledged[0]].at_us, "day")
        held = records.spent("all", day) - 3 * (3 + 2 * 8)
        assert held > 2 * TOKENS_MAX, "what was under way counts"
        # As the gateway does now and then; a day on, since nothing waits so long here.
        assert records.settle_expired(time.time_ns() // 1_000 + DAY_US) == 1
        unsettled = next(row for row in records.rows(0, END_US) if row.request_id == under_way)
        assert (unsettled.outcome, unsettled.cost_usd_micros) == (ledger.Outcome.UNSETTLED, held)
        assert records.spent("all", day) == 3 * (3 + 2 * 8) + held
    finally:
        records.close()
    whole.wait_until(lambda: bool(billed(upstream, under_way)), 30)
    (entry,) = billed(upstream, under_way)
    assert 0 < entry["prompt_tokens"] + 2 * entry["completion_tokens"] <= held
