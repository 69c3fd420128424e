"""A document's bytes into front matter and text, and on which line it is at fault."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import guides
from council.upkeep.guides import reading


def test_a_document_is_front_matter_and_text() -> None:
    document = reading.read(b"---\ntitle: A guide\ntags: [one, two]\n---\n# Head\n")
    assert document.front_matter == guides.FrontMatter(title="A guide", tags=("one", "two"))
    assert document.body.strip() == "# Head"
    assert document.raw.startswith("---\n")


def test_one_without_front_matter_is_text_alone() -> None:
    assert reading.read("\ufeffText\r\nand more\r".encode()).body == "Text\nand more\n"


FAULTS = {
    "an unknown key": (b"---\ntitle: x\ncolour: red\n---\nText", 3, "unknown key `colour`"),
    "a wrong value": (b"---\n# a comment\n\norder: soon\n---\nText", 4, "`order` must be a whole number"),
    "a key twice": (b"---\ntitle: x\ntitle: y\n---\nText", 3, "stands twice"),
    "a colon in a title": (b"---\ntags: []\ntitle: This: that\n---\nText", 3, "not valid YAML"),
    "a list that is not closed": (b"---\ntags: [a\n---\nText", 2, "not valid YAML"),
    "an alias": (b"---\ntitle: &a x\ndescription: *a\n---\nText", 3, "aliases are not used"),
    "a tag of Python": (b"---\ntitle: !!python/object/apply:os.system [ls]\n---\nText", 2, "not valid YAML"),
    "a list in place of keys": (b"---\n- a\n---\nText", 2, "`key: value`"),
    "no end": (b"---\ntitle: x\nText", 1, "has no end"),
    "nothing but front matter": (b"---\ntitle: x\n---\n\n", 0, "there is no text"),
    "nothing": (b"", 0, "there is no text"),
    "bytes of another encoding": (b"one\ntwo \xff\n", 2, "not UTF-8"),
    "a zero byte": (b"one\n\n\0", 3, "binary"),
    "endless front matter": (b"---\ntitle: " + b"x" * 20_000 + b"\n---\nText", 1, "Make it shorter"),
    "deep nesting of blocks": (b"---\ntags:\n" + b"- " * 5_000 + b"\n---\nText", 3, "lists in lists"),
    "deep nesting": (b"---\ntags: " + b"[" * 5_000 + b"\n---\nText", 2, "lists in lists"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_told_with_its_line(case: str) -> None:
    raw, line, reason = FAULTS[case]
    with pytest.raises(guides.FaultyError, match=reason) as caught:
        reading.read(raw)
    assert caught.value.line == line
    assert str(caught.value).endswith(".")


@given(
    raw=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: f"---\n{text}\n---\nText".encode(errors="replace")),
    )
)
def test_whatever_the_bytes_it_is_a_document_or_a_fault(raw: bytes) -> None:
    try:
        document = reading.read(raw)
    except guides.FaultyError as error:
        assert 0 <= error.line <= raw.count(b"\n") + raw.count(b"\r") + 1
    else:
        assert document.body.strip()
