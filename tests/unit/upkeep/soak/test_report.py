"""The report of a soak: what it says, and that its pictures are pictures."""

import dataclasses
import html.parser
import json
import math
import string
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import gates, watching
from council.testing import watch
from council.upkeep.soak import letters, load, pictures, record, report

GREEN, RED, UNKNOWN = gates.Verdict.GREEN, gates.Verdict.RED, gates.Verdict.UNKNOWN
PNG_HEAD = 8 + 25


def soak(verdict: gates.Verdict = GREEN, ran_s: float = 60.0) -> report.Soak:
    """Return a soak of a minute whose first gate said this at its end."""
    seen, asked = record.Record(), load.Asked()
    for second in range(0, 60, 5):
        says = verdict if second > 30 else GREEN
        lines = [
            watch.line("error_rate", says, None if says is UNKNOWN else float(second)),
            dataclasses.replace(watch.line("gpu_memory", gates.Verdict.NOT_APPLICABLE), reason="no <card>"),
        ]
        seen.take(float(second), watching.Sight(1, 0.0, lines), 0.0)
    for took_s in (0.1, 0.2, 0.9):
        asked.take("math", load.ANSWERED, took_s)
    asked.take("math", "status <503>", 0.5)
    rulings = seen.rulings(10.0, {})
    return report.Soak(
        "light", 60.0, ran_s, 10.0, ran_s < 60, "2026-11-29 12:00:00 UTC", "a" * 40, asked, seen, rulings
    )


def test_a_soak_passes_only_to_its_end_and_without_a_failure() -> None:
    assert soak().passed and soak().verdict == "Passed: 1 passed, 1 not applicable."
    assert not soak(RED).passed and soak(RED).verdict == "Failed: 1 failed, 1 not applicable."
    assert not soak(UNKNOWN).passed
    assert not soak(ran_s=50).passed and soak(ran_s=50).verdict.startswith("Stopped before its end: ")
    assert not dataclasses.replace(soak(), rulings=[]).passed


def test_the_report_says_how_long_it_really_ran_and_what_came_of_the_questions() -> None:
    told = report.as_json(soak(RED, 50.0))
    assert (told["ran_s"], told["wanted_s"], told["stopped"], told["passed"]) == (50.0, 60.0, True, False)
    assert told["asked"] == {"math": {"answered": 3, "status <503>": 1}}
    assert told["gates"][0]["seen"] == {"green": 5, "red": 5}
    assert "ran 50 s of 60 s" in report.facts(soak(RED, 50.0))
    p50_s, p95_s = told["seconds"]["math"]
    assert math.isclose(p50_s, 0.2, rel_tol=1e-6) and math.isclose(p95_s, 0.9, rel_tol=1e-6)


def test_the_page_stands_alone_and_quotes_what_others_said(tmp_path: Path) -> None:
    report.write(soak(RED), tmp_path / "made" / "here")
    folder = tmp_path / "made" / "here"
    page = (folder / "index.html").read_text()
    html.parser.HTMLParser().feed(page)
    assert "status &lt;503&gt;" in page and "no &lt;card&gt;" in page and "<card>" not in page
    assert "src=" not in page and "href=" not in page and "<script" not in page
    assert json.loads((folder / "soak.json").read_text())["passed"] is False
    assert sorted(one.name for one in folder.iterdir()) == ["error_rate.png", "index.html", "soak.json"]


def decoded(picture: bytes) -> list[bytes]:
    """Return the rows of a PNG, whose chunks are checked."""
    place, found, body = 8, [], b""
    while place < len(picture):
        (length,) = struct.unpack(">I", picture[place : place + 4])
        kind, content = picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]
        assert struct.unpack(">I", picture[place + 8 + length : place + 12 + length])[0] == zlib.crc32(kind + content)
        found.append(kind)
        body += content if kind == b"IDAT" else b""
        place += 12 + length
    assert found == [b"IHDR", b"IDAT", b"IEND"]
    height = pictures.TOP + pictures.HEIGHT + pictures.BOTTOM
    raw, stride = zlib.decompress(body), 1 + 3 * (pictures.LEFT + pictures.WIDTH + pictures.RIGHT)
    assert len(raw) == stride * height
    return [raw[row * stride + 1 : (row + 1) * stride] for row in range(height)]


def plot(picture: bytes) -> list[bytes]:
    """Return the rows of the plot within a PNG."""
    rows = decoded(picture)[pictures.TOP : pictures.TOP + pictures.HEIGHT]
    return [row[3 * pictures.LEFT : 3 * (pictures.LEFT + pictures.WIDTH)] for row in rows]


