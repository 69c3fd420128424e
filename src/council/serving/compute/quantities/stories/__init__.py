"""Word problems in a controlled English. A story is read sentence by sentence by one grammar, whole, or passed on.

`holdings` keeps who has how many of what, `groups` so many of one in each of another; `prices`, `rates`, `pay` and `ages` are
frames over short stories. Things are the same only where their words are; a thing that is part of another one by name, as red
marbles of marbles, ends the reading.
"""

from collections.abc import Sequence

from council.serving.compute import results
from council.serving.compute.quantities import frames, stops
from council.serving.compute.quantities.stories import ages, groups, holdings, pay, prices, rates, unknowns, words

FRAMES: Sequence[frames.Frame] = (*prices.FRAMES, *rates.FRAMES, *pay.FRAMES, *ages.FRAMES, *unknowns.FRAMES)


def solve(text: str) -> list[results.Result]:
    """Return what each grammar of stories makes of `text`; nothing where it is no story."""
    sentences = words.sentences(text)
    # The last question mark is gone by now: another one asks what the story would tell.
    if len(sentences) < 2 or len(sentences) > words.SENTENCES_MAX or "?" in text:
        return []
    found: list[results.Result] = []
    for grammar in (holdings.read, groups.read):
        try:
            found.append(grammar(sentences))
        except stops.PassOnError as stop:
            found.append(results.PassedOn(stop.reason))
    return found
