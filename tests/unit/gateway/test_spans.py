"""What the gateway's spans say of each kind of request, and what they keep to themselves."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import gateway_rig
from council import ports
from council.backends.model_provider import http
from council.domain import config, errors
from council.kit import json_logs, trace_lines, traces
from council.testing import model, upstream
from gateway_rig import Rig, open_rig

CHAT = "/v1/chat/completions"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
WORDS = "When does the harbour office open?"
PRICE = {"input_usd_micros": 1_000_000, "output_usd_micros": 2_000_000}
ASKED = {
    "math": "What is 17% of 200?",
    "logic": "All cats are animals. Tom is a cat. Is Tom an animal?",
    "knowledge": WORDS,
    "code": "Write a Python function f",
    "general": "Sing to me",
}


class Kept:
    """Implements ports.Tracer: keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[traces.Span] = []

    def start(self) -> None: ...

    def take(self, span: traces.Span) -> None:
        self.spans.append(span)

    def close(self) -> None: ...

    def named(self, name: str) -> traces.Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def way(self, span: traces.Span) -> list[str]:
        """Return the names from the root to a span."""
        above = {one.span_id: one for one in self.spans}
        names = [span.name]
        while span.parent_id in above:
            span = above[span.parent_id]
            names.insert(0, span.name)
        return names


@contextlib.asynccontextmanager
async def traced(
    folder: Path, scripted: model.ScriptedModel | None = None, url: str = "", **settings: Any
) -> AsyncIterator[tuple[Rig, Kept]]:
    kept = Kept()
    made = config.build({"tracing": {"on": True, **settings}}, {}, {})
    deployments = {"deployments": [{"provider": "paid", "model": "ok", **PRICE}]}
    catalogue = (
        {"providers": {"paid": {"url": f"{url}/v1", "key": "none"}}, "models": {"good": deployments}} if url else None
    )
    scripted = scripted or model.ScriptedModel(["```python\n", "def f():\n    return 1\n", "```"])
    async with open_rig(folder, made, scripted, "127.0.0.1", catalogue, tracer=kept) as rig:
        yield rig, kept


def ask(text: str, **more: object) -> dict[str, object]:
    return {"model": "council", "messages": [{"role": "user", "content": text}], **more}


async def test_each_specialist_has_its_span_below_the_cascade(tmp_path: Path) -> None:
    async with traced(tmp_path) as (rig, kept):
        for specialist, text in ASKED.items():
            kept.spans.clear()
            reply = await rig.client.post(CHAT, json=ask(text), headers=PARENT)
            root = kept.named(f"POST {CHAT}")
            assert (root.trace_id, root.parent_id, root.kind, root.service) == (
                TRACE, SPAN, traces.Kind.SERVER, "gateway",
            )  # fmt: skip
            told = root.attributes
            assert told["council.request_id"] == reply.headers["x-request-id"]
            assert (told["http.response.status_code"], told["http.route"]) == (200, CHAT)
            assert (told["council.specialist"], told["council.outcome"]) == (specialist, "answered")
            assert told["council.evidence_level"] == reply.json()["council"]["evidence"]["level"]
            span = kept.named(f"invoke_agent {specialist}")
            assert kept.way(span) == [root.name, "invoke_agent council", span.name]
            assert span.attributes["gen_ai.operation.name"] == "invoke_agent"
            assert span.attributes["gen_ai.agent.name"] == specialist and not span.error
            for stage in ("route", "ledger"):
                assert kept.way(kept.named(stage)) == [root.name, "invoke_agent council", stage]


async def test_a_streamed_answer_has_the_spans_of_a_whole_one(tmp_path: Path) -> None:
    async with traced(tmp_path) as (rig, kept):
        reply = await rig.client.post(CHAT, json=ask("Sing to me", stream=True))
        assert reply.text.endswith("data: [DONE]\n\n")
    assert kept.way(kept.named("invoke_agent general")) == [
        f"POST {CHAT}",
        "invoke_agent council",
        "invoke_agent general",
    ]
    assert kept.named(f"POST {CHAT}").attributes["council.outcome"] == "answered"
    assert kept.named(f"POST {CHAT}").parent_id == "", "whose caller has none"


