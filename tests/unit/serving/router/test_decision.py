import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import answering, answers
from council.serving.router import decision, head

LINEAR_S = 0.5

# The specialist that each is for.
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


SETTINGS = answering.RouterConfig()


def choose(*said: str, settings: answering.RouterConfig = SETTINGS) -> decision.Decision:
    messages = [answers.Message("user", text) for text in said]
    return decision.choose(messages, settings, head.packaged())


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(ROWS) >= 60


@pytest.mark.parametrize(("label", "prompt"), ROWS, ids=[prompt[:40] for _, prompt in ROWS])
def test_the_specialist_of_a_question_is_among_those_tried(label: str, prompt: str) -> None:
    found = choose(prompt)
    assert label in found.order, found


def test_nine_in_ten_of_the_labelled_questions_have_their_route_as_the_likeliest() -> None:
    right = [label == decision.best(choose(prompt).probabilities) for label, prompt in ROWS]
    assert sum(right) >= 0.9 * len(right), [row for row, ok in zip(ROWS, right, strict=True) if not ok]


DAYS_FROM_TODAY = [
    "what day is tomorrow",
    "What is today's date?",
    "what's the date",
    "Which day of the week was yesterday?",
    "hi, can you tell me what day is it today?",
]


@pytest.mark.parametrize("text", DAYS_FROM_TODAY)
def test_a_question_of_a_day_told_from_today_can_be_computed(text: str) -> None:
    assert answers.Route.MATH in choose(text).order


@pytest.mark.parametrize(
    "text", ["What a day today!", "what day is the party", "What date suits you?", "Have a nice day"]
)
def test_other_talk_of_days_is_not_taken_for_one(text: str) -> None:
    assert not any("told from today" in reason for reason in choose(text).reasons)


@pytest.mark.parametrize(
    "text", ["How many models does ¬x3 ↔ x1 have?", "Which rows satisfy a ∧ ¬b?", "arrangements of the letters of noon"]
)
def test_a_question_in_signs_or_in_few_words_meets_its_specialist(text: str) -> None:
    assert {answers.Route.MATH, answers.Route.LOGIC} & set(choose(text).order)


def test_code_comes_after_those_that_check_themselves() -> None:
    order = choose("Write a Python function that computes 2 + 2.").order
    assert order.index(answers.Route.CODE) == len(order) - 2


def test_small_talk_is_not_sent_to_the_code_specialist() -> None:
    assert answers.Route.CODE not in choose("hey, how are you today?").order


NOT_CODE = [
    "Create a limerick",
    "Read this aloud",
    "Answer with one word: blue",
    "Say only the word yes.",
    "Print my ticket",
]


@pytest.mark.parametrize("text", NOT_CODE)
def test_a_request_without_a_word_of_code_does_not_meet_the_programmers_prompt(text: str) -> None:
    assert answers.Route.CODE not in choose(text).order


def test_the_first_reason_is_the_likeliest_route_with_its_probability() -> None:
    found = choose("What is 17% of 2,340?")
    assert found.reasons[0] == f"math: probability {found.probabilities[answers.Route.MATH]:.2f}"
    assert "math: a percentage" in found.reasons


@given(st.text())
def test_any_text_has_an_order_that_ends_with_general(text: str) -> None:
    found = choose(text)
    assert found.order[-1] is answers.Route.GENERAL
    assert len(set(found.order)) == len(found.order)
    assert sum(found.probabilities.values()) == pytest.approx(1)


@given(st.text(max_size=50))
def test_the_same_text_is_always_routed_the_same(text: str) -> None:
    assert choose(text) == choose(text)


FOLLOWING = [
    ("What is 17% of 200?", "and of 300?"),
    ("What is 17% of 200?", "what about 18%?"),
    ("Solve x^2 - 4 = 0", "and x^2 - 9 = 0?"),
]


@pytest.mark.parametrize(("before", "after"), FOLLOWING)
def test_what_follows_on_goes_where_the_last_question_went(before: str, after: str) -> None:
    found = choose(before, after)
    assert found.order[0] is answers.Route.MATH
    assert "math: follows on what was asked before" in found.reasons


@pytest.mark.parametrize(
    "after", ["run it with input 5", "Please run this.", "does it pass?", "now test it with assert f(2) == 4"]
)
def test_what_is_asked_of_code_before_goes_to_code(after: str) -> None:
    before = "What is this?\n```python\nprint(int(input()) + 1)\n```"
    assert answers.Route.CODE in choose(before, after).order


def test_a_chain_of_follow_ups_goes_back_to_what_it_follows() -> None:
    assert choose("What is the capital of Peru?", "and of Chile?", "and of Japan?").order[0] is answers.Route.KNOWLEDGE


def test_a_new_question_does_not_follow_the_one_before() -> None:
    found = choose("What is 17% of 200?", "Write a poem about the sea, please, and make it rhyme")
    assert not any("follows on" in reason for reason in found.reasons)


