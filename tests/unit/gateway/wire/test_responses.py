import json

import httpx2
import openai
import orjson
import pydantic
import pytest
from hypothesis import given, settings, strategies

import chat_form
from council.domain import errors
from council.gateway.wire import responses

ASKED = {"model": "council", "input": "Hi"}
TOOL = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}


def asked(*items, **more):
    return {"model": "council", "input": list(items), **more}


def whole(completion, body=ASKED, council=chat_form.COUNCIL):
    return responses.whole(completion, body, council)


def event_list(raw):
    return [json.loads(line[6:]) for line in raw.decode().split("\n") if line.startswith("data: ")]


def heard(raw):
    """Return what the real client makes of a stream: its events, and its last response."""
    with chat_form.openai_client(lambda _: chat_form.event_stream(raw)) as client:
        with client.responses.stream(model="council", input="Hi") as stream:
            found = list(stream)
    return found, found[-1].response


# The request


def test_a_plain_request_becomes_a_chat():
    body = {"instructions": "Be brief.", "max_output_tokens": 9, "temperature": 0.5, "top_p": 0.9, "user": "u"}
    assert responses.to_chat(ASKED | body | {"parallel_tool_calls": False, "store": False}) == {
        "model": "council",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "max_completion_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "user": "u",
        "parallel_tool_calls": False,
    }


def test_a_stream_asks_for_its_usage():
    chat = responses.to_chat(ASKED | {"stream": True})
    assert (chat["stream"], chat["stream_options"]) == (True, {"include_usage": True})
    assert "stream" not in responses.to_chat(ASKED | {"stream": False})


def test_items_become_messages():
    image = {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"}
    said = {"type": "output_text", "text": "I look.", "annotations": []}
    chat = responses.to_chat(
        asked(
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "input_text", "text": "Where?"}, image]},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [said]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "rain"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "sun"}]},
            {"type": "function_call", "call_id": "c3", "name": "g", "arguments": "{}"},
        )
    )
    calls = [
        {"id": name, "type": "function", "function": {"name": function, "arguments": "{}"}}
        for name, function in (("c1", "f"), ("c2", "g"), ("c3", "g"))
    ]
    assert chat["messages"] == [
        {"role": "developer", "content": "Be kind."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Where?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
            ],
        },
        {"role": "assistant", "content": "I look.", "tool_calls": calls[:2]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "tool", "tool_call_id": "c2", "content": "sun"},
        {"role": "assistant", "content": None, "tool_calls": calls[2:]},
    ]


@pytest.mark.parametrize(
    ("choice", "chat"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_tools_and_their_choice_are_translated(choice, chat):
    made = responses.to_chat(ASKED | {"tools": [TOOL], "tool_choice": choice})
    function = {name: TOOL[name] for name in ("name", "description", "parameters", "strict")}
    assert made["tools"] == [{"type": "function", "function": function}]
    assert made["tool_choice"] == chat


@pytest.mark.parametrize(
    ("wanted", "chat"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True},
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
        ),
    ],
)
def test_the_format_of_the_text_is_translated(wanted, chat):
    assert responses.to_chat(ASKED | {"text": {"format": wanted}}).get("response_format") == chat


