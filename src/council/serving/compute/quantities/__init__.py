"""Everyday quantities and word problems: from a user's text to a checked answer, or a clear no.

`phrasing` takes the manners away; each frame of each grammar matches the whole rest or nothing (`frames`); where several read
it, their answers must be the same. Numbers are fractions throughout. No user text reaches an evaluator or another parser.
"""

import datetime
import functools
import re
from collections.abc import Sequence

from council.domain import ways
from council.serving.compute import results
from council.serving.compute.quantities import (
    angles,
    cards,
    counting,
    dates,
    frames,
    interest,
    number_forms,
    percent,
    phrasing,
    probability,
    shapes,
    statistics,
    stops,
    stories,
    unit_parts,
    units,
)

_FRAMES: Sequence[frames.Frame] = (
    *percent.FRAMES,
    *interest.FRAMES,
    *number_forms.FRAMES,
    *units.FRAMES,
    *unit_parts.FRAMES,
    *angles.FRAMES,
    *shapes.FRAMES,
    *statistics.FRAMES,
    *counting.FRAMES,
    *cards.FRAMES,
    *probability.FRAMES,
    *stories.FRAMES,
)
NOT_READ = "no form of question about quantities that I know fits the whole of it"


def solve(text: str, today: datetime.date | None = None) -> results.Result:
    """Answer `text` if it is wholly in one of the grammars. `today` is what relative dates count from. Never raises."""
    try:
        plain = phrasing.plain(text)
    except stops.PassOnError as stop:
        return results.PassedOn(stop.reason, stop.why)
    found: list[results.Result] = [_answered(frame, match) for frame, match in frames.read(_FRAMES, plain)]
    found.extend(_answered(frame, match) for frame, match in frames.read(dates.frames_on(today), plain))
    found.extend(stories.solve(plain))
    return _agreed(found)


@functools.cache
def _words() -> frozenset[str]:
    """Return every word that stands in a pattern of these grammars."""
    patterns = [frame.pattern.text for frame in (*_FRAMES, *dates.frames_on(None))]
    return frozenset(word for text in patterns for word in re.findall(r"[a-z]{2,}", text))


def knows_word_of(reason: str) -> bool:
    """Return whether a reason of another grammar complains of a word that these grammars know: they came nearer then."""
    found = re.match(r"The word '([a-z]+)' is not", reason)
    return found is not None and found[1].lower() in _words()


def _answered(frame: frames.Frame, match: frames.Match) -> results.Result:
    try:
        return frame.answer(match)
    except stops.PassOnError as stop:
        return results.PassedOn(stop.reason, stop.why)
    except stops.RefusedError as stop:
        return results.Refused(stop.reason, stop.reading)
    except ZeroDivisionError:
        return results.PassedOn("it would divide by zero", ways.Why.UNDECIDED)


def _agreed(found: Sequence[results.Result]) -> results.Result:
    """Return the one answer of all readings. A reading that passed on does not stand in the way; a different answer does."""
    clear = [result for result in found if not isinstance(result, results.PassedOn)]
    if not clear:
        # A grammar that read every sentence has more to say than one that stopped at the first.
        nearest = [result for result in found if not _stopped_early(result)] or found
        return nearest[0] if nearest else results.PassedOn(NOT_READ)
    first = clear[0]
    for other in clear[1:]:
        if not agree(first, other):
            return results.PassedOn("it can be read in two ways, with different answers")
    return first


def _stopped_early(result: results.Result) -> bool:
    return isinstance(result, results.PassedOn) and result.reason.startswith("I do not read")


def agree(first: results.Result, second: results.Result) -> bool:
    """Return whether two results say the same: both refuse, or both give the same exact value."""
    if isinstance(first, results.Solved) and isinstance(second, results.Solved):
        return bool(first.detail["exact"] == second.detail["exact"])
    return isinstance(first, results.Refused) and isinstance(second, results.Refused)
