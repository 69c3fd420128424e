"""The model process with the packaged weights: tools, schemas, several answers, raw texts. The words are the model's own."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import single_service
from council import homes
from council.backends.model_provider import packaged
from council.domain import home

pytestmark = pytest.mark.model
LIMIT_S = 60.0
ASK = {"messages": [{"role": "user", "content": "What is the weather in Paris?"}], "max_tokens": 60, "temperature": 0}
CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"]}
ZONE = {"type": "object", "properties": {"zone": {"enum": ["CET", "UTC"]}}, "required": ["zone"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": CITY}}
TIME = {"type": "function", "function": {"name": "time", "description": "Of a zone.", "parameters": ZONE}}
NAMED = {"type": "function", "function": {"name": "weather"}}


@dataclass
class Running:
    url: str
    key: str

    async def post(self, body: dict[str, Any], path: str = "/v1/chat/completions") -> tuple[int, list[dict[str, Any]]]:
        """Return the status, and the chunks or the error."""
        headers = {"authorization": f"Bearer {self.key}"}
        async with aiohttp.ClientSession() as session, asyncio.timeout(LIMIT_S):
            async with session.post(self.url + path, json=body, headers=headers) as reply:
                text = await reply.text()
        if reply.status != 200:
            return reply.status, [json.loads(text)["error"]]
        assert text.endswith("data: [DONE]\n\n")
        return 200, [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]

    async def chunks(self, **more: Any) -> list[dict[str, Any]]:
        status, found = await self.post({**ASK, **more})
        assert status == 200, found
        return found


@pytest.fixture(scope="module")
def model() -> Iterator[Running]:
    with single_service.short_folder() as folder:
        where = home.Home(folder / "h")
        homes.prepare(where, {})
        listener, url = single_service.tcp()
        environment = {
            "COUNCIL_MODEL_FILE": str(packaged.find_source()),
            "COUNCIL_MODEL_SLOTS": "1",
            "COUNCIL_MODEL_CONTEXT_TOKENS": "1024",
        }
        command = single_service.council("run", "model", "--home", str(where.root))
        with single_service.running(command, "model", {"public": listener}, environment, folder / "log"):
            yield Running(url, where.internal_key_file.read_text().strip())


def text(chunks: list[dict[str, Any]], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
    return "".join(choice.get("text") or choice.get("delta", {}).get("content") or "" for choice in choices)


def called(chunks: list[dict[str, Any]]) -> tuple[str, Any, str]:
    """Return name and arguments of the one call, and the finish reason."""
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    pieces = [piece for choice in choices for piece in choice["delta"].get("tool_calls") or ()]
    assert {piece["index"] for piece in pieces} == {0} and pieces[0]["id"] and text(chunks) == ""
    arguments = "".join(piece["function"]["arguments"] for piece in pieces)
    return pieces[0]["function"]["name"], json.loads(arguments), choices[-1]["finish_reason"]


async def drawn(model: Running, schema: dict[str, Any]) -> list[Any]:
    """Return what the model writes for `schema` when it is as free as can be; an answer that was cut is left out."""
    whole = {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": whole, "strict": True}}
    found = []
    for seed in range(3):
        chunks = await model.chunks(response_format=wanted, temperature=1.5, seed=seed, max_tokens=120)
        if chunks[-1]["choices"][0]["finish_reason"] == "stop":
            answer = json.loads(text(chunks))
            assert answer.keys() == {"a"}
            found.append(answer["a"])
    assert found
    return found


@pytest.mark.parametrize(
    ("schema", "holds"),
    [
        ({"enum": ["good", "bad"]}, lambda value: value in {"good", "bad"}),
        ({"const": "x"}, lambda value: value == "x"),
        ({"anyOf": [{"type": "integer"}, {"const": "q"}]}, lambda value: isinstance(value, int) or value == "q"),
        ({"type": "integer", "minimum": 500, "maximum": 600}, lambda value: 500 <= value <= 600),
        ({"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 8}, lambda value: 5 < value < 8),
        ({"type": "string", "maxLength": 5}, lambda value: len(value) <= 5),
        ({"type": "string", "minLength": 9}, lambda value: len(value) >= 9),
        ({"type": "string", "pattern": "^[a-c]{2}$"}, lambda value: len(value) == 2 and set(value) <= set("abc")),
        ({"type": "string", "format": "date"}, lambda value: len(value) == 10 and value[4] == value[7] == "-"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}, lambda value: 2 <= len(value) <= 3),
    ],
)  # fmt: skip
async def test_a_schema_holds_what_the_documentation_says(
    model: Running, schema: dict[str, Any], holds: Callable[[Any], bool]
) -> None:
    assert all(holds(value) for value in await drawn(model, schema))


@pytest.mark.parametrize(
    ("schema", "holds"),
    [
        ({"type": "number", "minimum": 0, "maximum": 0}, lambda value: value == 0),
        ({"type": "integer", "multipleOf": 7}, lambda value: value % 7 == 0),
        ({"type": "array", "items": {"enum": [1, 2]}, "minItems": 3, "maxItems": 3, "uniqueItems": True}, lambda _: False),
    ],
)  # fmt: skip
async def test_a_schema_does_not_hold_the_rest(
    model: Running, schema: dict[str, Any], holds: Callable[[Any], bool]
) -> None:
    """What the documentation warns of; once this fails, it says too little of llama.cpp."""
    assert not all(holds(value) for value in await drawn(model, schema))


async def test_json_alone_can_be_asked_for(model: Running) -> None:
    chunks = await model.chunks(response_format={"type": "json_object"}, max_tokens=300)
    assert text(chunks).lstrip().startswith("{")


@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, {"$ref": "https://example.com/x.json"}, {"type": "array", "minItems": 10**6}]
)
async def test_a_schema_that_cannot_be_held_is_refused(model: Running, schema: dict[str, Any]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    status, (error,) = await model.post({**ASK, "response_format": wanted})
    assert status == 400 and error["message"]


async def test_a_function_that_is_named_is_called(model: Running) -> None:
    name, arguments, finish_reason = called(await model.chunks(tools=[TIME, WEATHER], tool_choice=NAMED))
    assert (name, arguments.keys(), finish_reason) == ("weather", {"city"}, "tool_calls")
    assert isinstance(arguments["city"], str) and len(arguments["city"]) <= 12


@pytest.mark.parametrize("seed", range(3))
async def test_one_of_several_functions_is_called_where_one_must_be(model: Running, seed: int) -> None:
    chunks = await model.chunks(tools=[TIME, WEATHER], tool_choice="required", temperature=1.2, seed=seed)
    name, arguments, finish_reason = called(chunks)
    assert (name, arguments.keys()) in (("weather", {"city"}), ("time", {"zone"})) and finish_reason == "tool_calls"


async def test_tools_that_need_not_be_called_do_not_stand_in_the_way(model: Running) -> None:
    plain = text(await model.chunks())
    for choice in ("none", "auto"):
        assert text(await model.chunks(tools=[WEATHER], tool_choice=choice)) == plain


async def test_the_result_of_a_tool_is_read(model: Running) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}

    async def prompt_tokens(result: str) -> int:
        messages = [*ASK["messages"], said, {"role": "tool", "tool_call_id": "c1", "content": result}]
        chunks = await model.chunks(
            messages=messages, tools=[WEATHER], stream_options={"include_usage": True}, max_tokens=1
        )
        return int(chunks[-1]["usage"]["prompt_tokens"])

    assert await prompt_tokens("rain " * 50) >= await prompt_tokens("rain") + 49


async def test_several_answers_come_one_after_the_other_with_one_usage(model: Running) -> None:
    chunks = await model.chunks(n=3, temperature=1, seed=1, max_tokens=8, stream_options={"include_usage": True})
    assert len({text(chunks, index) for index in range(3)}) == 3 and len({chunk["id"] for chunk in chunks}) == 1
    ended = [(c["index"], c["finish_reason"]) for chunk in chunks for c in chunk["choices"] if c["finish_reason"]]
    assert ended == [(0, "length"), (1, "length"), (2, "length")]
    one = (await model.chunks(max_tokens=8, stream_options={"include_usage": True}))[-1]["usage"]
    usage = chunks[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (one["prompt_tokens"], 24)


async def test_a_seed_gives_the_same_answer_again(model: Running) -> None:
    first, second, other = [text(await model.chunks(temperature=1.5, seed=seed, max_tokens=12)) for seed in (5, 5, 6)]
    assert first == second != other


async def test_bias_penalties_and_stop_reach_the_model(model: Running) -> None:
    plain = text(await model.chunks())
    assert "," in plain
    assert text(await model.chunks(stop=[","])) == plain.split(",", maxsplit=1)[0]
    # 28 is the comma of this model.
    assert "," not in text(await model.chunks(logit_bias={"28": -100}))
    assert text(await model.chunks(frequency_penalty=2, presence_penalty=2)) != plain


async def test_log_probabilities_are_as_many_as_were_asked_for(model: Running) -> None:
    for more, count in (({}, 0), ({"top_logprobs": 3}, 3)):
        chunks = await model.chunks(logprobs=True, max_tokens=2, **more)
        entries = [e for chunk in chunks for c in chunk["choices"] if c["logprobs"] for e in c["logprobs"]["content"]]
        assert len(entries) == 2
        assert all(
            entry["logprob"] <= 0 and entry["bytes"] and len(entry["top_logprobs"]) == count for entry in entries
        )


async def test_a_raw_text_is_gone_on_with(model: Running) -> None:
    body = {
        "prompt": "Once upon a",
        "max_tokens": 3,
        "temperature": 0,
        "n": 2,
        "stream_options": {"include_usage": True},
    }
    status, chunks = await model.post(body, "/v1/completions")
    assert status == 200 and {chunk["object"] for chunk in chunks} == {"text_completion"}
    assert text(chunks, 0) == text(chunks, 1) != "" and "time" in text(chunks)
    assert chunks[-1]["usage"]["completion_tokens"] == 6


async def test_an_image_is_refused_by_name(model: Running) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}}
    status, (error,) = await model.post({**ASK, "messages": [{"role": "user", "content": [image]}]})
    assert (status, error["code"], error["param"]) == (400, "unsupported_parameter", "messages.0.content.0.type")


@pytest.mark.parametrize(
    "body", [{"prompt": [1, 2]}, {}, {"prompt": "a", "n": 99}, {"prompt": "a", "max_tokens": "many"}]
)
async def test_a_raw_body_that_makes_no_sense_is_an_error(model: Running, body: dict[str, Any]) -> None:
    status, (error,) = await model.post(body, "/v1/completions")
    assert 400 <= status <= 500 and error["message"]


async def test_a_template_that_shows_tools_lets_the_model_choose_to_call() -> None:
    program = Path(single_service.__file__).with_name("toolful_model.py")
    run = await asyncio.create_subprocess_exec(sys.executable, program, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(run.communicate(), LIMIT_S)
    found = json.loads(said)
    assert found["shows_tools"] is True
    assert called(found["chunks"]) == ("weather", {"city": "Paris"}, "tool_calls")


async def test_no_chunk_tells_where_the_file_is(model: Running) -> None:
    assert {chunk["model"] for chunk in await model.chunks(max_tokens=2)} == {"smollm2-135m-instruct"}
