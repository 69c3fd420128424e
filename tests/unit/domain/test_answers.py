import pytest

from council.domain import answers


def question(*messages: answers.Message) -> answers.Question:
    return answers.Question("id", messages, "council", answers.Sampling(1))


@pytest.mark.parametrize("level", list(answers.Level))
def test_only_what_does_not_rest_on_a_model_is_verified(level: answers.Level) -> None:
    assert level.verified == (level in ("proved", "computed", "user-tested"))


def test_a_question_is_the_last_thing_that_the_user_said() -> None:
    said = [answers.Message("user", "first"), answers.Message("user", "last"), answers.Message("assistant", "reply")]
    assert question(*said).text == "last"


@pytest.mark.parametrize("messages", [[], [answers.Message("system", "x")], [answers.Message("assistant", "x")]])
def test_a_conversation_without_a_user_asks_nothing(messages: list[answers.Message]) -> None:
    assert question(*messages).text == ""


def test_the_text_of_an_empty_last_message_is_empty_and_not_the_one_before() -> None:
    assert question(answers.Message("user", "before"), answers.Message("user", "")).text == ""


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        answers.Usage().prompt_tokens = 1  # type: ignore[misc]
