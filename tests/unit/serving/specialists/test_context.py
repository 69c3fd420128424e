"""An answer that is called verified never leaves out what was said before its question."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import answers, errors
from council.serving.compute import operations
from council.serving.specialists import computed, context
from council.testing import clock


class Worker:
    """The worker's operations, in this process."""

    async def call(self, operation: str, payload: dict[str, Any], request_id: str) -> dict[str, Any]:
        return operations.OPERATIONS[operation](payload)


def said(*turns: str, system: str = "") -> list[answers.Message]:
    messages = [answers.Message("system", system)] if system else []
    for place, turn in enumerate(turns):
        messages += [answers.Message("assistant", "OK.")] if place else []
        messages.append(answers.Message("user", turn))
    return messages


async def asked(messages: Sequence[answers.Message], route: answers.Route) -> answers.Event:
    question = answers.Question("r", messages, "council", answers.Sampling(100))
    specialist = computed.ComputedSpecialist(route, f"{route}.solve", Worker(), clock.ManualClock())  # type: ignore[arg-type]
    return [event async for event in specialist.attempt(question)][-1]


@pytest.mark.parametrize(
    "earlier",
    [
        "180 cm in feet and inches", "20% of 3 hours", "5 km to miles", "3 days after 5 May 2026", "sqrt(16)", "10! / 8!",
        "$80 with 20% off", "12 USD in EUR", "gcd of 12 and 18", "15 % tip on 60 dollars", "mean of 1, 2 and 3",
    ],
)  # fmt: skip
async def test_a_question_without_a_verb_tells_nothing_to_those_after_it(earlier: str) -> None:
    for question, answer in (("What is 17% of 200?", "17% of 200 = 34"), ("Solve 2x + 3 = 7", "x = 2")):
        found = await asked(said(earlier, question), answers.Route.MATH)
        assert isinstance(found, answers.Finding) and found.text == answer and found.evidence.level.verified
    riddle = "All men are mortal. Socrates is a man. Is Socrates mortal?"
    found = await asked(said(earlier, "What is 17% of 200?", riddle), answers.Route.LOGIC)
    assert isinstance(found, answers.Finding) and found.text.startswith("Yes.")
    assert "?. " not in found.evidence.summary and "? Check: " in found.evidence.summary


async def test_that_the_worker_was_away_once_is_not_held_against_a_text() -> None:
    class Fickle(Worker):
        away = True

        async def call(self, operation: str, payload: dict[str, Any], request_id: str) -> dict[str, Any]:
            if self.away and payload["text"] == "180 cm in feet and inches":
                raise errors.ComputeUnavailableError("Away.")
            return await super().call(operation, payload, request_id)

    worker = Fickle()
    specialist = computed.ComputedSpecialist(answers.Route.MATH, "math.solve", worker, clock.ManualClock())  # type: ignore[arg-type]
    turns = said("180 cm in feet and inches", "What is 17% of 200?")
    question = answers.Question("r", turns, "council", answers.Sampling(100))
    assert isinstance([event async for event in specialist.attempt(question)][-1], answers.PassOn)
    worker.away = False
    found = [event async for event in specialist.attempt(question)][-1]
    assert isinstance(found, answers.Finding) and found.text == "17% of 200 = 34"


@pytest.mark.parametrize("told", ["I live in Lyon.", "Hello, I'm from New York", "I come from Port-au-Prince."])
async def test_where_a_user_lives_tells_nothing_to_a_sum(told: str) -> None:
    found = await asked(said(told, "What is 17% of 200?"), answers.Route.MATH)
    assert isinstance(found, answers.Finding) and found.text == "17% of 200 = 34"


@pytest.mark.parametrize("told", ["I live in base 8", "I live in Lyon and pi is 3", "I live in a house with 3 cats"])
async def test_what_says_more_than_where_is_told(told: str) -> None:
    assert isinstance(await asked(said(told, "What is 17% of 200?"), answers.Route.MATH), answers.PassOn)


