import base64
import json

import anthropic
import httpx2
import orjson
import pydantic
import pytest
from hypothesis import given, settings, strategies

import chat_form
from council.domain import errors
from council.gateway.wire import messages

ASKED = {"model": "council", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}
THINKING = ASKED | {"thinking": {"type": "adaptive"}}
PNG = base64.b64encode(b"png").decode()


def asked(*blocks, role="user", **more):
    return ASKED | {"messages": [{"role": role, "content": list(blocks)}]} | more


def whole(completion, body=ASKED, council=chat_form.COUNCIL):
    return messages.whole(completion, body, council)


def event_list(raw):
    return [json.loads(line[6:]) for line in raw.decode().split("\n") if line.startswith("data: ")]


def heard(raw, body=ASKED):
    """Return what the real client makes of a stream."""
    with chat_form.anthropic_client(lambda _: chat_form.event_stream(raw)) as client:
        with client.messages.stream(**body) as stream:
            stream.until_done()
            return stream.get_final_message()


# The request


def test_a_plain_request_becomes_a_chat():
    assert messages.to_chat(ASKED | {"temperature": 0.5, "top_p": 0.9, "stop_sequences": ["END"]}) == {
        "model": "council",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
    }


def test_a_stream_asks_for_its_usage():
    chat = messages.to_chat(ASKED | {"stream": True})
    assert (chat["stream"], chat["stream_options"]) == (True, {"include_usage": True})
    assert "stream" not in messages.to_chat(ASKED | {"stream": False})


@pytest.mark.parametrize(
    "system", ["Be brief.\n\nBe kind.", [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]]
)
def test_the_system_prompt_goes_first(system):
    chat = messages.to_chat(ASKED | {"system": system})
    assert chat["messages"][0] == {"role": "system", "content": "Be brief.\n\nBe kind."}


def test_images_become_urls():
    chat = messages.to_chat(
        asked(
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            {"type": "text", "text": "Which?"},
        )
    )
    assert chat["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "text", "text": "Which?"},
    ]


def test_tool_calls_and_results_become_messages_of_their_own():
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    conversation = [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Lyon"}},
                {"type": "tool_use", "id": "t2", "name": "see", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "rain", "is_error": True},
                {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "a"}, image]},
                {"type": "text", "text": "And?"},
            ],
        },
    ]
    assert messages.to_chat(ASKED | {"messages": conversation})["messages"] == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Lyon"}'}},
                {"id": "t2", "type": "function", "function": {"name": "see", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "Error: rain"},
        {"role": "tool", "tool_call_id": "t2", "content": "a"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {"type": "text", "text": "And?"},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("choice", "chat"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "f"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ({"type": "auto", "disable_parallel_tool_use": True}, {"tool_choice": "auto", "parallel_tool_calls": False}),
    ],
)
def test_tools_and_their_choice_are_translated(choice, chat):
    schema = {"type": "object", "properties": {}}
    made = messages.to_chat(
        ASKED | {"tools": [{"name": "f", "description": "d", "input_schema": schema}], "tool_choice": choice}
    )
    assert made["tools"] == [{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}]
    assert {name: made[name] for name in chat} == chat


@pytest.mark.parametrize(
    ("body", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"thinking": {"type": "adaptive"}}, None),
    ],
)
def test_thinking_becomes_an_effort(body, effort):
    assert messages.to_chat(ASKED | body).get("reasoning_effort") == effort


def test_a_schema_for_the_answer_is_kept():
    schema = {"type": "object"}
    chat = messages.to_chat(ASKED | {"output_config": {"format": {"type": "json_schema", "schema": schema}}})
    assert chat["response_format"]["json_schema"]["schema"] == schema


