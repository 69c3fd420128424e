"""The provider, and the words that specialists get from it, against a server that misbehaves in every way known."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from council import ports
from council.backends.model_provider import http as http_provider
from council.backends.model_provider import openai
from council.domain import answers, config, errors, money, providers
from council.kit import clock
from council.serving.ledger import writer
from council.serving.providers import calls, speaker
from faulty_server import END, HEAD, STALL, Seen, chunked, event, http, plain

DELTA = '{"choices":[{"delta":{"content":"Hi"},"logprobs":{"content":[{"logprob":-0.5}]},"finish_reason":null}]}'
FINISH = '{"choices":[{"delta":{},"finish_reason":"stop"}]}'
USAGE = '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}'
WHOLE = [HEAD, event(DELTA), event(FINISH), event(USAGE), event("[DONE]"), END]
ASKED = [answers.Message("system", "Be brief."), answers.Message("user", "Hé")]


def at(url: str, stall_s: float = 5.0) -> providers.Provider:
    return providers.Provider("p", url=f"{url}/v1", first_byte_s=stall_s, stall_s=stall_s, whole_s=stall_s)


@contextlib.asynccontextmanager
async def speaking(
    url: str, stall_s: float = 5.0, able: frozenset[str] = frozenset({"json_schema", "logprobs"})
) -> AsyncIterator[speaker.Speaker]:
    """A specialist's model behind the same calls as in the gateway."""
    server = openai.LocalModel(at(url, stall_s), "the-key", config.CallsConfig())
    model = providers.Model("m", (providers.Deployment(providers.LOCAL, "m", money.Price(0, 0)),), 512, 64, 0, able)
    made = calls.Calls(
        {"m": model}, {providers.LOCAL: server}, {}, writer.LedgerWriter(None, 1, 1), config.CallsConfig(),
        config.BudgetConfig(), clock.SystemClock(), random.Random(0),
    )  # fmt: skip
    try:
        yield speaker.Speaker(made, "m")
    finally:
        await server.close()


async def ask(url: str, sampling: answers.Sampling | None = None, stall_s: float = 5.0) -> list[Any]:
    async with speaking(url, stall_s) as model:
        stream = model.complete(ASKED, sampling or answers.Sampling(7), "the-id")
        async with contextlib.aclosing(stream) as items:
            return [item async for item in items]


async def events_of(url: str, stall_s: float = 5.0) -> list[ports.ModelEvent]:
    """Every event of a streamed answer, as a gateway that passes it on gets them."""
    server = openai.OpenAIProvider(at(url, stall_s), "the-key", config.CallsConfig())
    try:
        stream = await server.open(ports.ModelCall("chat", {"model": "m", "stream": True}, "the-id"))
        try:
            found: list[ports.ModelEvent] = []
            while some := await stream.read():
                found += some
            return found
        finally:
            await stream.close()
    finally:
        await server.close()


def body_of(seen: Seen) -> dict[str, Any]:
    return json.loads(seen.requests[0].partition(b"\r\n\r\n")[2])


async def test_a_stream_is_pieces_then_one_end_with_its_usage() -> None:
    async with http(WHOLE) as seen:
        assert await ask(seen.url) == [answers.Piece("Hi", -0.5), answers.End("stop", answers.Usage(3, 1))]


async def test_the_request_carries_key_id_messages_and_only_what_was_chosen() -> None:
    async with http(WHOLE) as seen:
        await ask(seen.url)
        head = seen.requests[0].lower()
    assert b"authorization: bearer the-key" in head and b"x-request-id: the-id" in head
    assert body_of(seen) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hé"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 7,
        "logprobs": True,
    }


async def test_a_model_is_asked_for_nothing_that_it_cannot_do() -> None:
    sampling = answers.Sampling(7, schema={"type": "object"})
    for able in (frozenset[str](), frozenset({"json_schema"}), frozenset({"logprobs"})):
        async with http(WHOLE) as seen:
            async with speaking(seen.url, able=able) as model:
                assert [item async for item in model.complete([answers.Message("user", "Hi")], sampling, "the-id")]
            body = body_of(seen)
        assert ("response_format" in body) is ("json_schema" in able)
        assert ("logprobs" in body) is ("logprobs" in able)


