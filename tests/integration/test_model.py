"""The model process on its own, with the packaged weights as they come: keys, slots, queue, context, garbage."""

import asyncio
import contextlib
import io
import json
import random
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

import single_service
from council import homes
from council.backends.model_provider import openai, packaged
from council.domain import answers, config, errors, home, providers
from council.kit import clock
from council.serving.providers import calls, speaker
from council.testing import provider as provider_fakes

pytestmark = pytest.mark.model
STORY = [answers.Message("user", "Tell me a very long story about the sea, with every detail that you know.")]
LIMIT_S = 60.0


@dataclass
class Running:
    where: home.Home
    url: str
    service: single_service.Service

    @property
    def key(self) -> str:
        return self.where.internal_key_file.read_text().strip()

    @contextlib.asynccontextmanager
    async def provider(self) -> AsyncGenerator[speaker.Speaker, None]:
        """The model as a specialist has it, behind the same calls as in the gateway."""
        provider = providers.Provider(providers.LOCAL, url=self.url + "/v1", first_byte_s=LIMIT_S, stall_s=LIMIT_S)
        server = openai.LocalModel(provider, self.key, config.CallsConfig())
        settings = config.Config()
        made = calls.Calls(
            providers.build({}, settings).models, {providers.LOCAL: server}, {}, provider_fakes.Purse(), settings.calls,
            settings.budget, clock.SystemClock(), random.Random(0),
        )  # fmt: skip
        try:
            await server.ping()
            yield speaker.Speaker(made, settings.model.name)
        finally:
            await server.close()

    async def post(self, body: bytes, key: str | None = None) -> tuple[int, Mapping[str, str], Any]:
        headers = {"authorization": f"Bearer {key or self.key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url + "/v1/chat/completions", data=io.BytesIO(body), headers=headers) as reply,
        ):
            return reply.status, reply.headers, json.loads(await reply.read())


@pytest.fixture(scope="module")
def model() -> Iterator[Running]:
    with single_service.short_folder() as folder:
        where = home.Home(folder / "h")
        homes.prepare(where, {})
        listener, url = single_service.tcp()
        environment = {
            "COUNCIL_MODEL_FILE": str(packaged.find_source()),
            "COUNCIL_MODEL_SLOTS": "1",
            "COUNCIL_MODEL_QUEUE_MAX": "1",
            "COUNCIL_MODEL_CONTEXT_TOKENS": "512",
        }
        command = single_service.council("run", "model", "--home", str(where.root))
        with single_service.running(command, "model", {"public": listener}, environment, folder / "log") as service:
            yield Running(where, url, service)


async def say(provider: speaker.Speaker, tokens_max: int = 4) -> list[Any]:
    stream = provider.complete([answers.Message("user", "Hello")], answers.Sampling(tokens_max, seed=1), "i")
    async with contextlib.aclosing(stream) as items:
        return [item async for item in items]


async def test_the_model_speaks_and_counts(model: Running) -> None:
    async with model.provider() as provider:
        *pieces, end = await asyncio.wait_for(say(provider), LIMIT_S)
    assert 1 <= len(pieces) <= 4 and all(piece.text and piece.logprob <= 0 for piece in pieces)
    assert isinstance(end, answers.End) and end.finish_reason == "length"
    assert end.usage.completion_tokens == 4 and end.usage.prompt_tokens > 0


@pytest.mark.parametrize(
    "header", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer é"}, {"authorization": "x"}]
)
async def test_without_the_right_key_nothing_is_answered(model: Running, header: dict[str, str]) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(model.url + "/v1/chat/completions", data=b"{}", headers=header) as reply,
    ):
        assert reply.status == 401 and (await reply.json())["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"5", b"\xff", b"{}", b'{"messages": 5}', b'{"messages": [5]}',
        b'{"messages": [{"role": "user", "content": {"a": 1}}]}',
        b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": "many"}', b" " * 9_000_000,
    ],
    ids=range(11),
)  # fmt: skip
async def test_a_body_that_makes_no_sense_is_an_error_and_the_model_lives_on(model: Running, body: bytes) -> None:
    status, _, reply = await asyncio.wait_for(model.post(body), LIMIT_S)
    assert 400 <= status <= 500 and reply["error"]["message"]
    async with model.provider() as provider:
        assert await asyncio.wait_for(say(provider, 1), LIMIT_S)


async def test_a_conversation_longer_than_the_context_is_told_by_how_much(model: Running) -> None:
    async with model.provider() as provider:
        with pytest.raises(errors.ContextTooLongError, match="context of 512"):
            stream = provider.complete([answers.Message("user", "word " * 2_000)], answers.Sampling(4), "i")
            async with contextlib.aclosing(stream) as items:
                await asyncio.wait_for(anext(items), LIMIT_S)


async def until_waiting(model: Running, number: int) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(LIMIT_S):
        while True:
            async with session.get(model.url + "/metrics") as reply:
                if f"council_model_waiting {number:.1f}" in await reply.text():
                    return
            await asyncio.sleep(0.01)


async def test_one_speaks_one_waits_and_a_third_is_turned_away_until_the_first_leaves(model: Running) -> None:
    async with model.provider() as provider:
        first = provider.complete(STORY, answers.Sampling(400), "first")
        await asyncio.wait_for(anext(first), LIMIT_S)
        second = asyncio.create_task(say(provider))
        await until_waiting(model, 1)
        with pytest.raises(errors.OverloadedError):
            await say(provider)
        status, headers, reply = await model.post(b'{"messages": [{"role": "user", "content": "x"}]}')
        assert (status, reply["error"]["code"], headers["retry-after"]) == (503, "overloaded", "2")
        await first.aclose()
        *_, end = await asyncio.wait_for(second, LIMIT_S)
        assert isinstance(end, answers.End)


async def test_a_caller_that_leaves_while_it_waits_gives_its_place_back_at_once(model: Running) -> None:
    async with model.provider() as provider:
        first = provider.complete(STORY, answers.Sampling(400), "first")
        await asyncio.wait_for(anext(first), LIMIT_S)
        second = asyncio.create_task(say(provider))
        await until_waiting(model, 1)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await until_waiting(model, 0)
        third = asyncio.create_task(say(provider))
        await until_waiting(model, 1)
        await first.aclose()
        assert await asyncio.wait_for(third, LIMIT_S)


async def test_callers_that_leave_give_their_slot_back_every_time(model: Running) -> None:
    async with model.provider() as provider:
        for _ in range(5):
            stream = provider.complete(STORY, answers.Sampling(400), "i")
            await asyncio.wait_for(anext(stream), LIMIT_S)
            await stream.aclose()
            async with asyncio.timeout(LIMIT_S):
                while True:
                    try:
                        assert await say(provider, 1)
                        break
                    except errors.OverloadedError:
                        await asyncio.sleep(0.02)


async def test_health_and_metrics_need_no_key_and_tell_no_secret(model: Running) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/livez", "/readyz", "/metrics"):
            async with session.get(model.url + path) as reply:
                assert reply.status == 200 and model.key not in await reply.text()


def test_a_stop_is_clean_and_no_key_or_prompt_is_in_the_log(model: Running) -> None:
    assert model.service.stop() == 0
    text = model.service.log.read_text()
    assert model.key not in text and "very long story" not in text