def test_what_changes_no_answer_is_ignored():
    cached = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    chat = messages.to_chat(
        asked(
            cached,
            service_tier="auto",
            speed="standard",
            unknown=1,
            n=1,
            logprobs=False,
            presence_penalty=0,
            metadata={"user_id": "u"},
        )
    )
    assert set(chat) == {"model", "messages", "max_tokens", "user"} and chat["user"] == "u"


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (ASKED | {"top_k": 5}, "top_k"),
        (ASKED | {"n": 2}, "n"),
        (ASKED | {"stop": ["END"]}, "stop"),
        (ASKED | {"seed": 0}, "seed"),
        (ASKED | {"speed": "fast"}, "speed"),
        (ASKED | {"container": "c"}, "container"),
        (ASKED | {"mcp_servers": [{}]}, "mcp_servers"),
        (ASKED | {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0.type"),
        (ASKED | {"output_config": {"format": {"type": "grammar"}}}, "output_config.format.type"),
        (ASKED | {"output_config": {"effort": "wild"}}, "output_config.effort"),
        (ASKED | {"tool_choice": {"type": "some"}}, "tool_choice.type"),
        (asked({"type": "document"}), "messages.0.content.0.type"),
        (asked({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages.0.content.0.source.type"),
        (asked({"type": "server_tool_use"}, role="assistant"), "messages.0.content.0.type"),
        (asked(role="critic"), "messages.0.role"),
    ],
)
def test_what_has_no_place_is_refused_by_name(body, parameter):
    with pytest.raises(errors.UnsupportedParameterError) as refused:
        messages.to_chat(body)
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ([], None),
        ({"max_tokens": 1, "messages": [{}]}, "model"),
        ({"model": "m", "messages": [{"role": "user", "content": "a"}]}, "max_tokens"),
        (ASKED | {"max_tokens": 0}, "max_tokens"),
        (ASKED | {"max_tokens": True}, "max_tokens"),
        (ASKED | {"messages": []}, "messages"),
        (ASKED | {"messages": "Hi"}, "messages"),
        (ASKED | {"system": [1]}, "system.0"),
        (ASKED | {"stream": "yes"}, "stream"),
        (ASKED | {"stop_sequences": [1]}, "stop_sequences.0"),
        (asked(), "messages.0.content"),
        (asked({"type": "text", "text": 1}), "messages.0.content.0.text"),
        (asked({"type": "tool_result", "content": "a"}), "messages.0.content.0.tool_use_id"),
        (
            asked({"type": "tool_use", "id": "a", "name": "f", "input": "{}"}, role="assistant"),
            "messages.0.content.0.input",
        ),
        (ASKED | {"tools": [{"name": "f"}]}, "tools.0.input_schema"),
    ],
)
def test_what_is_malformed_is_named(body, parameter):
    with pytest.raises(errors.MalformedBodyError) as refused:
        messages.to_chat(body)
    assert refused.value.parameter == parameter


KNOWN = strategies.sampled_from(
    ["system", "messages", "tools", "tool_choice", "thinking", "output_config", "metadata", "stop_sequences", "speed"]
)


@settings(deadline=None)
@given(strategies.dictionaries(KNOWN, chat_form.json_values))
def test_no_body_ends_in_another_error(fields):
    try:
        messages.to_chat(ASKED | fields)
    except errors.InvalidRequestError as error:
        assert error.parameter and error.message.endswith(".")


@settings(deadline=None)
@given(chat_form.json_values, strategies.sampled_from(["text", "image", "tool_result", "tool_use", "x"]))
def test_no_block_ends_in_another_error(value, kind):
    block = {
        "type": kind,
        "text": value,
        "source": value,
        "content": value,
        "input": value,
        "id": "a",
        "name": "n",
        "tool_use_id": "t",
    }
    for role in ("user", "assistant"):
        try:
            messages.to_chat(asked(block, role=role))
        except errors.InvalidRequestError as error:
            assert error.parameter and error.parameter.startswith("messages.0.content.0")


# Whole answers


def test_a_whole_answer_is_read_by_the_real_client():
    body = whole(chat_form.completion("It rains.", chat_form.call(1), chat_form.call(2, "see", "")))
    with chat_form.anthropic_client(lambda _: httpx2.Response(200, json=body)) as client:
        message = client.messages.create(**ASKED)
    assert [block.type for block in message.content] == ["text", "tool_use", "tool_use"]
    assert message.content[0].text == "It rains."
    assert (message.content[1].id, message.content[1].name, message.content[1].input) == (
        "call_1",
        "weather",
        {"city": "Lyon"},
    )
    assert message.content[2].input == {}
    assert (message.id, message.model, message.stop_reason) == ("msg_R1", "council", "tool_use")
    assert message.usage.input_tokens == 60 and message.usage.output_tokens == 20
    assert (message.usage.cache_read_input_tokens, message.usage.cache_creation_input_tokens) == (30, 10)
    assert message.usage.output_tokens_details.thinking_tokens == 5
    assert message.council == chat_form.COUNCIL


@pytest.mark.parametrize(
    ("finish", "more", "reason"),
    [
        ("stop", {}, "end_turn"),
        ("length", {}, "max_tokens"),
        ("content_filter", {}, "refusal"),
        ("stop", {"refusal": "No."}, "refusal"),
        ("stop", {"tool_calls": [chat_form.call(1)]}, "tool_use"),
    ],
)
def test_every_finish_reason_has_a_stop_reason(finish, more, reason):
    completion = chat_form.completion("a", finish=finish, **more)
    assert whole(completion)["stop_reason"] == reason
    assert (
        heard(chat_form.streamed(messages.Events(ASKED, "R1", 5), chat_form.chunks(completion))).stop_reason == reason
    )


def test_a_stop_sequence_is_named_where_the_server_names_it():
    completion = chat_form.completion("a")
    completion["choices"][0]["stop_reason"] = "END"
    body = ASKED | {"stop_sequences": ["END"]}
    message = whole(completion, body)
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")
    assert whole(completion)["stop_reason"] == "end_turn"


def test_arguments_that_are_no_object_are_wrapped():
    broken = chat_form.completion(None, chat_form.call(1, arguments='{"city":'))
    assert whole(broken)["content"][0]["input"] == {"INVALID_JSON": '{"city":'}
    assert whole(chat_form.completion(None, chat_form.call(1, arguments="[1]")))["content"][0]["input"] == {
        "INVALID_JSON": "[1]"
    }


def test_thinking_is_shown_to_those_who_asked():
    completion = chat_form.completion("a", reasoning_content="hm")
    assert [block["type"] for block in whole(completion, THINKING)["content"]] == ["thinking", "text"]
    assert [block["type"] for block in whole(completion)["content"]] == ["text"]


def test_an_answer_without_council_has_none():
    assert "council" not in whole(chat_form.completion("a"), council=None)


# Streams


@settings(deadline=None)
@given(
    strategies.none() | chat_form.texts,
    strategies.lists(strategies.dictionaries(chat_form.names, chat_form.json_values, max_size=3), max_size=3),
    chat_form.texts,
    chat_form.sizes,
)
def test_a_stream_says_what_the_whole_says(content, inputs, thought, sizes):
    calls = [chat_form.call(number, arguments=orjson.dumps(each).decode()) for number, each in enumerate(inputs)]
    completion = chat_form.completion(content, *calls, reasoning_content=thought)
    raw = chat_form.streamed(messages.Events(THINKING, "R1", 5), chat_form.chunks(completion, sizes))
    expected = anthropic.types.Message.model_validate(whole(completion, THINKING, None))
    assert heard(raw, THINKING).model_dump(exclude_none=True) == expected.model_dump(exclude_none=True)


def test_a_stream_has_the_events_of_the_api_in_order():
    completion = chat_form.completion("Hello", chat_form.call(1), chat_form.call(2))
    raw = chat_form.streamed(messages.Events(ASKED, "R1", 5), chat_form.chunks(completion, [99]))
    found = event_list(raw)
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert [each["type"] for each in found] == [
        "message_start",
        *block,
        *block,
        *block,
        "message_delta",
        "message_stop",
    ]
    assert [each["index"] for each in found if "index" in each] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert raw.decode().count("event: ") == len(found)
    adapter = pydantic.TypeAdapter(anthropic.types.RawMessageStreamEvent)
    for each in found:
        adapter.validate_python(each)
    assert found[-2]["council"] == chat_form.COUNCIL
    assert found[-2]["usage"] == {
        "input_tokens": 60,
        "output_tokens": 20,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 10,
        "output_tokens_details": {"thinking_tokens": 5},
    }


def test_an_empty_answer_is_a_whole_stream():
    message = heard(chat_form.streamed(messages.Events(ASKED, "R1", 5), chat_form.chunks(chat_form.completion(""))))
    assert message.content == [] and message.stop_reason == "end_turn"


def test_a_call_that_comes_without_an_id_gets_one():
    events = messages.Events(ASKED, "R1", 5)
    pieces = [
        chat_form.chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]}),
        chat_form.chunk({}, "stop"),
    ]
    message = heard(chat_form.streamed(events, pieces))
    assert message.content[0].id == "toolu_R1_0" and message.stop_reason == "tool_use"


