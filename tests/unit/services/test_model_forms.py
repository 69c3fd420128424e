import itertools
import json

import pytest
from hypothesis import given, settings, strategies

import chat_form
from council.domain import errors
from council.services import model_forms

HI = [{"role": "user", "content": "Hi"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": SCHEMA}}
TIME = {"type": "function", "function": {"name": "time"}}
NAMED = {"type": "function", "function": {"name": "weather"}}
CALLED = [
    *HI,
    {"role": "assistant", "content": None, "tool_calls": [chat_form.call(1)]},
    {"role": "tool", "tool_call_id": "call_1", "content": "It rains."},
    {"role": "user", "content": "And?"},
]


def plan(*, shows_tools=False, **more):
    return model_forms.chat({"messages": HI, **more}, "local", 99, lambda: shows_tools)


def never():
    raise AssertionError("not to be asked")


def piece(delta, finish_reason=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, **more}
    return {"id": "x", "object": "chat.completion.chunk", "created": 5, "model": "/a/path", "choices": [choice]}


def usage(prompt, made):
    counts = {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}
    return {"id": "x", "object": "chat.completion.chunk", "created": 5, "choices": [], "usage": counts, "timings": {}}


def spoken(text, sizes=(3,), finish="stop"):
    start = piece({"role": "assistant", "content": None})
    return [
        start,
        *(piece({"content": each}) for each in chat_form.cut(text, itertools.cycle(sizes))),
        piece({}, finish),
    ]


def read(made, *generations):
    reader = model_forms.Reader(made)
    found = []
    for index, generation in enumerate(generations):
        reader.begin(index)
        found += [reader.read(chunk) for chunk in generation]
    return [chunk for chunk in [*found, reader.ending()] if chunk is not None]


def calls(chunks):
    """Return name and arguments of every call, joined, and the last finish reason."""
    found, finish_reason = {}, None
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        assert not choice["delta"].get("content")
        for each in choice["delta"].get("tool_calls") or ():
            call = found.setdefault(each["index"], {"name": None, "arguments": ""})
            call["name"] = each["function"].get("name") or call["name"]
            call["arguments"] += each["function"]["arguments"]
        finish_reason = choice["finish_reason"] or finish_reason
    return list(found.values()), finish_reason


# The request


def test_only_named_fields_reach_llama():
    body = {
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "logit_bias": {"5": 1},
        "presence_penalty": 0.1,
        "seed": 7,
    }
    made = model_forms.chat({"messages": HI, **body, "id_slot": 1, "grammar": "root", "lora": []}, "local", 99, never)
    assert made.body == {"messages": HI, "max_tokens": 99, **body}
    assert (made.answers, made.include_usage, made.top_logprobs, made.call) == (1, False, None, None)


@pytest.mark.parametrize(
    ("limits", "tokens"), [({}, 99), ({"max_tokens": 7}, 7), ({"max_tokens": 7, "max_completion_tokens": 8}, 8)]
)
def test_every_answer_has_a_limit(limits, tokens):
    assert plan(**limits).body["max_tokens"] == tokens
    assert model_forms.completion({"prompt": "a", **limits}, "local", 99).body["max_tokens"] == tokens


def test_parts_become_one_text_and_developers_become_the_system():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    made = plan(messages=[{"role": "developer", "content": parts}, {"role": "user", "content": parts}])
    assert made.body["messages"] == [{"role": "system", "content": "ab"}, {"role": "user", "content": "ab"}]


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_what_is_no_text_is_refused_by_name(kind):
    with pytest.raises(errors.UnsupportedParameterError) as refused:
        plan(messages=[{"role": "user", "content": [{"type": kind, kind: {}}]}])
    assert refused.value.parameter == "messages.0.content.0.type" and kind in refused.value.message


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"logprobs": True}, {"logprobs": True, "top_logprobs": 1}),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"logprobs": False}, {}),
        ({}, {}),
    ],
)
def test_no_more_log_probabilities_are_asked_for_than_are_wanted(body, wanted):
    assert {name: value for name, value in plan(**body).body.items() if "logprobs" in name} == wanted