def says(picture: bytes, text: str, colour: tuple[int, int, int] = (40, 40, 40)) -> bool:
    """Whether these words stand in a PNG: each of their dots, and no other of that colour around them."""
    rows = decoded(picture)
    inked = {
        (place // 3, y)
        for y, row in enumerate(rows)
        for place in range(0, len(row), 3)
        if row[place : place + 3] == bytes(colour)
    }
    wanted = sorted(letters.dots(text, 2))
    first_x, first_y = wanted[0]
    for x, y in inked:
        left, top = x - first_x, y - first_y
        if all((left + at, top + down) in inked for at, down in wanted):
            box = {(left + at, top + down) for at in range(len(text) * 12) for down in range(16)}
            if len(inked & box) == len(wanted):
                return True
    return False


def test_a_png_shows_what_was_said_in_its_band() -> None:
    seen = [pictures.Column(1.0, 1.0, GREEN)] * 32 + [pictures.Column(9.0, 8.0, RED)] * 32
    rows = plot(pictures.png("error_rate", seen, "<", 5.0, 0.1, "5 min"))
    last = rows[-1]
    assert last[:3] == bytes((42, 127, 63)) and last[-3:] == bytes((179, 38, 30))
    assert any(bytes((60, 90, 150)) in row for row in rows[: pictures.HEIGHT - 12])


def test_a_png_says_in_words_what_it_shows() -> None:
    seen = [pictures.Column(1.0, 1.0, GREEN)] * 32 + [pictures.Column(9.0, 8.0, RED)] * 32
    picture = pictures.png("error_rate, %", seen, "<", 5.0, 0.1, "48.0 min")
    for words in ("error_rate, %", "green", "red", "9.9", "time, grey: warm-up", "48.0 min"):
        assert says(picture, words), words
    assert says(picture, "must be < 5", (179, 38, 30))
    assert not says(picture, "amber") and not says(picture, "unknown") and not says(picture, "error_rate, $")


def test_a_title_that_is_too_long_ends_before_the_colours_names() -> None:
    seen = [pictures.Column(1.0, 1.0, verdict) for verdict in gates.Verdict]
    picture = pictures.png("a" * 200, seen, "<", 5.0, 0.0, "5 min")
    assert all(says(picture, verdict) for verdict in gates.Verdict)


def test_each_letter_is_another_and_of_an_unknown_one_there_is_a_question_mark() -> None:
    known = string.ascii_letters + string.digits + ".,-_+<>=%/$:()?"
    drawn = {letter: frozenset(letters.dots(letter, 1)) for letter in known}
    assert len(set(drawn.values())) == len(known)
    assert all(0 <= x < 5 and 0 <= y < 8 for dots in drawn.values() for x, y in dots)
    assert frozenset(letters.dots("é", 1)) == drawn["?"] and list(letters.dots(" ", 1)) == []


columns = st.lists(
    st.builds(
        lambda low, more, verdict: pictures.Column(low + more, low, verdict),
        st.floats(-1e9, 1e9) | st.just(math.nan), st.floats(0, 1e9), st.sampled_from(gates.Verdict),
    ),
    min_size=1, max_size=700,
)  # fmt: skip


@settings(deadline=None)  # a picture of 700 columns takes a busy machine a while
@given(columns, st.floats(0, 1e9), st.floats(0, 1))
def test_whatever_was_seen_makes_pictures(seen: list[pictures.Column], limit: float, warm_up: float) -> None:
    decoded(pictures.png("a < b", seen, "<", limit, warm_up, "5 min"))
    drawn = pictures.svg("a < b", seen, "<", limit, warm_up, "5 min")
    assert "nan" not in drawn and "inf" not in drawn
    ElementTree.fromstring(drawn)


@given(st.lists(st.tuples(st.sampled_from(gates.Verdict), st.floats(0, 10) | st.just(math.nan)), max_size=3000))
def test_no_bad_reading_is_lost_between_two_columns(readings: list[tuple[gates.Verdict, float]]) -> None:
    made = pictures.columns([one for one, _ in readings], [value for _, value in readings])
    assert len(made) <= pictures.WIDTH
    assert (RED in {one.verdict for one in made}) == (RED in {verdict for verdict, _ in readings})
    finite = [value for _, value in readings if math.isfinite(value)]
    if finite:
        assert max(one.high for one in made if math.isfinite(one.high)) == max(finite)


def test_a_line_breaks_where_nothing_is_known_and_goes_to_the_end() -> None:
    seen = [pictures.Column(value, value, gates.Verdict.GREEN) for value in (1.0, 2.0, math.nan, 3.0)]
    drawn = pictures.svg("a", seen, "<", 10.0, 0.0, "5 min")
    lines = [
        one.attrib["points"].split() for one in ElementTree.fromstring(drawn).iter() if one.tag.endswith("polyline")
    ]
    edges = [[float(point.partition(",")[0]) / pictures.WIDTH * len(seen) for point in line] for line in lines]
    assert edges == [[0, 1, 2], [3, 4]]
    assert drawn.count("<rect") == 2


def test_a_jump_is_part_of_the_line_of_dots() -> None:
    seen = [pictures.Column(value, value, gates.Verdict.GREEN) for value in (1.0, 9.0)]
    rows = plot(pictures.png("error_rate", seen, "<", 10.0, 0.0, "5 min"))
    blue = [y for y, row in enumerate(rows) if row[3 * 320 : 3 * 320 + 3] == bytes((60, 90, 150))]
    assert blue == list(range(blue[0], blue[-1] + 1)) and len(blue) > 70
