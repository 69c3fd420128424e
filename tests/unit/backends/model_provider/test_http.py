"""One exchange with a server of models: what each of its faults is called, and whether it may have cost something."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

import counted
from council import ports
from council.backends.model_provider import http as http_provider
from council.backends.model_provider import openai
from council.domain import answers, config, errors, providers
from faulty_server import STALL, http, plain

WHOLE = b'{"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'


@contextlib.asynccontextmanager
async def provider(url: str, **more: Any) -> AsyncIterator[openai.OpenAIProvider]:
    quick = {"first_byte_s": 0.3, "stall_s": 0.3, "whole_s": 0.3}
    made = openai.OpenAIProvider(
        providers.Provider("p", url=f"{url}/v1", **(quick | more)), "the-key", config.CallsConfig(reply_bytes_max=4096)
    )
    try:
        yield made
    finally:
        await made.close()


def call(form: str = "chat", **more: Any) -> ports.ModelCall:
    return ports.ModelCall(form, {"model": "m"}, "the-id", **more)


async def test_a_whole_reply_keeps_its_bytes_and_tells_its_usage() -> None:
    async with http([plain(200, WHOLE + b"\n")]) as seen, provider(seen.url) as made:
        reply = await made.whole(call(headers={"x-more": "1"}))
    assert (reply.raw, reply.usage) == (WHOLE + b"\n", answers.Usage(3, 1))
    head = seen.requests[0].lower()
    assert head.startswith(b"post /v1/chat/completions http/1.1")
    for line in (b"authorization: bearer the-key", b"x-request-id: the-id", b"x-more: 1", b"accept-encoding: identity"):
        assert line in head


@pytest.mark.parametrize("name", ["500", "silent"])
async def test_what_was_sent_elsewhere_is_counted_whatever_came_of_it(name: str) -> None:
    async with http(FAULTS[name][0]) as seen, provider(seen.url) as near, provider(seen.url) as far:
        # Tests reach no other machine.
        far._loopback = False
        assert await sent_by(near) == {}
        assert await sent_by(far) == {("p",): len(b'{"model":"m"}')}


async def test_what_nobody_could_be_reached_for_was_not_sent() -> None:
    async with http([]) as seen:
        url = seen.url
    async with provider(url) as far:
        far._loopback = False
        assert await sent_by(far) == {}


async def sent_by(made: openai.OpenAIProvider) -> counted.Rises:
    with counted.rises("council_provider_sent_bytes_total") as found, contextlib.suppress(errors.ProviderError):
        await made.whole(call())
    return found


# Each with whether it is worth asking another, counts against the deployment, and may have cost something.
FAULTS: dict[str, tuple[list[Any], bool, bool, bool]] = {
    "500": ([plain(500, b'{"error":{"message":"boom"}}')], True, True, False),
    "502_page": ([plain(502, b"<html>", "text/html")], True, True, False),
    "401": ([plain(401, b"{}")], True, True, False),
    "404": ([plain(404, b"{}")], True, True, False),
    "429": ([plain(429, b"{}")], True, False, False),
    "redirect": ([plain(307, b"")], True, True, False),
    "a_page": ([plain(200, b"<html>", "text/html")], True, True, False),
    "not_json": ([plain(200, WHOLE[:-9])], True, True, True),
    "another_shape": ([plain(200, b'{"choices":[]}')], True, True, True),
    "an_error_with_200": ([plain(200, b'{"error":{"message":"x"}}')], True, True, True),
    "too_long": ([plain(200, b" " * 5_000 + WHOLE)], True, True, True),
    "cut": ([plain(200, WHOLE)[:-10]], True, True, True),
    "cut_in_the_head": ([b"HTTP/1.1 200 OK\r\n"], True, True, True),
    "silent": ([STALL], True, True, True),
    "silent_in_the_middle": ([plain(200, WHOLE)[:-10], STALL], True, True, True),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_says_what_follows_from_it(name: str) -> None:
    script, retryable, faulty, begun = FAULTS[name]
    async with http(script) as seen, provider(seen.url) as made:
        with pytest.raises(errors.ProviderError) as raised:
            await made.whole(call())
    error = raised.value
    assert (error.retryable, error.faulty, error.begun) == (retryable, faulty, begun)
    assert "The provider p" in error.message and "the-key" not in error.message + error.detail
    assert len(error.detail) < 500


@pytest.mark.parametrize("stream", [False, True])
async def test_who_cannot_be_reached_made_nothing(stream: bool) -> None:
    async with http([]) as seen:
        url = seen.url
    async with provider(url) as made:
        with pytest.raises(errors.ProviderError, match="cannot be reached") as raised:
            await (made.open(call()) if stream else made.whole(call()))
    assert not raised.value.begun


@pytest.mark.parametrize(
    ("script", "begun"), [([STALL], True), ([plain(200, WHOLE)], True), ([plain(200, b"<html>", "text/html")], False)]
)
async def test_a_stream_that_does_not_begin_may_have_cost_something(script: list[Any], begun: bool) -> None:
    async with http(script) as seen, provider(seen.url) as made:
        with pytest.raises(errors.ProviderError) as raised:
            await made.open(call())
    assert raised.value.begun is begun


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_refusal_is_passed_on_in_its_own_words_cut(status: int) -> None:
    body = b'{"error":{"message":"bad seed ' + b"x" * 1_000 + b'"}}'
    async with http([plain(status, body)]) as seen, provider(seen.url) as made:
        with pytest.raises(errors.InvalidRequestError, match="refused the request: bad seed x") as raised:
            await made.whole(call())
    assert len(raised.value.message) < 400


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "This model's maximum context length is 128 tokens. However, your messages resulted in 1,500 tokens.",
            "1,372",
        ),
        ("prompt is too long: 1500 tokens > 128 maximum", "1,372"),
        ("too many tokens", "longer than the model's context"),
    ],
)
async def test_a_context_that_is_too_long_is_told_with_how_much(message: str, told: str) -> None:
    body = b'{"error":{"message":"' + message.encode() + b'"}}'
    async with http([plain(400, body)]) as seen, provider(seen.url) as made:
        with pytest.raises(errors.ContextTooLongError) as raised:
            await made.whole(call())
    assert told in raised.value.message


async def test_no_more_calls_at_once_than_there_are_places_and_no_more_wait_than_may() -> None:
    async with (
        http([STALL]) as seen,
        provider(seen.url, concurrent_max=1, queue_max=1, whole_s=5, first_byte_s=0.2) as made,
    ):
        first = asyncio.ensure_future(made.whole(call()))
        while not seen.requests:
            await asyncio.sleep(0.001)
        second = asyncio.ensure_future(made.whole(call()))
        await asyncio.sleep(0)
        with pytest.raises(errors.ProviderError, match="has its hands full") as full:
            await made.whole(call())
        with pytest.raises(errors.ProviderError, match="had no place for this call in time") as late:
            await second
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert len(seen.requests) == 1
    for raised in (full, late):
        assert raised.value.retryable and not raised.value.faulty and not raised.value.begun


async def test_a_place_is_given_back_whatever_becomes_of_a_call() -> None:
    async with http([plain(500, b"{}")]) as seen, provider(seen.url, concurrent_max=1, queue_max=0) as made:
        for stream in (False, True, False, True):
            with pytest.raises(errors.ProviderError, match="status 500"):
                await (made.open(call()) if stream else made.whole(call()))


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        (None, None), ("", None), ("soon", None), ("nan", None), ("0", 0.0), ("1.5", 1.5), ("-5", 0.0), ("inf", math.inf),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0), ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0), ("Thu, 99 Jan 1970", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_nonsense_is_nothing(header: str | None, wait_s: float | None) -> None:
    assert http_provider.retry_after_s(header, 10.0) == wait_s