async def test_sampling_is_passed_on_whole_zeros_too() -> None:
    async with http(WHOLE) as seen:
        await ask(seen.url, answers.Sampling(1, temperature=0.0, top_p=0.5, seed=0, stop=("a", "b")))
    found = body_of(seen)
    assert (found["temperature"], found["top_p"], found["seed"], found["stop"]) == (0.0, 0.5, 0, ["a", "b"])


async def test_the_way_a_stream_is_cut_into_packets_changes_nothing() -> None:
    raw = b"".join(WHOLE)
    async with http([raw[begin : begin + 7] for begin in range(0, len(raw), 7)]) as seen:
        assert len(await ask(seen.url)) == 2


HARMLESS = {
    "comments": [HEAD, chunked(b": wait\n\n"), *WHOLE[1:]],
    "other_fields": [HEAD, chunked(b"event: x\nid: 1\n"), *WHOLE[1:]],
    "no_space": [HEAD, chunked(b"data:" + DELTA.encode() + b"\n\n"), *WHOLE[2:]],
    "windows_lines": [HEAD, chunked(b"data: " + DELTA.encode() + b"\r\n\r\n"), *WHOLE[2:]],
    "an_error_that_is_null": [HEAD, event('{"error":null,"choices":[]}'), *WHOLE[1:]],
    "no_done": [HEAD, event(DELTA), event(FINISH), event(USAGE), END],
    "nulls": [HEAD, event('{"choices":[],"usage":null}'), event('{"choices":[{"delta":null}]}'), *WHOLE[1:]],
    "a_byte_order_mark": [HEAD, chunked(b"\xef\xbb\xbfdata: " + DELTA.encode() + b"\n\n"), *WHOLE[2:]],
    "no_last_blank_line": [HEAD, *WHOLE[1:4], chunked(b"data: [DONE]"), END],
}


@pytest.mark.parametrize("script", HARMLESS.values(), ids=HARMLESS)
async def test_what_servers_do_beside_the_standard_is_borne(script: list[bytes]) -> None:
    async with http(script) as seen:
        found = await ask(seen.url)
    assert [getattr(item, "text", None) for item in found] == ["Hi", None]
    assert found[-1] == answers.End("stop", answers.Usage(3, 1))


async def test_without_usage_no_tokens_are_counted_and_without_logprobs_none_are_made_up() -> None:
    script = [HEAD, event('{"choices":[{"delta":{"content":"Hi"}}]}'), event(FINISH), event("[DONE]"), END]
    async with http(script) as seen:
        assert await ask(seen.url) == [answers.Piece("Hi", None), answers.End("stop", answers.Usage(0, 0))]


async def test_tokens_below_zero_give_no_money_back() -> None:
    usage = '{"choices":[],"usage":{"prompt_tokens":-5,"completion_tokens":-1}}'
    async with http([HEAD, event(DELTA), event(FINISH), event(usage), END]) as seen:
        assert (await ask(seen.url))[-1] == answers.End("stop", answers.Usage(0, 0))


async def test_tokens_beyond_belief_still_fit_into_the_ledger() -> None:
    usage = '{"choices":[],"usage":{"prompt_tokens":1e30,"completion_tokens":1}}'
    async with http([HEAD, event(DELTA), event(FINISH), event(usage), END]) as seen:
        end = (await ask(seen.url))[-1]
    assert isinstance(end, answers.End) and end.usage.prompt_tokens < 2**63


