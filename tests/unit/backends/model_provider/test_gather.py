from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from council.backends.model_provider import gather


def chunk(delta: dict[str, Any], index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "model": "m",
        "created": 1,
        "choices": [{"index": index, "delta": delta, "finish_reason": finish, **more}],
    }


def whole(*chunks: dict[str, Any]) -> dict[str, Any]:
    made = gather.Gathered()
    for one in chunks:
        made.add(one)
    return made.completion()


def test_text_logprobs_usage_and_reason_are_put_together() -> None:
    found = whole(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}, logprobs={"content": [{"token": "Hel"}]}),
        chunk({"content": "lo"}, logprobs={"content": [{"token": "lo"}]}),
        chunk({}, finish="stop"),
        {"choices": [], "usage": {"prompt_tokens": 1}},
    )
    (choice,) = found["choices"]
    assert choice["message"]["content"] == "Hello" and choice["finish_reason"] == "stop"
    assert [entry["token"] for entry in choice["logprobs"]["content"]] == ["Hel", "lo"]
    assert (found["id"], found["model"], found["object"], found["usage"]) == (
        "c", "m", "chat.completion", {"prompt_tokens": 1},
    )  # fmt: skip


def test_tool_calls_are_put_together_by_their_index_and_text_may_be_missing() -> None:
    def call(index: int, **function: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": index, "id": f"id{index}", "function": function}]}

    (choice,) = whole(
        chunk(call(0, name="add", arguments='{"a":')), chunk(call(1, name="sub", arguments="{}")),
        chunk(call(0, arguments="1}")), chunk({}, finish="tool_calls"),
    )["choices"]  # fmt: skip
    calls = choice["message"]["tool_calls"]
    assert [(one["id"], one["function"]) for one in calls] == [
        ("id0", {"name": "add", "arguments": '{"a":1}'}),
        ("id1", {"name": "sub", "arguments": "{}"}),
    ]
    assert choice["message"]["content"] is None


def test_an_answer_without_a_word_is_an_empty_text() -> None:
    assert whole(chunk({}, finish="stop"))["choices"][0]["message"]["content"] == ""


@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=5)), max_size=30))
def test_choices_may_come_in_any_order(pieces: list[tuple[int, str]]) -> None:
    found = whole(*(chunk({"content": text}, index) for index, text in pieces))
    expected = {index: "".join(text for at, text in pieces if at == index) for index, _ in pieces}
    assert {choice["index"]: choice["message"]["content"] for choice in found["choices"]} == expected
    assert [choice["index"] for choice in found["choices"]] == sorted(expected)
