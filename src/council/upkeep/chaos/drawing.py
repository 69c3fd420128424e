"""Two pictures of a campaign as SVG, for light and dark pages: when each fault was noticed and over, and what it cost.

No library of pictures. Each fault is a row, so that a picture is as high as it has faults.
"""

import html
import math
from collections.abc import Callable, Sequence

from council.upkeep.chaos import outcome

_LEFT, _WIDTH, _ROW, _TOP, _BOTTOM = 170, 520, 18, 30, 24
_LEAST_S, _MOST_S = 0.1, 200.0
_TICKS_S = (0.1, 1, 10, 30, 90, 200)
_STYLE = (
    "<style>text{font:11px sans-serif;fill:#24292f}.rule{stroke:#d1d9e0}.a{fill:#3c5a96}.b{fill:none;stroke:#2a7f3f;"
    "stroke-width:1.5}.c{fill:#b3261e}@media(prefers-color-scheme:dark){text{fill:#d1d9e0}.rule{stroke:#3d444d}"
    ".a{fill:#8aa8e8}.b{stroke:#6cc287}.c{fill:#f2867e}}</style>"
)


def times(faults: Sequence[outcome.Struck]) -> str:
    """Return when faults were noticed (dots) and repaired (rings), on a scale of logarithms."""

    def marks(found: Sequence[outcome.Struck], y: float) -> str:
        dots = [
            f'<circle class="a" cx="{_x(one.shown_s)}" cy="{y}" r="3"/>' for one in found if one.shown_s is not None
        ]
        rings = [
            f'<circle class="b" cx="{_x(one.repair_s)}" cy="{y}" r="5"/>' for one in found if one.repair_s is not None
        ]
        return "".join(dots + rings)

    rules = "".join(
        f'<line class="rule" x1="{_x(at)}" x2="{_x(at)}" y1="{_TOP - 6}" y2="BOTTOM"/>'
        f'<text x="{_x(at)}" y="{_TOP - 10}" text-anchor="middle">{at:g} s</text>'
        for at in _TICKS_S
    )
    return _drawn("Dots: seconds until noticed. Rings: seconds of repair.", faults, marks, rules)


def lost(faults: Sequence[outcome.Struck]) -> str:
    """Return what share of questions was lost: bars of the faults' own, and red ones of all others."""

    def marks(found: Sequence[outcome.Struck], y: float) -> str:
        own = _share(sum(one.own_lost for one in found), sum(one.own_asked for one in found))
        others = _share(sum(one.others_lost for one in found), sum(one.others_asked for one in found))
        return (
            f'<rect class="a" x="{_LEFT}" y="{y - 5}" width="{own * _WIDTH:.1f}" height="5"/>'
            f'<rect class="c" x="{_LEFT}" y="{y}" width="{others * _WIDTH:.1f}" height="5"/>'
        )

    rules = "".join(
        f'<line class="rule" x1="{_LEFT + at * _WIDTH}" x2="{_LEFT + at * _WIDTH}" y1="{_TOP - 6}" y2="BOTTOM"/>'
        f'<text x="{_LEFT + at * _WIDTH}" y="{_TOP - 10}" text-anchor="middle">{at:.0%}</text>'
        for at in (0, 0.25, 0.5, 0.75, 1)
    )
    return _drawn(
        "Questions lost. Upper bars: that needed a faulted part. Lower bars: all others.", faults, marks, rules
    )


def _drawn(
    title: str, faults: Sequence[outcome.Struck], marks: Callable[[Sequence[outcome.Struck], float], str], rules: str
) -> str:
    names = list(dict.fromkeys(one.fault for one in faults))
    bottom = _TOP + len(names) * _ROW
    body = ""
    for number, name in enumerate(names):
        y = _TOP + number * _ROW + _ROW / 2
        body += f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{html.escape(name)}</text>'
        body += marks([one for one in faults if one.fault == name], y)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_LEFT + _WIDTH + 30} {bottom + _BOTTOM}" '
        f'width="{_LEFT + _WIDTH + 30}">{_STYLE}<title>{html.escape(title)}</title>{rules.replace("BOTTOM", str(bottom))}{body}'
        f'<text x="{_LEFT}" y="{bottom + 16}">{html.escape(title)}</text></svg>\n'
    )


def _x(seconds: float) -> float:
    share = math.log(min(_MOST_S, max(_LEAST_S, seconds)) / _LEAST_S) / math.log(_MOST_S / _LEAST_S)
    return round(_LEFT + share * _WIDTH, 1)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