async def test_of_callers_who_are_not_let_in_nothing_is_kept_whatever_they_ask_for(tmp_path: Path) -> None:
    async with traced(tmp_path, sample_ratio=0.0) as (rig, kept):
        stranger = {"authorization": "Bearer nobody"}
        assert (await rig.client.post(CHAT, json=ask("Hi"), headers={**stranger, **PARENT})).status_code == 401
        assert not kept.spans
        assert (await rig.client.post(CHAT, json=ask(ASKED["math"]), headers={**rig.headers(), **PARENT})).is_success
        assert kept.named(f"POST {CHAT}").trace_id == TRACE


async def test_a_server_elsewhere_is_not_told_which_requests_are_one_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried: list[bool] = []
    post = http.HttpProvider._post

    async def watched(server: http.HttpProvider, call: ports.ModelCall) -> Any:
        carried.append("traceparent" in call.headers)
        return await post(server, call)

    monkeypatch.setattr(http.HttpProvider, "_post", watched)
    monkeypatch.setattr(http.HttpProvider, "loopback", False, raising=False)
    async with upstream.serve(upstream.Script(any="ok")) as server, traced(tmp_path, url=server.url) as (rig, _):
        body = {"model": "good", "messages": [{"role": "user", "content": "one two three"}]}
        assert (await rig.client.post(CHAT, json=body, headers={**rig.headers(), **PARENT})).status_code == 200
    assert carried == [False]


async def test_a_call_to_a_model_is_told_by_the_conventions_and_carries_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried: list[str] = []
    post = http.HttpProvider._post

    async def watched(server: http.HttpProvider, call: ports.ModelCall) -> Any:
        carried.append(call.headers["traceparent"])
        return await post(server, call)

    monkeypatch.setattr(http.HttpProvider, "_post", watched)
    async with upstream.serve(upstream.Script(any="ok")) as server, traced(tmp_path, url=server.url) as (rig, kept):
        for stream in (False, True):
            kept.spans.clear()
            body = {"model": "good", "messages": [{"role": "user", "content": "one two three"}], "stream": stream}
            reply = await rig.client.post(CHAT, json=body, headers={**rig.headers(), **PARENT})
            assert reply.status_code == 200
            span, root = kept.named("chat ok"), kept.named(f"POST {CHAT}")
            assert span.kind is traces.Kind.CLIENT and kept.way(span)[0] == root.name
            assert carried.pop() == f"00-{TRACE}-{span.span_id}-01"
            told = span.attributes
            assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("chat", "paid")
            assert (told["gen_ai.request.model"], told["gen_ai.request.stream"], told["council.model"]) == (
                "ok",
                stream,
                "good",
            )
            assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (3, 8)
            assert ("gen_ai.response.time_to_first_chunk" in told) == stream
            assert root.attributes["council.cost_usd_micros"] == 19


async def test_a_failed_call_and_the_request_that_it_fails_say_so(tmp_path: Path) -> None:
    async with (
        upstream.serve(upstream.Script({"ok": ["status-500"]}, any="status-500")) as server,
        traced(tmp_path, url=server.url) as (rig, kept),
    ):
        body = {"model": "good", "messages": [{"role": "user", "content": "one two three"}]}
        reply = await rig.client.post(CHAT, json=body, headers=rig.headers())
    assert reply.status_code == 502
    root = kept.named(f"POST {CHAT}")
    assert (root.error, root.attributes["http.response.status_code"]) == ("provider_error", 502)
    calls = [span for span in kept.spans if span.name == "chat ok"]
    assert calls and {span.error for span in calls} == {"provider_error"}


async def test_what_a_caller_did_wrong_is_no_error_of_the_server(tmp_path: Path) -> None:
    async with traced(tmp_path) as (rig, kept):
        assert (await rig.client.post(CHAT, content=b"nonsense")).status_code == 400
    root = kept.named(f"POST {CHAT}")
    assert (root.error, root.attributes["http.response.status_code"]) == ("", 400)