def test_logprobs_verbosity_and_effort_are_translated():
    body = {"include": ["message.output_text.logprobs", "reasoning.encrypted_content"], "top_logprobs": 2}
    more = {"reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "low"}}
    chat = responses.to_chat(ASKED | body | more)
    assert (chat["logprobs"], chat["top_logprobs"], chat["reasoning_effort"], chat["verbosity"]) == (
        True,
        2,
        "low",
        "low",
    )


def test_what_changes_no_answer_is_ignored():
    body = {
        "service_tier": "auto",
        "prompt_cache_key": "k",
        "metadata": {"a": "b"},
        "truncation": "disabled",
        "unknown": 1,
    }
    assert set(responses.to_chat(ASKED | body)) == {"model", "messages"}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (ASKED | {"previous_response_id": "resp_1"}, "previous_response_id"),
        (ASKED | {"store": True}, "store"),
        (ASKED | {"n": 2}, "n"),
        (ASKED | {"stop": "END"}, "stop"),
        (ASKED | {"response_format": {"type": "json_object"}}, "response_format"),
        (ASKED | {"background": True}, "background"),
        (ASKED | {"conversation": {"id": "c"}}, "conversation"),
        (ASKED | {"prompt": {"id": "p"}}, "prompt"),
        (ASKED | {"truncation": "auto"}, "truncation"),
        (ASKED | {"tools": [{"type": "web_search"}]}, "tools.0.type"),
        (ASKED | {"tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        (ASKED | {"tool_choice": "any"}, "tool_choice"),
        (ASKED | {"include": ["file_search_call.results"]}, "include.0"),
        (ASKED | {"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        (asked({"type": "item_reference", "id": "i"}), "input.0.type"),
        (asked({"role": "critic", "content": "a"}), "input.0.role"),
        (asked({"role": "user", "content": [{"type": "input_file"}]}), "input.0.content.0.type"),
        (asked({"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}), "input.0.content.0.file_id"),
    ],
)
def test_what_has_no_place_is_refused_by_name(body, parameter):
    with pytest.raises(errors.UnsupportedParameterError) as refused:
        responses.to_chat(body)
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ("Hi", None),
        ({"input": "Hi"}, "model"),
        ({"model": "m"}, "input"),
        (asked(), "input"),
        (asked("Hi"), "input.0"),
        (asked({"role": "user", "content": []}), "input.0.content"),
        (asked({"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}), "input.0.arguments"),
        (asked({"type": "function_call_output", "output": "a"}), "input.0.call_id"),
        (ASKED | {"instructions": ["a"]}, "instructions"),
        (ASKED | {"max_output_tokens": "9"}, "max_output_tokens"),
        (ASKED | {"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        (ASKED | {"tools": [{"type": "function"}]}, "tools.0.name"),
    ],
)
def test_what_is_malformed_is_named(body, parameter):
    with pytest.raises(errors.MalformedBodyError) as refused:
        responses.to_chat(body)
    assert refused.value.parameter == parameter


KNOWN = strategies.sampled_from(
    ["input", "instructions", "tools", "tool_choice", "text", "include", "reasoning", "truncation"]
)


@settings(deadline=None)
@given(strategies.dictionaries(KNOWN, chat_form.json_values))
def test_no_body_ends_in_another_error(fields):
    try:
        responses.to_chat(ASKED | fields)
    except errors.InvalidRequestError as error:
        assert error.parameter and error.message.endswith(".")


@settings(deadline=None)
@given(
    chat_form.json_values,
    strategies.sampled_from(["message", "function_call", "function_call_output", "x"]),
    strategies.sampled_from(["user", "assistant"]),
)
def test_no_item_ends_in_another_error(value, kind, role):
    item = {
        "type": kind,
        "role": role,
        "content": value,
        "output": value,
        "arguments": value,
        "name": "n",
        "call_id": "c",
    }
    try:
        responses.to_chat(asked(item))
    except errors.InvalidRequestError as error:
        assert error.parameter and error.parameter.startswith("input.0")


# Whole answers


def test_a_whole_answer_is_read_by_the_real_client():
    body = whole(
        chat_form.completion("It rains.", chat_form.call(1), chat_form.call(2)),
        ASKED | {"tools": [TOOL], "instructions": "Be brief.", "metadata": {"a": "b"}},
    )
    with chat_form.openai_client(lambda _: httpx2.Response(200, json=body)) as client:
        response = client.responses.create(model="council", input="Hi")
    assert (response.id, response.status, response.output_text, response.model) == (
        "resp_R1",
        "completed",
        "It rains.",
        "council",
    )
    assert [item.type for item in response.output] == ["message", "function_call", "function_call"]
    assert (response.output[1].call_id, response.output[1].name) == ("call_1", "weather")
    assert len({item.id for item in response.output}) == 3
    assert (response.instructions, response.tools[0].name, response.metadata) == ("Be brief.", "f", {"a": "b"})
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (100, 20, 120)
    assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (30, 5)
    assert response.council == chat_form.COUNCIL
    openai.types.responses.Response.model_validate(body)


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_every_finish_reason_has_a_status(finish, status, reason):
    completion = chat_form.completion("a", finish=finish)
    raw = chat_form.streamed(responses.Events(ASKED, "R1", 5), chat_form.chunks(completion))
    last = event_list(raw)[-1]
    assert last["type"] == f"response.{status}"
    for response in (whole(completion), last["response"]):
        assert response["status"] == response["output"][0]["status"] == status
        assert (response["incomplete_details"] or {}).get("reason") == reason


def test_a_refusal_is_a_part_of_its_own():
    completion = chat_form.completion(None, refusal="No.")
    found, response = heard(chat_form.streamed(responses.Events(ASKED, "R1", 5), chat_form.chunks(completion)))
    assert response.output[0].content[0].refusal == "No."
    assert "response.refusal.done" in [each.type for each in found]
    assert whole(completion)["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_log_probabilities_are_passed_on():
    entry = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    completion = chat_form.completion("a")
    completion["choices"][0]["logprobs"] = {"content": [entry]}
    assert whole(completion)["output"][0]["content"][0]["logprobs"] == [entry]
    pieces = [chat_form.chunk({"content": "a"}, logprobs={"content": [entry]}), chat_form.chunk({}, "stop")]
    found, response = heard(chat_form.streamed(responses.Events(ASKED, "R1", 5), pieces))
    assert response.output[0].content[0].logprobs[0].logprob == -0.5
    assert next(each for each in found if each.type == "response.output_text.delta").logprobs[0].token == "a"


def test_an_answer_without_council_has_none():
    assert "council" not in whole(chat_form.completion("a"), council=None)


# Streams


@settings(deadline=None)
@given(
    strategies.none() | chat_form.texts,
    strategies.lists(strategies.dictionaries(chat_form.names, chat_form.json_values, max_size=3), max_size=3),
    strategies.none() | chat_form.texts,
    chat_form.sizes,
)
def test_a_stream_says_what_the_whole_says(content, inputs, refusal, sizes):
    calls = [chat_form.call(number, arguments=orjson.dumps(each).decode()) for number, each in enumerate(inputs)]
    completion = chat_form.completion(content, *calls, refusal=refusal)
    raw = chat_form.streamed(responses.Events(ASKED, "R1", 5), chat_form.chunks(completion, sizes))
    found, response = heard(raw)
    for each, raw_event in zip(found, event_list(raw), strict=True):
        assert each.type == raw_event["type"]
    expected = openai.types.responses.Response.model_validate(whole(completion))
    sent = openai.types.responses.Response.model_validate(event_list(raw)[-1]["response"])
    assert sent == expected
    assert response.output_text == expected.output_text


def test_a_stream_has_the_events_of_the_api_in_order():
    completion = chat_form.completion("Hello", chat_form.call(1), chat_form.call(2))
    raw = chat_form.streamed(responses.Events(ASKED, "R1", 5), chat_form.chunks(completion, [99]))
    found = event_list(raw)
    call = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
    assert [each["type"].removeprefix("response.") for each in found] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        *call,
        *call,
        "completed",
    ]
    assert [each["sequence_number"] for each in found] == list(range(len(found)))
    assert [each["output_index"] for each in found if "output_index" in each] == [0] * 6 + [1] * 4 + [2] * 4
    assert found[3]["part"]["text"] == "" and found[2]["item"]["content"] == []
    assert found[-1]["response"]["council"] == chat_form.COUNCIL
    assert found[-1]["response"]["usage"]["total_tokens"] == 120
    assert raw.decode().count("event: response.") == len(found)
    adapter = pydantic.TypeAdapter(openai.types.responses.ResponseStreamEvent)
    for each in found:
        adapter.validate_python(each)


def test_an_empty_answer_is_a_whole_stream():
    _, response = heard(
        chat_form.streamed(responses.Events(ASKED, "R1", 5), chat_form.chunks(chat_form.completion("")))
    )
    assert response.output_text == "" and response.status == "completed" and len(response.output) == 1


def test_tool_calls_that_come_mixed_up_are_an_error():
    events = responses.Events(ASKED, "R1", 5)
    for index in (0, 1):
        events.chunk(chat_form.chunk({"tool_calls": [{"index": index, **chat_form.call(index)}]}))
    with pytest.raises(errors.ModelUnavailableError):
        events.chunk(chat_form.chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]}))


def test_a_failed_stream_never_ends_cleanly():
    raw = chat_form.failed(responses.Events(ASKED, "R1", 5), [chat_form.chunk({"content": "a"})])
    assert b"response.completed" not in raw and b"[DONE]" not in raw
    last = event_list(raw)[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"]["message"] == "The model broke off. Ask again."
    assert last["response"]["output"][0]["content"][0]["text"] == "a"
    found, response = heard(raw)
    assert found[-1].type == "response.failed" and response.error.code == "server_error"


def test_errors_have_openais_shape():
    body = responses.error_body(chat_form.FAILURE, 503)
    with chat_form.openai_client(lambda _: httpx2.Response(503, json=body)) as client:
        with pytest.raises(openai.InternalServerError, match="broke off"):
            client.responses.create(model="council", input="Hi")
