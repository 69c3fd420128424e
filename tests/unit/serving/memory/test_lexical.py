import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.serving.memory import documents, lexical

HARBOUR = documents.Section("Opening hours", "The harbour office opens at seven and closes at noon.")
BAKERY = documents.Section("Bakery", "Bread is baked at five.")


@pytest.fixture
def index() -> lexical.LexicalIndex:
    made = lexical.LexicalIndex()
    made.put("library", "library/town.md", [HARBOUR, BAKERY])
    return made


def test_the_passage_that_holds_the_words_is_found(index: lexical.LexicalIndex) -> None:
    [best, *_] = index.search("When does the harbour office open?", 3)
    assert (best.root, best.source, best.heading) == ("library", "library/town.md", "Opening hours")
    assert best.coverage == 1.0 and best.score > 0


def test_coverage_is_the_share_of_content_words_held(index: lexical.LexicalIndex) -> None:
    [best] = index.search("harbour office submarine volcano", 3)
    assert best.coverage == 0.5


def test_words_match_by_stem_and_without_accents(index: lexical.LexicalIndex) -> None:
    index.put("library", "cafe.md", [documents.Section("", "The café serves pancakes.")])
    assert [passage.source for passage in index.search("cafe serving pancake", 1)] == ["cafe.md"]


def test_the_heading_counts_as_well(index: lexical.LexicalIndex) -> None:
    assert index.search("bakery", 1)[0].heading == "Bakery"


@pytest.mark.parametrize("query", ["", "the of and", "?!", "_", "🙂", "volcano", '"', "NEAR(", "a OR b*", "\0"])
def test_a_query_without_known_content_finds_nothing(index: lexical.LexicalIndex, query: str) -> None:
    assert index.search(query, 5) == []


def test_putting_a_document_again_replaces_it(index: lexical.LexicalIndex) -> None:
    index.put("library", "library/town.md", [BAKERY])
    assert index.search("harbour", 5) == [] and index.count("library") == 1


def test_a_document_without_passages_is_gone(index: lexical.LexicalIndex) -> None:
    index.put("library", "library/town.md", [])
    assert index.count("library") == 0 and index.search("bread", 5) == []


def test_a_removed_document_is_no_longer_found_and_others_stay(index: lexical.LexicalIndex) -> None:
    index.put("blueprint", "library/town.md", [HARBOUR])
    index.remove("library", "library/town.md")
    index.remove("library", "never.md")
    assert [passage.root for passage in index.search("harbour", 5)] == ["blueprint"]
    assert (index.count("library"), index.count("blueprint")) == (0, 1)


def test_no_more_than_the_limit_come_back_and_the_fullest_is_first(index: lexical.LexicalIndex) -> None:
    for number in range(10):
        index.put("library", f"{number}.md", [documents.Section("", f"lighthouse keeper number {number}")])
    found = index.search("lighthouse keeper 7", 3)
    assert len(found) == 3 and found[0].source == "7.md" and found[0].coverage == 1.0


def test_a_passage_with_all_words_comes_before_one_that_says_one_of_them_often(index: lexical.LexicalIndex) -> None:
    for number in range(10):
        index.put("library", f"{number}.md", [documents.Section("", "heron " + "filler " * 20)])
    index.put("library", "often.md", [documents.Section("quetzal quetzal", "quetzal")])
    index.put("library", "all.md", [documents.Section("", "quetzal heron " + "filler " * 300)])
    found = index.search("quetzal heron", 20)
    assert max(found, key=lambda passage: passage.score).source == "often.md"
    assert found[0].source == "all.md"


def test_content_words_are_distinct_in_order_and_bounded() -> None:
    assert lexical.content_words("What is the Harbour, the harbour of Kiel?") == ["harbour", "kiel"]
    assert len(lexical.content_words(" ".join(f"word{number}" for number in range(1_000)))) == 24


@given(query=st.text(), text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_query_breaks_the_search(query: str, text: str) -> None:
    index = lexical.LexicalIndex()
    index.put("library", "a.md", [documents.Section("", text)])
    for passage in index.search(query, 5):
        assert 0.0 <= passage.coverage <= 1.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12))
def test_the_count_is_that_of_the_documents_put_last(steps: list[tuple[str, int]]) -> None:
    index, expected = lexical.LexicalIndex(), dict[str, int]()
    for source, size in steps:
        index.put("library", source, [BAKERY] * size)
        expected[source] = size
    assert index.count("library") == sum(expected.values()) >= len(index.search("bread", 50))


def test_an_example_question_in_a_code_block_is_no_answer_to_it() -> None:
    index = lexical.LexicalIndex()
    index.put("blueprint", "howto.md", documents.split(b"# Asking\n\n```\nask When does the ferry sail?\n```\n", 900))
    assert index.search("When does the ferry sail?", 5) == []


def test_an_example_question_in_a_sentence_of_the_guidebook_is_no_answer_to_it() -> None:
    section = documents.Section(
        "Code", '"Sort a list in Python", "merge two lists": some sixty functions, and `x^2 = 4`.'
    )
    made = lexical.LexicalIndex()
    made.put("blueprint", "guidebook/howto/code.md", [section])
    made.put("library", "code.md", [section])
    held = {one.root: one.held for one in made.search("How do I sort a list in Python?", 2)}
    assert held["blueprint"] < 1.0 <= held["library"]
    assert all(one.held < 1.0 for one in made.search("x^2 = 4", 2) if one.root == "blueprint")


def test_among_equals_the_users_own_document_comes_first_and_then_the_better_heading() -> None:
    index = lexical.LexicalIndex()
    index.put("blueprint", "guidebook/a.md", documents.split(b"# Other\n\nThe ferry is a boat. Ferry ferry.\n", 900))
    index.put(
        "blueprint", "guidebook/b.md", documents.split(b"# The ferry\n\nIt sails at noon and comes back late.\n", 900)
    )
    index.put(
        "library",
        "library/c.md",
        documents.split(b"# Notes\n\nMy own note on the ferry, which is long and dull.\n", 900),
    )
    found = [passage.source for passage in index.search("ferry", 5)]
    assert found == ["library/c.md", "guidebook/b.md", "guidebook/a.md"]


def test_among_guides_alone_nothing_else_is_found_however_much_there_is() -> None:
    index = lexical.LexicalIndex()
    for number in range(100):
        index.put("library", f"library/note-{number}.md", documents.split(b"The lantern hangs on the quay.", 900))
    guide = b"# Lantern\n\nThe lantern of the guide hangs high.\n\n## More\n\nA lantern again."
    index.put("blueprint", "guidebook/lantern.md", documents.split(guide, 900))
    index.put("library", "library/guidebook/mine.md", documents.split(b"My lantern is small.", 900))
    index.put("library", "library/my-guidebook/no.md", documents.split(b"This lantern is no guide.", 900))
    found = index.search_guides("lantern")
    assert {passage.source for passage in found} == {"guidebook/lantern.md", "library/guidebook/mine.md"}
    assert len(found) == 3 and all(passage.quote for passage in found)
    assert index.search_guides("") == []