async def test_a_part_that_is_away_fails_its_specialist_and_not_the_request(tmp_path: Path) -> None:
    async with traced(tmp_path) as (rig, kept):
        rig.compute.error = errors.ComputeUnavailableError("Away.")
        reply = await rig.client.post(CHAT, json=ask("What is 17% of 200?"))
    assert reply.status_code == 200
    assert kept.named("invoke_agent math").error == "compute_unavailable"
    assert kept.named(f"POST {CHAT}").error == ""


async def test_a_stream_that_its_caller_leaves_is_told_as_cancelled(tmp_path: Path) -> None:
    hold = asyncio.Event()
    async with traced(tmp_path, model.ScriptedModel(["Sing"], hold=hold)) as (rig, kept):
        asking = asyncio.create_task(rig.client.post(CHAT, json=ask("Sing to me", stream=True)))
        while not rig.model.asked:
            await asyncio.sleep(0)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        hold.set()
    root = kept.named(f"POST {CHAT}")
    assert root.attributes["council.outcome"] == "cancelled"
    assert kept.way(kept.named("invoke_agent general"))[0] == root.name


async def test_no_span_and_no_log_line_holds_a_word_of_what_was_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with traced(tmp_path) as (rig, kept):
        for text in ASKED.values():
            await rig.client.post(CHAT, json=ask(text), headers=rig.headers())
    told = repr(kept.spans) + "".join(str(vars(record)) for record in caplog.records)
    for secret in ("harbour", "17%", "Tom", "Sing", rig.admin):
        assert secret not in repr(kept.spans)
    assert rig.admin not in told


async def test_the_request_line_of_the_log_shows_the_trace(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(json_logs.Formatter("gateway", 0))
    async with traced(tmp_path) as (rig, kept):
        reply = await rig.client.post(CHAT, json=ask("What is 17% of 200?"), headers=PARENT)
    lines = [orjson.loads(line) for line in caplog.text.splitlines()]
    (line,) = [one for one in lines if one["message"] == "request"]
    assert (line["request_id"], line["trace_id"]) == (reply.headers["x-request-id"], TRACE)
    assert {one.name for one in trace_lines.read(line)} == {span.name for span in kept.spans}


async def test_who_watches_is_not_followed(tmp_path: Path) -> None:
    async with traced(tmp_path) as (rig, kept):
        for path in ("/", "/livez", "/readyz", "/metrics", "/api/status", "/api/incidents", "/nope"):
            await rig.client.get(path, headers=rig.headers())
    assert kept.spans == []


async def test_a_marked_request_leaves_no_span(tmp_path: Path) -> None:
    async with traced(tmp_path) as (rig, kept):
        headers = {"x-council-trial": gateway_rig.TRIAL_KEY, **PARENT}
        assert (await rig.client.post(CHAT, json=ask("What is 17% of 200?"), headers=headers)).status_code == 200
    assert kept.spans == []


async def test_a_share_of_none_keeps_no_span_of_whoever_has_not_decided(tmp_path: Path) -> None:
    async with traced(tmp_path, sample_ratio=0) as (rig, kept):
        for headers in ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, {"traceparent": "nonsense"}, {}):
            reply = await rig.client.post(CHAT, json=ask("What is 17% of 200?"), headers=headers)
            assert reply.status_code == 200
    assert kept.spans == []


async def test_two_parents_say_nothing(tmp_path: Path) -> None:
    async with traced(tmp_path) as (rig, kept):
        headers = [("traceparent", PARENT["traceparent"]), ("traceparent", PARENT["traceparent"])]
        await rig.client.post(CHAT, json=ask("What is 17% of 200?"), headers=headers)
    assert kept.named(f"POST {CHAT}").trace_id != TRACE


async def test_nothing_is_followed_where_the_settings_do_not_ask_for_it(tmp_path: Path) -> None:
    async with traced(tmp_path, on=False) as (rig, kept):
        await rig.client.post(CHAT, json=ask("What is 17% of 200?"), headers=PARENT)
    assert kept.spans == []
