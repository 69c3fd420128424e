"""Writing HTML of what the parser tells: as its own writer has it, but where Council writes otherwise."""

import html.parser
import re
import urllib.parse

import pyromark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import guides
from council.upkeep.guides import writing


def written(text: str) -> str:
    return writing.write(text, lambda code, language: "")[0]


class Told(html.parser.HTMLParser):
    """What a page says, whoever wrote it: tags by their names, links by where they lead, text without its lines."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._pre = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "input":
            self.said.append("ticked" if "checked" in told else "open")
            return
        self._pre = self._pre or tag == "pre"
        style = (told.get("style") or "").removeprefix("text-align: ")
        address = urllib.parse.unquote(told.get("href") or "", errors="surrogateescape")
        self.said.append(f"<{tag} {told.get('align') or style} {address} {told.get('start')} {told.get('title')}>")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self._pre = self._pre and tag != "pre"
        self.said.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._pre:
            data = " ".join(data.split())
        if data:
            self.said.append(data)


PIECES = st.sampled_from(
    [
        *(
            "a",
            "b c",
            "ä",
            "<",
            "&",
            '"',
            "&amp;",
            "\\*",
            "*",
            "**",
            "_",
            "~~",
            "`",
            "``",
            "[",
            "](u)",
            "](<u v> 'w')",
            "]",
        ),
        *(
            "\n",
            "\n\n",
            "  \n",
            "\\\n",
            "    ",
            "# ",
            "## ",
            "\n===\n",
            "\n---\n",
            "> ",
            "- ",
            "* ",
            "1. ",
            "7) ",
            "  - ",
        ),
        *(
            "```py\n",
            "```\n",
            "~~~\n",
            "| a | b |\n|:-:|--|\n",
            "| 1 | 2 |\n",
            "<b>",
            "</b>",
            "<div>\n",
            "</div>\n",
            "***\n",
        ),
        *("<http://h/ä?b=%2F%>", "<me@host.de>", "[r]", "\n\n[r]: /u%20v 't'\n\n", "- [ ] ", "- [x] "),
    ]
)


@settings(max_examples=400, deadline=None)
@given(pieces=st.lists(PIECES, max_size=30))
def test_what_is_written_is_what_the_parser_itself_would_write(pieces: list[str]) -> None:
    text = "".join(pieces)
    options = writing._EXTENSIONS
    theirs = re.sub(r"</?del>", lambda tag: tag[0].replace("del", "s"), pyromark.html(text, options=options))
    ours = written(text)
    ours = re.sub(r'<span class="task">(.)</span>', lambda box: f"<input {'checked' if box[1] == '☑' else ''}>", ours)
    # Ours has no body of a table without rows.
    theirs = theirs.replace("<tbody>\n</tbody>", "")
    assert "".join(Told(ours).said) == "".join(Told(theirs).said), text


def test_a_note_that_is_used_twice_leads_back_to_both_and_one_that_is_not_is_left_out() -> None:
    shown = written("A[^n] b[^N] c[^m].\n\n[^m]: second\n[^n]: first[^m]\n[^u]: nobody asks\n[^n]: again\n")
    assert shown == (
        '<p>A<sup class="footnote-ref"><a href="#fn1" id="fnref1">[1]</a></sup>'
        ' b<sup class="footnote-ref"><a href="#fn1" id="fnref1:1">[1:1]</a></sup>'
        ' c<sup class="footnote-ref"><a href="#fn2" id="fnref2">[2]</a></sup>.</p>\n'
        '<hr />\n<section class="footnotes">\n<ol class="footnotes-list">\n'
        '<li id="fn1" class="footnote-item"><p>first<sup class="footnote-ref"><a href="#fn2" id="fnref2:1">[2:1]</a></sup>'
        ' <a href="#fnref1" class="footnote-backref">↩\ufe0e</a> <a href="#fnref1:1" class="footnote-backref">↩\ufe0e</a></p>\n'
        '</li>\n<li id="fn2" class="footnote-item"><p>second <a href="#fnref2" class="footnote-backref">↩\ufe0e</a>'
        ' <a href="#fnref2:1" class="footnote-backref">↩\ufe0e</a></p>\n</li>\n</ol>\n</section>\n'
    )


def test_a_note_without_a_text_is_text_and_one_may_end_in_code_or_stand_in_a_quotation() -> None:
    assert written("A[^x].\n") == "<p>A[^x].</p>\n"
    shown = written("> A[^x].\n>\n> [^x]: Do\n>\n>         it\n")
    assert shown.startswith("<blockquote>\n<p>A<sup") and "</p>\n</blockquote>\n<hr />\n" in shown
    assert '<pre><code>it\n</code></pre>\n <a href="#fnref1" class="footnote-backref">' in shown


def test_tasks_are_told_from_other_items_at_each_depth() -> None:
    shown = written("- a\n  - [ ] b\n\n  - [x] c\n- d\n\n1. [x] e\n")
    assert shown.startswith(
        '<ul>\n<li>a\n<ul class="contains-task-list">\n<li class="task-list-item">\n<p><span class="task">☐'
    )
    assert (
        '<li class="task-list-item">\n<p><span class="task">☑</span> c</p>\n</li>\n</ul>\n</li>\n<li>d</li>\n</ul>\n'
        in shown
    )
    assert shown.endswith('<ol>\n<li class="task-list-item"><span class="task">☑</span> e</li>\n</ol>\n')


def test_a_picture_is_the_text_in_it() -> None:
    assert written("![a *b* `<c>` ![d](e) [f](g)\nh <i>j</i>](k) l\n") == "<p>a b &lt;c&gt; d f h j l</p>\n"
    html, headings = writing.write("# A ![b\n*c*](d) `e`\n", lambda code, language: "")
    assert headings == (guides.Heading(1, "A ![b", "guide-a-b"),)
    html, headings = writing.write("A ![b\n*c*](d) `e` <i>f</i>\n===\n", lambda code, language: "")
    assert (
        headings == (guides.Heading(1, "A b c e f", "guide-a-b-c-e-f"),) and '<h1 id="a-b-c-e-f">A b c <code>' in html
    )


def test_anchors_are_no_way_out_of_their_attribute() -> None:
    html, [heading] = writing.write('# a" onclick=x `<b>` &quot;\n', lambda code, language: "")
    assert heading.anchor == "guide-a-onclickx-b-" and html.startswith('<h1 id="a-onclickx-b-">')


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/ä b", "/%C3%A4%20b"),
        ("/100%", "/100%25"),
        ("/%2f%zz", "/%2f%25zz"),
        ('/"', "/%22"),
        ("/a&b'", "/a&amp;b&#x27;"),
    ],
)
def test_addresses_are_written_as_browsers_take_them(address: str, expected: str) -> None:
    assert written(f"[x](<{address}>)") == f'<p><a href="{expected}">x</a></p>\n'


def test_code_is_given_its_colours_by_the_first_word_of_its_fence() -> None:
    asked = []

    def colour(code: str, language: str) -> str:
        asked.append((code, language))
        return "<i>c</i>" if language == "py" else ""

    html, _ = writing.write("```py figures\na<b\n```\n\n```\nc<d\n```\n\n    e<f\n\n```un known\ng<h\n```\n", colour)
    assert asked == [("a<b\n", "py"), ("g<h\n", "un")]
    assert re.findall(r"<pre><code>(.*?)</code></pre>\n", html, re.DOTALL) == [
        "<i>c</i>", "c&lt;d\n", "e&lt;f\n", "g&lt;h\n"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["> " * 99 + "a", "- " * 33 + "a", "*a **" * 49 + "b" + "** c*" * 49])
def test_what_is_nested_as_people_do_is_written(text: str) -> None:
    assert written(text)


@pytest.mark.parametrize("text", ["> " * 120 + "a", "- " * 60 + "a", "*a **" * 60 + "b" + "** c*" * 60, "> " * 500_000])
def test_what_is_nested_deeper_is_a_fault(text: str) -> None:
    with pytest.raises(guides.FaultyError, match="too deep"):
        written(text)


@pytest.mark.parametrize("text", ["a[^n] " * 100_000 + "\n\n[^n]: b\n", "&" * 1_000_000], ids=["footnote", "escape"])
def test_a_short_text_that_would_be_a_long_page_is_a_fault(text: str) -> None:
    with pytest.raises(guides.FaultyError, match="over 4,194,304 characters"):
        written(text)


@pytest.mark.parametrize(
    "text",
    [
        # Rows that lack their cells are filled up with empty ones.
        "|" + "a|" * 4_000 + "\n|" + "-|" * 4_000 + "\n" + "|a|\n" * 4_000,
        # One definition, used by all the others.
        "[a]: " + "x" * 100_000 + "\n\n" + "[a] " * 10_000,
    ],
    ids=["table", "reference"],
)
def test_what_the_parser_itself_would_make_long_it_bounds(text: str) -> None:
    assert len(written(text)) < writing.HTML_CHARS_MAX


def test_only_so_many_headings_are_told() -> None:
    html, headings = writing.write("# a\n" * 600, lambda code, language: "")
    assert len(headings) == 500 and html.count("<h1>") == 100 and headings[-1].anchor == "guide-a-499"
