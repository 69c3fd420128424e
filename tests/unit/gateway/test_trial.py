"""Marked requests: answered as any other, seen nowhere afterwards, and only for who has the key."""

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from council import telemetry
from council.domain import config, money
from council.gateway import trial
from council.testing import model
from counted import rises
from gateway_rig import TRIAL_KEY, Rig, open_rig

CHAT = "/v1/chat/completions"
MARKED = {trial.HEADER: TRIAL_KEY}
SUM = {"model": "council", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
STORY = {"model": "council", "messages": [{"role": "user", "content": "Tell me about your day."}], "max_tokens": 20}
PRICE = {"input_usd_micros": 1_000_000, "output_usd_micros": 2_000_000}
PAID = {
    "providers": {"far": {"url": "http://127.0.0.1:9/v1", "key": "none"}},
    "models": {"paid": {"deployments": [{"provider": "far", "model": "x", **PRICE}]}},
    "escalation": {"model": "paid", "confidence_min": 1, "share_max": 1},
}


def counted() -> str:
    """Every metric but those that tell of this process, or when a series began."""
    lines = telemetry.render().decode().splitlines()
    return "\n".join(line for line in lines if not re.match(r"(python|process)_|\S+_created|#", line))


def rows(rig: Rig) -> int:
    return len(list(rig.records.rows(0, 2**62)))


async def ask(rig: Rig, body: dict[str, Any] = SUM, headers: Any = MARKED) -> tuple[int, str]:
    reply = await rig.client.post(CHAT, json=body, headers=headers)
    return reply.status_code, reply.json().get("error", {}).get("code", "")


async def test_a_marked_question_is_answered_and_says_what_it_came_to(rig: Rig) -> None:
    reply = await rig.client.post(CHAT, json=SUM, headers=MARKED)
    told = reply.json()
    assert (reply.status_code, told["choices"][0]["message"]["content"]) == (200, "2 + 2 = 4")
    assert told["council"]["trial"] == {
        "generation": "0" * 40, "calls": 0, "calls_failed": 0, "paid": False, "worst_usd_micros": 0
    }  # fmt: skip
    assert not any("ratelimit" in name for name in reply.headers)


async def test_an_unmarked_answer_has_no_trial(rig: Rig) -> None:
    assert "trial" not in (await rig.client.post(CHAT, json=SUM)).json()["council"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_marked_question_is_in_no_metric_and_no_row_and_a_plain_one_is(rig: Rig, stream: bool) -> None:
    await rig.client.post(CHAT, json={**SUM, "stream": stream})
    before, rows_before = counted(), rows(rig)
    for asked in (SUM, STORY):
        reply = await rig.client.post(CHAT, json={**asked, "stream": stream}, headers=MARKED)
        assert reply.status_code == 200 and '"trial"' in reply.text
    assert (counted(), rows(rig)) == (before, rows_before)
    await rig.client.post(CHAT, json={**SUM, "stream": stream})
    assert counted() != before and rows(rig) == rows_before + 1


async def test_a_marked_question_that_fails_is_in_no_metric_and_no_row(tmp_path: Path) -> None:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(fails_after=0), "127.0.0.1") as rig:
        before = counted()
        assert await ask(rig, STORY) == (503, "model_unavailable")
        assert await ask(rig, {**SUM, "messages": []}) == (400, "malformed_body")
        assert (counted(), rows(rig)) == (before, 0)


async def test_a_marked_question_takes_nothing_of_a_rate_limit_and_needs_neither_store_nor_token(
    tmp_path: Path,
) -> None:
    settings = config.build({"gateway": {"requests_per_minute": 1, "anonymous_loopback": False}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(), "10.0.0.9") as far:
        far.store.error = AssertionError("nobody asks the store")
        for _ in range(3):
            assert (await ask(far))[0] == 200
        assert (await ask(far, headers={}))[0] == 401


@pytest.mark.parametrize("stream", [False, True])
async def test_a_marked_question_pays_nothing_and_says_what_would_have_been_held(tmp_path: Path, stream: bool) -> None:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), "127.0.0.1", PAID) as rig:
        before = counted()
        reply = await rig.client.post(CHAT, json={**STORY, "stream": stream}, headers=MARKED)
        told = orjson.loads(re.findall(r'"council":(\{.*\})\}', reply.text)[0])
        found = told["trial"]
        assert (found["paid"], told["escalated"], told["degraded"]) == (True, False, ["escalation: not_spent"])
        least = money.hold_usd_micros(money.Price(1_000_000, 2_000_000), 10, STORY["max_tokens"])
        assert least < found["worst_usd_micros"] < 1000 and "scripted" in reply.text
        assert (counted(), rows(rig)) == (before, 0)


@pytest.mark.parametrize(
    "more",
    [{"memory": True}, {"session": "s"}, {"cache": "exact"}, {"model": "smollm2-135m-instruct", "logprobs": True}],
)
async def test_what_would_leave_something_behind_is_refused_by_name(rig: Rig, more: dict[str, Any]) -> None:
    assert await ask(rig, {**SUM, **more}) == (400, "unsupported_parameter")


