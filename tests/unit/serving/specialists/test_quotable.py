import pytest

from council.serving.specialists import quotable


@pytest.mark.parametrize(
    "text",
    [
        "When does the harbour office open?",
        "Can you tell me when the harbour office opens?",
        "Please, could you explain what a generation is?",
        "hey council, where are logs kept?",
        "What does verified mean?",
        "How do you restart the model?",
        "Where do you find the logs of recall?",
        "retention of logs",
        "Define lineage.",
        "When is the 24/7 desk open on 3/4/2026?",
        "What are ports 8004-8006 for?",
        "What does len() do?",
        "Where are the man pages of section chapter(3) kept?",
    ],
)
def test_what_asks_for_a_fact_may_be_quoted(text: str) -> None:
    assert quotable.refusal(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Is the harbour office open?",
        "What is f(3)?",
        "and g(-2.5)?",
        "please, is the harbour office open",
        "Can the office close?",
        "Don't offices close?",
        "Would a bee sting a rock?",
        "Do you know whether the office closes?",
        "Which tastes sweet?\nA) sand\nB) sugar",
        "Which tastes sweet?\n(a) sand\n(b) sugar",
        "Which is larger, the office, or the harbour?",
        "The office closes at noon. (yes or no)",
        "The office closes. True or false: it opens again.",
        "Which of the following closes at noon?",
        "what is your name",
        "who are you",
        "where is your family from",
        "who designed you",
        "what time is it right now",
        "What is 2+2? Is that more than 3?",
        "What is 17% of 200 called?",
        "Name the value of 3 - 4",
    ],
)
def test_judgements_choices_talk_and_sums_are_not_quoted(text: str) -> None:
    assert quotable.refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "Where is my kiln?",
        "where's my coat",
        "Who has my key?",
        "Where did I park?",
        "What did I say about the lathe?",
        "What should I name my band?",
        "What should I do with my clay?",
        "What have I done with the key?",
        "Which film should we watch tonight?",
    ],
)
def test_of_the_asker_no_source_tells(text: str) -> None:
    assert quotable.refusal(text) == "a question about the asker, of whom no source tells"


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password?",
        "Where do I send my receipts?",
        "Whom should I call about the kiln?",
        "What should I do when the alarm rings?",
        "How many days of leave have I got?",
    ],
)
def test_what_a_source_may_tell_the_asker_to_do_is_looked_up(text: str) -> None:
    assert quotable.refusal(text) == ""


@pytest.mark.parametrize("piece", ["can you ", "please, ", "a) b\n", ", or ", "you ", "\n", " ", "don't ", "?"])
def test_a_long_text_costs_no_time(piece: str) -> None:
    quotable.refusal(piece * 50_000)