def test_each_of_several_answers_has_a_seed_of_its_own():
    made = plan(n=3, seed=2**32 - 1)
    assert [made.asked(index)["seed"] for index in range(3)] == [2**32 - 1, 0, 1]
    assert "seed" not in plan(n=3).asked(1) and plan().asked(0)["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("count", [0, -1, 17])
def test_the_number_of_answers_is_bounded(count):
    with pytest.raises(errors.UnsupportedParameterError):
        plan(n=count)


def test_a_format_is_passed_on():
    assert plan(response_format={"type": "json_object"}).body["response_format"] == {"type": "json_object"}


def test_no_tools_are_shown_where_none_may_be_called():
    made = model_forms.chat({"messages": HI, "tools": [WEATHER], "tool_choice": "none"}, "local", 99, never)
    assert "tools" not in made.body and made.body["messages"] == HI


def test_tools_reach_a_template_that_shows_them():
    assert plan(tools=[WEATHER], shows_tools=True).body["tools"] == [WEATHER]
    assert plan(tools=[WEATHER], shows_tools=True, parallel_tool_calls=False).body["parallel_tool_calls"] is False
    assert "tools" not in plan(tools=[WEATHER]).body


def test_one_function_is_forced_by_the_schema_of_its_arguments():
    for choice, tools in ((NAMED, [TIME, WEATHER]), ("required", [WEATHER])):
        made = model_forms.chat({"messages": HI, "tools": tools, "tool_choice": choice}, "local", 99, never)
        assert made.call == "weather" and "tools" not in made.body
        assert made.body["response_format"]["json_schema"]["schema"] == SCHEMA
        told = made.body["messages"][0]
        assert told["role"] == "system" and "Of a city." in told["content"] and "time" not in told["content"]


def test_one_of_several_is_forced_by_a_schema_of_calls():
    made = plan(
        tools=[WEATHER, TIME], tool_choice="required", messages=[{"role": "system", "content": "Be kind."}, *HI]
    )
    schema = made.body["response_format"]["json_schema"]["schema"]
    assert made.call == "" and [each["properties"]["name"] for each in schema["anyOf"]] == [
        {"const": "weather"},
        {"const": "time"},
    ]
    assert [message["role"] for message in made.body["messages"]] == ["system", "user"]
    assert made.body["messages"][0]["content"].startswith("Be kind.\n\n")


@pytest.mark.parametrize("choice", ["some", {"type": "function", "function": {"name": "gone"}}])
def test_a_choice_that_is_none_is_refused(choice):
    with pytest.raises(errors.UnsupportedParameterError) as refused:
        plan(tools=[WEATHER], tool_choice=choice)
    assert refused.value.parameter == "tool_choice"


def test_results_are_words_of_the_user_where_the_template_shows_no_tools():
    assert plan(messages=CALLED).body["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": 'I call weather with {"city":"Lyon"}.'},
        {"role": "user", "content": "Result of weather:\nIt rains.\n\nAnd?"},
    ]


def test_results_stay_as_they_are_where_it_shows_them():
    made = plan(messages=CALLED, shows_tools=True).body["messages"]
    assert [message["role"] for message in made] == ["user", "assistant", "tool", "user"]
    assert made[1]["tool_calls"] == [chat_form.call(1)] and made[2]["tool_call_id"] == "call_1"


def test_a_raw_text_is_gone_on_with():
    made = model_forms.completion({"prompt": "Once", "logprobs": 0, "n": 2, "stop": "END", "echo": True}, "local", 99)
    assert made.body == {"prompt": "Once", "stop": "END", "max_tokens": 99, "logprobs": 1}
    assert (made.answers, made.top_logprobs) == (2, 0)


@pytest.mark.parametrize("prompt", [["a"], [1, 2], None, {"a": 1}])
def test_a_prompt_that_is_no_text_is_refused(prompt):
    with pytest.raises(errors.InvalidRequestError):
        model_forms.completion({"prompt": prompt}, "local", 99)


@settings(deadline=None)
@given(
    strategies.dictionaries(
        strategies.sampled_from(
            ["messages", "tools", "tool_choice", "n", "seed", "logprobs", "top_logprobs", "stream_options"]
        ),
        chat_form.json_values,
    )
)
def test_no_body_ends_in_another_error(fields):
    for made in (lambda: plan(**fields), lambda: model_forms.completion(fields, "local", 99)):
        try:
            made()
        except errors.InvalidRequestError as error:
            assert error.message


