import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import answers
from council.serving.router import signals

LINEAR_S = 0.5

# The first route of each.
LABELLED = {
    "math": """
        What is 17% of 2,340?
        2 + 2
        Calculate 12 * (3 + 4)
        Solve x^2 - 5x + 6 = 0
        Solve 2x + 3 = 11 for x
        What is the derivative of x^3?
        Integrate sin(x) from 0 to pi
        What is the square root of 144?
        Simplify (x + 1)(x - 1)
        Factor x^2 - 9
        Expand (a + b)^3
        What is 7!?
        What is the gcd of 84 and 36?
        Is 97 prime?
        What is 3 plus 4 times 2?
        What is 15 percent of 80?
        100 / 8
        5 squared
        What is half of 90?
        what is the remainder of 17 divided by 5
        Evaluate 3^2 + 4^2
        12 × 12
    """,
    "logic": """
        All cats are animals. Tom is a cat. Is Tom an animal?
        All whales are mammals. No mammals are fish. Is it true that no whales are fish?
        If it rains then the street is wet. It rains. Is the street wet?
        Every knight tells the truth and knaves lie. Ann says that Bob is a knave.
        Anna is taller than Bob. Bob is taller than Carl. Who is the tallest?
        Some birds are swans. Can we conclude that all birds are swans?
        No reptiles are mammals. Does it follow that no mammals are reptiles?
        The red house is left of the blue house. Which house is last?
        Tom finished before Ann. Ann finished before Joe. Who finished first?
        Each student is clever. Max is a student. Is it true that Max is clever?
        If Ann lies, Bob tells the truth. Ann lies. Does it follow that Bob tells the truth?
        Bob is older than Joe. Joe is older than Tim. Who is the youngest?
    """,
    "knowledge": """
        What does verified mean?
        What is a generation?
        Where is the first token kept?
        According to my notes, when does the office open?
        Explain the ledger
        How does Council count what an answer costs?
        Which services are there?
        Who wrote the library guide?
        Describe the blueprint
        Define lineage
        When is the harbour open?
        Quote the source about backups
        Tell me about gates
        Why is unknown never green?
    """,
    "code": """
        Write a Python function that reverses a string
        Implement a class for a stack
        Fix this code: def f(: pass
        Debug my script
        Refactor the method below
        Create a regex for e-mail addresses
        Traceback (most recent call last): boom
        Use javascript to sort a list
        Translate it into rust
        ValueError: bad thing
        Show me some golang
        Complete the function below
    """,
    "general": """
        Hello
        Write one sentence about the sea.
        Tell me a joke
        Sing to me
        Good morning!
        I feel sad today
        Suggest a name for a dog
        Thanks
        ok
        Write a haiku
        Translate good night into French
        Say something nice
    """,
}
ROWS = [
    (label, line.strip()) for label, lines in LABELLED.items() for line in lines.strip().splitlines() if line.strip()
]


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(ROWS) >= 60


@pytest.mark.parametrize(("label", "prompt"), ROWS, ids=[prompt[:40] for _, prompt in ROWS])
def test_the_best_route_of_a_question_is_the_labelled_one(label: str, prompt: str) -> None:
    decision = signals.choose(prompt)
    assert decision.order[0] == label, decision


def test_code_comes_after_those_that_check_themselves() -> None:
    order = signals.choose("Write a Python function that computes 2 + 2. What is 7 percent of 5?").order
    assert order.index(answers.Route.CODE) == len(order) - 2


def test_every_reason_names_a_route_and_every_route_tried_has_one() -> None:
    decision = signals.choose("Solve x = 2 + 2 in Python. What is the source?")
    named = {reason.partition(":")[0] for reason in decision.reasons}
    assert named >= {str(route) for route in decision.order if route is not answers.Route.GENERAL}


@given(st.text())
def test_any_text_has_an_order_that_ends_with_general(text: str) -> None:
    decision = signals.choose(text)
    assert decision.order[-1] is answers.Route.GENERAL
    assert len(set(decision.order)) == len(decision.order)
    assert all(0.0 <= score <= 1.0 for score in decision.scores.values())
    assert all(decision.scores[route] >= signals.TRY_FROM for route in decision.order[:-1])


@given(st.text(max_size=50))
def test_the_same_text_is_always_routed_the_same(text: str) -> None:
    assert signals.choose(text) == signals.choose(text)


def test_what_lies_beyond_the_limit_changes_nothing() -> None:
    text = "tell me " * 2_000
    assert signals.choose(text[: signals.CHARS_MAX]) == signals.choose(text + " solve 2 + 2")


PARTS = [
         "\n", "\r\n", " ", "\t", "\v", "1", "a", "(", ")", ".", "?", "1 ",
         "if ", "no ", "more ", ". A", "\n ", "x=", "```", "write ", "²", "who "]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=range(len(PARTS)))
def test_a_megabyte_of_anything_is_routed_in_no_time(part: str) -> None:
    text = (part * (1_000_000 // len(part) + 1))[:1_000_000]
    began_s = time.process_time()
    signals.choose(text)
    assert time.process_time() - began_s < LINEAR_S
