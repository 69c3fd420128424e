"""Pages as text for a terminal, as HTML that needs nothing beside it, and as Slack's blocks. Pure.

Whatever stands in a block may be somebody else's words: HTML is escaped whole, a terminal gets no sign that it would obey, and
in Slack nothing can mention or link anybody.
"""

import html
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any, assert_never

from council.domain import digests, incidents
from council.upkeep.observer import layouts, pictures

WIDTH_MAX = 100
SLACK_BLOCKS_MAX = 50
SLACK_TEXT_MAX = 3000
_SLACK_HEADER_MAX = 150
_CELL_MIN, _CELL_LINES_MAX = 12, 4
_CELL_CHARS_MAX = 400
_INK, _QUIET, _RULE, _GROUND = "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa"
_FONT = "-apple-system,Segoe UI,Helvetica,Arial,sans-serif"
_MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"


def _plain(text: str) -> str:
    return incidents.one_line(text, _CELL_CHARS_MAX)


def text(page: layouts.Page, width: int = WIDTH_MAX) -> str:
    """Return a page for a terminal, no line wider than `width`."""
    lines: list[str] = []
    for block in page.blocks:
        match block:
            case layouts.Heading():
                title = _cut(_plain(block.text), width)
                lines += ["", title, ("=" if block.first else "-") * len(title)] if lines else [title, "=" * len(title)]
            case layouts.Paragraph():
                lines += ["", *textwrap.wrap(_long(block.text), width)]
            case layouts.Listing():
                lines += ["", *_points(block, width)]
            case layouts.Table():
                lines += ["", *_columns(block, width)]
            case layouts.Pictures():
                lines += ["", *(_cut(pictures.sparkline(one), width) for one in block.plots)]
            case _:
                assert_never(block)
    return "\n".join(lines) + "\n"


def _long(words: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in words)


def _points(block: layouts.Listing, width: int) -> Iterator[str]:
    for words, command in block.points:
        yield from textwrap.wrap(_long(words), width, initial_indent="- ", subsequent_indent="  ")
        if command:
            yield _cut(f"    {_plain(command)}", width)


def _columns(block: layouts.Table, width: int) -> Iterator[str]:
    rows = [tuple(_plain(cell) for cell in row) for row in (block.head, *block.rows)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(block.head))]
    while sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > _CELL_MIN:
        widest = widths.index(max(widths))
        over = sum(widths) + 2 * (len(widths) - 1) - width
        widths[widest] = max(_CELL_MIN, widths[widest] - over)
    for row in rows:
        cells = [_wrapped(cell, room) for cell, room in zip(row, widths, strict=True)]
        for place in range(max(1, *map(len, cells))):
            parts = [cell[place] if place < len(cell) else "" for cell in cells]
            set_out = (
                part.rjust(room) if column in block.right else part.ljust(room)
                for column, (part, room) in enumerate(zip(parts, widths, strict=True))
            )
            yield _cut("  ".join(set_out).rstrip(), width)


def _wrapped(cell: str, room: int) -> list[str]:
    """Return a cell in lines; what does not fit into them is shown as left out."""
    return textwrap.wrap(cell, room, max_lines=_CELL_LINES_MAX, placeholder="…")


def _cut(words: str, width: int) -> str:
    return words if len(words) <= width else words[: width - 1] + "…"


def page_html(page: layouts.Page) -> str:
    """Return a page as HTML: one file, styles beside each element as mail programs want them, no script and nothing fetched."""
    body = "".join(_html(block) for block in page.blocks)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_escaped(page.title)}</title></head>"
        f'<body style="margin:0;padding:24px;background:{_GROUND};color:{_INK};font-family:{_FONT};font-size:14px;'
        'line-height:1.5">'
        '<table role="presentation" cellpadding="0" cellspacing="0" width="100%"><tr><td align="center">'
        '<div style="max-width:760px;text-align:left;background:#ffffff;border:1px solid '
        f'{_RULE};border-radius:8px;padding:24px">{body}</div></td></tr></table></body></html>\n'
    )


def _escaped(words: str) -> str:
    return html.escape(_long(words)[: 5 * _CELL_CHARS_MAX], quote=True)


def _html(block: layouts.Block) -> str:
    match block:
        case layouts.Heading():
            name, size = ("h1", 22) if block.first else ("h2", 16)
            return f'<{name} style="font-size:{size}px;margin:20px 0 8px">{_escaped(block.text)}</{name}>'
        case layouts.Paragraph():
            return f'<p style="margin:8px 0">{_escaped(block.text)}</p>'
        case layouts.Listing():
            points = "".join(_point(words, command) for words, command in block.points)
            return f'<ul style="margin:8px 0;padding-left:20px">{points}</ul>'
        case layouts.Table():
            return _table(block)
        case layouts.Pictures():
            return "".join(_picture(one) for one in block.plots)
        case _:
            assert_never(block)


