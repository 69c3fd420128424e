import asyncio
import types
from concurrent import futures

import pytest

from council.services import model


@pytest.fixture
async def engine():
    with futures.ThreadPoolExecutor(1) as pool:
        made = types.SimpleNamespace(slots=asyncio.Semaphore(1), waiting=0, waiting_max=1, threads_pool=pool)
        yield made
        # The slot comes back last, when the thread's own end has been taken note of.
        await asyncio.wait_for(made.slots.acquire(), 30)


def telling(*chunks):
    def run(_body, generation):
        for chunk in chunks:
            generation.take(chunk)
        generation.finish()

    return run


async def body_of(response):
    return b"".join([part async for part in response.body_iterator])


HELLO = {"choices": [{"delta": {"content": "Hello"}}]}
BROKEN = {"error": {"code": 500, "type": "server_error", "message": "broken"}}


async def test_a_stream_ends_with_done(engine):
    assert (await body_of(await model._stream(engine, telling(HELLO), {}))).endswith(b"data: [DONE]\n\n")


async def test_a_stream_that_fails_has_no_clean_end(engine):
    body = await body_of(await model._stream(engine, telling(HELLO, BROKEN), {}))
    assert b"broken" in body and b"[DONE]" not in body


async def test_an_error_before_the_first_chunk_is_an_http_error_that_names_the_field(engine):
    error = {"error": {"code": 400, "type": "unsupported_parameter", "message": "no", "param": "n"}}
    response = await model._stream(engine, telling(error), {})
    assert response.status_code == 400 and b'"param": "n"' in response.body


@pytest.mark.parametrize(
    ("chunk", "says"),
    [
        (HELLO, True),
        ({"choices": [{"delta": {"tool_calls": [{}]}}]}, True),
        ({"choices": [{"text": "a"}]}, True),
        ({"choices": [{"delta": {"role": "assistant", "content": None}}]}, False),
        ({"choices": []}, False),
        ({}, False),
    ],
)
def test_the_first_token_is_text_or_a_call(chunk, says):
    assert model._says(chunk) is says