async def test_a_follow_up_is_led_back_past_a_question_without_a_verb() -> None:
    found = await asked(said("180 cm in feet and inches", "What is 17% of 200?", "and of 300?"), answers.Route.MATH)
    assert isinstance(found, answers.Finding) and found.text == "17% of 300 = 51"


async def test_what_was_stated_earlier_is_read_with_the_question() -> None:
    found = await asked(said("Ann is taller than Bob.", "Bob is taller than Cem. Who is tallest?"), answers.Route.LOGIC)
    assert isinstance(found, answers.Finding) and found.text.startswith("Ann") and found.evidence.level.verified


@pytest.mark.parametrize(
    ("earlier", "question"),
    [
        ("From now on, * means addition.", "What is 3 * 4?"),
        ("Let us work in base 8.", "What is 7 + 1?"),
        ("x is a whole number greater than 2.", "Solve x^2 - 5x + 6 = 0"),
        ("Use degrees for all angles. pi is 3.", "What is 2 * pi?"),
        ("Round all results to whole numbers.", "What is 7 / 2?"),
        ("From now on use base 8. What is 3 + 3?", "What is 7 + 1?"),
        ("a = 5", "What is 2 * 3?"),
        ("Numbers are hexadecimal", "What is 9 + 8?"),
        ("5 apples in each basket", "What is 9 + 8?"),
        ("pi = 3", "What is 9 + 8?"),
        ("1 foot = 10 inches", "What is 9 + 8?"),
        ("180 cm in feet. Numbers are in octal.", "What is 9 + 8?"),
    ],
)
async def test_what_cannot_be_read_with_it_is_never_left_out(earlier: str, question: str) -> None:
    assert isinstance(await asked(said(question), answers.Route.MATH), answers.Finding)
    found = await asked(said(earlier, question), answers.Route.MATH)
    assert isinstance(found, answers.PassOn) and found.reason.startswith("Read with what was said before it")


@pytest.mark.parametrize(
    ("earlier", "question", "route"),
    [
        ("Ann is taller than Bob. Bob is taller than Cem. Who is tallest?",
         "Dan is shorter than Ann. Who is shortest?", "logic"),
        ('On an island of knights and knaves, A says: "We are both knaves, B and I." What is A?',
         'On an island of knights and knaves, C says: "A is a knight." What is C?', "logic"),
        ("Bob is taller than Cem. Who is tallest?", "Cem is taller than Bob. Who is tallest?", "logic"),
        ("It rains. If it rains, the ground is wet. Is the ground wet?",
         "If the ground is wet, the match is off. Is the match off?", "logic"),
        ("If today is 1 March 2024, what date is it in 10 days?", "What date was it 5 days ago?", "math"),
        ("Numbers are written in octal. What is 7 + 1?", "What is 7 + 2?", "math"),
        ("Please answer in hex. What is 7 + 8?", "What is 7 + 9?", "math"),
        ("What is 3 + 4? Everything is mod 2.", "What is 7 + 9?", "math"),
        ("Take pi as 3. What is the area of a circle with radius 2?", "What is the area of a circle with radius 3?", "math"),
        ("x = 5. What is x^2?", "Solve x^2 - 4 = 0", "math"),
        ("Bob eats 2 of his apples. How many are left?", "Bob has 5 apples. How many apples does Bob have?", "math"),
    ],
)  # fmt: skip
async def test_facts_beside_an_earlier_question_are_not_left_out(earlier: str, question: str, route: str) -> None:
    assert isinstance(await asked(said(question), answers.Route(route)), answers.Finding)
    found = await asked(said(earlier, question), answers.Route(route))
    assert not (isinstance(found, answers.Finding) and found.evidence.level.verified)


async def test_what_may_be_told_instead_of_an_earlier_fact_is_not_added_to_it() -> None:
    eaten = "Tom has 5 apples. He eats 2. How many apples does Tom have?"
    assert isinstance(
        await asked(said(eaten, "He eats 3. How many apples does Tom have?"), answers.Route.MATH), answers.PassOn
    )


async def test_a_question_about_facts_of_several_messages_is_not_answered_from_the_last() -> None:
    turns = ("Ann is taller than Bob. Who is taller?", "Cem is taller than Ann. Who is tallest?", "Who is shortest?")
    assert isinstance(await asked(said(*turns), answers.Route.LOGIC), answers.PassOn)