def _point(words: str, command: str) -> str:
    code = (
        f'<br><code style="font-family:{_MONO};font-size:12px;background:{_GROUND};padding:2px 6px;border-radius:4px">'
        f"{_escaped(command)}</code>"
    )
    return f'<li style="margin:6px 0">{_escaped(words)}{code if command else ""}</li>'


def _table(block: layouts.Table) -> str:
    def row(cells: Sequence[str], name: str, colour: str) -> str:
        made = "".join(
            f'<{name} align="{"right" if place in block.right else "left"}" style="padding:4px 10px 4px 0;font-size:13px;'
            f"font-weight:normal;color:{colour};border-bottom:1px solid {_RULE};vertical-align:top;"
            f'{"white-space:nowrap" if place in block.right else "overflow-wrap:anywhere"}">{_escaped(cell)}</{name}>'
            for place, cell in enumerate(cells)
        )
        return f"<tr>{made}</tr>"

    rows = "".join(row(one, "td", _INK) for one in block.rows)
    head = row([one.lower() for one in block.head], "th", _QUIET)
    return (
        '<table cellpadding="0" cellspacing="0" width="100%" style="border-collapse:collapse;margin:8px 0">'
        f"{head}{rows}</table>"
    )


def _picture(one: digests.Plot) -> str:
    low, high, last = pictures.ends(one)
    words = f"{one.name}: {low} to {high}, at the end {last}" + (f"; must be {pictures.must(one)}" if one.limit else "")
    return f'<p style="margin:10px 0 2px;font-size:13px;color:{_QUIET}">{_escaped(words)}</p>{pictures.svg(one)}'


def slack(page: layouts.Page) -> list[dict[str, Any]]:
    """Return a page as Slack's blocks, within its limits; where it is longer, the last block says so."""
    return _bounded([made for block in page.blocks for made in _slack(block)], "council observe digest")


def slack_lines(title: str, lines: Sequence[str], command: str, foot: str) -> list[dict[str, Any]]:
    """Return lines under a title as Slack's blocks, within its limits; `command` shows more, and `foot` stands below it all."""
    blocks = [_header(title)]
    if len(_plain(title)) > _SLACK_HEADER_MAX:
        blocks.append(_section(f"*{_mild(title)}*"))
    blocks += _sections(map(_mild, lines))
    more = [_section(f"More: `{_mild(command, ticks=False)}`")] if command else []
    return _bounded([*blocks, *more, {"type": "context", "elements": [_marked(_mild(foot))]}], command)


def _bounded(blocks: list[dict[str, Any]], command: str) -> list[dict[str, Any]]:
    if len(blocks) <= SLACK_BLOCKS_MAX:
        return blocks
    left_out = len(blocks) - SLACK_BLOCKS_MAX + 1
    where = f": `{_mild(command, ticks=False)}`" if command else ""
    more = f"There is more, of which {left_out} parts are left out here{where}."
    return [*blocks[: SLACK_BLOCKS_MAX - 1], {"type": "context", "elements": [_marked(more)]}]


def _header(title: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": _cut(_plain(title), _SLACK_HEADER_MAX)}}


def _slack(block: layouts.Block) -> Iterator[dict[str, Any]]:
    match block:
        case layouts.Heading() if block.first:
            yield _header(block.text)
        case layouts.Heading():
            yield {"type": "divider"}
            yield _section(f"*{_mild(block.text)}*")
        case layouts.Paragraph():
            yield _section(_mild(block.text))
        case layouts.Listing():
            points = (
                f"• {_mild(words)}" + (f"\n      `{_mild(command, ticks=False)}`" if command else "")
                for words, command in block.points
            )
            yield from _sections(points)
        case layouts.Table():
            yield from _sections(_columns(block, 90), fenced=True)
        case layouts.Pictures():
            yield from _sections((pictures.sparkline(one) for one in block.plots), fenced=True)
        case _:
            assert_never(block)


def _sections(lines: Iterator[str], *, fenced: bool = False) -> Iterator[dict[str, Any]]:
    """Yield sections that hold the lines, as many in each as fit."""
    room = SLACK_TEXT_MAX - 10
    wrap: Callable[[str], str] = (lambda inner: f"```\n{inner}\n```") if fenced else (lambda inner: inner)
    kept = ""
    for line in lines:
        told = _cut(_mild(line) if fenced else line, room)
        if kept and len(kept) + 1 + len(told) > room:
            yield _section(wrap(kept))
            kept = ""
        kept = f"{kept}\n{told}" if kept else told
    if kept:
        yield _section(wrap(kept))


def _mild(words: str, *, ticks: bool = True) -> str:
    """Return a text in which Slack finds no mention, no link and no end of code."""
    plain = _long(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("```", "'''") if ticks else plain.replace("`", "'")


def _section(words: str) -> dict[str, Any]:
    return {"type": "section", "text": _marked(words)}


def _marked(words: str) -> dict[str, Any]:
    # Verbatim: Slack shall make nothing of what only looks like an address, a channel or a name.
    return {"type": "mrkdwn", "text": _cut(words, SLACK_TEXT_MAX), "verbatim": True}