BROKEN = {
    "cut_before_the_head": [b""],
    "cut_in_the_head": [b"HTTP/1.1 200 OK\r\ncontent-"],
    "cut_before_the_first_event": [HEAD],
    "cut_in_a_chunk": [HEAD, event(DELTA), b"ff\r\ndata: {"],
    "cut_between_events": [HEAD, event(DELTA)],
    "ended_without_a_reason": [HEAD, event(DELTA), END],
    "done_without_a_reason": [HEAD, event(DELTA), event("[DONE]"), END],
    "empty": [HEAD, END],
    "garbage": [b"\x16\x03\x01\x02\x00\x01garbage\r\n\r\n"],
    "garbage_in_the_stream": [HEAD, b"zz\r\n\xff\xff\r\n"],
    "not_json": [HEAD, event("{nonsense"), END],
    "not_utf8": [HEAD, event(b'{"a":"\xff"}'), END],
    "lone_surrogate": [HEAD, event('{"choices":[{"delta":{"content":"\\ud800"}}]}'), END],
    "a_list": [HEAD, event("[1]"), END],
    "error_event": [HEAD, event(DELTA), event('{"error":{"message":"out of memory"}}'), event("[DONE]"), END],
    # No server is known to send these, and clients fail on them.
    "choices_that_are_null": [HEAD, event(DELTA), event('{"choices":null}'), END],
    "choices_of_another_kind": [HEAD, event('{"choices":5}'), END],
    "a_choice_of_another_kind": [HEAD, event('{"choices":[5]}'), END],
    "a_delta_of_another_kind": [HEAD, event('{"choices":[{"delta":"x"}]}'), END],
    "content_of_another_kind": [HEAD, event('{"choices":[{"delta":{"content":5}}]}'), END],
    "a_reason_of_another_kind": [HEAD, event('{"choices":[{"delta":{},"finish_reason":5}]}'), END],
    "logprobs_of_another_kind": [
        HEAD, event('{"choices":[{"delta":{"content":"x"},"logprobs":{"content":[{"logprob":null}]}}]}'), END,
    ],
    "usage_of_another_kind": [HEAD, event(FINISH), event('{"usage":{"prompt_tokens":"x"}}'), END],
    "usage_that_lacks_a_count": [HEAD, event(FINISH), event('{"usage":{"prompt_tokens":1}}'), END],
    "html_with_200": [plain(200, b"<html>It works!</html>", "text/html")],
    "html_with_502": [plain(502, b"<html>Bad gateway</html>", "text/html")],
    "500": [plain(500, b'{"error":{"message":"boom"}}')],
    "429": [plain(429, b'{"error":{"message":"slow down","type":"rate_limit"}}')],
    "503_without_a_body": [plain(503, b"")],
    "401": [plain(401, b'{"error":{"message":"bad key"}}')],
    "error_of_another_kind": [plain(500, b'{"error":"text"}')],
    "error_list": [plain(500, b"[]")],
    "too_long_an_error": [plain(500, b'{"error":{"message":"' + b"x" * 100_000 + b'"}}')],
}  # fmt: skip


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_is_an_absence_that_may_end_and_never_a_clean_stop(script: list[bytes]) -> None:
    async with http(script) as seen:
        with pytest.raises(errors.ModelUnavailableError) as raised:
            await ask(seen.url, stall_s=1.0)
    assert raised.value.retry_after_s and len(raised.value.detail) < 2_000
    assert "the-key" not in raised.value.detail + raised.value.message


async def test_a_model_that_is_slow_is_not_called_away() -> None:
    async with http([HEAD, STALL]) as seen:
        with pytest.raises(errors.ModelUnavailableError, match="did not answer in time: it is busy"):
            await ask(seen.url, stall_s=0.2)


# Whose words are of another kind is the affair of whoever reads them; as it came it is passed on.
ONLY_FOR_READERS = {"a_delta_of_another_kind", "content_of_another_kind", "logprobs_of_another_kind"}


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in ONLY_FOR_READERS])
async def test_a_broken_stream_that_is_passed_on_is_an_error_and_never_an_end(name: str) -> None:
    async with http(BROKEN[name]) as seen:
        with pytest.raises(errors.ProviderError) as raised:
            await events_of(seen.url, stall_s=1.0)
    assert raised.value.retryable and "the-key" not in raised.value.detail + raised.value.message


async def test_a_stream_that_is_passed_on_keeps_its_bytes() -> None:
    async with http(WHOLE) as seen:
        found = await events_of(seen.url)
    assert b"".join(one.raw for one in found) == b"".join(
        b"data: " + text.encode() + b"\n\n" for text in (DELTA, FINISH, USAGE, "[DONE]")
    )
    assert [(one.ends, one.done) for one in found] == [(False, False), (True, False), (True, False), (False, True)]
    assert [one.usage for one in found] == [None, None, answers.Usage(3, 1), None]


