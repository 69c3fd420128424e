import json

import anthropic
import httpx2
import orjson
import pydantic
import pytest
from hypothesis import given, settings, strategies

import chat_form
from council.backends.model_provider import anthropic_form
from council.domain import errors
from council.gateway.wire import messages

ASKED = {"model": "council", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
USAGE = {"input_tokens": 60, "output_tokens": 20, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 10}
THOUGHT = {"output_tokens_details": {"thinking_tokens": 5}}


def chat(*turns, **more):
    return {"model": "council", "messages": list(turns) or ASKED["messages"], **more}


def request(given):
    return anthropic_form.request(given, "claude", 1000)


def message(*blocks, **more):
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": list(blocks)}
    return start | {"stop_reason": "end_turn", "stop_sequence": None, "usage": USAGE | THOUGHT} | more


def stream(*events, usage=USAGE | THOUGHT, stop_reason="end_turn", **delta):
    started = message(stop_reason=None, usage={"input_tokens": 60, "output_tokens": 1})
    stopped = {"stop_reason": stop_reason, "stop_sequence": None, **delta}
    return [
        {"type": "message_start", "message": started},
        {"type": "ping"},
        *events,
        {"type": "message_delta", "delta": stopped, "usage": usage},
        {"type": "message_stop"},
    ]


def block(index, content, *deltas):
    found = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    start = {"type": "content_block_start", "index": index, "content_block": content}
    return [start, *found, {"type": "content_block_stop", "index": index}]


def fed(events):
    made = anthropic_form.Chunks(5)
    return [chunk for event in events for chunk in made.feed(event)], made


def deltas(chunks):
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"] if choice["delta"]]


def joined(chunks):
    """Return a stream as one completion."""
    said = {"content": "", "reasoning_content": "", "refusal": ""}
    calls, finish_reason = {}, None
    for delta in deltas(chunks):
        for name in said:
            said[name] += delta.get(name) or ""
        for piece in delta.get("tool_calls") or ():
            call = calls.setdefault(piece["index"], {"id": piece.get("id"), "name": None, "arguments": ""})
            call["name"] = piece["function"].get("name") or call["name"]
            call["arguments"] += piece["function"].get("arguments") or ""
    for chunk in chunks:
        for choice in chunk["choices"]:
            finish_reason = choice["finish_reason"] or finish_reason
    return said, list(calls.values()), finish_reason, chunks[-1].get("usage")


def parts_of(completion):
    said = completion["choices"][0]["message"]
    calls = [{"id": each["id"], **each["function"]} for each in said.get("tool_calls") or ()]
    texts = {name: said.get(name) or "" for name in ("content", "reasoning_content", "refusal")}
    return texts, calls, completion["choices"][0]["finish_reason"], completion["usage"]


# The request


def test_a_plain_request_is_translated():
    body = request(
        chat(temperature=0.5, top_p=0.9, stop="END", user="u", max_tokens=7, stream=True, n=1, logprobs=False)
    )
    assert body == {
        "model": "claude",
        "max_tokens": 7,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
        "stream": True,
    }


@pytest.mark.parametrize(
    ("limits", "tokens"),
    [
        ({}, 1000),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 8}, 8),
        ({"max_completion_tokens": 8, "max_tokens": 7}, 8),
    ],
)
def test_the_limit_of_tokens_is_always_said(limits, tokens):
    assert request(chat(**limits))["max_tokens"] == tokens


def test_system_messages_are_merged_and_turns_alternate():
    body = request(
        chat(
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a"},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "", "tool_calls": [chat_form.call(1), chat_form.call(2, arguments="")]},
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": ""},
            {"role": "user", "content": "c"},
            {"role": "assistant", "content": None, "refusal": "No."},
        )
    )
    assert body["system"] == "Be brief.\n\nBe kind."
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user", "assistant"]
    assert [part["text"] for part in body["messages"][0]["content"]] == ["a", "b"]
    assert [part["input"] for part in body["messages"][1]["content"]] == [{"city": "Lyon"}, {}]
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "rain"}]},
        {"type": "tool_result", "tool_use_id": "call_2", "content": []},
        {"type": "text", "text": "c"},
    ]
    assert body["messages"][3]["content"] == [{"type": "text", "text": "No."}]


def test_images_are_data_or_addresses():
    urls = ("data:image/png;base64,cG5n", "https://example.com/a.png")
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    assert request(chat({"role": "user", "content": parts}))["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    ]


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, None),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_tools_and_their_choice_are_translated(given, choice):
    body = request(chat(tools=[TOOL], **given))
    assert body["tools"] == [{"name": "f", "description": "d", "input_schema": {"type": "object"}}]
    assert body.get("tool_choice") == choice


