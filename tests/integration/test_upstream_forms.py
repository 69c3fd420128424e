"""The scripted upstream's other wire forms, read by real clients where there is one; the server and the program."""

import asyncio
import os
import signal
import sys

import aiohttp
import openai
import orjson
import pytest

from council.testing import upstream

_PATIENCE_S = 20.0
BODY = {"messages": [{"role": "user", "content": "one two three"}]}


# The other wire forms, read by real clients where there is one


async def test_the_client_of_openai_reads_every_form() -> None:
    async with upstream.serve() as server:
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="x", max_retries=0) as client:
            schema = {"type": "object", "properties": {"city": {"type": "string"}}}
            called = await client.chat.completions.create(
                model="ok",
                messages=[{"role": "user", "content": "a"}],
                tools=[{"type": "function", "function": {"name": "weather", "parameters": schema}}],
                logprobs=True,
                n=2,
            )
            assert [(c.message.tool_calls or [])[0].function.arguments for c in called.choices] == ['{"city":"w1"}'] * 2
            likely = await client.chat.completions.create(
                model="ok-2", messages=[{"role": "user", "content": "a"}], logprobs=True, top_logprobs=2
            )
            logprobs = likely.choices[0].logprobs
            assert logprobs
            assert [len(token.top_logprobs) for token in logprobs.content or ()] == [2, 2]
            text = await client.completions.create(model="ok-2", prompt="a b")
            assert (text.choices[0].text, text.usage and text.usage.prompt_tokens) == ("w1 w2 ", 2)
            vectors = await client.embeddings.create(model="ok", input=["a", "b"], dimensions=4)
            assert [len(each.embedding) for each in vectors.data] == [4, 4]
            assert vectors.data[0].embedding != vectors.data[1].embedding
            plain = await client.embeddings.create(model="ok", input="a", dimensions=4, encoding_format="float")
            assert plain.data[0].embedding == vectors.data[0].embedding
            names = [model.id async for model in client.models.list()]
            assert {"ok", "cut-mid-stream"} <= set(names)
            assert (await client.models.retrieve("ok-32")).id == "ok-32"
        assert server.tally.total()["completion_tokens"] == 2 * 7 + 2 + 2


async def test_the_client_of_openai_reads_responses() -> None:
    tool = {"type": "function", "name": "f", "parameters": {"properties": {"a": {"type": "integer"}}}, "strict": False}
    async with upstream.serve() as server:
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="x", max_retries=0) as client:
            whole = await client.responses.create(model="ok-2", input="a b")
            assert (whole.output_text, whole.usage and whole.usage.total_tokens) == ("w1 w2 ", 4)
            async with client.responses.stream(model="ok-2", input="a b") as stream:
                deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
                final = await stream.get_final_response()
            assert (deltas, final.output_text, final.status) == (["w1 ", "w2 "], "w1 w2 ", "completed")
            short = await client.responses.create(model="ok-2", input="a", max_output_tokens=1)
            assert short.status == "incomplete"
            called = await client.responses.create(model="ok", input="a", tools=[tool])  # type: ignore[list-item]
            assert [item.arguments for item in called.output if item.type == "function_call"] == ['{"a":1}']
        assert [entry.reported for entry in server.tally.entries][:2] == [(2, 2), (2, 2)]


@pytest.mark.parametrize(
    ("model", "last", "outcome"),
    [
        ("ok-2", "message_stop", upstream.Outcome.WHOLE),
        ("no-done-2", "message_delta", upstream.Outcome.CUT),
        ("error-event-2", "error", upstream.Outcome.CUT),
        ("end-mid-stream-2", "content_block_delta", upstream.Outcome.CUT),
    ],
)
async def test_a_message_of_anthropic_comes_as_its_events(model: str, last: str, outcome: upstream.Outcome) -> None:
    body = {
        "model": model,
        "stream": True,
        "max_tokens": 9,
        "system": "a",
        "messages": [{"role": "user", "content": "b"}],
    }
    async with upstream.serve() as server, aiohttp.ClientSession() as session:
        async with session.post(server.url + "/v1/messages", json=body) as reply:
            events = [event.split(b"\n") for event in (await reply.read()).split(b"\n\n") if event]
        (entry,) = server.tally.entries
    names = [name[7:].decode() for name, _ in events]
    assert [orjson.loads(data[6:])["type"] for _, data in events] == names
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert names[-1] == last
    assert (entry.outcome, entry.prompt_tokens) == (outcome, 2)


async def test_a_message_of_anthropic_comes_whole_and_so_does_its_error() -> None:
    body = {"max_tokens": 1, "messages": [{"role": "user", "content": "b"}]}
    async with upstream.serve() as server, aiohttp.ClientSession() as session:
        async with session.post(server.url + "/v1/messages", json=body | {"model": "ok"}) as reply:
            message = await reply.json()
        async with session.post(server.url + "/v1/messages", json=body | {"model": "status-529"}) as reply:
            error = await reply.json()
    assert message["content"] == [{"type": "text", "text": "w1 "}]
    assert (message["stop_reason"], message["usage"]) == ("max_tokens", {"input_tokens": 1, "output_tokens": 1})
    assert (reply.status, error["error"]["type"]) == (529, "overloaded_error")


# The server itself


async def test_requests_that_are_sent_together_are_answered_in_their_order() -> None:
    async with upstream.serve() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for model in ("ok-3-5ms", "ok-2", "ok-1"):
            body = orjson.dumps(BODY | {"model": model})
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
        said_ = [await _one(reader) for _ in range(3)]
        writer.close()
    assert said_ == ["w1 w2 w3 ", "w1 w2 ", "w1 "]


async def _one(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    content: str = orjson.loads(await reader.readexactly(length))["choices"][0]["message"]["content"]
    return content


async def test_what_is_no_http_ends_the_connection() -> None:
    async with upstream.serve() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert await reader.read() == b""
        writer.close()


async def test_a_script_can_be_replaced_and_the_tally_read_and_cleared_over_http() -> None:
    async with upstream.serve() as server, aiohttp.ClientSession() as session:
        async with session.put(server.url + "/_script", json={"models": {"gpt": ["status-500", "ok-2"]}}) as reply:
            assert reply.status == 200
        async with session.put(server.url + "/_script", json={"any": "nope"}) as reply:
            assert reply.status == 400
        statuses = []
        for _ in range(2):
            headers = {"x-request-id": "r7"}
            async with session.post(
                server.url + "/v1/chat/completions", json=BODY | {"model": "gpt"}, headers=headers
            ) as reply:
                statuses.append(reply.status)
                assert reply.headers["x-request-id"] == "r7"
        async with session.get(server.url + "/_tally?first=1&limit=5") as reply:
            read = await reply.json()
        async with session.delete(server.url + "/_tally") as reply:
            assert reply.status == 200
        assert server.tally.entries == []
    assert statuses == [500, 200]
    assert (read["count"], read["total"]) == (
        2,
        {"calls": 2, "refused": 1, "whole": 1, "prompt_tokens": 3, "completion_tokens": 2},
    )
    (entry,) = read["entries"]
    assert (entry["request_id"], entry["hop"], entry["behaviour"], entry["outcome"]) == ("r7", 1, "ok-2", "whole")


async def test_the_program_serves_until_it_is_told_to_end() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "council.testing.upstream",
        "--seed",
        "3",
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    assert program.stdout is not None
    url = (await asyncio.wait_for(program.stdout.readline(), _PATIENCE_S)).decode().strip()
    async with aiohttp.ClientSession() as session, session.get(url + "/v1/models") as reply:
        assert reply.status == 200
    program.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(program.wait(), _PATIENCE_S) == 0
