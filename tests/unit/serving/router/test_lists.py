import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving.router import lists, parts

SPREAD = {
    "List the capitals of France, Spain and Italy": ("France", "Spain", "Italy"),
    "What are the capitals of France, Spain, and Italy?": ("France", "Spain", "Italy"),
    "please tell me the capital cities of peru & chile, thanks": ("peru", "chile"),
    "capitals of Peru and Trinidad and Tobago": ("Peru", "Trinidad and Tobago"),
    "Name the capitals of Bosnia and Herzegovina and Peru": ("Bosnia and Herzegovina", "Peru"),
    "capitals of the Isle of Man, the Republic of Ireland and the US": (
        "the Isle of Man",
        "the Republic of Ireland",
        "the US",
    ),
    "quick: what are the capitals of Peru and Côte d'Ivoire?": ("Peru", "Côte d'Ivoire"),
    "Give me the capitals of Antigua and Barbuda and Saint Kitts and Nevis.": (
        "Antigua and Barbuda",
        "Saint Kitts and Nevis",
    ),
}

WHOLE = [
    "What is the capital of France and Spain?",
    "What is the capital of Serbia and Montenegro?",
    "capitals of Bosnia and Herzegovina",
    "List the capitals of France",
    "List the capitals of Europe and their populations",
    "List the capitals of France, Spain and Italy in a table",
    "List the capitals of France, Spain and Italy sorted by population",
    "List the capitals of France, Spain and its neighbours",
    "List the capitals of all countries",
    "List the capitals of France, Spain and other countries of Europe",
    "List the capitals of France and Spain in 1940",
    "List the former capitals of France and Spain",
    "List the capitals and currencies of France and Spain",
    "List the capitals of France or Spain",
    "List the capitals of France and France",
    "List the capitals of France, Spain. Which is larger?",
    "List the capitals of France, Spain and Italy, but not in order",
    "Which of the capitals of France and Spain is larger?",
    "Do not list the capitals of France and Spain",
    "Translate: list the capitals of France and Spain",
    "List the capitals of France, , Spain",
    "capitals of " + ", ".join("ABCDEFGHI"),
    "",
]


@pytest.mark.parametrize("text", SPREAD)
def test_what_is_asked_of_a_list_is_asked_of_each(text: str) -> None:
    assert lists.spread(text) == tuple(f"What is the capital of {name}?" for name in SPREAD[text])
    assert parts.split(text) == lists.spread(text)


def test_other_facts_of_one_thing_are_asked_of_each_too() -> None:
    assert lists.spread("atomic numbers of gold and iron") == (
        "What is the atomic number of gold?",
        "What is the atomic number of iron?",
    )
    assert lists.spread("List the chemical symbols for gold, iron and tin")[2] == "What is the chemical symbol of tin?"
    assert lists.spread("what are the 2-letter country codes of Peru and Chile?")[1] == (
        "What is the two-letter country code of Chile?"
    )


@pytest.mark.parametrize("text", WHOLE)
def test_what_says_more_than_names_or_asks_otherwise_stays_whole(text: str) -> None:
    assert lists.spread(text) == ()


@given(st.text(max_size=300))
def test_any_text_after_the_fact_gives_no_more_than_the_bound(text: str) -> None:
    assert len(lists.spread(f"capitals of {text}")) <= lists.ITEMS_MAX
