from typing import Any

import pytest
from hypothesis import given, strategies

from council.domain import answers, money, providers
from council.serving.providers import bounds

counts = strategies.integers(0, 5_000)
usages = strategies.builds(answers.Usage, counts, counts)


def model(**more: Any) -> providers.Model:
    usual: dict[str, Any] = {"context_tokens": 1_000, "output_tokens_max": 100, "image_tokens_max": 300}
    return providers.Model("m", (), abilities=frozenset(), **(usual | more))


@pytest.mark.parametrize(
    ("body", "body_bytes", "most"),
    [
        ({"messages": [{}]}, 10, 26),
        ({"messages": [{}, {}]}, 10, 42),
        ({"messages": [{}]}, 5_000, 1_000),
        ({"prompt": "x"}, 10, 26),
        ({"input": "x"}, 10, 26),
        ({"messages": [{"content": [{"type": "text"}, {"type": "image_url"}]}]}, 10, 326),
        ({"messages": [{"content": [{"type": "image"}, {"type": "image"}]}]}, 10, 626),
        ({"input": [{"content": [{"type": "input_image"}, {"type": "input_text"}]}]}, 10, 326),
        ({"messages": ["text", None, 5]}, 10, 58),
    ],
)
def test_a_prompt_has_at_most_a_token_a_byte_and_its_pictures(body: dict[str, Any], body_bytes: int, most: int) -> None:
    assert bounds.prompt_tokens_max(body, body_bytes, model()) == most


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ({}, 100),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_output_tokens": 9}, 9),
        ({"max_tokens": 5, "n": 3}, 15),
        ({"max_tokens": 5, "n": 2, "best_of": 4}, 20),
        ({"max_tokens": 10**30}, 1_000),
        ({"max_tokens": 10, "n": 10**30}, 10_240),
        ({"max_tokens": -(10**30)}, 100),
        ({"max_tokens": True, "n": True}, 100),
        ({"max_tokens": "5", "n": None}, 100),
        ({"n": -3}, 100),
    ],
)
def test_an_answer_has_at_most_what_was_asked_for_and_no_number_can_turn_that_around(
    body: dict[str, Any], most: int
) -> None:
    assert bounds.completion_tokens_max(body, model()) == most


prices = strategies.builds(
    money.Price,
    *[strategies.integers(0, 10**9)] * 2,
    *[strategies.none() | strategies.integers(0, 10**9)] * 2,
)


@given(
    reported=strategies.none() | usages, prompt_max=counts, completion_max=counts, said=counts, price=prices,
    final=strategies.booleans(), complete=strategies.booleans(), share=strategies.integers(0, 100),
)  # fmt: skip
def test_an_estimate_never_exceeds_what_was_held_and_a_plausible_report_at_the_end_is_what_is_charged(
    reported: answers.Usage | None, prompt_max: int, completion_max: int, said: int, price: money.Price, final: bool,
    complete: bool, share: int,
) -> None:  # fmt: skip
    if reported is not None:
        cached = reported.prompt_tokens * share // 100
        reported = answers.Usage(
            reported.prompt_tokens, reported.completion_tokens, cached, reported.prompt_tokens - cached
        )
    usage, estimated = bounds.settled(reported, prompt_max, completion_max, said, final=final, complete=complete)
    if (
        final
        and reported is not None
        and reported.completion_tokens
        and max(reported.prompt_tokens, reported.completion_tokens) <= 1 << 24
    ):
        assert (usage, estimated) == (reported, False)
    if reported is None:
        assert 0 <= usage.prompt_tokens <= prompt_max and 0 <= usage.completion_tokens <= completion_max
        assert money.cost_usd_micros(price, usage) <= money.hold_usd_micros(price, prompt_max, completion_max)
    assert estimated or usage == reported
    # What nobody told, and what was cut off, is never taken to be less than it can be.
    if not complete and estimated:
        assert usage.completion_tokens == completion_max


@pytest.mark.parametrize(
    ("data", "size"),
    [
        ({"choices": [{"delta": {"content": "hé"}}]}, 3),
        ({"choices": [{"message": {"content": "ab", "reasoning_content": "cd"}}, {"message": {"content": "e"}}]}, 5),
        ({"choices": [{"text": "abc"}]}, 3),
        ({"choices": [{"delta": {"tool_calls": [{"id": "x", "function": {"name": "f", "arguments": "{}"}}]}}]}, 3),
        ({"content": [{"type": "text", "text": "ab"}, {"type": "thinking", "thinking": "c"}]}, 3),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "ab"}}, 2),
        ({"type": "response.output_text.delta", "delta": "abc"}, 3),
        ({"output": [{"content": [{"type": "output_text", "text": "abcd"}]}]}, 4),
        ({"choices": []}, 0),
        ({"type": "ping"}, 0),
    ],
)
def test_every_text_of_an_answer_is_counted_in_every_form(data: dict[str, Any], size: int) -> None:
    assert bounds.said_bytes(data) == size


def test_an_answer_that_is_nested_without_end_is_counted_to_a_depth() -> None:
    nested: Any = "x"
    for _ in range(500):
        nested = {"content": nested}
    assert bounds.said_bytes(nested) == 0
