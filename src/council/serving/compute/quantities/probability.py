"""Dice, coins, cards, urns: exact fractions, each found by a formula and again by going through the outcomes."""

import math
import re
from collections.abc import Callable
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops

_THROWS_MAX = 60
_SIDES_MAX = 100


def _small(text: str, most: int, what: str) -> int:
    count = numbers.read_count(text)
    if count > most:
        raise stops.RefusedError(f"I go through at most {most} {what}. Ask for fewer.")
    if count == 0:
        raise stops.RefusedError(f"There are no {what} then. Give a number above zero.")
    return count


def _answer(reading: str, value: Fraction, check: str) -> results.Solved:
    shown = numbers.text(value) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
    if value.denominator != 1:
        shown += f" (about {numbers.about(value * 100, 4)}%)"
    return frames.solved(f"{reading} = {shown}", reading, check, value)


def _sum_of_dice(match: frames.Match) -> results.Solved:
    dice = _small(match["n"], _THROWS_MAX, "dice")
    sides = _sides(match)
    wanted = numbers.read_count(match["s"])
    holds, words = _bound(match, wanted)
    ways = [1]
    for _ in range(dice):
        longer = [0] * (len(ways) + sides)
        for total, count in enumerate(ways):
            for face in range(1, sides + 1):
                longer[total + face] += count
        ways = longer
    good = sum(count for total, count in enumerate(ways) if holds(total))
    again = sum(_ways_of_sum(dice, sides, total) for total in range(dice, dice * sides + 1) if holds(total))
    stops.require(good == again and sum(ways) == sides**dice, "the number of throws")
    reading = f"the probability of a sum of {words} with {dice} fair {sides}-sided dice"
    return _answer(
        reading, Fraction(good, sides**dice), "throws counted one die at a time and by inclusion and exclusion"
    )


def _sides(match: frames.Match) -> int:
    given = match.groupdict().get("sides")
    if not given:
        return 6
    if given.lower() == "six":
        return 6
    return _small(given, _SIDES_MAX, "sides")


def _ways_of_sum(dice: int, sides: int, total: int) -> int:
    """Return the throws with a sum, by inclusion and exclusion (de Moivre)."""
    ways = 0
    for over in range(dice + 1):
        left = total - over * sides - 1
        if left < dice - 1:
            break
        ways += (-1) ** over * math.comb(dice, over) * math.comb(left, dice - 1)
    return ways


def _bound(match: frames.Match, wanted: int) -> tuple[Callable[[int], bool], str]:
    """Return which numbers `exactly`, `at least`, `at most`, `more than` or `less than` allow."""
    word = (match.groupdict().get("bound") or "exactly").lower().strip()
    match word:
        case "at least":
            return (lambda number: number >= wanted), f"at least {wanted}"
        case "at most":
            return (lambda number: number <= wanted), f"at most {wanted}"
        case "more than" | "greater than":
            return (lambda number: number > wanted), f"more than {wanted}"
        case "less than" | "fewer than":
            return (lambda number: number < wanted), f"less than {wanted}"
        case _:
            return (lambda number: number == wanted), f"exactly {wanted}"


def _successes(throws: int, chance: Fraction, holds: Callable[[int], bool]) -> Fraction:
    """Return the probability that the number of successes holds, by the formula and again throw by throw."""
    value = sum(
        (math.comb(throws, k) * chance**k * (1 - chance) ** (throws - k) for k in range(throws + 1) if holds(k)),
        Fraction(0),
    )
    spread = [Fraction(1)] + [Fraction(0)] * throws
    for _ in range(throws):
        for number in range(throws, 0, -1):
            spread[number] = spread[number] * (1 - chance) + spread[number - 1] * chance
        spread[0] *= 1 - chance
    stops.require(sum(p for number, p in enumerate(spread) if holds(number)) == value, "throw by throw")
    return value


_THROW_CHECK = "by the binomial formula and again throw by throw"


def _coins(match: frames.Match) -> results.Solved:
    throws = _small(match["n"], _THROWS_MAX, "coins")
    wanted = numbers.read_count(match["k"])
    holds, words = _bound(match, wanted)
    side = re.sub(r"s$", "", match["side"].lower())
    reading = f"the probability of {words} {side}s in {throws} tosses of a fair coin"
    return _answer(reading, _successes(throws, Fraction(1, 2), holds), _THROW_CHECK)


def _all_coins(match: frames.Match) -> results.Solved:
    throws = _small(match["n"], _THROWS_MAX, "coins")
    reading = f"the probability of {match['side'].lower()} {throws} times in {throws} tosses of a fair coin"
    return _answer(reading, _successes(throws, Fraction(1, 2), lambda number: number == throws), _THROW_CHECK)


def _faces(match: frames.Match) -> results.Solved:
    """`at least one six in 4 rolls of a die`."""
    throws = _small(match["n"], _THROWS_MAX, "dice")
    face = _face(match["face"])
    sides = _sides(match)
    if not 1 <= face <= sides:
        raise stops.RefusedError(f"A die of {sides} sides has no {face}. Give a number on it.")
    wanted = numbers.read_count(match["k"])
    holds, words = _bound(match, wanted)
    reading = f"the probability of {words} times {face} in {throws} throws of a fair {sides}-sided die"
    return _answer(reading, _successes(throws, Fraction(1, sides), holds), _THROW_CHECK)