def test_the_probes_differ_in_a_tool_alone():
    plain, tooled = model_forms.probes()
    assert tooled.keys() - plain.keys() == {"tools"}


# What comes back


def test_a_stream_is_told_under_the_models_own_name():
    chunks = read(plan(), [*spoken("Hello"), usage(9, 2)])
    assert {chunk["model"] for chunk in chunks} == {"local"} and not any("timings" in chunk for chunk in chunks)
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == "Hello"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_several_answers_are_one_stream_with_one_usage():
    made = plan(n=2, stream_options={"include_usage": True})
    second = [{**chunk, "id": "y"} for chunk in spoken("Two")]
    chunks = read(made, [*spoken("One"), usage(9, 2)], [*second, usage(9, 3)])
    assert {chunk["id"] for chunk in chunks} == {"x"}
    texts = {0: "", 1: ""}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        texts[choice["index"]] += choice["delta"].get("content") or ""
    assert texts == {0: "One", 1: "Two"}
    assert (
        chunks[-1]["usage"] == {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
        and not chunks[-1]["choices"]
    )


def test_an_error_is_told_as_it_is_and_no_usage_follows():
    error = {"error": {"code": 400, "type": "exceed_context_size_error", "message": "long", "n_ctx": 512}}
    reader = model_forms.Reader(plan(stream_options={"include_usage": True}))
    assert reader.read(error) == error and reader.failed and reader.ending() is None


def test_log_probabilities_are_cut_to_what_was_asked_for():
    entry = {"id": 1, "token": "a", "bytes": [97], "logprob": -0.5}
    chunk = piece({"content": "a"}, logprobs={"content": [{**entry, "top_logprobs": [entry, entry]}]})
    told = {name: entry[name] for name in ("token", "logprob", "bytes")}
    for top, others in ((0, []), (1, [told])):
        (found,) = read(plan(logprobs=True, top_logprobs=top), [chunk])
        assert found["choices"][0]["logprobs"]["content"] == [{**told, "top_logprobs": others}]


@pytest.mark.parametrize(("finish", "told"), [("stop", "tool_calls"), ("length", "length")])
def test_a_forced_function_is_a_tool_call(finish, told):
    made = plan(tools=[WEATHER], tool_choice=NAMED)
    chunks = read(made, spoken('{"city": "Ly', finish=finish))
    assert calls(chunks) == ([{"name": "weather", "arguments": '{"city": "Ly'}], told)
    assert chunks[1]["choices"][0]["delta"]["tool_calls"][0]["id"] == "call_x_0"


@settings(deadline=None)
@given(
    strategies.dictionaries(chat_form.names, chat_form.json_values, max_size=3),
    strategies.sampled_from([None, 2]),
    chat_form.sizes,
)
def test_a_chosen_function_is_a_tool_call_however_it_is_cut(arguments, indent, sizes):
    raw = json.dumps({"name": "time", "arguments": arguments}, indent=indent)
    chunks = read(plan(tools=[WEATHER, TIME], tool_choice="required"), spoken(raw, sizes))
    (call,), finish_reason = calls(chunks)
    assert (call["name"], json.loads(call["arguments"]), finish_reason) == ("time", arguments, "tool_calls")


def test_a_chosen_function_that_is_cut_short_keeps_what_came():
    made = plan(tools=[WEATHER, TIME], tool_choice="required")
    assert calls(read(made, spoken('{"name": "weather", "arguments": {"city": "a }', finish="length"))) == (
        [{"name": "weather", "arguments": '{"city": "a }'}],
        "length",
    )
    assert calls(read(made, spoken('{"name": "wea', finish="length"))) == ([], "length")


def test_each_answer_has_a_call_of_its_own():
    chunks = read(plan(tools=[WEATHER], tool_choice=NAMED, n=2), spoken('{"city": "a"}'), spoken('{"city": "b"}'))
    ids = [
        each["id"]
        for chunk in chunks
        for choice in chunk["choices"]
        for each in choice["delta"].get("tool_calls") or ()
        if "id" in each
    ]
    assert ids == ["call_x_0", "call_x_1"]
