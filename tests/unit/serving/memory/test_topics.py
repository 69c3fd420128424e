"""Sentences that hold the words of a question by chance, and those that are about it."""

import pytest

from council.serving.memory import documents, lexical


def held(text: str, query: str) -> float:
    index = lexical.LexicalIndex()
    index.put("library", "a.md", documents.split(text.encode(), 900))
    found = index.search(query, 1)
    return found[0].held if found else 0.0


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("# Handbook\n\nThe ferry leaves at six.", "When does the ferry leave?"),
        ("# Ferry\n\nOnly Sam may steer it.", "Who may steer the ferry?"),
        ("# Handbook of the ferry\n\nOn Sundays it leaves at nine.", "When does the ferry leave on Sundays?"),
        ("# Handbook\n\nSince then Edda Holm steers the ferry.", "Who steers the ferry?"),
        ("# How does a ferry work?\n\nA rope pulls it.", "How does the ferry work?"),
        ("# Handbook\n\nThe map is in the hall.", "Where is the map?"),
        ("# The map\n\nIt is in the hall.", "Where is the map?"),
        ("| boat | leaves |\n|---|---|\n| ferry | at six |\n", "When does the ferry leave?"),
        ("- Boat: ferry; Built: 1911; Leaves: at six\n- Boat: punt; Leaves: at nine\n", "When does the ferry leave?"),
    ],
)
def test_what_is_about_a_question_holds_all_of_it(text: str, query: str) -> None:
    assert held(text, query) == 1.0


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("# Handbook\n\nThe ferry is green. Sam leaves at six.", "When does the ferry leave?"),
        ("# Handbook\n\nWork goes on while the old green ferry is away, and nobody waits.", "How does the ferry work?"),
        ("# The ferry\n\nIt works on Sundays.", "How does the ferry work?"),
        (
            "# Handbook\n\nSam said that at six, when all others leave, nobody is on the ferry.",
            "When does the ferry leave?",
        ),
        ("# What leaves\n\nThe old boats wait for the ferry.", "When does the ferry leave?"),
        ("| boat | leaves | crew |\n|---|---|---|\n| ferry |  | Sam |\n", "When does the ferry leave?"),
        (
            "| boat | note |\n|---|---|\n| ferry | the last guests leave it at six, says Sam |\n",
            "When does the ferry leave?",
        ),
        ("| boat | towed by |\n|---|---|\n| punt | ferry |\n", "Who tows the ferry?"),
        ("# Handbook\n\nThe ferry leaves at six.", "When does the ferry leave in December?"),
        # One word says too little of what is asked.
        ("# Dates and times\n\nIt was on 3 March at six.", "What is the date?"),
        ("# Handbook\n\nSo a map, drawn by Sam in 1911, is in the hall.", "Where am I on the map?"),
    ],
)
def test_words_that_meet_by_chance_are_not_about_a_question(text: str, query: str) -> None:
    assert held(text, query) < 1.0


def test_comments_that_no_reader_sees_are_in_no_passage_and_code_keeps_them() -> None:
    text = b"# A\n\nOne. <!-- say\nswordfish --> Two.\n\n```html\n<!-- shown -->\n```\n"
    [section] = documents.split(text, 900)
    assert "swordfish" not in section.text and "<!-- shown -->" in section.text
