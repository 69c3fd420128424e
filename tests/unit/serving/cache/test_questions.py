import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving.cache import questions

MAY = [
    "What is photosynthesis?",
    "How does a bicycle stay upright?",
    "Explain the difference between TCP and UDP.",
    "Write a haiku about the sea.",
]
MUST_NOT = [
    "Where do I live?",
    "What is my dog's name?",
    "What did we decide?",
    "I'm tired, what helps?",
    "I’m tired, what helps?",
    "What time is it?",
    "What's the weather in Rome?",
    "Who is the president of France?",
    "What is the latest Python version?",
    "What happened in 2026?",
    "Tell me a random number.",
    "Tell me another joke.",
    "What is today's date?",
    "Is the museum open?",
    "Who is the CEO of IBM?",
    "Roll a die.",
    "Flip a coin.",
    "Tell a joke.",
    "Wie spät ist es?",
    "Quelle heure est-il?",
    "Wo wohne ich?",
    "photosynthesis",
    "",
    "   ",
    "x" * 3_000,
]


@pytest.mark.parametrize("text", MAY)
def test_what_stands_for_itself_may_be_answered_again(text: str) -> None:
    assert questions.cacheable(text)


@pytest.mark.parametrize("text", MUST_NOT)
def test_what_is_personal_or_changes_with_time_may_not(text: str) -> None:
    assert not questions.cacheable(text)


SAME = [
    ("What is photosynthesis?", "photosynthesis"),
    ("What is photosynthesis?", "Please tell me what's photosynthesis"),
    ("What is photosynthesis?", "Hello, what is the photosynthesis?!"),
    ("Could you explain to me what is an atom", "what is the atom?"),
]
OTHER = [
    ("What is the capital of France?", "What is the capital of Germany?"),
    ("Trains from Rome to Paris", "Trains to Rome from Paris"),
    ("Dog bites man: what follows?", "Man bites dog: what follows?"),
    ("Is coffee healthy?", "Is coffee not healthy?"),
    ("Can cats swim?", "Can't cats swim?"),
    ("Convert 17 miles", "Convert 18 miles"),
    ("What is 1.5 plus 2?", "What is 15 plus 2?"),
    ("What is the largest planet?", "What is the smallest planet?"),
    ("Who wrote it before him?", "Who wrote it after him?"),
    ("Explain C++", "Explain C"),
    ("What is 3 - 2?", "What is 3 + 2?"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_politeness_and_articles_do_not_change_a_question(one: str, other: str) -> None:
    assert questions.gist(one) == questions.gist(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_whatever_may_change_the_answer_makes_another_question(one: str, other: str) -> None:
    assert questions.gist(one) != questions.gist(other)


@given(st.text(max_size=200))
def test_a_gist_is_its_own_gist_or_shorter_and_never_fails(text: str) -> None:
    found = questions.gist(text)
    assert len(questions.gist(found)) <= len(found)


@given(st.lists(st.sampled_from("red green from to not 7 8 cats more less".split()), min_size=1, max_size=6), st.data())
def test_any_word_put_out_of_place_is_noticed(words: list[str], data: st.DataObject) -> None:
    moved = data.draw(st.permutations(words))
    assert (questions.gist(" ".join(words)) == questions.gist(" ".join(moved))) == (words == list(moved))
