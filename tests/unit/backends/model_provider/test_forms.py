from typing import Any

import pytest
from hypothesis import given, strategies

from council.backends.model_provider import forms
from council.domain import answers

json = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(max_size=4),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.sampled_from(["choices", "usage", "type", "message", "error", "response"]), inner
        )
    ),
    max_leaves=12,
)


@given(strategies.sampled_from(sorted(forms.PATHS)), json)
def test_whatever_comes_is_understood_or_refused(form: str, data: Any) -> None:
    try:
        forms.check_whole(form, data)
    except forms.ShapeError:
        return
    usage = forms.usage_of(form, data)
    assert usage is None or 0 <= usage.cached_tokens + usage.cache_write_tokens <= usage.prompt_tokens


@given(strategies.sampled_from(["chat", "completions", "responses", "messages"]), json)
def test_whatever_event_comes_is_understood_or_refused(form: str, data: Any) -> None:
    try:
        forms.check_event(form, data)
    except forms.ShapeError:
        return
    forms.ends(form, data)
    forms.done(form, data)
    forms.usage_of(form, data)
    forms.Progress(form).note(data)


@pytest.mark.parametrize(
    ("form", "data", "usage"),
    [
        ("chat", {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}, answers.Usage(3, 2)),
        (
            "chat",
            {"usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}},
            answers.Usage(9, 2, 4),
        ),
        (
            "chat",
            {"usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 99}}},
            answers.Usage(9, 2, 9),
        ),
        ("chat", {"usage": {"prompt_tokens": 3}}, answers.Usage(3, 0)),
        ("chat", {"usage": {"prompt_tokens": -3, "completion_tokens": 2}}, None),
        ("chat", {"usage": {"prompt_tokens": True, "completion_tokens": 2}}, None),
        ("chat", {"usage": {"prompt_tokens": "3", "completion_tokens": 2}}, None),
        ("chat", {"usage": {"prompt_tokens": 1 << 41, "completion_tokens": 2}}, None),
        ("chat", {"usage": None}, None),
        ("chat", {}, None),
        ("responses", {"response": {"usage": {"input_tokens": 3, "output_tokens": 2}}}, answers.Usage(3, 2)),
        ("responses", {"usage": {"input_tokens": 3, "output_tokens": 2}}, answers.Usage(3, 2)),
        (
            "messages",
            {
                "usage": {
                    "input_tokens": 3,
                    "output_tokens": 2,
                    "cache_read_input_tokens": 5,
                    "cache_creation_input_tokens": 7,
                }
            },
            answers.Usage(15, 2, 5, 7),
        ),
        ("messages", {"message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}, answers.Usage(3, 1)),
        ("messages", {"usage": {"output_tokens": 2}}, answers.Usage(0, 2)),
        ("messages", {"usage": {"input_tokens": -1}}, None),
    ],
)
def test_usage_is_read_in_every_form_and_nonsense_is_none(form: str, data: Any, usage: answers.Usage | None) -> None:
    assert forms.usage_of(form, data) == usage
