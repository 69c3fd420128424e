import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving.memory import documents

LINEAR_S = 5.0


def headings(text: str) -> list[str]:
    return [section.heading for section in documents.split(text.encode(), 900)]


def words(text: str) -> list[str]:
    return "".join(text.split()).split()


def test_each_section_carries_the_headings_above_it() -> None:
    assert headings("before\n# A\na\n## B\nb\n## C\nc\n# D\nd") == ["", "A", "A > B", "A > C", "D"]


def test_headings_of_one_depth_are_siblings_even_where_a_depth_was_left_out() -> None:
    assert headings("# A\na\n### B\nb\n### C\nc\n## D\nd\n#### E\ne\n#### F\nf") == [
        "A", "A > B", "A > C", "A > D", "A > D > E", "A > D > F",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("# Plain", "Plain"),
        ("###### Six", "Six"),
        ("# Closed #", "Closed"),
        ("# Closed ###  ", "Closed"),
        ("# C#", "C#"),
        ("#\tTab", "Tab"),
        ("# #", ""),
    ],
)
def test_a_heading_is_read_as_markdown_reads_it(line: str, title: str) -> None:
    assert headings(f"{line}\nbody") == [title]


@pytest.mark.parametrize("line", ["####### Seven", "#hashtag", "    not first", "#"])
def test_what_is_no_heading_is_text(line: str) -> None:
    assert documents.split(line.encode(), 900) == [documents.Section("", line.strip())]


def test_a_hash_in_a_code_block_is_no_heading() -> None:
    text = "# A\n```sh\n# a comment\n```\n# B\nb"
    assert headings(text) == ["A", "B"]


def test_line_ends_of_windows_and_a_byte_order_mark_are_no_part_of_the_text() -> None:
    assert documents.split(b"\xef\xbb\xbf# A\r\none\r\n\r\ntwo\r\n", 900) == [documents.Section("A", "one\n\ntwo")]


@pytest.mark.parametrize(
    ("raw", "why"), [(b"a\0b", "binary"), (b"caf\xe9", "UTF-8"), (b"\x89PNG\0", "binary"), (b"\xff\xfea", "UTF-8")]
)
def test_what_is_no_text_is_named(raw: bytes, why: str) -> None:
    with pytest.raises(documents.UnreadableError, match=why):
        documents.split(raw, 900)


@pytest.mark.parametrize("raw", [b"", b"\n\n\n", b"# Only a heading", b" \t \n \n"])
def test_a_document_without_text_has_no_passages(raw: bytes) -> None:
    assert documents.split(raw, 900) == []


def test_paragraphs_are_joined_up_to_the_limit_and_not_beyond() -> None:
    text = "\n\n".join(["x" * 90] * 10)
    assert [len(section.text) for section in documents.split(text.encode(), 200)] == [182] * 5


def test_a_long_paragraph_is_cut_at_spaces() -> None:
    parts = [section.text for section in documents.split(b"word " * 500, 200)]
    assert all(set(part.split()) == {"word"} for part in parts)
    assert sum(len(part.split()) for part in parts) == 500


@given(st.text(), st.integers(20, 300))
def test_no_passage_is_over_the_limit_and_no_word_is_lost(text: str, chars_max: int) -> None:
    prose = documents.visible(text.replace("#", "")).removeprefix("\ufeff")
    found = documents.split(prose.encode(), chars_max)
    assert all(0 < len(section.text) <= chars_max and section.text.strip() for section in found)
    assert words("".join(section.text for section in found)) == words(prose)


@given(st.binary(max_size=300))
def test_any_bytes_are_passages_or_named_as_no_text(raw: bytes) -> None:
    try:
        documents.split(raw, 50)
    except documents.UnreadableError:
        pass


HOSTILE = {
    "spaces_in_a_heading": "# a" + " " * 200_000 + "b",
    "hashes_in_a_heading": "# " + "# " * 100_000,
    "one_paragraph": "word " * 400_000,
    "one_word": "x" * 2_000_000,
    "blank_lines": "a" + "\n" * 500_000 + "b",
    "blank_lines_with_spaces": "a" + "\n " * 250_000 + "b",
    "headings": "# h\n" * 200_000,
    "deep_headings": "###### h\nx\n" * 50_000,
    "long_heading_above_many": "# " + "x" * 500_000 + "\n" + "## y\nz\n" * 20_000,
    "spaces": " " * 1_000_000 + "x",
}


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_takes_linear_time_and_room(text: str) -> None:
    began_s = time.process_time()
    found = documents.split(text.encode(), 900)
    assert time.process_time() - began_s < LINEAR_S
    assert sum(len(section.heading) + len(section.text) for section in found) < 10 * len(text) + 1_000


def test_a_long_table_is_cut_between_its_rows() -> None:
    rows = [f"| key {number} | meaning of key {number} |" for number in range(60)]
    sections = documents.split("\n".join(rows).encode(), 300)
    assert len(sections) > 3
    assert [line for section in sections for line in section.text.splitlines()] == rows


def test_front_matter_is_no_part_of_a_document() -> None:
    raw = b"---\ntitle: The boiler\ntags:\n  - heating\n- odd\n# note\n\n---\n# Boiler\n\nIt starts at seven.\n"
    assert documents.split(raw, 900) == [documents.Section("Boiler", "It starts at seven.")]


@pytest.mark.parametrize(
    "text",
    ["---\n\nIt starts: at seven.\nAnd more.\n", "---\ntitle: never closed\n", "It starts.\n\n---\nkey: value\n---\n"],
)
def test_what_only_looks_like_front_matter_stays(text: str) -> None:
    assert "\n".join(section.text for section in documents.split(text.encode(), 900)) == text.strip()


@pytest.mark.parametrize("line", ["    x: y", "k" * 200, "- " * 100, ": " * 100])
def test_front_matter_without_an_end_takes_no_time(line: str) -> None:
    began_s = time.process_time()
    documents.split(("---\n" + f"{line}\n" * 5_000).encode(), 900)
    assert time.process_time() - began_s < LINEAR_S
