import math

from hypothesis import given
from hypothesis import strategies as st

from council.serving import confidence

MODEL = confidence.packaged().model


@given(st.text(max_size=300), st.text(max_size=300), st.lists(st.floats(-50, 0), max_size=64))
def test_it_is_a_probability_whatever_is_seen(question: str, said: str, logprobs: list[float]) -> None:
    judged = confidence.judge(question, said, logprobs, MODEL)
    assert (0.0 <= judged.probability <= 1.0 and f"{judged.probability:.2f}" in judged.reason) or not logprobs


def test_a_model_that_tells_no_probabilities_gets_no_confidence() -> None:
    assert confidence.judge("Why?", "So.", [], MODEL).probability == 0.0


def test_a_model_sure_of_its_first_words_is_trusted_more() -> None:
    sure, unsure = [math.log(0.95)] * 24, [math.log(0.1)] * 24
    question = "Is the sea salty? (yes or no)"
    assert (
        confidence.judge(question, "Yes.", sure, MODEL).probability
        > confidence.judge(question, "Yes.", unsure, MODEL).probability
    )


def test_a_small_model_that_is_sure_of_a_word_problem_is_not_believed() -> None:
    question = "Ann has 3 apples, buys 4 more and gives 2 of 5 to Ben. How many apples does she have?"
    assert confidence.judge(question, "She has 5.", [math.log(0.9)] * 24, MODEL).probability < 0.25


def test_the_reason_names_what_weighed_most_and_another_model_is_named() -> None:
    judged = confidence.judge("Is the sea salty?", "Yes.", [-0.1] * 24, "other-model")
    assert "either-or" in judged.reason and "calibrated for smollm2-135m-instruct, not for other-model" in judged.reason


def test_a_reason_says_what_there_was_and_what_there_was_not() -> None:
    reason = confidence.judge("Write one sentence about the sea.", "It is wide.", [-0.1] * 24, MODEL).reason
    assert "no plain yes or no to it (against it)" in reason
    with_numbers = confidence.judge("1 2 3 4 5 6 7", "8", [-0.1] * 24, MODEL).reason
    assert "numbers in the question (against it)" in with_numbers and "no numbers" not in with_numbers


def test_only_the_first_tokens_count_since_more_is_not_known_when_it_is_decided() -> None:
    first = confidence.judge("Why?", "So.", [-0.5] * 24, MODEL)
    assert first == confidence.judge("Why?", "So. No.", [-0.5] * 24 + [-9.0] * 40, MODEL)


def test_an_answer_that_says_neither_yes_nor_no_to_such_a_question_is_trusted_less() -> None:
    question, logprobs = "Is the sea salty? (yes or no)", [-0.5] * 24
    plain = confidence.judge(question, "**Yes**, it is.", logprobs, MODEL)
    around = confidence.judge(question, "The sea has been studied for long.", logprobs, MODEL)
    assert plain.probability > around.probability
    assert confidence.judge("Why?", "No reason.", logprobs, MODEL) == confidence.judge("Why?", "So.", logprobs, MODEL)
