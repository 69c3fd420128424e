import dataclasses
import html.parser
import json

import pytest

import observer_cases
from council.domain import digests as forms
from council.upkeep.observer import digests, layouts, pictures, renderings

VOID = {"meta", "br", "line", "polyline"}


class _Page(html.parser.HTMLParser):
    """What a page holds: elements in order, their attributes, and the texts between them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def page() -> layouts.Page:
    return layouts.page(digests.digest(observer_cases.day()))


def _read(text: str) -> _Page:
    read = _Page()
    read.feed(text)
    read.close()
    assert not read.open
    return read


def test_no_line_for_a_terminal_is_wider_than_it_or_holds_a_sign_that_it_would_obey(page: layouts.Page) -> None:
    for width in (60, 80, 100):
        lines = renderings.text(page, width).split("\n")
        assert max(map(len, lines)) <= width
        assert all(line.isprintable() for line in lines)


def test_a_cell_that_is_cut_says_so() -> None:
    table = layouts.Table(("A", "B"), (("x", "word " * 300 + "THE-END"),))
    text = renderings.text(layouts.Page("t", (table,)), 60)
    assert "THE-END" not in text and "…" in text


def test_a_long_cell_goes_on_in_the_next_line() -> None:
    table = layouts.Table(("A", "B"), (("x", "word " * 30),))
    lines = renderings.text(layouts.Page("t", (table,)), 60).split("\n")
    assert sum("word" in line for line in lines) > 1


def test_the_page_is_whole_and_needs_nothing_beside_it(page: layouts.Page) -> None:
    text = renderings.page_html(page)
    read = _read(text)
    names = {name for name, _ in read.elements}
    assert not names & {"script", "link", "iframe", "img", "object", "form", "style", "base"}
    addresses = [
        value for _, attributes in read.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    assert not addresses
    assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text


def test_what_somebody_else_wrote_is_text_on_the_page(page: layouts.Page) -> None:
    text = renderings.page_html(page)
    assert "<script" not in text
    assert "<script>alert(1)</script>" in _read(text).words
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_title_in_the_heading_is_escaped_as_well() -> None:
    made = layouts.Page("</title><script>", (layouts.Heading("<b>", first=True), layouts.Listing((("<i>", "<u>"),))))
    assert {name for name, _ in _read(renderings.page_html(made)).elements}.isdisjoint({"script", "b", "i", "u"})


def test_blocks_for_slack_keep_its_limits(page: layouts.Page) -> None:
    blocks = renderings.slack(page)
    json.dumps(blocks)
    assert 0 < len(blocks) <= renderings.SLACK_BLOCKS_MAX
    for block in blocks:
        assert block["type"] in ("header", "section", "divider", "context")
        if block["type"] == "header":
            assert block["text"]["type"] == "plain_text"
            assert 0 < len(block["text"]["text"]) <= 150
        if block["type"] == "section":
            assert 0 < len(block["text"]["text"]) <= renderings.SLACK_TEXT_MAX


def test_a_long_page_for_slack_says_what_is_left_out() -> None:
    paragraphs = [layouts.Paragraph("x" * 9000) for _ in range(80)]
    table = layouts.Table(("A",), tuple((f"row {number}",) for number in range(900)))
    blocks = renderings.slack(layouts.Page("t", (*paragraphs, table)))
    assert len(blocks) == renderings.SLACK_BLOCKS_MAX
    assert "left out" in blocks[-1]["elements"][0]["text"]


def test_in_slack_nothing_mentions_or_links_anybody(page: layouts.Page) -> None:
    marked = [block["text"] for block in renderings.slack(page) if block["type"] == "section"]
    assert all(one["verbatim"] for one in marked)
    words = "\n".join(one["text"] for one in marked)
    assert "&lt;!channel&gt;" in words
    assert "<!" not in words
    assert "<@" not in words
    assert words.count("```") % 2 == 0


def test_code_of_slack_cannot_be_ended_from_within() -> None:
    table = layouts.Table(("A",), (("``` <!here> ```",),))
    block = renderings.slack(layouts.Page("t", (layouts.Listing((("`a` ```", "b`c"),)), table)))
    assert block[1]["text"]["text"].count("```") == 2
    assert block[0]["text"]["text"].endswith("`b'c`")


def test_a_flat_series_is_drawn_flat_and_one_that_jumps_is_not() -> None:
    flat = forms.Plot("it", "ms", "q", tuple((float(at), 100 + at % 2) for at in range(90)), 1000.0)
    jump = dataclasses.replace(flat, points=tuple((float(at), 900.0 if at > 60 else 100.0) for at in range(90)))
    assert "█" not in pictures.sparkline(flat)
    assert pictures.sparkline(jump).count("█") > 5


def test_a_plot_of_one_value_or_of_noughts_can_be_drawn() -> None:
    for values in ([0.0, 0.0], [5.0, 5.0], [-1.0, 1.0]):
        one = forms.Plot("<it>", "", "q", tuple(enumerate(values)), 10.0)
        assert "nan" not in pictures.svg(one)
        assert "<it>" not in pictures.svg(one)
        assert pictures.sparkline(one).startswith("<it>")


def test_a_digest_that_knows_nothing_can_be_shown_everywhere() -> None:
    day = observer_cases.day()
    bare = dataclasses.replace(
        day, gates=(), histories=(), tracks=(), incidents=(), patches=(), findings=(), services=(), missing=()
    )
    made = layouts.page(digests.digest(bare))
    assert "Nothing needs to be done." in renderings.text(made)
    assert _read(renderings.page_html(made)).words
    assert renderings.slack(made)