def _face(text: str) -> int:
    text = re.sub(r"^(?:an?|the) ", "", text.lower())
    text = {"sixes": "six", "ones": "one", "twos": "two", "threes": "three", "fours": "four", "fives": "five"}.get(
        text, text
    )
    return numbers.read_count(re.sub(r"(?<=\d)'?s$", "", text))


def _one_die(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    what = match["what"].lower()
    tests: dict[str, Callable[[int], bool]] = {
        "an even number": lambda face: face % 2 == 0,
        "an odd number": lambda face: face % 2 == 1,
        "a prime number": lambda face: face in _PRIMES,
    }
    if what in tests:
        holds = tests[what]
        words = what
    elif found := re.fullmatch(r"a number (greater than|more than|less than|at least|at most) (.+)", what):
        bound = numbers.read_count(found[2])
        words = what
        holds = {
            "greater than": lambda face: face > bound,
            "more than": lambda face: face > bound,
            "less than": lambda face: face < bound,
            "at least": lambda face: face >= bound,
            "at most": lambda face: face <= bound,
        }[found[1]]
    else:
        face = _face(what)
        words = str(face)
        holds = lambda number: number == face  # noqa: E731 - one of several tests
    good = [number for number in range(1, sides + 1) if holds(number)]
    reading = f"the probability of {words} with one fair {sides}-sided die"
    return _answer(reading, Fraction(len(good), sides), f"the faces that count: {', '.join(map(str, good)) or 'none'}")


_PRIMES = frozenset(number for number in range(2, _SIDES_MAX + 1) if all(number % other for other in range(2, number)))
_DECK = [(rank, suit) for suit in ("heart", "diamond", "club", "spade") for rank in range(1, 14)]
_RANKS = {"ace": (1,), "jack": (11,), "queen": (12,), "king": (13,), "face card": (11, 12, 13)}
_CHECK_CARDS = "the cards of a deck of 52 counted one by one"


def _card(match: frames.Match) -> results.Solved:
    what = re.sub(r"^(?:an?|the) ", "", match["what"].lower())
    good = [card for card in _DECK if _is_card(card, what)]
    known = {"ace": 4, "jack": 4, "queen": 4, "king": 4, "face card": 12, "red card": 26, "black card": 26}
    stops.require(len(good) == known.get(what, 1 if " of " in what else 13), "the cards that count")
    return _answer(
        f"the probability of drawing {match['what'].lower()} from a deck of 52", Fraction(len(good), 52), _CHECK_CARDS
    )


def _is_card(card: tuple[int, str], what: str) -> bool:
    rank, suit = card
    if what in _RANKS:
        return rank in _RANKS[what]
    if what in ("red card", "black card"):
        return (suit in ("heart", "diamond")) == (what == "red card")
    if " of " in what:
        name, kind = what.split(" of ")
        return rank in _RANKS[name] and kind == f"{suit}s"
    return what == suit


def _stem(kind: str) -> str:
    return re.sub(r"(ie|y)?s?$", "", kind.lower())


def _urn(match: frames.Match) -> results.Solved:
    """One or two draws of one colour from balls of several."""
    found = list(_BALLS.finditer(match["balls"]))
    holds = [(numbers.read_count(ball["number"]), ball["colour"].lower()) for ball in found]
    colours = [colour for _, colour in holds]
    wanted = match["colour"].lower()
    given = match.groupdict()
    kinds = {_stem(ball["kind"]) for ball in found if ball["kind"]} | {_stem(given["kind"])}
    if wanted not in colours or len(set(colours)) != len(colours) or len(kinds) > 1 or not set(colours) <= _COLOURS:
        raise stops.PassOnError("it is not clear which balls are drawn")
    total, good = sum(number for number, _ in holds), {colour: number for number, colour in holds}[wanted]
    if total > 100_000:
        raise stops.RefusedError("I take at most 100,000 balls. Ask for fewer.")
    draws = numbers.read_count(given["k"]) if given.get("k") else 1
    back = (given.get("back") or "").lower()
    shown = ", ".join(f"{number} {colour}" for number, colour in holds)
    reading = (
        f"the probability of drawing {draws} {wanted} of {draws} from {shown}{f', {back} replacement' if back else ''}"
    )
    if total == 0 or draws == 0:
        raise stops.RefusedError("Nothing can be drawn there. Give numbers above zero.", reading)
    if draws > 1 and not back:
        raise stops.RefusedError("With and without replacement differ. Say which is meant.", reading)
    if draws > 1 and back == "without" and draws > total:
        raise stops.RefusedError("There are not so many to draw. Give a smaller number.", reading)
    if draws > 50:
        raise stops.RefusedError("I go through at most 50 draws. Ask for fewer.", reading)
    value, left, all_left = Fraction(1), good, total
    for _ in range(draws):
        value *= Fraction(max(left, 0), all_left)
        if back != "with":
            left, all_left = left - 1, all_left - 1
    formula = (
        Fraction(good, total) ** draws if back == "with" else Fraction(math.comb(good, draws), math.comb(total, draws))
    )
    stops.require(value == formula, "the formula")
    return _answer(reading, value, "draw by draw and by the number of choices")


# A striped ball may be red, too: only what excludes each other.
_COLOURS = frozenset("red blue green yellow white black orange purple pink brown gray grey silver gold golden".split())
_P = r"(<ask>(the )?(probability|chance)( of| to| that you| that i| that we)? ?|how likely (is it|am i) to )"
_GET = r"(get|getting|roll|rolling|throw|throwing|toss|tossing|flip|flipping|have|having|see|seeing)"
_BOUND = r"(?P<bound>exactly |at least |at most |more than |less than |fewer than )?"
_DIE = r"((fair |standard )*((?P<sides>six|\d{1,7})[- ]sided )?(fair |standard )?)"
_BALL = r"(balls?|marbles?|beads?|socks?|candies|candy|chips?)"
_BALLS = frames.pattern(rf"<number:count> (?P<colour>[a-z]+)( (?P<kind>{_BALL}))?")
_ONE_BALL = rf"{numbers.COUNT} [a-z]+( {_BALL})?"

FRAMES = [
    *frames.frames(
        _sum_of_dice,
        (
            rf"{_P}{_GET} a (sum|total) (of|that is) {_BOUND}<s:count> (with|on|when rolling|by rolling|from|"
            rf"rolling) <n:count> {_DIE}dice"
        ),
        (
            rf"{_P}{_GET} {_BOUND}a (sum|total) of <s:count> (with|on|when rolling|by rolling|from|rolling) "
            rf"<n:count> {_DIE}dice"
        ),
        (
            rf"<n:count> {_DIE}dice are (rolled|thrown)[.,;]? what is the probability (of (getting )?a|that the) "
            rf"sum (of|is|of the dice is) {_BOUND}<s:count>"
        ),
    ),
    *frames.frames(
        _coins,
        (
            rf"{_P}({_GET} )?{_BOUND}<k:count> (?P<side>heads?|tails?) (in|with|when|from|out of|on) (flipping |"
            rf"tossing )?<n:count> (fair )?(coins?|coin flips|coin tosses|flips|tosses|flips of a (fair )?coin|"
            rf"tosses of a (fair )?coin)"
        ),
        (
            rf"a (fair )?coin is (flipped|tossed) <n:count> times[.,;]? what is the probability of (getting "
            rf")?{_BOUND}<k:count> (?P<side>heads?|tails?)"
        ),
    ),
    *frames.frames(
        _all_coins,
        rf"{_P}{_GET} (?P<side>heads|tails) <n:count> times in a row( with a (fair )?coin)?",
    ),
    *frames.frames(
        _faces,
        (
            rf"{_P}({_GET} )?{_BOUND}<k:count> (?P<face>sixes|six|ones|twos|threes|fours|fives|\d{{1,3}}s) (in|with|"
            rf"when rolling|from|on) <n:count> (rolls of an? |throws of an? )?{_DIE}(die|dice|rolls|throws)"
        ),
    ),
    *frames.frames(
        _one_die,
        (
            rf"{_P}{_GET} (?P<what>an? (one|two|three|four|five|six|\d{{1,3}})|an even number|an odd number|a "
            rf"prime number|a number (greater than|more than|less than|at least|at most) (\d{{1,3}}|one|two|"
            rf"three|four|five|six)) (with|on|when rolling|by rolling|from|rolling) (a|one|a single) {_DIE}die"
        ),
    ),
    *frames.frames(
        _card,
        (
            rf"{_P}(draw|drawing|get|getting|pick|picking) (?P<what>an ace|a (jack|queen|king|face card|red card|"
            rf"black card|heart|diamond|club|spade)|the (ace|jack|queen|king) of (hearts|diamonds|clubs|spades)) "
            rf"from a (standard |shuffled |full |well-shuffled )*(deck|pack)( of (52 )?(playing )?cards)?"
        ),
    ),
    *frames.frames(
        _urn,
        (
            rf"(an?|the) (bag|urn|box|jar|drawer) (contains|has|holds) (?P<balls>{_ONE_BALL}((,|,? and) "
            rf"{_ONE_BALL}){{1,4}})[.,;]? (what is|find) the probability of (drawing|picking|choosing|getting)( "
            rf"at random)? (a |an |one )(?P<colour>[a-z]+) (?P<kind>{_BALL})"
        ),
        (
            rf"(an?|the) (bag|urn|box|jar|drawer) (contains|has|holds) (?P<balls>{_ONE_BALL}((,|,? and) "
            rf"{_ONE_BALL}){{1,4}})[.,;]? (what is|find) the probability of (drawing|picking|choosing|getting) "
            rf"<k:count> (?P<colour>[a-z]+) (?P<kind>{_BALL})( (?P<back>with|without) replacement)?"
        ),
    ),
]
