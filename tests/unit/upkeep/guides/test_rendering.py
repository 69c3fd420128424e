"""Pages: what of Markdown they show, and that nothing of an attacker's goes through."""

import html.parser
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import guides
from council.upkeep.guides import rendering, writing


def page(text: str) -> str:
    return rendering.render(text).html


def test_tables_are_shown_with_their_alignment() -> None:
    shown = page("| a | b |\n|:-:|--:|\n| 1 | 2 |\n")
    assert '<th align="center">a</th>' in shown and '<td align="right">2</td>' in shown


def test_tasks_are_shown_as_characters_and_not_as_forms() -> None:
    shown = page("- [ ] open\n- [x] done\n")
    assert "☐</span> open" in shown and "☑</span> done" in shown and "<input" not in shown


def test_footnotes_lead_there_and_back() -> None:
    shown = page("Text[^1].\n\n[^1]: A note.\n")
    assert 'href="#guide-fn1"' in shown and '<li id="guide-fn1"' in shown and 'href="#guide-fnref1"' in shown


def test_code_is_coloured_where_its_language_is_known() -> None:
    assert '<span class="k">def</span>' in page("```python\ndef f(): ...\n```\n")
    assert page("```unheard-of\n<b>\n```\n") == "<pre><code>&lt;b&gt;\n</code></pre>\n"
    assert "<span" not in page("```python\n" + "x = 1\n" * 5_000 + "```\n")


def test_headings_have_anchors_as_on_the_forge() -> None:
    made = rendering.render("# What it *is*, `x`\n\n## Twice\n\n## Twice\n\nSet\n---\n")
    assert made.headings == (
        guides.Heading(1, "What it is, x", "guide-what-it-is-x"),
        guides.Heading(2, "Twice", "guide-twice"),
        guides.Heading(2, "Twice", "guide-twice-1"),
        guides.Heading(2, "Set", "guide-set"),
    )
    assert all(f'id="{one.anchor}"' in made.html for one in made.headings)


@pytest.mark.parametrize(
    ("written", "leads_to"),
    [
        ("../reference/config.md", "config"),
        ("Other%20Guide.md#A-part", "other-guide#guide-A-part"),
        ("#here", "#guide-here"),
        ("https://example.com/a.md", "https://example.com/a.md"),
        ("mailto:ann@example.com", "mailto:ann@example.com"),
        ("/livez", "/livez"),
        ("picture.svg", "picture.svg"),
    ],
)
def test_where_links_lead(written: str, leads_to: str) -> None:
    assert f'<a href="{leads_to}" rel="noopener noreferrer nofollow">' in page(f"[x]({written})")


def test_pictures_give_way_to_their_text_and_nothing_is_loaded() -> None:
    shown = page("![A *map*](https://example.com/track.png) <img src=https://example.com/t.png alt=t>")
    assert "A map" in shown and "example.com" not in shown


def test_a_page_that_would_be_too_large_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "HTML_CHARS_MAX", 100)
    with pytest.raises(guides.FaultyError, match="Split it"):
        rendering.render("word " * 40)
    # Each is closed, so that the page is longer than what it is made of.
    with pytest.raises(guides.FaultyError, match="Split it"):
        rendering.render("<b>" * 25)


# What browsers have run at one time or another: scripts, handlers, addresses that are programs, parsers led astray, what loads.
ATTACKS = tuple(json.loads((Path(__file__).parents[3] / "markup_attacks.json").read_text()))

VOID = {"br", "hr", "wbr"}
ATTRIBUTES = {"id", "class", "href", "title", "rel", "align", "colspan", "rowspan", "start", "open"}
ADDRESS = re.compile(r"(?:https?://[^\\]|mailto:|#|(?![a-z][a-z0-9+.-]*:|[/\\]{2})[^\x00-\x20]*$)", re.IGNORECASE)
CLASS = re.compile(
    r"(?:[a-z][a-z0-9]{0,3}|task|task-list-item|contains-task-list|footnote-item|footnote-ref|footnotes|footnotes-list|footnote-backref)"
)


class Judge(html.parser.HTMLParser):
    """Takes a page apart, and fails for whatever is in none of these lists. It knows nothing of the sanitiser."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in rendering._TAGS, tag
        assert tag not in {"script", "style", "img", "iframe", "form", "input", "svg", "math", "object", "base", "meta"}
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            value = value or ""
            assert name != "id" or value.startswith("guide-"), value
            assert name != "href" or ADDRESS.match(value), value
            assert name != "class" or all(map(CLASS.fullmatch, value.split())), value
            assert tag != "a" or name != "href" or ("rel", "noopener noreferrer nofollow") in attrs

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = unknown_decl = handle_pi = handle_comment


def judge(text: str) -> None:
    shown = page(text)
    parser = Judge(convert_charrefs=True)
    parser.feed(shown)
    parser.close()
    # Nothing in it changes when it is parsed anew, which is how parsers are led astray.
    assert rendering._cleaner().clean(shown).count("<") == shown.count("<")


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_no_attack_goes_through(attack: str) -> None:
    for text in (
        attack,
        f"> {attack}",
        f"- a\n\n  {attack}",
        f"<div>{attack}</div>",
        f"a {attack} b\n\n{attack}{attack}",
    ):
        judge(text)


PIECES = st.sampled_from(
    [*ATTACKS, "\n\n", "<b>", "</b>", "*", "`", "```\n", "> ", "|", "---\n", "<!--", "-->", "[", "](", ")", "&lt;", "<"]
)


@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(PIECES, max_size=8))
def test_no_mixture_of_attacks_goes_through(pieces: list[str]) -> None:
    judge("".join(pieces))


def test_the_judge_condemns_what_is_not_sanitised() -> None:
    condemned = 0
    for attack in ATTACKS:
        try:
            Judge().feed(attack)
        except AssertionError:
            condemned += 1
    assert condemned > len(ATTACKS) * 0.6
