"""Times of day: sums with durations, spans, fixed offsets from UTC. Zone names are passed on: what they mean changes."""

import re
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops

_DAY_MINUTES = 24 * 60
_DURATION_DAYS_MAX = 366
_TIME = r"(\d{1,2}:\d{2}( ?[ap]\.?m\.?)?|\d{1,2} ?[ap]\.?m\.?|noon|midnight)"
_PARTS = re.compile(
    rf"({numbers.LEADING}|an?|half an|{numbers.WORD})\s?(hours?|hrs?|h|minutes?|mins?|min|m)(?![a-z])",
    re.IGNORECASE | re.ASCII,
)
_SPAN = (
    rf"({numbers.LEADING}|half an|an?|{numbers.WORD})\s?(hours?|hrs?|h|minutes?|mins?|min|m)(?![a-z])"
    rf"(( and |, | ?)({numbers.LEADING}|{numbers.WORD})\s?(minutes?|mins?|min|m)(?![a-z]))?"
)
_CHECK = "counted in minutes and back"


def _minutes(text: str) -> int:
    """Return minutes since midnight."""
    text = text.lower().replace(".", "").strip()
    if text in ("noon", "midnight"):
        return 720 if text == "noon" else 0
    found = re.fullmatch(r"(\d{1,2})(?::(\d{2}))? ?([ap]m)?", text, re.ASCII)
    if not found:
        raise stops.PassOnError(f"{text[:20]} is not a time that I read")
    hour, minute = int(found[1]), int(found[2] or 0)
    if minute > 59 or hour > 23 or (found[3] and not 1 <= hour <= 12):
        raise stops.RefusedError(f"There is no time {text[:20]}. Give one between 00:00 and 23:59.")
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    return hour * 60 + minute


def _halves(text: str) -> bool:
    return bool(re.search(r"[ap]\.?m|noon|midnight", text.lower()))


def _shown(minutes: int) -> str:
    days, left = divmod(minutes, _DAY_MINUTES)
    later = {0: "", 1: " the next day", -1: " the day before"}.get(
        days, f" {abs(days)} days {'later' if days > 0 else 'earlier'}"
    )
    return f"{left // 60:02d}:{left % 60:02d}{later}"


def _duration(text: str) -> Fraction:
    """Return a duration in minutes."""
    total = Fraction(0)
    for number, unit in _PARTS.findall(text):
        word = number.lower()
        count = Fraction(1, 2) if word == "half an" else Fraction(1) if word in ("a", "an") else numbers.read(word)
        total += count * (60 if unit.lower().startswith("h") else 1)
    if total > _DURATION_DAYS_MAX * _DAY_MINUTES:
        raise stops.RefusedError(f"I take durations of at most {_DURATION_DAYS_MAX} days here. Ask for a shorter time.")
    if total.denominator != 1:
        raise stops.PassOnError("a duration with part of a minute")
    return total


def _length(minutes: int) -> str:
    hours, left = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{left} min" if left or not hours else ""]
    return " ".join(part for part in parts if part)


def _moved(match: frames.Match) -> results.Solved:
    start, span = _minutes(match["t"]), int(_duration(match["span"]))
    back = match["way"].lower() in ("minus", "-", "before")
    end = start - span if back else start + span
    hours, left = divmod(span, 60)
    hour, minute = divmod(start, 60)
    again = (hour - hours) * 60 + minute - left if back else (hour + hours) * 60 + minute + left
    stops.require(again == end, "hours and minutes apart")
    reading = f"{_shown(start)} {'-' if back else '+'} {_length(span)}"
    return frames.solved(f"{reading} = {_shown(end)}", reading, _CHECK, _shown(end))


def _span(match: frames.Match) -> results.Solved:
    first, last = _minutes(match["a"]), _minutes(match["b"])
    both_named = _halves(match["a"]) and _halves(match["b"])
    if _halves(match["a"]) != _halves(match["b"]) and "midnight" not in (match["a"] + match["b"]).lower():
        raise stops.PassOnError("only one of the times says am or pm")
    if last <= first and not both_named and last < 780 and first < 780:
        raise stops.PassOnError("it is not clear whether morning or evening is meant")
    if last == first:
        raise stops.PassOnError("no time or a whole day may be meant")
    span = last - first if last > first else last + _DAY_MINUTES - first
    stops.require((first + span) % _DAY_MINUTES == last, "the start and the span")
    over = " the next day" if last < first else ""
    reading = f"from {_shown(first)} to {_shown(last)}{over}"
    return frames.solved(f"{reading} = {_length(span)}", reading, _CHECK, f"{span} min")


