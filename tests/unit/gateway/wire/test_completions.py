import json

import httpx2
import openai
import pytest
from hypothesis import given, settings, strategies

import chat_form
from council.domain import errors
from council.gateway.wire import completions

ASKED = {"model": "council", "prompt": "Once"}
USING = ASKED | {"stream": True, "stream_options": {"include_usage": True}}
ENTRIES = [
    {"token": "He", "logprob": -0.1, "bytes": [72, 101], "top_logprobs": [{"token": "He", "logprob": -0.1}]},
    {"token": "y", "logprob": -0.2, "bytes": [121], "top_logprobs": [{"token": "y", "logprob": -0.2}]},
]


def event_list(raw):
    return [json.loads(line[6:]) for line in raw.decode().split("\n") if line.startswith("data: {")]


def heard(raw):
    """Return what the real client makes of a stream."""
    with chat_form.openai_client(lambda _: chat_form.event_stream(raw)) as client:
        return list(client.completions.create(model="council", prompt="Once", stream=True))


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_prompt_is_what_the_user_said(prompt):
    more = {"max_tokens": 9, "n": 2, "stop": ["END"], "logit_bias": {"5": 1}, "echo": False, "best_of": 1, "suffix": ""}
    assert completions.to_chat(ASKED | {"prompt": prompt} | more) == {
        "model": "council",
        "messages": [{"role": "user", "content": "Once"}],
        "max_tokens": 9,
        "n": 2,
        "stop": ["END"],
        "logit_bias": {"5": 1},
    }


@pytest.mark.parametrize(("count", "chat"), [(0, {"logprobs": True}), (3, {"logprobs": True, "top_logprobs": 3})])
def test_logprobs_is_a_number_here(count, chat):
    made = completions.to_chat(ASKED | {"logprobs": count})
    assert {name: made[name] for name in made if "logprobs" in name} == chat


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"echo": True}, "echo"),
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 2}, "best_of"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [[1, 2]]}, "prompt"),
        ({"prompt": []}, "prompt"),
    ],
)
def test_what_has_no_place_is_refused_by_name(body, parameter):
    with pytest.raises(errors.UnsupportedParameterError) as refused:
        completions.to_chat(ASKED | body)
    assert refused.value.parameter == parameter


@pytest.mark.parametrize(
    ("body", "parameter"),
    [(1, None), ({"prompt": "a"}, "model"), ({"model": "m"}, "prompt"), (ASKED | {"logprobs": True}, "logprobs")],
)
def test_what_is_malformed_is_named(body, parameter):
    with pytest.raises(errors.MalformedBodyError) as refused:
        completions.to_chat(body)
    assert refused.value.parameter == parameter


KNOWN = strategies.sampled_from(["prompt", "echo", "suffix", "best_of", "logprobs", "stream", "stop"])


@settings(deadline=None)
@given(strategies.dictionaries(KNOWN, chat_form.json_values))
def test_no_body_ends_in_another_error(fields):
    try:
        completions.to_chat(ASKED | fields)
    except errors.InvalidRequestError as error:
        assert error.parameter and error.message.endswith(".")


def test_a_whole_answer_is_read_by_the_real_client():
    completion = chat_form.completion("Hey")
    completion["choices"][0]["logprobs"] = {"content": ENTRIES}
    completion["choices"].append({**completion["choices"][0], "index": 1, "logprobs": None, "finish_reason": "length"})
    body = completions.whole(completion, ASKED, chat_form.COUNCIL)
    with chat_form.openai_client(lambda _: httpx2.Response(200, json=body)) as client:
        made = client.completions.create(model="council", prompt="Once")
    assert [(each.index, each.text, each.finish_reason) for each in made.choices] == [
        (0, "Hey", "stop"),
        (1, "Hey", "length"),
    ]
    assert (made.id, made.object, made.usage.total_tokens) == ("cmpl-R1", "text_completion", 120)
    assert made.choices[0].logprobs.model_dump() == {
        "tokens": ["He", "y"],
        "token_logprobs": [-0.1, -0.2],
        "top_logprobs": [{"He": -0.1}, {"y": -0.2}],
        "text_offset": [0, 2],
    }
    assert made.council == chat_form.COUNCIL


@settings(deadline=None)
@given(chat_form.texts, chat_form.sizes, strategies.sampled_from([ASKED, USING]))
def test_a_stream_says_what_the_whole_says(content, sizes, asked):
    completion = chat_form.completion(content)
    raw = chat_form.streamed(completions.Events(asked, "R1", 5), chat_form.chunks(completion, sizes))
    assert raw.endswith(b"data: [DONE]\n\n")
    found = heard(raw)
    whole = completions.whole(completion, asked, chat_form.COUNCIL)
    assert "".join(choice.text for each in found for choice in each.choices) == whole["choices"][0]["text"]
    assert [choice.finish_reason for each in found for choice in each.choices][-1] == "stop"
    assert {each.id for each in found} == {whole["id"]}
    assert found[-1].council == chat_form.COUNCIL
    assert (found[-1].usage.total_tokens if asked is USING else found[-1].usage) == (120 if asked is USING else None)


def test_offsets_of_a_stream_go_on_from_piece_to_piece():
    pieces = [chat_form.chunk({"content": each["token"]}, logprobs={"content": [each]}) for each in ENTRIES]
    found = heard(chat_form.streamed(completions.Events(ASKED, "R1", 5), [*pieces, chat_form.chunk({}, "stop")]))
    assert [each.choices[0].logprobs.text_offset for each in found[:2]] == [[0], [2]]


def test_every_one_of_several_answers_ends():
    pieces = []
    for index in (0, 1):
        pieces += [chat_form.chunk({"content": "a"}), chat_form.chunk({}, "stop")]
        for each in pieces[-2:]:
            each["choices"][0]["index"] = index
    found = heard(chat_form.streamed(completions.Events(ASKED, "R1", 5), pieces))
    ended = [(choice.index, choice.finish_reason) for each in found for choice in each.choices]
    assert ended == [(0, None), (0, "stop"), (1, None), (1, "stop")]
    assert [hasattr(each, "council") for each in found] == [False, False, False, True]


def test_a_failed_stream_never_ends_cleanly():
    raw = chat_form.failed(completions.Events(ASKED, "R1", 5), [chat_form.chunk({"content": "a"})])
    assert b"[DONE]" not in raw
    with pytest.raises(openai.APIError, match="broke off"):
        heard(raw)


def test_errors_have_openais_shape():
    assert completions.error_body(chat_form.FAILURE, 503) == chat_form.FAILURE