async def test_a_stream_of_two_choices_has_not_ended_when_one_of_them_has() -> None:
    both = '{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}'
    first = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
    second = first.replace('"index":0', '"index":1')
    async with http([HEAD, event(both), event(first), event("[DONE]"), END]) as seen:
        with pytest.raises(errors.ProviderError):
            await events_of(seen.url)
    async with http([HEAD, event(both), event(first), event(second), event("[DONE]"), END]) as seen:
        assert len(await events_of(seen.url)) == 4


async def test_what_was_said_before_a_cut_has_been_passed_on() -> None:
    async with http([HEAD, event(DELTA), b"ff\r\n"]) as seen, speaking(seen.url) as model:
        stream = model.complete(ASKED, answers.Sampling(7), "i")
        assert await anext(stream) == answers.Piece("Hi", -0.5)
        with pytest.raises(errors.ModelUnavailableError):
            await anext(stream)


async def test_a_line_of_fifty_megabytes_is_refused_long_before_its_end() -> None:
    part = chunked(b"x" * 1_000_000)
    async with http([HEAD, chunked(b"data: "), *[part] * 50, END]) as seen:
        with pytest.raises(errors.ModelUnavailableError, match="not available"):
            await ask(seen.url)


@pytest.mark.parametrize("script", [[STALL], [HEAD, STALL], [HEAD, event(DELTA), STALL]])
async def test_a_silence_longer_than_allowed_is_an_absence(script: list[Any]) -> None:
    async with http(script) as seen:
        with pytest.raises(errors.ModelUnavailableError):
            await ask(seen.url, stall_s=0.2)


async def test_a_server_that_is_not_there_is_an_absence() -> None:
    async with http([]) as seen:
        url = seen.url
    with pytest.raises(errors.ModelUnavailableError):
        await ask(url)


async def test_a_context_that_is_too_long_is_told_even_if_the_error_comes_in_parts() -> None:
    raw = plain(400, b'{"error":{"type":"exceed_context_size_error","n_prompt_tokens":600,"n_ctx":512}}')
    async with http([raw[:-20], raw[-20:]]) as seen:
        with pytest.raises(errors.ContextTooLongError, match="600 tokens long, 88 more"):
            await ask(seen.url)


async def test_a_context_that_is_too_long_is_told_without_numbers_where_there_are_none() -> None:
    raw = plain(400, b'{"error":{"type":"exceed_context_size_error","n_prompt_tokens":"many"}}')
    async with http([raw]) as seen:
        with pytest.raises(errors.ContextTooLongError, match="longer than the model's context"):
            await ask(seen.url)


async def test_a_full_queue_and_a_bad_request_are_told_apart() -> None:
    async with http([plain(503, b'{"error":{"type":"overloaded","message":"full"}}')]) as seen:
        with pytest.raises(errors.OverloadedError):
            await ask(seen.url)
    async with http([plain(400, b'{"error":{"type":"x","message":"bad stop"}}')]) as seen:
        with pytest.raises(errors.InvalidRequestError, match="bad stop"):
            await ask(seen.url)


async def test_closing_the_stream_leaves_the_server_at_once() -> None:
    async with http([HEAD, event(DELTA), STALL]) as seen, speaking(seen.url, 60.0) as model:
        stream = model.complete(ASKED, answers.Sampling(7), "i")
        await anext(stream)
        await stream.aclose()
        await asyncio.wait_for(seen.ended.wait(), 10)


async def test_cancelling_in_a_silence_leaves_the_server_at_once() -> None:
    async with http([HEAD, STALL]) as seen:
        asking = asyncio.create_task(ask(seen.url, stall_s=60.0))
        while not seen.requests:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(seen.ended.wait(), 10)


