"""Cards from a deck of 52: one card, one kind or another, several drawn. The cards are counted one by one."""

import re
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import chances, frames, numbers, stops

_SUITS = ("heart", "diamond", "club", "spade")
_DECK = [(rank, suit) for suit in _SUITS for rank in range(1, 14)]
_NUMBERED = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_RANKS = {
    "ace": (1,), "jack": (11,), "queen": (12,), "king": (13,), "face card": (11, 12, 13),
    **{name: (value,) for value, name in enumerate(_NUMBERED, 2)},
    **{str(value): (value,) for value in range(2, 11)},
}  # fmt: skip
_CHECK = "the cards of a deck of 52 counted one by one"
_DRAWS_CHECK = f"{_CHECK}, draw by draw and by the number of choices"


def _is_card(card: tuple[int, str], what: str) -> bool:
    rank, suit = card
    if what in _RANKS:
        return rank in _RANKS[what]
    if " of " in what:
        name, kind = what.split(" of ")
        return rank in _RANKS[name] and kind == f"{suit}s"
    colour, _, kind = what.partition(" ")
    if colour in ("red", "black"):
        return (suit in ("heart", "diamond")) == (colour == "red") and (kind == "card" or _is_card(card, kind))
    return what == suit


def _size(what: str) -> int:
    """Return how many cards are of a kind, by the make of a deck: 4 suits of 13 ranks."""
    if " of " in what:
        return len(_RANKS[what.partition(" of ")[0]])
    colour, _, kind = what.partition(" ")
    if colour in ("red", "black"):
        return 26 if kind == "card" else 2 * len(_RANKS[kind])
    return 4 * len(_RANKS[what]) if what in _RANKS else 13


def _kind(text: str) -> str:
    """Return a kind in the singular, without its article."""
    text = re.sub(r"^(?:an?|the) ", "", " ".join(text.lower().split()))
    return text if " of " in text else re.sub(r"(?<=six)es$|'?s$", "", text)


def _counted(kind: str) -> list[tuple[int, str]]:
    good = [card for card in _DECK if _is_card(card, kind)]
    stops.require(len(good) == _size(kind), "the cards that count")
    return good


def _card(match: frames.Match) -> results.Solved:
    kinds = [_kind(match["what"])]
    if match["other"]:
        kinds.append(_kind(match["other"]))
    good = set().union(*(_counted(kind) for kind in kinds))
    if len(kinds) > 1:
        both = sum(all(_is_card(card, kind) for kind in kinds) for card in _DECK)
        stops.require(len(good) == sum(map(_size, kinds)) - both, "one kind, the other and both")
    shown = match["what"].lower() + (f" or {match['other'].lower()}" if match["other"] else "")
    return chances.answer(f"the probability of drawing {shown} from a deck of 52", Fraction(len(good), 52), _CHECK)


def _several(match: frames.Match) -> results.Solved:
    """So many draws that are all of one kind."""
    words = match["k"].lower()
    draws = 2 if words == "both" else numbers.read_count(words)
    kind = _kind(match["kind"])
    back = (match.groupdict().get("back") or "").lower()
    reading = f"the probability that {draws} of {draws} cards from a deck of 52 are {match['kind'].lower()}"
    if not 1 <= draws <= 52:
        raise stops.RefusedError("A deck has 52 cards. Draw from 1 to 52.", reading)
    if draws > 1 and not back:
        raise stops.RefusedError("With and without replacement differ. Say which is meant.", reading)
    reading += f", {back} replacement" if back else ""
    good = len(_counted(kind))
    return chances.answer(reading, chances.all_drawn(good, 52, draws, back == "with"), _DRAWS_CHECK)


def _joined(*texts: str) -> str:
    return "|".join(texts)


_NAMES = _joined("ace", "jack", "queen", "king", "face card")
_PIPS = _joined(*_NUMBERED, *(str(value) for value in range(2, 11)))
_ONE = (
    rf"(an ace|an eight|an 8|a (jack|queen|king|face card|red card|black card|heart|diamond|club|spade|{_PIPS})|"
    rf"a (red|black) ({_NAMES}|{_PIPS})|the (ace|jack|queen|king) of (hearts|diamonds|clubs|spades))"
)
# Where no deck is named, only what can be nothing but cards.
_COURT = "ace|jack|queen|king"
_RED_OR_BLACK = "(red|black) (ace|card)|(red |black )?(jack|queen|king)|face card"
_NO_DECK = rf"(an ace|a ({_RED_OR_BLACK})|the ({_COURT}) of (hearts|diamonds|clubs|spades))"
_MANY = (
    r"((red |black )?(aces|jacks|queens|kings|face cards|twos|threes|fours|fives|sixes|sevens|eights|nines|tens)|red cards|"
    r"black cards|hearts|diamonds|clubs|spades)"
)
_DECK_OF = (
    r"(an? |the )?(standard |shuffled |full |well-shuffled |single )*(deck|pack)( of (52 )?(playing )?cards| of 52)?"
)
_DRAWN = r"(draw|drawing|get|getting|pick|picking|be dealt|being dealt|choosing|selecting)"

FRAMES = [
    *frames.frames(
        _card,
        rf"{chances.P}({_DRAWN} )?(?P<what>{_ONE})( or (?P<other>{_ONE}))? (from|in) {_DECK_OF}",
        rf"{chances.P}{_DRAWN} (?P<what>{_NO_DECK})( or (?P<other>{_ONE}))?",
        rf"{chances.P}(?P<what>a red ({_COURT}))(?P<other>)",
        (
            rf"(a|one) card is (drawn|picked|chosen|selected)( at random| randomly)? from {_DECK_OF}( at random)?[.,;]? "
            rf"(what is|find) the probability (that it is|of {_DRAWN}) (?P<what>{_ONE})( or (?P<other>{_ONE}))?"
        ),
    ),
    *frames.frames(
        _several,
        rf"{chances.P}{_DRAWN} <k:count> (?P<kind>{_MANY})( in a row)? from {_DECK_OF},? (?P<back>with|without) replacement",
        rf"{chances.P}{_DRAWN} <k:count> (?P<kind>{_MANY})( in a row)?,? (?P<back>with|without) replacement from {_DECK_OF}",
        rf"{chances.P}{_DRAWN} <k:count> (?P<kind>{_MANY})( in a row)? from {_DECK_OF}",
        (
            rf"(two|2) cards are (drawn|picked|chosen|dealt)( at random)?( from {_DECK_OF})?( (?P<back>with|without) "
            rf"replacement)?[.,;]? (what is|find) the probability that (?P<k>both)( cards| of them)? are (?P<kind>{_MANY})"
        ),
    ),
]