def _count(match: frames.Match) -> results.Solved:
    """A span in one unit, as hours or minutes were asked for."""
    found = _span(match)
    minutes = Fraction(found.detail["exact"].removesuffix(" min"))
    unit = match["unit"].lower()
    value = minutes / 60 if unit == "hours" else minutes
    apart = f" ({_length(int(minutes))})" if value.denominator != 1 else ""
    shown = f"{numbers.text(value)} {unit[:-1] if value == 1 else unit}{apart}"
    return frames.solved(f"{found.reading} = {shown}", f"{unit} {found.reading}", _CHECK, found.detail["exact"])


def _bare(match: frames.Match) -> results.Solved:
    """`from 9 to 5`. Where both times say what they are, another frame reads them, and this one does not stand in the way."""
    del match
    raise stops.PassOnError("one of the times does not say whether it is in the morning or the evening")


def _offset(text: str) -> int:
    """Return a fixed offset from UTC in minutes."""
    found = re.fullmatch(r"(?:utc|gmt)(?: ?([+-]) ?(\d{1,2})(?::?(\d{2}))?)?", text.lower().strip(), re.ASCII)
    assert found, "the frame lets nothing else through"
    hours, minutes = int(found[2] or 0), int(found[3] or 0)
    if hours > 14 or minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise stops.RefusedError("Offsets go from UTC-12 to UTC+14. Give one of those.")
    value = hours * 60 + minutes
    if found[1] == "-" and value > 12 * 60:
        raise stops.RefusedError("Offsets go from UTC-12 to UTC+14. Give one of those.")
    return -value if found[1] == "-" else value


def _zone(match: frames.Match) -> results.Solved:
    time, first, second = _minutes(match["t"]), _offset(match["a"]), _offset(match["b"])
    utc = time - first
    there = utc + second
    stops.require(there - time == second - first, "the difference of the offsets")
    reading = f"{_shown(time)} at {match['a'].upper()} in {match['b'].upper()}"
    return frames.solved(f"{reading} = {_shown(there)}", reading, "by way of UTC and by the difference", _shown(there))


_ZONE = r"(utc|gmt)( ?[+-] ?\d{1,2}(:?\d{2})?)?"
_TO = r"(to|until|till|-)"
_LOOSE = r"\d{1,2}(:\d{2})?( ?[ap]\.?m\.?)?"
_FROM_TO = rf"(from|between) (?P<a>{_TIME}) (to|until|till|and) (?P<b>{_TIME})"

FRAMES = [
    *frames.frames(
        _moved,
        rf"<ask>(?P<t>{_TIME}) (?P<way>plus|\+|minus|-) (?P<span>{_SPAN})",
        rf"what time (is it|will it be|was it|is) (?P<span>{_SPAN}) (?P<way>after|before|from) (?P<t>{_TIME})",
        rf"<ask>(?P<span>{_SPAN}) (?P<way>after|before) (?P<t>{_TIME})",
        rf"(?P<way>add) (?P<span>{_SPAN}) to (?P<t>{_TIME})",
    ),
    *frames.frames(
        _span,
        rf"how (long|much time) (is it |is there |passes |is )?{_FROM_TO}",
        rf"how many hours and minutes (are there |are )?{_FROM_TO}",
        (
            r"(if )?(a|the|my) (train|bus|flight|plane|film|movie|class|meeting|lesson|shop|match) "
            rf"(leaves|starts|begins|opens) at (?P<a>{_TIME}) and (arrives|ends|finishes|closes) at (?P<b>{_TIME})[.,;]? "
            r"how long (is|does) (the )?(trip|ride|flight|journey|film|movie|class|meeting|lesson|match|it)( take| last)?"
        ),
    ),
    *frames.frames(
        _count,
        rf"how many (?P<unit>hours|minutes) (is it |is there |are there |are |is |pass |passed |are in |in )?{_FROM_TO}",
        rf"how many (?P<unit>hours|minutes) (is |are )(?P<a>{_TIME}) ?{_TO} ?(?P<b>{_TIME})",
        rf"<ask>(the )?(number of )?(?P<unit>hours|minutes) {_FROM_TO}",
        (
            rf"(if )?(i|you|we|he|she) works? {_FROM_TO}[.,;]? how many (?P<unit>hours|minutes) (do|does|is|did) "
            r"(i|you|we|he|she|that|it)( work)?"
        ),
    ),
    *frames.frames(
        _bare,
        rf"how (many (hours|minutes)|long|much time) ((is|are) (it |there )?)?(from |between )?{_LOOSE} ?({_TO}|and) ?{_LOOSE}",
    ),
    *frames.frames(
        _zone,
        rf"<ask>(?P<t>{_TIME}) (in |at )?(?P<a>{_ZONE}) in (?P<b>{_ZONE})",
        rf"(when|if) it is (?P<t>{_TIME}) (in |at )?(?P<a>{_ZONE}),? what time is it (in |at )?(?P<b>{_ZONE})",
        rf"convert (?P<t>{_TIME}) (?P<a>{_ZONE}) to (?P<b>{_ZONE})",
    ),
]