def test_a_schema_and_an_effort_go_into_the_output_config():
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}
    body = request(chat(response_format=wanted, reasoning_effort="minimal"))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "low"}
    assert request(chat(reasoning_effort="none"))["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"seed": 0}, "seed"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"presence_penalty": 0.1}, "presence_penalty"),
        ({"temperature": 1.5}, "temperature"),
        ({"reasoning_effort": "wild"}, "reasoning_effort"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools.0.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
    ],
)
def test_what_the_api_cannot_do_is_refused_by_name(given, parameter):
    with pytest.raises(errors.UnsupportedParameterError) as refused:
        request(chat(**given))
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(
    "part", [{"type": "input_audio"}, {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]
)
def test_other_parts_are_refused_by_name(part):
    with pytest.raises(errors.UnsupportedParameterError) as refused:
        request(chat({"role": "user", "content": [part]}))
    assert refused.value.parameter.startswith("messages.0.")


def test_a_conversation_without_a_word_is_refused():
    with pytest.raises(errors.InvalidRequestError):
        request(chat({"role": "user", "content": ""}))


def test_the_real_client_sends_the_same_body():
    body = request(chat(tools=[TOOL], tool_choice="required", reasoning_effort="low", user="u"))
    seen = []

    def handler(given):
        seen.append(json.loads(given.content))
        return httpx2.Response(200, json=message())

    with chat_form.anthropic_client(handler) as client:
        client.messages.create(**body)
    assert seen == [body]


# Answers


def test_a_whole_message_becomes_a_completion():
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "It "},
        {"type": "text", "text": "rains."},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
    ]
    made = anthropic_form.completion(message(*blocks, stop_reason="tool_use"), 5)
    choice = made["choices"][0]
    assert (made["id"], made["created"], made["model"], choice["finish_reason"]) == ("msg_1", 5, "claude", "tool_calls")
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("It rains.", "hm")
    assert choice["message"]["tool_calls"] == [
        {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    ]
    assert made["usage"] == chat_form.USAGE


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_every_stop_reason_has_a_finish_reason(stop_reason, finish_reason):
    made = anthropic_form.completion(message(stop_reason=stop_reason), 5)
    assert made["choices"][0]["finish_reason"] == finish_reason
    assert joined(fed(stream(stop_reason=stop_reason))[0])[2] == finish_reason


def test_a_refusal_says_why():
    details = {"stop_details": {"type": "refusal", "category": None, "explanation": "No."}}
    made = anthropic_form.completion(message(stop_reason="refusal", **details), 5)
    assert made["choices"][0]["message"]["refusal"] == "No."
    assert {"refusal": "No."} in deltas(fed(stream(stop_reason="refusal", **details))[0])


def test_a_stop_sequence_is_named():
    made = anthropic_form.completion(message(stop_reason="stop_sequence", stop_sequence="END"), 5)
    assert made["choices"][0]["stop_reason"] == "END"
    chunks, _ = fed(stream(stop_reason="stop_sequence", stop_sequence="END"))
    assert chunks[-2]["choices"][0]["stop_reason"] == "END"


def test_a_stream_becomes_chunks():
    events = [
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "s"},
        ),
        *block(
            1,
            {"type": "text", "text": ""},
            {"type": "text_delta", "text": "It "},
            {"type": "text_delta", "text": "rains."},
        ),
        *block(
            2,
            {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"a"'},
            {"type": "input_json_delta", "partial_json": ":1}"},
        ),
        *block(3, {"type": "tool_use", "id": "t2", "name": "g", "input": {}}),
        {"type": "something_new"},
    ]
    chunks, made = fed(stream(*events, stop_reason="tool_use"))
    said, calls, finish_reason, usage = joined(chunks)
    assert (said["content"], said["reasoning_content"], finish_reason) == ("It rains.", "hm", "tool_calls")
    assert calls == [{"id": "t1", "name": "f", "arguments": '{"a":1}'}, {"id": "t2", "name": "g", "arguments": "{}"}]
    assert usage == chat_form.USAGE and made.done
    assert {(chunk["id"], chunk["model"], chunk["object"]) for chunk in chunks} == {
        ("msg_1", "claude", "chat.completion.chunk")
    }


def test_counts_that_a_later_event_leaves_out_hold():
    chunks, _ = fed(stream(usage={"output_tokens": 20, "input_tokens": None}))
    assert (chunks[-1]["usage"]["prompt_tokens"], chunks[-1]["usage"]["completion_tokens"]) == (60, 20)


