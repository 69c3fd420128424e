import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving.memory import documents, lexical, quotes


def texts(text: str) -> list[str]:
    return [text[unit.begin : unit.end].strip() for unit in quotes.units(text)]


def test_sentences_items_and_code_are_units() -> None:
    text = "One ends. Two,\nwrapped, ends! So:\n\n- an item. With more\n- another\n\n```sh\nls. A\n\nls\n```\nLast"
    assert texts(text) == [
        "One ends.",
        "Two,\nwrapped, ends!",
        "So:",
        "- an item.",
        "With more",
        "- another",
        "```sh\nls. A\n\nls\n```",
        "Last",
    ]


@pytest.mark.parametrize("text", ["See e.g. Paris.", "Dr. Smith came.", "It is 3. May.", "By J. Smith."])
def test_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert texts(text) == [text]


@given(st.text(alphabet="aB .!?\n-`|~1)(*", max_size=200))
def test_units_are_in_order_and_only_white_space_lies_between(text: str) -> None:
    position = 0
    for unit in quotes.units(text):
        assert position <= unit.begin < unit.end <= len(text)
        assert not text[position : unit.begin].strip()
        position = unit.end
    assert not text[position:].strip()


def quote(text: str, query: str) -> tuple[str, float]:
    index = lexical.LexicalIndex()
    index.put("library", "a.md", documents.split(text.encode(), 900))
    [best, *_] = index.search(query, 1)
    return best.quote, best.held


HARBOUR = "# Harbour\n\nBoats come at five. The office opens at seven. Fish is sold at noon. Nets are mended."


def test_the_sentence_that_holds_the_words_is_quoted_and_no_other() -> None:
    assert quote(HARBOUR, "When does the harbour office open?") == ("The office opens at seven.", 1.0)


def test_words_that_stand_in_sentences_far_apart_are_not_all_held() -> None:
    found, held = quote(HARBOUR, "When do boats mend nets?")
    assert found == "Nets are mended." and held < 1


def test_steps_that_a_sentence_announces_come_with_it() -> None:
    text = "# Start\n\nIt is slow. To start the ferry, do this:\n\n1. Turn the key.\n2. Wait.\n\nThen rest."
    assert quote(text, "How to start the ferry?")[0].endswith("do this:\n\n1. Turn the key.\n2. Wait.")


def test_a_single_word_in_passing_is_no_answer_but_one_that_is_explained_is() -> None:
    assert quote("The office, which a heron visits, is red.", "What is a heron?")[1] == 0.0
    assert quote("# Heron\n\nA grey bird.", "What is a heron?") == ("A grey bird.", 1.0)
    assert quote("| heron | a grey bird |\n", "What is a heron?")[1] == 1.0


def test_a_row_of_a_table_comes_with_its_head_and_not_with_its_neighbours() -> None:
    text = "Ours:\n\n| machine | maker |\n|---|---|\n| lathe | Harrison |\n| saw | Startrite |\n\nThey are old.\n"
    assert quote(text, "Who is the maker of the saw?") == ("| machine | maker |\n|---|---|\n| saw | Startrite |", 1.0)
    assert quote(text, "lathe Startrite maker")[1] < 0.8


def test_words_of_two_items_say_nothing_together() -> None:
    assert quote("- The heron is grey.\n- The office is red.\n", "heron office")[1] < 1
