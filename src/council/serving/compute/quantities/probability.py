"""Dice, coins, urns: exact fractions, each found by a formula and again by going through the outcomes."""

import math
import re
from collections.abc import Callable
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import chances, frames, numbers, stops

_THROWS_MAX = 60
_SIDES_MAX = 100


def _small(text: str, most: int, what: str) -> int:
    count = numbers.read_count(text)
    if count > most:
        raise stops.RefusedError(f"I go through at most {most} {what}. Ask for fewer.")
    if count == 0:
        raise stops.RefusedError(f"There are no {what} then. Give a number above zero.")
    return count


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
    return chances.answer(
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
    comes = "comes" if wanted == 1 else "come"
    reading = f"the probability that {words} of {throws} tosses of a fair coin {comes} up {side}s"
    return chances.answer(reading, _successes(throws, Fraction(1, 2), holds), _THROW_CHECK)


def _all_coins(match: frames.Match) -> results.Solved:
    throws = _small(match["n"], _THROWS_MAX, "coins")
    reading = f"the probability of {match['side'].lower()} in all {throws} tosses of a fair coin"
    return chances.answer(reading, _successes(throws, Fraction(1, 2), lambda number: number == throws), _THROW_CHECK)


def _faces(match: frames.Match) -> results.Solved:
    """`at least one six in 4 rolls of a die`."""
    throws = _small(match["n"], _THROWS_MAX, "dice")
    face = _face(match["face"])
    sides = _sides(match)
    if not 1 <= face <= sides:
        raise stops.RefusedError(f"A die of {sides} sides has no {face}. Give a number on it.")
    wanted = numbers.read_count(match["k"])
    holds, words = _bound(match, wanted)
    shows = "shows" if wanted == 1 else "show"
    reading = f"the probability that {words} of {throws} throws of a fair {sides}-sided die {shows} {face}"
    return chances.answer(reading, _successes(throws, Fraction(1, sides), holds), _THROW_CHECK)


def _faces_in_a_row(match: frames.Match) -> results.Solved:
    throws, face, sides = _small(match["n"], _THROWS_MAX, "dice"), _face(match["face"]), _sides(match)
    if not 1 <= face <= sides:
        raise stops.RefusedError(f"A die of {sides} sides has no {face}. Give a number on it.")
    reading = f"the probability that all of {throws} throws of a fair {sides}-sided die show {face}"
    return chances.answer(
        reading, _successes(throws, Fraction(1, sides), lambda number: number == throws), _THROW_CHECK
    )


def _face(text: str) -> int:
    text = re.sub(r"^(?:an?|the) ", "", text.lower())
    text = {"sixes": "six", "ones": "one", "twos": "two", "threes": "three", "fours": "four", "fives": "five"}.get(
        text, text
    )
    return numbers.read_count(re.sub(r"(?<=\d)'?s$", "", text))


def _one_die(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    given = match.groupdict()
    tests = [_face_test(match["what"])]
    if given.get("other"):
        tests.append(_face_test(given["other"]))
    good = [number for number in range(1, sides + 1) if any(holds(number) for holds, _ in tests)]
    apart = sum(holds(number) for holds, _ in tests for number in range(1, sides + 1))
    both = sum(all(holds(number) for holds, _ in tests) for number in range(1, sides + 1)) if len(tests) > 1 else 0
    stops.require(len(good) == apart - both, "one kind of face, the other and both")
    reading = f"the probability of {' or '.join(words for _, words in tests)} with one fair {sides}-sided die"
    counted = ", ".join(map(str, good)) or "none"
    return chances.answer(reading, Fraction(len(good), sides), f"the faces that count: {counted}")


def _face_test(text: str) -> tuple[Callable[[int], bool], str]:
    """Return which faces a kind of throw allows, and its words."""
    what = " ".join(text.lower().split())
    tests: dict[str, Callable[[int], bool]] = {
        "an even number": lambda face: face % 2 == 0,
        "an odd number": lambda face: face % 2 == 1,
        "a prime number": lambda face: face in _PRIMES,
        "a prime": lambda face: face in _PRIMES,
    }
    if what in tests:
        return tests[what], what
    if found := re.fullmatch(r"(?:an? )?(\S+) or (more|higher|greater|less|lower)", what):
        least = _face(found[1])
        up = found[2] in ("more", "higher", "greater")
        return (lambda face: face >= least if up else face <= least), f"{least} or {'more' if up else 'less'}"
    if found := re.fullmatch(r"(?:a number )?(greater than|more than|less than|at least|at most) (.+)", what):
        bound = _face(found[2])
        bounds: dict[str, Callable[[int], bool]] = {
            "greater than": lambda face: face > bound,
            "more than": lambda face: face > bound,
            "less than": lambda face: face < bound,
            "at least": lambda face: face >= bound,
            "at most": lambda face: face <= bound,
        }
        return bounds[found[1]], f"a number {found[1]} {bound}"
    wanted = _face(what)
    return (lambda face: face == wanted), str(wanted)


def _doubles(match: frames.Match) -> results.Solved:
    sides = _sides(match)
    good = sum(first == second for first in range(1, sides + 1) for second in range(1, sides + 1))
    value = Fraction(good, sides * sides)
    stops.require(value == Fraction(1, sides), "the second die must show what the first one does")
    reading = f"the probability of the same number twice with 2 fair {sides}-sided dice"
    return chances.answer(reading, value, "every pair of faces counted, and by the second die alone")


_PRIMES = frozenset(number for number in range(2, _SIDES_MAX + 1) if all(number % other for other in range(2, number)))


def _stem(kind: str) -> str:
    return re.sub(r"(ie|y)?s?$", "", kind.lower())


def _held(match: frames.Match) -> list[tuple[int, str]]:
    """Return how many balls there are of each colour, where each colour is told once and all are of one kind."""
    found = list(_BALLS.finditer(match["balls"]))
    holds = [(numbers.read_count(ball["number"]), ball["colour"].lower()) for ball in found]
    colours = [colour for _, colour in holds]
    drawn = match.groupdict().get("kind")
    kinds = {_stem(ball["kind"]) for ball in found if ball["kind"]} | ({_stem(drawn)} if drawn else set())
    if len(set(colours)) != len(colours) or len(kinds) > 1 or not set(colours) <= _COLOURS:
        raise stops.PassOnError("it is not clear which balls are drawn")
    if sum(number for number, _ in holds) > 100_000:
        raise stops.RefusedError("I take at most 100,000 balls. Ask for fewer.")
    return holds


def _two_colours(match: frames.Match) -> results.Solved:
    """Whether two balls are of one colour or of two."""
    holds, back = _held(match), (match["back"] or "").lower()
    total, same = sum(number for number, _ in holds), match["which"].lower() == "the same"
    shown = ", ".join(f"{number} {colour}" for number, colour in holds)
    drawn = f"that 2 drawn from {shown} are of {'the same colour' if same else 'different colours'}"
    reading = f"the probability {drawn}{f', {back} replacement' if back else ''}"
    if numbers.read_count(match["k"]) != 2:
        raise stops.PassOnError("of more than two balls, some may be alike and others not")
    if not back:
        raise stops.RefusedError("With and without replacement differ. Say which is meant.", reading)
    left = total if back == "with" else total - 1
    if total == 0 or left == 0:
        raise stops.RefusedError("There are not so many to draw. Give a larger number.", reading)
    alike = sum((chances.all_drawn(number, total, 2, back == "with") for number, _ in holds), Fraction(0))
    pairs = (one * other for place, (one, _) in enumerate(holds) for other, _ in holds[:place])
    apart = Fraction(2 * sum(pairs), total * left)
    stops.require(alike + apart == 1, "both kinds of pairs together")
    return chances.answer(reading, alike if same else apart, "pairs of one colour and pairs of two, counted apart")


def _urn(match: frames.Match) -> results.Solved:
    """One or two draws of one colour from balls of several."""
    holds = _held(match)
    wanted = match["colour"].lower()
    given = match.groupdict()
    good = {colour: number for number, colour in holds}.get(wanted)
    if good is None:
        raise stops.PassOnError("it is not clear which balls are drawn")
    total = sum(number for number, _ in holds)
    draws = numbers.read_count(given["k"]) if given.get("k") else 1
    if given.get("all") and {"both": 2, "all three": 3, "all four": 4}.get(given["all"].lower(), draws) != draws:
        raise stops.PassOnError("it is not clear how many are drawn")
    back = (given.get("back") or "").lower()
    shown = ", ".join(f"{number} {colour}" for number, colour in holds)
    drawn = f"that {draws} drawn from {shown} are all {wanted}"
    if draws == 1:
        drawn = f"that one drawn from {shown} is {'not ' if given.get('not') else ''}{wanted}"
    reading = f"the probability {drawn}{f', {back} replacement' if back else ''}"
    if total == 0 or draws == 0:
        raise stops.RefusedError("Nothing can be drawn there. Give numbers above zero.", reading)
    if draws > 1 and not back:
        raise stops.RefusedError("With and without replacement differ. Say which is meant.", reading)
    if draws > 1 and back == "without" and draws > total:
        raise stops.RefusedError("There are not so many to draw. Give a smaller number.", reading)
    if draws > 50:
        raise stops.RefusedError("I go through at most 50 draws. Ask for fewer.", reading)
    value = chances.all_drawn(good, total, draws, back == "with")
    if given.get("not"):
        value = 1 - value
    return chances.answer(reading, value, "draw by draw and by the number of choices")


# A striped ball may be red, too: only what excludes each other.
_COLOURS = frozenset("red blue green yellow white black orange purple pink brown gray grey silver gold golden".split())
_P, _GET = chances.P, chances.GET
_BOUND = r"(?P<bound>exactly |at least |at most |more than |less than |fewer than )?"
_DIE = r"((fair |standard )*((?P<sides>six|\d{1,7})[- ]sided )?(fair |standard )?)"
_WITH = r"(with|on|when rolling|by rolling|from|rolling)"
_FACE = r"(one|two|three|four|five|six|\d{1,3})"
_FACES = "(sixes|ones|twos|threes|fours|fives)"
_THROW = (
    rf"((an? )?{_FACE} or (more|higher|greater|less|lower)|an? {_FACE}|an even number|an odd number|a prime( number)?|"
    rf"(a number )?(greater than|more than|less than|at least|at most) (an? )?{_FACE})"
)
# Without a word of a die only what two dice could not be meant for.
_THROW_OF_SIX = r"(a (one|two|three|four|five|six|[1-6])|a [2-6] or (more|higher|greater|less|lower))"
_BALL = r"(balls?|marbles?|beads?|socks?|candies|candy|chips?)"
_BALLS = frames.pattern(rf"<number:count> (?P<colour>[a-z]+)( (?P<kind>{_BALL}))?")
_ONE_BALL = rf"{numbers.COUNT} [a-z]+( {_BALL})?"
_HOLDS = (
    rf"(an?|the|my) (bag|urn|box|jar|drawer) (contains|has|holds) (?P<balls>{_ONE_BALL}((,|,? and) {_ONE_BALL}){{1,4}})"
)
_FIND = r"(what is|find) the (probability|chance) of"
_FIND_THAT = r"(what is|find) the (probability|chance) that"
_DRAWING = r"(drawing|picking|choosing|getting)"
_DRAWN = r"(drawn|picked|chosen|selected|taken)"
_AT_RANDOM = r"( at random| randomly)?"

FRAMES = [
    *frames.frames(
        _sum_of_dice,
        (
            rf"{_P}({_GET} )?a (sum|total) (of|that is) {_BOUND}<s:count> (with|on|when rolling|by rolling|from|"
            rf"rolling) <n:count> {_DIE}dice"
        ),
        (
            rf"{_P}({_GET} )?{_BOUND}a (sum|total) of <s:count> (with|on|when rolling|by rolling|from|rolling) "
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
        _faces_in_a_row,
        rf"{_P}(rolling|throwing|getting) <n:count> (?P<face>{_FACES}) in a row( (with|on) (a|one) {_DIE}die)?",
        # Of two dice or in two throws of one, it is the same.
        rf"{_P}(rolling|throwing) (?P<n>two|2) (?P<face>{_FACES})",
    ),
    *frames.frames(
        _all_coins,
        rf"{_P}({_GET} )?<n:count> (?P<side>heads|tails) in a row( (with|on|when flipping|when tossing) (a|one) (fair )?coin)?",
    ),
    *frames.frames(
        _one_die,
        rf"{_P}{_GET} (?P<what>{_THROW})( or (?P<other>{_THROW}))? {_WITH} (a|one|a single) {_DIE}die",
        rf"{_P}(rolling|throwing) (?P<what>{_THROW_OF_SIX})( or (?P<other>{_THROW_OF_SIX}))?",
        (
            rf"(a|one) {_DIE}die is (rolled|thrown)( once)?[.,;]? what is the probability of ({_GET} )?(?P<what>{_THROW})"
            rf"( or (?P<other>{_THROW}))?"
        ),
    ),
    *frames.frames(
        _doubles,
        rf"{_P}{_GET} (doubles|a double)( {_WITH} (two|2) {_DIE}dice)?",
        rf"{_P}{_GET} the same number (twice )?{_WITH} (two|2) {_DIE}dice",
        rf"{_P}{_GET} the same number on both dice",
    ),
    *frames.frames(
        _urn,
        rf"{_HOLDS}[.,;]? {_FIND} {_DRAWING}( at random)? (a |an |one )(?P<colour>[a-z]+) (?P<kind>{_BALL})",
        (
            rf"{_HOLDS}[.,;]? {_FIND} {_DRAWING} <k:count> (?P<colour>[a-z]+) (?P<kind>{_BALL})"
            rf"( (?P<back>with|without) replacement)?"
        ),
        (
            rf"{_HOLDS}[.,;]? (if )?(a|one) (?P<kind>{_BALL}) is {_DRAWN}{_AT_RANDOM}( from the [a-z]+)?[.,;]? "
            rf"(what is|find) the (probability|chance) (that )?(it is|of it being|that the (?P=kind) is) (?P<not>not )?"
            rf"(a )?(?P<colour>[a-z]+)( (?P=kind))?"
        ),
        (
            rf"{_HOLDS}[.,;]? (if )?<k:count> (of them |(?P<kind>{_BALL}) )are {_DRAWN}{_AT_RANDOM}( from the [a-z]+)?,?"
            rf"( (?P<back>with|without) replacement)?[.,;]? (what is|find) the (probability|chance) that "
            rf"(?P<all>both|all|all of them|they are all|all three|all four|they are both)( (of them|(?P=kind)))?( are)? "
            rf"(?P<colour>[a-z]+)"
        ),
    ),
    *frames.frames(
        _two_colours,
        (
            rf"{_HOLDS}[.,;]? (if )?<k:count> (of them |(?P<kind>{_BALL}) )are {_DRAWN}{_AT_RANDOM}( from the [a-z]+)?,?"
            rf"( (?P<back>with|without) replacement)?[.,;]? {_FIND_THAT} (they|both|the two|both of them|the two (?P=kind)|"
            rf"the (?P=kind)|both (?P=kind)) (are|have) (of )?(?P<which>different|the same) colou?rs?"
        ),
    ),
]
