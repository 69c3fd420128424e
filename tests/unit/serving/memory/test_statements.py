"""Facts are found in what users plainly state about themselves, and in nothing else."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.serving.memory import statements


def facts(text: str) -> list[tuple[str, str, str]]:
    return [(one.subject, one.attribute, one.value) for one in statements.found_in(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My name is Ada.", [("user", "name", "Ada")]),
        ("Hi! I'm called Ada Lovelace.", [("user", "name", "Ada Lovelace")]),
        ("please call me Bob", [("user", "name", "Bob")]),
        ("I live in Paris", [("user", "home", "Paris")]),
        ("I live in New York, NY.", [("user", "home", "New York, NY")]),
        ("i live in lyon", [("user", "home", "lyon")]),
        ("I'm currently living in Saint-Étienne with my sister.", [("user", "home", "Saint-Étienne")]),
        ("Actually, I moved to Lyon last month.", [("user", "home", "Lyon")]),
        ("We've just moved to Berlin!", [("user", "home", "Berlin")]),
        ("I work at Acme.", [("user", "employer", "Acme")]),
        ("I work as a nurse", [("user", "occupation", "a nurse")]),
        ("I really like chess.", [("user", "likes", "chess")]),
        ("I prefer tea too", [("user", "prefers", "tea")]),
        ("I hate coriander", [("user", "dislikes", "coriander")]),
        ("I'm allergic to nuts.", [("user", "allergic to", "nuts")]),
        ("My favorite color is blue.", [("user", "favourite colour", "blue")]),
        ("My birthday is on 3 May.", [("user", "birthday", "3 May")]),
        ("I was born on 12 December 1815", [("user", "birthday", "12 December 1815")]),
        ("I was born in London.", [("user", "birthplace", "London")]),
        ("My dog is called Rex.", [("dog", "name", "Rex")]),
        ("My wife's name is Zoë.", [("wife", "name", "Zoë")]),
        ("I have a cat named Tom", [("cat", "name", "Tom")]),
        ("I speak French.", [("user", "speaks", "French")]),
        ("My name is Ada and I live in Lyon.", [("user", "name", "Ada"), ("user", "home", "Lyon")]),
        ("I live in Lyon and work at Acme.", [("user", "home", "Lyon"), ("user", "employer", "Acme")]),
        ("I live in Lyon.\nI like tea.", [("user", "home", "Lyon"), ("user", "likes", "tea")]),
        ("Where is the station? I live in Lyon.", [("user", "home", "Lyon")]),
        ("remember that my locker code is 4711", [("user", "note", "my locker code is 4711")]),
        ("Please remember that I moved to Lyon.", [("user", "home", "Lyon")]),
        ("Remember: the spare key is under the mat", [("user", "note", "the spare key is under the mat")]),
        ("I live in Lyon. I live in LYON.", [("user", "home", "LYON")]),
    ],
)
def test_what_is_stated_is_found(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert facts(text) == expected


# Each holds the words of a statement, and states nothing about who says it.
REFUSED = [
    "do I live in Lyon?",
    "I live in Lyon?",
    "I live in Lyon, right?",
    "I don't live in Lyon.",
    "I do not live in Lyon",
    "I no longer live in Lyon.",
    "I never lived in Lyon",
    "I used to live in Lyon.",
    "I might move to Lyon.",
    "I will live in Lyon",
    "I'm moving to Lyon",
    "I would live in Lyon",
    "I wish I lived in Lyon.",
    "if I lived in Lyon",
    "If I live in Lyon, what is the tax?",
    "I live in Lyon if you believe it",
    "I live in Lyon or Paris",
    "What if I live in Lyon. I live in Lyon.",
    "Imagine I live in Lyon. I live in Lyon.",
    "Pretend that my name is Bob. My name is Bob.",
    "He said I live in Lyon",
    "My friend says: I live in Lyon.",
    "my friend lives in Lyon",
    '"I live in Lyon."',
    "“I live in Lyon.”",
    "'I live in Lyon.'",
    "`I live in Lyon`",
    "```\nI live in Lyon\n```",
    "> I live in Lyon",
    "Translate: I live in Lyon",
    "Translate this into French:\nI live in Lyon.",
    "Summarise the letter. My name is Bob. I live in Lyon.",
    "Could you please proofread this? I live in Lyon.",
    "Here is what he wrote:\nMy name is Bob.\nI live in Lyon.",
    "<context>\nI live in Lyon.\n</context>\nWhere do I live?",
    "### Task\nI live in Lyon.",
    "Write a poem. I live in Lyon.",
    "my name is not Bob",
    "I am not called Bob",
    "call me later",
    "Call me at 5",
    "My dog is ill",
    "my dog is not called Rex",
    "I don't like tea",
    "I can't say I like tea",
    "I like it",
    "I love you",
    "I like neither",
    "I live in fear",
    "I live in hope of rain",
    "I'd like a coffee",
    "Do you remember that I live in Lyon?",
    "remember that time we met",
    "I can't remember that song",
    "remember to call me",
    "My birthday is soon",
    "I was born ready",
    "Is my name Bob?",
    "Nobody says I live in Lyon",
    "Should I say I live in Lyon",
    "Where I live in Lyon matters",
    "What is my name",
    "",
    "?",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_states_nothing_gives_no_fact(text: str) -> None:
    assert facts(text) == []


PLACES = st.sampled_from(["Lyon", "Paris", "New York", "Saint-Étienne", "a small village"])
STATED = st.sampled_from(
    ["I live in {}", "I moved to {}", "I work at {}", "I like {}", "my name is {}", "My dog is called {}"]
)
SPOILT = st.sampled_from(
    [
        "{}?", "if {}", "{} if it rains", "{}, unless it rains", "he said {}", "she says that {}", "I doubt that {}",
        "it is not true that {}", "suppose {}", "imagine that {}", '"{}"', "`{}`", "> {}", "Translate: {}",
        "is it so that {}?", "why {}", "when {}", "maybe {}", "perhaps {}", "{}, maybe", "{} or not", "{} but not really",
        "I never said {}", "nobody believes {}", "does anybody know that {}", "my brother claims {}", "{} one day",
        "{}, I wish", "<document>{}</document>", "let's say {}", "what if {}", "for example, {}",
    ]
)  # fmt: skip


@given(place=PLACES, stated=STATED, spoilt=SPOILT)
def test_a_statement_that_is_doubted_asked_or_quoted_gives_no_fact(place: str, stated: str, spoilt: str) -> None:
    assert facts(spoilt.format(stated.format(place))) == []


NEGATED = [
    "I don't live in {}", "I do not live in {}", "I didn't move to {}", "I have not moved to {}", "I never moved to {}",
    "I don't work at {}", "I no longer work at {}", "I don't like {}", "I do not prefer {}", "my name isn't {}",
    "my name is not {}", "My dog is not called {}", "my dog isn't {}", "I am not living in {}", "I wouldn't live in {}",
    "I cannot live in {}", "neither do I live in {}", "I hardly live in {}", "I was not born in {}",
]  # fmt: skip


@given(place=PLACES, negated=st.sampled_from(NEGATED), end=st.sampled_from(["", ".", "!", " now", " any more."]))
def test_a_negation_gives_no_fact(place: str, negated: str, end: str) -> None:
    assert facts(negated.format(place) + end) == []


WORDS = st.text(alphabet=string.ascii_letters + string.digits + " .,'?!:;\n\"`>é’", max_size=300)


@settings(max_examples=300)
@given(text=WORDS)
def test_any_text_is_read_in_bounds(text: str) -> None:
    for one in statements.found_in(text):
        assert one.value and one.text
        assert 0 < one.confidence <= 1 and len(one.value) <= 400 and len(one.attribute) <= 64


def test_a_long_text_is_pasted_and_not_said() -> None:
    assert facts("I live in Lyon. " + "x" * 100) != []
    assert facts("I live in Lyon. " + "x " * 600) == []


@pytest.mark.parametrize(
    "text",
    ["I live in " + "a " * 400, "My name is " + "A" * 900, "I like " + "very " * 150, "(" * 900, "I live in Lyon since " * 40],
)  # fmt: skip
def test_hostile_texts_take_no_time(text: str) -> None:
    # A pattern that goes back and forth would take minutes here.
    statements.found_in(text[:1_000])
    statements.asked_in(text[:200])


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Where do I live?", ("user", "home")),
        ("where do i live now", ("user", "home")),
        ("Which city do I live in?", ("user", "home")),
        ("What's my name?", ("user", "name")),
        ("Who am I?", ("user", "name")),
        ("Hey, can you tell me what is my dog's name?", ("dog", "name")),
        ("What is my dog called?", ("dog", "name")),
        ("Who is my wife?", ("wife", "name")),
        ("When is my birthday?", ("user", "birthday")),
        ("What is my favorite color?", ("user", "favourite colour")),
        ("Where do I work?", ("user", "employer")),
        ("What am I allergic to?", ("user", "allergic to")),
        ("What do you know about me?", statements.EVERYTHING),
    ],
)
def test_a_question_about_ones_own_facts_is_recognised(text: str, asked: tuple[str, str]) -> None:
    assert statements.asked_in(text) == asked


@pytest.mark.parametrize(
    "text",
    ["Where do you live?", "What is a name?", "Where do I buy bread?", "I live in Lyon", "Do I live in Lyon?",
     "Where do I live, and what is 2+2?", "what is my name in French? " * 20, ""],
)  # fmt: skip
def test_other_questions_are_not(text: str) -> None:
    assert statements.asked_in(text) is None
