"""Word problems in a controlled English. A story is read sentence by sentence by one grammar, whole, or passed on.

`holdings` keeps who has how many of what, `purses` what is left of somebody's money, `groups` so many of one in each of
another; `prices`, `rates`, `pay` and `ages` are frames over short stories. Things are the same only where their words are; a
thing that is part of another one by name, as red marbles of marbles, ends the reading.
"""

import functools
from collections.abc import Callable, Sequence

from council.serving.compute import results
from council.serving.compute.quantities import frames, stops
from council.serving.compute.quantities.stories import (
    ages,
    groups,
    holdings,
    pay,
    prices,
    purses,
    rates,
    unknowns,
    words,
)

FRAMES: Sequence[frames.Frame] = (*prices.FRAMES, *rates.FRAMES, *pay.FRAMES, *ages.FRAMES, *unknowns.FRAMES)


def solve(text: str) -> list[results.Result]:
    """Return what each grammar of stories makes of `text`; nothing where it is no story."""
    readers: list[Callable[[], results.Result]] = []
    if purses.begins(text):
        readers.append(functools.partial(purses.read, text))
    sentences = words.sentences(text)
    # The last question mark is gone by now: another one asks what the story would tell.
    if 2 <= len(sentences) <= words.SENTENCES_MAX and "?" not in text:
        readers += [functools.partial(grammar, sentences) for grammar in (holdings.read, groups.read)]
    return [_read(reader) for reader in readers]


def _read(reader: Callable[[], results.Result]) -> results.Result:
    try:
        return reader()
    except stops.PassOnError as stop:
        return results.PassedOn(stop.reason, stop.why)
    except stops.RefusedError as stop:
        return results.Refused(stop.reason, stop.reading)