def test_tool_calls_that_come_mixed_up_are_an_error():
    events = messages.Events(ASKED, "R1", 5)
    for index in (0, 1):
        events.chunk(chat_form.chunk({"tool_calls": [{"index": index, **chat_form.call(index)}]}))
    with pytest.raises(errors.ModelUnavailableError):
        events.chunk(chat_form.chunk({"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]}))


def test_a_failed_stream_never_ends_cleanly():
    raw = chat_form.failed(messages.Events(ASKED, "R1", 5), [chat_form.chunk({"content": "a"})])
    assert b"message_stop" not in raw and b"message_delta" not in raw
    with pytest.raises(anthropic.APIStatusError, match="broke off"):
        heard(raw)


@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (413, "request_too_large", anthropic.APIStatusError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (503, "overloaded_error", anthropic.APIStatusError),
    ],
)
def test_errors_have_anthropics_shape(status, kind, raised):
    body = messages.error_body({"error": {**chat_form.FAILURE["error"], "request_id": "R1"}}, status)
    assert body == {
        "type": "error",
        "error": {"type": kind, "message": "The model broke off. Ask again."},
        "request_id": "R1",
    }
    with chat_form.anthropic_client(lambda _: httpx2.Response(status, json=body)) as client:
        with pytest.raises(raised):
            client.messages.create(**ASKED)