async def test_the_model_of_this_machine_is_asked_over_the_socket_of_its_own_generation(tmp_path: Path) -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    path = tmp_path / "m.sock"
    # Nobody listens where its URL leads.
    provider = openai.LocalModel(at("http://127.0.0.1:1"), "k", config.CallsConfig(), path)
    async with await asyncio.start_unix_server(answer, path):
        await provider.ping()
    assert heads[0].startswith(b"GET /readyz ") and b"host: 127.0.0.1:1\r\n" in heads[0].lower()
    path.unlink(missing_ok=True)
    with pytest.raises(errors.ModelUnavailableError):
        await provider.ping()
    await provider.close()


async def test_a_model_that_is_stopped_for_another_refuses_at_once_and_says_when_to_come_again() -> None:
    async with http([plain(200, b"{}")], ready=False) as seen:
        provider = openai.LocalModel(at(seen.url), "k", config.CallsConfig())
        provider.stand_aside(120)
        call = ports.ModelCall("chat", {"model": "m", "stream": True}, "the-id")
        for asked in (provider.ping(), provider.open(call), provider.whole(call)):
            with pytest.raises(errors.ModelUnavailableError, match=r"no memory for both.*try again in 10 s") as raised:
                await asked
            assert (raised.value.retry_after_s, raised.value.retryable, raised.value.faulty) == (10, False, False)
        assert not seen.requests
        provider.stand_aside(0)
        await provider.ping()
        await provider.close()


async def test_a_model_is_asked_again_when_the_time_of_its_absence_is_over() -> None:
    async with http([plain(200, b"{}")], ready=False) as seen:
        provider = openai.LocalModel(at(seen.url), "k", config.CallsConfig())
        provider.stand_aside(0.001)
        await asyncio.sleep(0.01)
        await provider.ping()
        await provider.close()


async def test_a_ping_tells_ready_from_not_ready_and_absent() -> None:
    async with http([plain(200, b"{}")], ready=False) as seen:
        provider = openai.LocalModel(at(seen.url), "k", config.CallsConfig())
        await provider.ping()
        await provider.close()
    async with http([plain(503, b"{}")], ready=False) as seen:
        provider = openai.LocalModel(at(seen.url), "k", config.CallsConfig())
        with pytest.raises(errors.ModelUnavailableError):
            await provider.ping()
        await provider.close()
        await provider.close()
    with pytest.raises(errors.ModelUnavailableError):
        await provider.ping()
    await provider.close()


async def test_a_server_that_is_away_behind_an_open_port_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_provider, "_PING_S", 0.1)
    async with http([STALL], ready=False) as seen:
        with pytest.raises(errors.ModelUnavailableError):
            await ask(seen.url, stall_s=600.0)


ECHO = "your key Bearer the-key was used for PROMPT-CANARY"


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_what_a_foreign_server_says_in_an_error_reaches_no_log(status: int) -> None:
    body = json.dumps({"error": {"message": ECHO, "type": "echo", "code": "c1"}}).encode()
    async with http([plain(status, body)], ready=False) as seen:
        with pytest.raises(errors.ModelUnavailableError) as raised:
            await events_of(seen.url)
    told = raised.value.detail + raised.value.message
    assert "the-key" not in told and "CANARY" not in told and "type echo, code c1" in raised.value.detail
    assert raised.value.lasting == (status in (401, 404))


async def test_a_refusal_tells_the_caller_why_but_never_the_key() -> None:
    body = json.dumps({"error": {"message": ECHO}}).encode()
    async with http([plain(400, body)], ready=False) as seen:
        with pytest.raises(errors.InvalidRequestError) as raised:
            await events_of(seen.url)
    assert "PROMPT-CANARY" in raised.value.message and "the-key" not in raised.value.message + raised.value.detail


@pytest.mark.parametrize("script", [[HEAD, event(json.dumps({"error": {"message": ECHO}})), END]])
async def test_an_error_in_a_stream_reaches_no_log_either(script: list[bytes]) -> None:
    async with http(script, ready=False) as seen:
        with pytest.raises(errors.ModelUnavailableError) as raised:
            await events_of(seen.url)
    assert "the-key" not in raised.value.detail and "CANARY" not in raised.value.detail