async def test_the_memory_of_a_token_that_has_one_is_not_used(rig: Rig) -> None:
    rig.memories.error = AssertionError("nobody asks the memory")
    assert (await ask(rig, headers={**MARKED, **rig.headers()}))[0] == 200


# Attacks


WRONG = [
    "",
    " ",
    "wrong",
    TRIAL_KEY[:-1],
    f"{TRIAL_KEY}x",
    TRIAL_KEY.upper(),
    f"Bearer {TRIAL_KEY}",
    "\xe9",
    "k" * 30_000,
]


@pytest.mark.parametrize("shown", [*WRONG, "secret-admin"], ids=lambda shown: ascii(shown[:12]))
async def test_a_key_that_is_not_a_trials_is_refused_and_never_taken_for_a_plain_request(rig: Rig, shown: str) -> None:
    headers = [(trial.HEADER.encode(), shown.encode("latin-1")), (b"authorization", b"Bearer secret-admin")]
    assert await ask(rig, headers=headers) == (403, "forbidden")
    assert rows(rig) == 0 and not rig.model.asked


@pytest.mark.parametrize("second", [TRIAL_KEY, "other", ""])
async def test_a_header_that_stands_twice_is_refused(rig: Rig, second: str) -> None:
    name = trial.HEADER.encode()
    for pair in ((TRIAL_KEY, second), (second, TRIAL_KEY)):
        assert await ask(rig, headers=[(name, one.encode()) for one in pair]) == (403, "forbidden")


async def test_a_gateway_whose_key_is_empty_takes_no_marked_request(rig: Rig) -> None:
    made = trial.Trials("", None)  # type: ignore[arg-type]
    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [(trial.HEADER.encode(), b"")], "state": {}}
    for shown in (b"", b"x"):
        scope["headers"] = [(trial.HEADER.encode(), shown)]
        with pytest.raises(Exception, match="Leave the header out"):
            made.recognise(scope)


@pytest.mark.parametrize(
    "path", ["/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings", "/mcp", "/api/solve"]
)
async def test_no_other_path_takes_a_marked_request(rig: Rig, path: str) -> None:
    reply = await rig.client.post(path, json=SUM, headers=MARKED)
    assert (reply.status_code, rows(rig)) == (400, 0) and trial.HEADER in reply.text
    assert (await rig.client.get("/metrics", headers=MARKED)).status_code == 400


async def test_the_keys_of_others_open_nothing_here_and_this_one_opens_nothing_else(rig: Rig) -> None:
    for path in ("/api/ledger/export", "/metrics"):
        reply = await rig.client.get(path, headers={"authorization": f"Bearer {TRIAL_KEY}"})
        assert reply.status_code == 401


async def test_a_foreign_site_cannot_have_a_browser_try(rig: Rig) -> None:
    assert (await ask(rig, headers={**MARKED, "origin": "http://evil.example"}))[0] == 403


async def test_trials_have_places_of_their_own_and_take_none_of_the_users(tmp_path: Path) -> None:
    hold = asyncio.Event()
    settings = config.build({"gateway": {"concurrent_max": 1}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(hold=hold), "127.0.0.1") as rig:
        marked = [asyncio.create_task(ask(rig, STORY)) for _ in range(trial.PLACES)]
        while len(rig.model.asked) < trial.PLACES:
            await asyncio.sleep(0)
        assert await ask(rig) == (503, "overloaded")
        assert await ask(rig, headers={}) == (200, "")
        users = asyncio.create_task(ask(rig, STORY, {}))
        while len(rig.model.asked) <= trial.PLACES:
            await asyncio.sleep(0)
        assert await ask(rig, headers={}) == (503, "overloaded")
        hold.set()
        assert await asyncio.gather(*marked, users) == [(200, "")] * (trial.PLACES + 1)
        assert await ask(rig) == (200, "")


async def test_plain_and_marked_questions_at_the_same_time_are_told_apart(tmp_path: Path) -> None:
    hold = asyncio.Event()
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(hold=hold), "127.0.0.1") as rig:
        with rises("council_requests_total") as asked, rises("council_answer_bytes_count") as answered:
            turns = [MARKED, {}, {}, MARKED, {}, MARKED]
            asking = [asyncio.create_task(ask(rig, {**STORY, "stream": True}, headers)) for headers in turns]
            while len(rig.model.asked) < len(turns):
                await asyncio.sleep(0)
            hold.set()
            await asyncio.gather(*asking, return_exceptions=True)
        assert (asked, answered, rows(rig)) == ({("general", "answered"): 3}, {(): 3}, 3)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_leaves_frees_the_place_and_leaves_nothing_behind(tmp_path: Path, stream: bool) -> None:
    hold = asyncio.Event()
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(hold=hold), "127.0.0.1") as rig:
        before = counted()
        for turn in range(trial.PLACES + 1):
            asking = asyncio.create_task(ask(rig, {**STORY, "stream": stream}))
            while len(rig.model.asked) <= turn:
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert rig.model.stopped_early == trial.PLACES + 1
        assert await ask(rig) == (200, "")
        assert (counted(), rows(rig)) == (before, 0)
