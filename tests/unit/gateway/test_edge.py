"""What the gateway does before and beside answering: who may call, from where, how much; health, page, ledger, document."""

import asyncio
import dataclasses
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import starlette.requests

from council.domain import access, config, errors, ledger
from council.gateway import auth, health, limits
from council.kit import clock as system_clock
from council.testing import clock, model
from gateway_rig import Rig, open_rig

ASK = {"model": "council", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
BEGAN_US = system_clock.SystemClock().now_us() - 10_000_000
CHAT = "/v1/chat/completions"


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway whose caller is not on loopback."""
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), "10.0.0.9") as made:
        yield made


async def post(rig: Rig, headers: dict[str, str] | None = None, **more: Any) -> tuple[int, str]:
    response = await rig.client.post(CHAT, json=ASK, headers=headers, **more)
    return response.status_code, response.json().get("error", {}).get("code", "")


# Who is calling


async def test_on_loopback_without_a_token_one_may_read_and_chat_but_not_operate(rig: Rig) -> None:
    assert await post(rig) == (200, "")
    assert (await rig.client.get("/api/status")).status_code == 200
    response = await rig.client.get("/api/ledger/export")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")


async def test_from_elsewhere_a_token_is_needed_for_all_but_health_and_the_page(far: Rig) -> None:
    assert await post(far) == (401, "invalid_api_key")
    assert (await far.client.post(CHAT, json=ASK)).headers["www-authenticate"] == "Bearer"
    for path in (
        "/v1/models",
        "/v1/models/council",
        "/metrics",
        "/api/status",
        "/api/ledger/report",
        "/api/ledger/export",
    ):
        assert (await far.client.get(path)).status_code == 401, path
    for path in ("/livez", "/readyz", "/", "/openapi.json"):
        assert (await far.client.get(path)).status_code == 200, path
    assert await post(far, far.headers()) == (200, "")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic secret-admin", "secret-admin", "Bearer secret-admin x", "Bearer \xe9"],
)  # fmt: skip
async def test_a_token_that_is_not_ours_is_refused_even_on_loopback(rig: Rig, header: str) -> None:
    response = await rig.client.post(CHAT, json=ASK, headers=[(b"authorization", header.encode("latin-1"))])
    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_the_scheme_is_read_in_any_case(far: Rig) -> None:
    assert await post(far, {"authorization": f"bEARER {far.admin}"}) == (200, "")


async def test_a_role_without_the_right_is_refused(far: Rig) -> None:
    assert (await far.client.get("/api/ledger/export", headers=far.headers(far.viewer))).status_code == 403
    assert (await far.client.get("/api/ledger/export", headers=far.headers())).status_code == 200


async def test_one_is_told_who_one_is_and_what_one_may_do(rig: Rig) -> None:
    told = (await rig.client.get("/api/token", headers=rig.headers(rig.viewer))).json()
    assert told["token_id"] and (told["rights"], told["staging"]) == (["chat", "read"], False)
    assert (await rig.client.get("/api/token")).json()["token_id"] == ""
    assert (await rig.client.get("/api/token", headers={"authorization": "Bearer wrong"})).status_code == 401


def test_a_token_limited_to_staging_reads_whatever_its_role() -> None:
    token = access.Token("id", "u", access.Role.ADMIN, "", access.digest("s"), 1, staging=True)
    assert token.rights == {access.Right.READ}
    assert dataclasses.replace(token, staging=False).rights == frozenset(access.Right)


@pytest.mark.parametrize("more", [{"behind_proxy": True}, {"anonymous_loopback": False}])
async def test_loopback_means_nothing_behind_a_proxy_or_where_it_is_switched_off(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    settings = config.build({"gateway": more}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(), "127.0.0.1") as made:
        assert await post(made) == (401, "invalid_api_key")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1"])
async def test_every_address_of_loopback_is_loopback(tmp_path: Path, host: str) -> None:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), host) as made:
        assert await post(made) == (200, "")


@pytest.mark.parametrize("host", ["", "testclient", "0.0.0.0", "192.168.1.1", "fe80::1"])
async def test_what_is_no_loopback_address_is_elsewhere(tmp_path: Path, host: str) -> None:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), host) as made:
        assert await post(made) == (401, "invalid_api_key")


class Tokens:
    def __init__(self) -> None:
        self.found: list[access.Token] = []
        self.error: errors.CouncilError | None = None

    def tokens(self) -> list[access.Token]:
        if self.error:
            raise self.error
        return self.found


async def test_a_revoked_token_ends_and_an_outage_of_the_records_changes_nothing() -> None:
    records = Tokens()
    keeper = auth.Doorkeeper(records, config.GatewayConfig(tokens_refresh_s=0.01))  # type: ignore[arg-type]
    scope = {"type": "http", "headers": [(b"authorization", b"Bearer s")], "client": ("10.0.0.9", 1)}
    caller = starlette.requests.HTTPConnection(scope)

    def admitted() -> bool:
        try:
            return keeper.admit(caller, access.Right.CHAT).requests_per_minute == 7
        except errors.UnauthenticatedError:
            return False

    async def until(wanted: bool) -> None:
        async with asyncio.timeout(20):
            while admitted() is not wanted:
                await asyncio.sleep(0.005)

    fresh = asyncio.create_task(keeper.keep_fresh())
    token = access.Token("id", "u", access.Role.VIEWER, "", access.digest("s"), 1, requests_per_minute=7)
    records.found = [token]
    await until(True)
    records.error = errors.RecordsUnavailableError("Away.")
    await asyncio.sleep(0.05)
    assert admitted() and not fresh.done()
    records.error, records.found = None, [access.Token("id", "u", access.Role.VIEWER, "", access.digest("s"), 1, 7, 2)]
    await until(False)
    fresh.cancel()


async def test_a_list_that_was_read_before_a_token_ended_does_not_bring_it_back() -> None:
    token = access.Token("id", "u", access.Role.VIEWER, "", access.digest("s"), 1)
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Tokens):
        def tokens(self) -> list[access.Token]:
            found = list(self.found)
            if not begun.is_set():
                begun.set()
                assert go_on.wait(20)
            return found

    records = Slow()
    records.found = [token]
    keeper = auth.Doorkeeper(records, config.GatewayConfig())  # type: ignore[arg-type]
    early = asyncio.create_task(keeper.refresh())
    await asyncio.to_thread(begun.wait, 20)
    records.found = [dataclasses.replace(token, revoked_us=2)]
    await keeper.refresh()
    go_on.set()
    await early
    scope = {"type": "http", "headers": [(b"authorization", b"Bearer s")], "client": ("10.0.0.9", 1)}
    with pytest.raises(errors.UnauthenticatedError):
        keeper.admit(starlette.requests.HTTPConnection(scope), access.Right.CHAT)


# The door


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "[::1]"])
async def test_names_of_loopback_are_ours(rig: Rig, host: str) -> None:
    assert await post(rig, {"host": host}) == (200, "")


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "x" * 9000, "évil"]
)
async def test_a_foreign_host_name_is_refused(rig: Rig, host: str) -> None:
    response = await rig.client.get("/livez", headers=[(b"host", host.encode())])
    assert response.status_code == 403 and len(response.text) < 1000


async def test_a_host_and_an_origin_that_the_config_names_are_ours(tmp_path: Path) -> None:
    gateway = {"allowed_hosts": ["ai.example"], "allowed_origins": ["https://ui.example"]}
    async with open_rig(
        tmp_path, config.build({"gateway": gateway}, {}, {}), model.ScriptedModel(), "127.0.0.1"
    ) as made:
        assert await post(made, {"host": "ai.example", "origin": "https://ui.example"}) == (200, "")
        assert await post(made, {"host": "ai.example", "origin": "http://ui.example"}) == (403, "forbidden")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "https://127.0.0.1:8000"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
    ],
)
async def test_no_other_site_changes_state_through_a_browser(rig: Rig, headers: dict[str, str], status: int) -> None:
    assert (await post(rig, headers))[0] == status
    assert (await rig.client.get("/livez", headers=headers)).status_code == 200


@pytest.mark.parametrize("length", ["1048577", "9" * 30, "9" * 5_000])
async def test_a_length_over_the_limit_is_refused_before_the_body(rig: Rig, length: str) -> None:
    response = await rig.client.post(CHAT, content=b"{}", headers={"content-length": length})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")


async def test_more_at_once_than_allowed_are_turned_away_and_places_come_back(tmp_path: Path) -> None:
    hold = asyncio.Event()
    settings = config.build({"gateway": {"concurrent_max": 1}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(hold=hold), "127.0.0.1") as made:
        sing = {"model": "council/general", "messages": [{"role": "user", "content": "Sing"}]}
        held = asyncio.create_task(made.client.post(CHAT, json=sing))
        while not made.model.asked:
            await asyncio.sleep(0)
        assert await post(made) == (503, "overloaded")
        # Or the watch would be blind just then.
        assert (await made.client.get("/metrics")).status_code == 200
        hold.set()
        assert (await held).status_code == 200
        assert await post(made) == (200, "")


async def test_every_response_says_its_id_and_that_it_must_not_be_sniffed_or_kept(rig: Rig) -> None:
    for path in ("/livez", "/never", "/v1/models", "/"):
        headers = (await rig.client.get(path)).headers
        assert len(headers["x-request-id"]) == 26 and headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", CHAT, 405), ("POST", "/livez", 405), ("GET", "/nope", 404), ("BREW", "/", 405)],
)  # fmt: skip
async def test_a_path_or_method_that_is_not_there_is_an_error_in_openais_shape(
    rig: Rig, method: str, path: str, status: int
) -> None:
    response = await rig.client.request(method, path)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code", "request_id"}


# Limits


class Store:
    def __init__(self) -> None:
        self.error: errors.CouncilError | None = None
        self.asked = 0

    async def take(self, key: str, limit: int, window_s: float, permits: int = 1) -> access.Allowance:
        self.asked += 1
        if self.error:
            raise self.error
        return access.Allowance(False, limit, 0, 2.2)


def principal(limit: int = 60, token_id: str = "t") -> access.Principal:
    return access.Principal("u", token_id, frozenset(), limit)


async def test_a_token_over_its_limit_is_told_when_to_come_back() -> None:
    with pytest.raises(errors.RateLimitedError) as raised:
        await limits.RateLimiter(Store(), clock.ManualClock()).admit(principal())  # type: ignore[arg-type]
    assert raised.value.retry_after_s == 3


async def test_without_the_store_limits_hold_in_this_process_and_refill_evenly() -> None:
    store, time = Store(), clock.ManualClock()
    store.error = errors.StoreUnavailableError("Away.")
    limiter = limits.RateLimiter(store, time)  # type: ignore[arg-type]
    admitted = [await limiter.admit(principal(3)) for _ in range(3)]
    assert [one.allowance.remaining for one in admitted] == [2, 1, 0] and all(one.degraded for one in admitted)
    with pytest.raises(errors.RateLimitedError) as raised:
        await limiter.admit(principal(3))
    assert raised.value.retry_after_s in (20, 21)
    await limiter.admit(principal(3, "another"))
    time.advance(20)
    await limiter.admit(principal(3))
    with pytest.raises(errors.RateLimitedError):
        await limiter.admit(principal(3))


async def test_a_store_that_is_away_is_left_alone_for_a_while_and_then_asked_again() -> None:
    store, time = Store(), clock.ManualClock()
    store.error = errors.StoreUnavailableError("Away.")
    limiter = limits.RateLimiter(store, time)  # type: ignore[arg-type]
    for _ in range(50):
        await limiter.admit(principal())
    assert store.asked == 1
    time.advance(3)
    await limiter.admit(principal())
    assert store.asked == 2


async def test_the_keys_counted_here_are_bounded() -> None:
    store = Store()
    store.error = errors.StoreUnavailableError("Away.")
    limiter = limits.RateLimiter(store, clock.ManualClock())  # type: ignore[arg-type]
    for number in range(10_100):
        await limiter.admit(principal(60, str(number)))
    assert len(limiter._buckets) == 10_000


async def test_an_answer_says_what_is_left_of_the_limit(rig: Rig) -> None:
    headers = (await rig.client.post(CHAT, json=ASK)).headers
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("600", "599")


async def test_an_error_says_what_is_left_too(rig: Rig) -> None:
    for body in ({**ASK, "model": "nobody"}, {**ASK, "messages": []}):
        response = await rig.client.post(CHAT, json=body)
        assert response.status_code in (400, 404)
        assert response.headers["x-ratelimit-limit-requests"] == "600"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.012, "12ms"), (0.9996, "1s"), (8.64, "8.64s"), (59.9999, "1m0s"), (60, "1m0s"), (372.4, "6m12.4s")],
)
def test_the_time_until_all_permits_are_there_is_written_as_openai_does(seconds: float, text: str) -> None:
    assert limits.duration(seconds) == text


async def test_every_reply_tells_the_limit_by_the_names_that_its_clients_know(rig: Rig) -> None:
    assert (await rig.client.post(CHAT, json=ASK)).headers["x-ratelimit-reset-requests"] == "100ms"
    response = await rig.client.post("/v1/messages", json={**ASK, "max_tokens": 9})
    assert response.status_code == 200 and not any("x-ratelimit" in name for name in response.headers)
    assert response.headers["anthropic-ratelimit-requests-limit"] == "600"
    assert response.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert response.headers["request-id"] == response.headers["x-request-id"]


async def test_a_refusal_for_the_limit_tells_when_all_is_there_again(rig: Rig) -> None:
    async def none_left(key: str, limit: int, window_s: float, permits: int = 1) -> access.Allowance:
        return access.Allowance(False, limit, 0, 0.09, 0)

    rig.store.take = none_left
    refused = await rig.client.post(CHAT, json=ASK)
    assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.headers["x-ratelimit-reset-requests"] == "1m0s"
    refused = await rig.client.post("/v1/messages", json=ASK)
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert refused.headers["anthropic-ratelimit-requests-remaining"] == "0"


@pytest.mark.parametrize(
    ("method", "headers", "body", "status", "kind"),
    [
        ("POST", {"x-api-key": "wrong"}, b"{}", 401, "authentication_error"),
        ("POST", {"host": "evil.example"}, b"{}", 403, "permission_error"),
        ("POST", {"origin": "https://evil.example"}, b"{}", 403, "permission_error"),
        ("GET", {}, b"", 405, "invalid_request_error"),
        ("POST", {}, b"{", 400, "invalid_request_error"),
        ("POST", {}, b'{"model": "nobody", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}', 404,
         "not_found_error"),
        ("POST", {"content-length": "99999999999"}, b"{}", 413, "request_too_large"),
    ],
)  # fmt: skip
async def test_every_error_on_anthropics_path_has_anthropics_shape(
    rig: Rig, method: str, headers: dict[str, str], body: bytes, status: int, kind: str
) -> None:
    response = await rig.client.request(method, "/v1/messages", content=body, headers=headers)
    told = response.json()
    assert (response.status_code, told["type"], told["error"]["type"]) == (status, "error", kind)
    assert told["request_id"] == response.headers["request-id"]


async def test_an_unforeseen_error_on_anthropics_path_has_its_shape_and_tells_nothing(rig: Rig) -> None:
    rig.store.take = None
    told = (await rig.client.post("/v1/messages", json=ASK)).json()
    assert told["error"] == {"type": "api_error", "message": "Internal error."}


# Health, page, ledger, document


async def test_ready_names_providers_and_does_not_hang_on_them(tmp_path: Path) -> None:
    catalogue = {"providers": {"far": {"url": "http://127.0.0.1:9/v1"}}}
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), "127.0.0.1", catalogue) as made:
        body = (await made.client.get("/readyz")).json()
        assert body["ready"] is True and body["providers"] == {"far": "unasked", "local": "up"}
        assert 'council_provider_up{provider="far"} 1.0' in (await made.client.get("/metrics")).text


async def test_the_budget_is_for_operators(rig: Rig) -> None:
    assert (await rig.client.get("/api/budget", headers=rig.headers(rig.viewer))).status_code == 403
    body = (await rig.client.get("/api/budget", headers=rig.headers())).json()
    assert {line["scope"] for line in body["lines"]} == {"all"}
    assert body["lines"][0]["left_usd_micros"] == 1_000_000


async def test_ready_only_with_records_and_degraded_without_others(rig: Rig) -> None:
    assert (await rig.client.get("/readyz")).json()["ready"] is True


async def test_a_part_that_is_away_degrades_and_the_records_are_essential(tmp_path: Path) -> None:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), "127.0.0.1") as made:
        made.compute.error = errors.ComputeUnavailableError("Away.")
        response = await made.client.get("/readyz")
        assert (response.status_code, response.json()["degraded"]) == (200, ["worker"])
        assert "worker (compute_unavailable)" in (await made.client.get("/")).text
    (tmp_path / "again").mkdir()
    async with open_rig(tmp_path / "again", config.Config(), model.ScriptedModel(), "127.0.0.1") as made:
        made.records.error = errors.RecordsUnavailableError("Away.")
        response = await made.client.get("/readyz")
        assert (response.status_code, response.json()["parts"]["records"]) == (503, "records_unavailable")
        assert (await made.client.get("/livez")).status_code == 200


async def test_a_part_that_does_not_answer_is_a_timeout_and_callers_share_one_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0

    async def never() -> None:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    monkeypatch.setattr(health, "_PING_S", 0.05)
    made: Any = type("Parts", (), {"pings": {"slow": never}})
    vitals = health.Health(made)
    found = await asyncio.gather(*(vitals.states() for _ in range(20)))
    assert found == [{"slow": "timeout"}] * 20 and asked == 1


async def test_the_page_runs_no_script_and_escapes_what_it_shows(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    settings = config.build({"model": {"name": name}, "prices": {name: {}}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(model=name), "127.0.0.1") as made:
        response = await made.client.get("/")
    assert "<script" not in response.text and "&lt;script" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_metrics_are_those_of_prometheus(rig: Rig) -> None:
    await post(rig)
    response = await rig.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain") and "council_http_responses_total" in response.text


async def test_the_report_sums_what_was_asked(rig: Rig) -> None:
    await post(rig)
    await post(rig)
    report = (await rig.client.get("/api/ledger/report", params={"by": "route"})).json()
    assert [(line["key"], line["requests"], line["verified"]) for line in report["lines"]] == [("math", 2, 2)]


@pytest.mark.parametrize("query", ["by=nothing", "days=0", "days=x", "days=99999", "days=1.5"])
async def test_a_report_that_cannot_be_is_refused_by_name(rig: Rig, query: str) -> None:
    response = await rig.client.get(f"/api/ledger/report?{query}")
    assert response.status_code == 400 and response.json()["error"]["param"] == query.partition("=")[0]


def row(number: int) -> ledger.LedgerRow:
    return ledger.LedgerRow(
        f"r{number:05}", BEGAN_US + number, "u", "t", "math", "math",
        "", ledger.Outcome.ANSWERED, "computed", True, False, 0, 0, 0, 1, 1, "g",
    )  # fmt: skip


async def test_an_export_of_many_pages_holds_every_row_in_order(rig: Rig) -> None:
    rig.records.append([row(number) for number in range(1_501)])
    response = await rig.client.get("/api/ledger/export", params={"days": 3660}, headers=rig.headers())
    lines = [json.loads(line)["request_id"] for line in response.text.splitlines()]
    assert lines == [f"r{number:05}" for number in range(1_501)]


async def test_an_export_without_records_is_an_error_and_not_an_empty_file(rig: Rig) -> None:
    rig.records.error = errors.RecordsUnavailableError("The records are not available. Try again.")
    response = await rig.client.get("/api/ledger/export", headers=rig.headers())
    assert (response.status_code, response.json()["error"]["code"]) == (503, "records_unavailable")
    rig.records.error = None


async def test_the_document_describes_every_path_and_all_its_references_hold(rig: Rig) -> None:
    document = (await rig.client.get("/openapi.json")).json()
    assert set(document["paths"]) >= {
        CHAT,
        "/v1/models",
        "/v1/models/{name}",
        "/livez",
        "/readyz",
        "/metrics",
        "/api/status",
    }
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert all("default" in one["responses"] for one in operations)
    schemas = document["components"]["schemas"]
    references = set()
    for part in json.dumps(document).split('"$ref": "')[1:]:
        references.add(part.partition('"')[0].rpartition("/")[2])
    assert references and references <= set(schemas)
