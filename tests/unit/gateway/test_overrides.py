"""What overrides do at the gateway, and who may see them."""

import random
from typing import Any

import pytest

from council import telemetry
from council.domain import errors, overrides
from council.domain.overrides import Kind, Override
from council.gateway import application
from council.kit import clock
from council.serving import overrides as in_force
from gateway_rig import TRIAL_KEY, Rig

ASK = {"model": "council", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
TALK = {"model": "council", "messages": [{"role": "user", "content": "Write me a short poem on dogs."}]}
CHAT = "/v1/chat/completions"
HOUR_US = 3_600_000_000


def override(kind: Kind, target: str, value: str, number: int = 1) -> Override:
    now_us = clock.SystemClock().now_us()
    return Override(
        f"override-{number}", kind, target, value, "The model is slow.", "repair-7", now_us, now_us + HOUR_US
    )


async def put(rig: Rig, kind: Kind, target: str, value: str) -> None:
    assert rig.overrides.put(override(kind, target, value), overrides.MOST)
    await in_force.Reader(rig.overrides, rig.in_force, clock.SystemClock()).look()


async def ask(rig: Rig, asked: dict[str, Any] = ASK, path: str = CHAT) -> tuple[int, str]:
    response = await rig.client.post(path, json=asked, headers=rig.headers())
    return response.status_code, response.json().get("error", {}).get("code", "")


async def test_a_shed_of_100_refuses_with_when_to_come_again_and_tells_strangers_no_reason(rig: Rig) -> None:
    await put(rig, Kind.SHED, "*", "100")
    response = await rig.client.post(CHAT, json=ASK)
    assert response.status_code == 503 and 1 <= int(response.headers["retry-after"]) <= 60
    error = response.json()["error"]
    assert (error["code"], error["type"]) == ("shed", "overloaded_error")
    assert "so that others are served" in error["message"] and "The model is slow" not in response.text
    anthropic = (await rig.client.post("/v1/messages", json={})).json()
    assert anthropic["error"]["type"] == "overloaded_error"
    rig.overrides.lift("override-1", clock.SystemClock().now_us())
    await in_force.Reader(rig.overrides, rig.in_force, clock.SystemClock()).look()
    assert await ask(rig) == (200, "")


async def test_who_looks_and_who_governs_is_never_shed(rig: Rig) -> None:
    await put(rig, Kind.SHED, "*", "100")
    for path in ("/livez", "/metrics", "/v1/models", "/api/status", "/api/overrides", "/api/budget", "/api/incidents"):
        assert (await rig.client.get(path, headers=rig.headers())).status_code == 200, path
    assert (await rig.client.post("/v1/sandbox/kill", headers=rig.headers(), json={"reason": "x"})).status_code == 200


async def test_marked_requests_are_never_shed(rig: Rig) -> None:
    await put(rig, Kind.SHED, "*", "100")
    response = await rig.client.post(CHAT, json=ASK, headers={"x-council-trial": TRIAL_KEY})
    assert response.status_code == 200, response.text


async def test_what_is_shed_is_no_failure_of_those_that_are_let_in(rig: Rig) -> None:
    def failures() -> float:
        return float(telemetry.EXCHANGES.labels("error")._value.get())

    await put(rig, Kind.SHED, "*", "100")
    before = failures()
    assert await ask(rig) == (503, "shed")
    assert failures() == before


async def test_one_specialist_is_shed_while_the_others_answer(rig: Rig) -> None:
    await put(rig, Kind.SHED, "route:general", "100")
    shed = telemetry.REQUESTS.labels("general", "shed")
    before = shed._value.get()
    assert await ask(rig) == (200, "")
    assert await ask(rig, TALK) == (503, "shed")
    assert shed._value.get() == before + 1


async def test_who_asks_for_a_stream_is_refused_before_it_begins(rig: Rig) -> None:
    await put(rig, Kind.SHED, "route:general", "100")
    assert await ask(rig, {**TALK, "stream": True}) == (503, "shed")


async def test_a_specialist_that_is_shed_before_the_last_is_passed_over_and_the_answer_says_so(rig: Rig) -> None:
    await put(rig, Kind.SHED, "route:math", "100")
    response = (await rig.client.post(CHAT, json=ASK)).json()
    assert response["council"]["specialist"] == "general" and "math: shed" in response["council"]["degraded"]


async def test_a_rate_is_lowered_and_the_refusal_says_both(rig: Rig) -> None:
    await put(rig, Kind.RATE, "*", "1")
    response = await rig.client.post(CHAT, json=ASK)
    # The rig's store allows everything: what it was asked for is told.
    assert response.headers["x-ratelimit-limit-requests"] == "1"


async def test_a_model_whose_providers_are_left_out_is_not_asked(rig: Rig) -> None:
    await put(rig, Kind.PROVIDERS, "*", "-local")
    asked = {"model": rig.settings.model.name, "messages": TALK["messages"], "tools": [tool()]}
    response = await rig.client.post(CHAT, json=asked)
    assert response.status_code == 502 and "left out for now" in response.json()["error"]["message"]


def tool() -> dict[str, Any]:
    return {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


async def test_overrides_are_listed_newest_first_and_those_in_force_alone(rig: Rig) -> None:
    now_us = clock.SystemClock().now_us()
    rig.overrides.put(override(Kind.RATE, "*", "5", 1), 9)
    rig.overrides.lift("override-1", now_us)
    rig.overrides.put(override(Kind.SHED, "*", "50", 2), 9)
    found = (await rig.client.get("/api/overrides", headers=rig.headers())).json()["overrides"]
    assert [(one["id"], one["in_force"], one["lifted_us"]) for one in found] == [
        ("override-2", True, None), ("override-1", False, now_us),
    ]  # fmt: skip
    assert (found[0]["title"], found[0]["by"], found[0]["reason"]) == (
        "refuse 50 % of new requests", "repair-7", "The model is slow.",
    )  # fmt: skip
    only = (await rig.client.get("/api/overrides?in_force=true&limit=5")).json()["overrides"]
    assert [one["id"] for one in only] == ["override-2"]


@pytest.mark.parametrize("path", ["/api/overrides", "/api/status", "/api/live"])
async def test_whom_an_override_is_about_and_why_is_told_to_who_may_operate_alone(rig: Rig, path: str) -> None:
    await put(rig, Kind.RATE, "token:01SECRET", "5")
    told = {}
    for name, headers in (("nobody", {}), ("viewer", rig.headers(rig.viewer)), ("admin", rig.headers())):
        response = await rig.client.get(path, headers=headers)
        (told[name],) = response.json()["overrides"]
        assert ("01SECRET" in response.text) == (name == "admin")
    assert told["admin"]["target"] == "token:01SECRET" and told["admin"]["reason"] == "The model is slow."
    for name in ("nobody", "viewer"):
        one = told[name]
        assert (one["kind"], one["title"]) == ("rate", "at most 5 requests a minute for one token")
        assert [one[key] for key in ("target", "value", "reason", "by")] == [None] * 4 and one["until_us"]


async def test_the_status_says_what_is_in_force_even_while_the_records_are_away(rig: Rig) -> None:
    assert (await rig.client.get("/api/status")).json()["overrides"] == []
    await put(rig, Kind.RATE, "*", "5")
    rig.records.error = errors.RecordsUnavailableError("Away. Try again.")
    told = (await rig.client.get("/api/status")).json()["overrides"]
    assert [(one["title"], one["in_force"]) for one in told] == [("at most 5 requests a minute for each token", True)]


@pytest.mark.parametrize("path", overrides.PATHS)
def test_what_is_shed_are_paths_of_the_gateway(path: str) -> None:
    assert application._template(path.replace("{id}", "abc")) == path


def test_nothing_by_which_council_is_looked_at_or_governed_can_be_shed() -> None:
    held = in_force.InForce(clock.SystemClock(), random.Random(1))
    held.hold([override(Kind.SHED, "*", "100")])
    for path in application._PATHS - set(overrides.PATHS):
        held.check_path(path)
    governs = ("/livez", "/readyz", "/metrics", "/v1/models", "/v1/sandbox/kill", "/v1/sandbox/lift", "/api/status")
    assert not set(governs) & set(overrides.PATHS)