async def test_facts_beside_a_question_count_with_what_was_stated_since() -> None:
    turns = (
        "Ann is taller than Bob. Bob is taller than Cem. Who is tallest?",
        "Dan is shorter than Ann.",
        "Who is shortest?",
    )
    assert isinstance(await asked(said(*turns), answers.Route.LOGIC), answers.PassOn)


async def test_facts_of_one_message_are_read_together() -> None:
    turns = ("Tom has 5 apples. He eats 2. How many apples does Tom have?", "How many apples does Tom have?")
    found = await asked(said(*turns), answers.Route.MATH)
    assert isinstance(found, answers.Finding) and found.text == "apples of Tom = 3"


@pytest.mark.parametrize(
    ("turns", "answer"),
    [
        (("Ann is taller than Bob. Bob is taller than Cem. Who is tallest?", "Who is shortest?"), "Cem. Cem is the shortest."),
        (("Ann is taller than Bob. Bob is taller than Cem. Who is tallest?", "Dan is taller than Ann. Who is tallest?"),
         "Dan. Dan is the tallest."),
        (("All cats are animals. Tom is a cat. Is Tom an animal?", "Rex is a dog. No dogs are birds. Is Rex a bird?"),
         "No. Rex is not a bird."),
    ],
)  # fmt: skip
async def test_facts_beside_an_earlier_question_are_read_on(turns: Sequence[str], answer: str) -> None:
    found = await asked(said(*turns), answers.Route.LOGIC)
    assert isinstance(found, answers.Finding) and found.text.splitlines()[0] == answer
    assert found.evidence.level.verified


@pytest.mark.parametrize(
    "system",
    [
        "All numbers are hexadecimal.", "Work modulo 7.", "Today is 1 March 2030.", "Answer in French.",
        'Answer only as JSON {"n": ...}.', "You are a pirate.", "You are a helpful assistant. Round every result.",
    ],
)  # fmt: skip
async def test_instructions_are_the_models_to_follow(system: str) -> None:
    found = await asked(said("What is 10 + 15?", system=system), answers.Route.MATH)
    assert isinstance(found, answers.PassOn) and "Only the model can follow" in found.reason


@pytest.mark.parametrize(
    ("system", "turns"),
    [
        ("You are a helpful assistant.", ("What is 2 + 2?",)),
        ("You are a friendly AI assistant. Be concise. Answer politely.", ("What is 2 + 2?",)),
        ("", ("Hello!", "What is 2 + 2?")),
        ("", ("What is the capital of France?", "Thanks! What is 2 + 2?")),
        ("", ("What is 17% of 200?", "Great, thank you.", "What is 2 + 2?")),
        ("", ("17% of 200", "What is 2 + 2?")),
        ("", ("I have 3 apples and eat 1. How many are left?", "What is 2 + 2?")),
        ("", ("The numbers are 3, 5 and 7. What is the mean of 3, 5 and 7?", "What is 2 + 2?")),
        ("", ("Round 3.14159 to 2 decimal places", "What is 2 + 2?")),
        ("", ("What is 7 modulo 3?", "What is 2 + 2?")),
        ("", ("If today is Monday, what day is it in 10 days?", "What is 2 + 2?")),
        ("", ("The sum of two numbers is 10. What are the numbers?", "What is 2 + 2?")),
    ],
)
async def test_manners_and_other_questions_change_nothing(system: str, turns: Sequence[str]) -> None:
    *before, last = turns
    found = await asked(said(*before, last.removeprefix("Thanks! "), system=system), answers.Route.MATH)
    assert isinstance(found, answers.Finding) and found.text == "2 + 2 = 4"


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=80)), max_size=60))
def test_any_conversation_is_looked_through(turns: list[tuple[str, str]]) -> None:
    context.of([answers.Message(role, text) for role, text in turns])


def test_a_long_conversation_is_not_taken_for_one_without_context() -> None:
    assert context.of(said(*["What is 2 + 2?"] * 60)).instructed
