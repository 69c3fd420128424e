"""What a request about code takes from the messages before it, and what then only the model can answer."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import answers
from council.serving.compute.code import reading
from council.serving.specialists import code_context

CODE = "```python\ndef f(x):\n    return x * x\n```"
PRINTS = "```python\nprint(int(input()) + 1)\n```"


def said(*turns: str, system: str = "") -> list[answers.Message]:
    roles = ("user", "assistant")
    messages = [answers.Message(roles[place % 2], turn) for place, turn in enumerate(turns)]
    return [answers.Message("system", system), *messages] if system else messages


@pytest.mark.parametrize(
    ("given_before", "asked", "task", "tests"),
    [
        (f"Here is my function:\n{CODE}", "Now test it with assert f(2) == 4", "check", ["f(2)"]),
        (f"Here is my function:\n{CODE}", "ok, test it with assert f(2) == 4 and assert f(3) == 9.", "check", ["f(2)", "f(3)"]),
        (f"What does this do?\n{CODE}", "Does it pass these tests?\n```python\nassert f(2) == 5\n```", "check", ["f(2)"]),
        (f"I wrote this function.\n{CODE}", "check that f(-1) == 1", "check", ["f(-1)"]),
        (f"{CODE}", "does it pass assert f(2) == 4?", "check", ["f(2)"]),
        (f"Explain this.\n{PRINTS}", "run it with input 4", "run", []),
        (f"Explain this.\n{PRINTS}", "Thanks! Now what does it print with input 4?", "run", []),
    ],
)  # fmt: skip
def test_code_of_the_message_before_is_read_with_the_request(
    given_before: str, asked: str, task: str, tests: Sequence[str]
) -> None:
    found = code_context.of(said(given_before, "It is code.", asked))
    read = reading.read(found.text)
    assert found.code_before and (read.task, [test.call for test in read.given.tests]) == (task, list(tests))


@pytest.mark.parametrize(
    "messages",
    [
        # Two pieces of code, or one of the model's own.
        said(f"{CODE}\n{PRINTS}", "Yes.", "run it"),
        said(f"What is wrong?\n{CODE}", "Better:\n```python\ndef f(x): return x\n```", "test it with assert f(2) == 4"),
        said("Write a function f.", CODE, "test it with assert f(2) == 4"),
        # Something was said between.
        said(f"What is this?\n{CODE}", "A square.", "What is a square?", "A shape.", "test it with assert f(2) == 4"),
        # It has code of its own.
        said(f"What is this?\n{CODE}", "A square.", f"Does this pass?\n{CODE}\n```python\nassert f(2) == 4\n```"),
        said(f"What is this?\n{CODE}"),
    ],
)
def test_whose_code_is_meant_is_never_guessed(messages: list[answers.Message]) -> None:
    found = code_context.of(messages)
    assert found == code_context.Asked(messages[-1].text)


@pytest.mark.parametrize(
    "messages",
    [
        said("I use Python 2.", "OK.", f"What does this print?\n{PRINTS}"),
        said(f"Here is my function, but read x as x + 1.\n{CODE}", "OK.", "test it with assert f(2) == 4"),
        said("From now on, write everything with recursion.", "OK.", "Write a function that reverses a string."),
        said("Write a function that reverses a string.", system="Answer only as JSON."),
        # A fact beside a question, about the same things.
        said("My program runs under Python 2. Is that old?", "Yes.", f"What does this print?\n{PRINTS}"),
    ],
)
def test_what_was_stated_before_leaves_it_to_the_model(messages: list[answers.Message]) -> None:
    assert code_context.of(messages).hangs


@pytest.mark.parametrize(
    "messages",
    [
        said("Hello!", "Hi.", f"What does this print?\n{PRINTS}"),
        said(f"What does this print?\n{PRINTS}", system="You are a senior Python developer. Be concise."),
        said(f"Here is a small program:\n{PRINTS}", "I see.", f"Thanks. What does this print?\n{PRINTS}"),
    ],
)
def test_manners_and_other_code_change_nothing(messages: list[answers.Message]) -> None:
    assert not code_context.of(messages).hangs


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=80)), max_size=12))
def test_any_conversation_is_looked_through(turns: list[tuple[str, str]]) -> None:
    code_context.of([answers.Message(role, text) for role, text in turns])