OTHER_LANGUAGES = [
    "Wie viel ist die Hälfte von 90 und warum ist das so?",
    "Schreibe bitte ein Gedicht über das Meer für mich",
    "Quelle est la capitale de la France et pourquoi ?",
    "¿Cuál es la capital de España y por qué?",
    "Qual è la capitale della Francia e perché?",
    "Сколько будет два плюс два?",
    "日本の首都はどこですか",
    "ما هي عاصمة مصر؟",
]


@pytest.mark.parametrize("text", OTHER_LANGUAGES)
def test_other_languages_are_not_sent_to_specialists_that_read_english(text: str) -> None:
    found = choose(text)
    assert not {answers.Route.MATH, answers.Route.LOGIC, answers.Route.CODE} & set(found.order)
    assert any("another language" in reason for reason in found.reasons)


ENGLISH = [
    "2 + 2",
    "Solve \u03b1 + 3 = 5",
    "∫ sin(x) dx",
    "H₂O?",
    "de la",
    "What is the capital of Perú?",
    "Who wrote Die Verwandlung?",
    "Solve -3y - 2z = -47; -x - y + 3z = 11; 5x + 2y - 2z = 48 for x, y and z",
    "Solve for y: −2y + 4 = −6y + 6",
    "z + w = 3; z - w = 1; i + z = w",
]


@pytest.mark.parametrize("text", [*ENGLISH, *(prompt for _, prompt in ROWS)])
def test_english_and_formulas_are_taken_for_no_other_language(text: str) -> None:
    assert not any("another language" in reason for reason in choose(text).reasons)


def test_a_vector_that_says_math_moves_a_doubtful_decision_towards_math() -> None:
    weights = head.packaged()
    vector = [127 * byte for byte in weights.vector[0]]
    length = sum(one * one for one in vector) ** 0.5
    doubtful = choose("hm", settings=answering.RouterConfig(unsure_below=1.0))
    seen = decision.refined(doubtful, "hm", [one / length for one in vector], SETTINGS, weights)
    assert seen.probabilities[answers.Route.MATH] > doubtful.probabilities[answers.Route.MATH]


def test_what_goes_to_the_embedding_model_is_short_and_from_both_ends() -> None:
    kept = decision.first_words("begin " + "middle " * 10_000 + "end")
    assert kept.startswith("begin") and kept.endswith("end") and len(kept) <= 241


PARTS = [
         "\n", "\r\n", " ", "\t", "\v", "1", "a", "(", ")", ".", "?", "1 ", "and what is ", "; is a", "\u0430", "```a",
         "if ", "no ", "more ", ". A", "\n ", "x=", "```", "write ", "²", "who ", "\nA) ", "\ufdfa"]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=range(len(PARTS)))
def test_a_megabyte_of_anything_is_routed_in_no_time(part: str) -> None:
    text = (part * (1_000_000 // len(part) + 1))[:1_000_000]
    began_s = time.process_time()
    choose(text)
    assert time.process_time() - began_s < LINEAR_S


@pytest.mark.parametrize("text", ["I moved to Lyon.", "My name is Ada and I live in Paris."])
def test_what_is_no_question_is_not_answered_by_a_quote(text: str) -> None:
    assert answers.Route.KNOWLEDGE not in choose(text).order


def test_a_question_word_is_enough_to_look_into_the_sources() -> None:
    assert answers.Route.KNOWLEDGE in choose("What does verified mean?").order


WHATEVER_STANDS_BEFORE = [
    "please tell me: At  what time does the old stable open?",
    "Quick: how much did the cedar lift cost?",
    "Do you know: WHO REPAIRS THE LONG FERRY please",
    "Hello, how many kilograms does the south mill weigh  ",
    "Dear Council, under whose roof do the boats lie?",
]


@pytest.mark.parametrize("text", WHATEVER_STANDS_BEFORE)
def test_a_question_meets_the_sources_whatever_stands_before_it(text: str) -> None:
    assert answers.Route.KNOWLEDGE in choose(text).order


def test_a_story_that_ends_with_a_question_does_not_meet_the_sources() -> None:
    assert answers.Route.KNOWLEDGE not in choose("Tom has 5 apples. He eats 2 of them. How many are left?").order


def test_the_sources_are_asked_after_a_specialist_that_is_likelier() -> None:
    order = choose("Hello, how many pounds did the south mill cost  ").order
    assert order.index(answers.Route.MATH) < order.index(answers.Route.KNOWLEDGE)


@pytest.mark.parametrize("after", ["and of Chile?", "And Chile?", "what about its ISO code?", "how about Chile"])
def test_what_follows_on_from_a_fact_meets_the_sources(after: str) -> None:
    assert choose("Hello, what is the capital of Peru?", after).order[0] is answers.Route.KNOWLEDGE
