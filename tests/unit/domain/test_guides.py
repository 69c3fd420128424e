"""What a document may say of itself, and what its slug is where it says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import guides

SAID = {
    "slug": "first-steps",
    "title": "First steps",
    "description": "How to begin.",
    "tags": ["a", "b c"],
    "order": -3,
}


def test_front_matter_says_all_it_may() -> None:
    said = guides.front_matter(SAID, {})
    assert said == guides.FrontMatter("first-steps", "First steps", "How to begin.", ("a", "b c"), -3)


def test_all_of_it_may_be_left_out() -> None:
    assert guides.front_matter({}, {}) == guides.FrontMatter()


def test_an_unknown_key_is_an_error_on_its_line_that_names_the_nearest() -> None:
    with pytest.raises(guides.FaultyError, match="Did you mean `title`") as caught:
        guides.front_matter({"titel": "x"}, {"titel": 4})
    assert caught.value.line == 4


WRONG = {
    "a slug with a capital": {"slug": "First"},
    "a slug with two hyphens": {"slug": "a--b"},
    "a slug with a slash": {"slug": "a/b"},
    "a slug with a line end": {"slug": "a\n"},
    "a slug that is too long": {"slug": "a" * 81},
    "the name of the index": {"slug": "index"},
    "an empty title": {"title": " "},
    "a title that is a number": {"title": 3},
    "a title of two lines": {"title": "a\nb"},
    "a title with a terminal's escape": {"title": "a\x1b[2J"},
    "a title that turns text round": {"title": "a\u202eb"},
    "a long description": {"description": "x" * 501},
    "one tag that is no list": {"tags": "a"},
    "too many tags": {"tags": ["a"] * 21},
    "a tag that is a number": {"tags": [1]},
    "an order that is true": {"order": True},
    "an order with a fraction": {"order": 1.5},
    "an order beyond": {"order": 1_000_001},
    "nothing at all": {"title": None},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_front_matter_may_not_say(case: str) -> None:
    [(key, value)] = WRONG[case].items()
    with pytest.raises(guides.FaultyError, match=f"^`{key}` ") as caught:
        guides.front_matter({key: value}, {key: 2})
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("first-steps", "first-steps"),
        ("First Steps (2)", "first-steps-2"),
        ("Übung_macht.den", "ubung-macht-den"),
        ("...", ""),
        ("日本", ""),
    ],
)
def test_a_slug_is_made_of_a_files_name(name: str, slug: str) -> None:
    assert guides.slug_of(name) == slug


@given(name=st.text(max_size=200))
def test_whatever_the_name_the_slug_is_one_or_none(name: str) -> None:
    slug = guides.slug_of(name)
    assert not slug or (guides.SLUG.fullmatch(slug) and len(slug) <= guides.SLUG_CHARS_MAX)


def test_the_rest_of_a_document_stands_on_the_lines_where_it_stood() -> None:
    front, rest = guides.parted("---\ntitle: x\n---\n# Text\n")
    assert front == "title: x"
    assert rest.split("\n")[3] == "# Text" and not "".join(rest.split("\n")[:3])


@pytest.mark.parametrize("text", ["# Text\n", "\n---\ntitle: x\n---\n", "----\n", "-- -\n"])
def test_what_does_not_begin_with_three_hyphens_has_no_front_matter(text: str) -> None:
    assert guides.parted(text) == ("", text)


def test_front_matter_without_an_end_is_an_error() -> None:
    with pytest.raises(guides.FaultyError, match="has no end"):
        guides.parted("---\ntitle: x\n\n# Text\n")


def test_guides_are_listed_by_order_then_by_title() -> None:
    def entry(slug: str, title: str, order: int) -> guides.Entry:
        return guides.Entry(slug, title, "", (), order, "library", "", "", "", "", 0, 0)

    entries = [entry("a", "Zebra", 0), entry("b", "apple", 0), entry("c", "Last", 9), entry("d", "First", -1)]
    assert [one.slug for one in guides.ordered(entries)] == ["d", "b", "a", "c"]