@pytest.mark.parametrize("count", ["9", True, 1.5])
def test_counts_that_are_no_integers_are_an_error(count):
    with pytest.raises(TypeError):
        anthropic_form.completion(message(usage={"input_tokens": count, "output_tokens": 1}), 5)


def test_counts_below_zero_give_no_money_back():
    made = anthropic_form.completion(message(usage={"input_tokens": -5, "output_tokens": -1}), 5)
    assert made["usage"]["total_tokens"] == 0


def test_a_stream_that_breaks_off_is_not_done():
    _, made = fed(stream()[:-1])
    assert not made.done


def test_an_error_in_a_stream_is_a_chunk_with_its_status():
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
    chunks, made = fed([*stream()[:2], event])
    assert chunks[-1] == {"error": {"code": 529, "type": "overloaded_error", "message": "Busy"}} and not made.done


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "Slow"}}, 429, (429, "Slow")),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "Slow"}}, 200, (429, "Slow")),
        ({"type": "error", "error": {"type": "odd", "message": "m" * 9999}}, 200, (500, "m" * 500)),
        ("<html>", 502, (502, "an error without an error object")),
        ({"error": "x"}, 200, (500, "an error without an error object")),
    ],
)
def test_failures_have_a_status_and_a_message(body, status, found):
    assert anthropic_form.failure(body, status) == found


KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "error"]


@settings(deadline=None)
@given(strategies.sampled_from(KINDS), chat_form.json_values, chat_form.json_values)
def test_events_of_another_shape_are_one_of_three_errors(kind, inner, other):
    event = {"type": kind, "index": other, "message": inner, "content_block": inner, "delta": inner, "usage": other}
    shaped = {**event, "error": other, "delta": {"stop_reason": "end_turn", "stop_details": other}}
    for each in (event, shaped):
        try:
            anthropic_form.Chunks(5).feed(each)
        except (KeyError, TypeError, ValueError):
            pass


@settings(deadline=None)
@given(chat_form.json_values, chat_form.json_values)
def test_messages_of_another_shape_are_one_of_three_errors(content, usage):
    for each in (content, {"content": content}, message(usage=usage), message(content), message(stop_details=content)):
        try:
            anthropic_form.completion(each, 5)
        except (KeyError, TypeError, ValueError):
            pass


# There and back

objects = strategies.dictionaries(chat_form.names, chat_form.json_values, max_size=3)
words = chat_form.texts.filter(bool)


def contents(given):
    """Return a message's content as one text; a text and a list with that text alone are the same."""
    return given if isinstance(given, str) else "".join(part["text"] for part in given or ())


@settings(deadline=None)
@given(
    words, strategies.lists(strategies.tuples(words, strategies.lists(objects, max_size=2), words), max_size=4), words
)
def test_a_conversation_there_and_back_says_the_same(system, rounds, last):
    turns = [{"role": "system", "content": system}]
    for number, (asks, inputs, answers) in enumerate(rounds):
        calls = [
            chat_form.call(f"{number}_{index}", arguments=orjson.dumps(each).decode())
            for index, each in enumerate(inputs)
        ]
        turns.append({"role": "user", "content": asks})
        turns.append({"role": "assistant", "content": answers} | ({"tool_calls": calls} if calls else {}))
        turns += [{"role": "tool", "tool_call_id": each["id"], "content": answers} for each in calls]
    turns.append({"role": "user", "content": last})
    back = messages.to_chat(request(chat(*turns)))["messages"]
    assert [{**turn, "content": contents(turn["content"])} for turn in back] == turns


@settings(deadline=None)
@given(strategies.none() | words, strategies.lists(objects, max_size=3), chat_form.texts, chat_form.sizes)
def test_an_answer_there_and_back_is_the_same_whole_and_streamed(content, inputs, thought, sizes):
    asked = ASKED | {"thinking": {"type": "adaptive"}}
    calls = [chat_form.call(number, arguments=orjson.dumps(each).decode()) for number, each in enumerate(inputs)]
    completion = chat_form.completion(content, *calls, reasoning_content=thought)
    whole = anthropic_form.completion(messages.whole(completion, asked, None), 5)
    assert parts_of(whole) == parts_of(completion)
    raw = chat_form.streamed(messages.Events(asked, "R1", 5), chat_form.chunks(completion, sizes))
    events = [json.loads(line[6:]) for line in raw.decode().split("\n") if line.startswith("data: ")]
    assert joined(fed(events)[0]) == parts_of(completion)


def test_the_canned_events_are_the_apis_own():
    adapter = pydantic.TypeAdapter(anthropic.types.RawMessageStreamEvent)
    for event in stream(*block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a"})):
        if event["type"] != "ping":
            adapter.validate_python(event)
    anthropic.types.Message.model_validate(message())
