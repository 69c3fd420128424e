"""Permutations, combinations, arrangements of letters, handshakes, committees. Small cases are listed, large ones built up."""

import itertools
import math
import re
from collections import Counter
from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, numbers, stops, working

_ITEMS_MAX = 500
_LISTED_MAX = 40_000


def _count(text: str) -> int:
    count = numbers.read_count(text)
    if count > _ITEMS_MAX:
        raise stops.RefusedError(f"I count with at most {_ITEMS_MAX} things. Ask for fewer.")
    return count


def _pascal(items: int, chosen: int) -> int:
    """Return the combinations by Pascal's triangle: additions alone."""
    row = [1] + [0] * chosen
    for _ in range(items):
        for place in range(chosen, 0, -1):
            row[place] += row[place - 1]
    return row[chosen]


def _answer(reading: str, value: int, check: str, *steps: str) -> results.Solved:
    return frames.solved(f"{reading} = {value}", reading, check, Fraction(value), *steps)


def _choose(match: frames.Match) -> results.Solved:
    items, chosen = _count(match["n"]), _count(match["k"])
    reading = f"ways to choose {chosen} of {items}, in any order"
    if chosen > items:
        raise stops.RefusedError(
            f"{chosen} cannot be chosen from {items} without repeating. Give a smaller number.", reading
        )
    value = math.comb(items, chosen)
    check = "added up in Pascal's triangle"
    stops.require(value == _pascal(items, chosen), "Pascal's triangle")
    if value <= _LISTED_MAX:
        stops.require(sum(1 for _ in itertools.combinations(range(items), chosen)) == value, "the list of them")
        check = "every one listed and counted"
    return _answer(reading, value, check, *working.chosen(items, chosen, value))


def _permute(match: frames.Match) -> results.Solved:
    items, chosen = _count(match["n"]), _count(match["k"])
    reading = f"ways to choose {chosen} of {items} in order"
    if chosen > items:
        raise stops.RefusedError(
            f"{chosen} cannot be chosen from {items} without repeating. Give a smaller number.", reading
        )
    value = math.perm(items, chosen)
    check = "multiplied as combinations x orders"
    stops.require(value == _pascal(items, chosen) * math.factorial(chosen), "combinations times orders")
    if value <= _LISTED_MAX:
        stops.require(sum(1 for _ in itertools.permutations(range(items), chosen)) == value, "the list of them")
        check = "every one listed and counted"
    return _answer(reading, value, check, *working.ordered(items, chosen, value))


def _arrange(match: frames.Match) -> results.Solved:
    items, given = _count(match["n"]), match.groupdict()
    seats = given.get("seats") or given.get("chairs")
    if seats and _count(seats) != items:
        raise stops.PassOnError("there are more seats than people, or fewer")
    table = bool(given.get("table"))
    reading = (
        f"ways to seat {items} around a table, turned seatings counted once"
        if table
        else f"orders of {items} different things"
    )
    if table and items == 0:
        raise stops.RefusedError("Nobody sits at that table. Give a number above zero.", reading)
    value = math.factorial(items - 1 if table else items)
    product = 1
    for number in range(1, items if table else items + 1):
        product *= number
    stops.require(product == value, "the product")
    check = "multiplied up one by one"
    if value * (items if table else 1) <= _LISTED_MAX:
        orders = itertools.permutations(range(items))
        listed = len({order[order.index(0) :] + order[: order.index(0)] if table else order for order in orders})
        stops.require(listed == value, "the list of them")
        check = "every one listed and counted"
    places = items - 1 if table else items
    return _answer(reading, value, check, *working.formula(f"{places}!", Fraction(value)))


# What says which letters are meant, instead of being made of them.
_NO_WORDS = frozenset("a the word words this that it its my your our each every any alphabet name names".split())


def _letters(match: frames.Match) -> results.Solved:
    word = match["word"].upper()
    if match["word"].lower() in _NO_WORDS:
        raise stops.PassOnError("it is not clear which word is meant")
    counts = Counter(word)
    value = math.factorial(len(word)) // math.prod(math.factorial(count) for count in counts.values())
    left, product = len(word), 1
    for count in counts.values():
        product *= _pascal(left, count)
        left -= count
    stops.require(product == value, "the places letter by letter")
    check = "places chosen letter by letter"
    if math.factorial(len(word)) <= _LISTED_MAX:
        stops.require(len(set(itertools.permutations(word))) == value, "the list of them")
        check = "every one listed and counted"
    repeated = ", ".join(f"{letter} {count} times" for letter, count in counts.items() if count > 1)
    reading = f"different orders of the {len(word)} letters of {word}"
    below = "*".join(f"{count}!" for count in counts.values() if count > 1)
    steps = working.formula(f"{len(word)}!/({below})" if below else f"{len(word)}!", Fraction(value))
    return _answer(reading, value, check, repeated or "no letter is repeated", *steps)


def _handshakes(match: frames.Match) -> results.Solved:
    people = _count(match["n"])
    reading = f"handshakes among {people} people, each pair once"
    value = math.comb(people, 2)
    stops.require(sum(range(people)) == value, "each one with all before")
    steps = working.formula(f"{people}*{people - 1}/2", Fraction(value)) if people else ()
    return _answer(reading, value, "counted person by person", *steps)


def _people_of_handshakes(match: frames.Match) -> results.Solved:
    shakes = numbers.read_count(match["n"])
    reading = f"how many people make {shakes} handshakes, each pair once"
    people = (1 + math.isqrt(1 + 8 * shakes)) // 2
    if people * (people - 1) != 2 * shakes or shakes == 0:
        raise stops.RefusedError(f"No number of people makes exactly {shakes} handshakes. Check the number.", reading)
    return _answer(reading, people, "counted back from the people")


def _committee(match: frames.Match) -> results.Solved:
    """So many of one kind and so many of another."""
    groups = [(_count(match["n1"]), _count(match["k1"])), (_count(match["n2"]), _count(match["k2"]))]
    same = [(_stem(match["s1"]), _stem(match["s2"])), (_stem(match["t1"]), _stem(match["t2"]))]
    if any(one != other for one, other in same) or same[0][0] == same[1][0]:
        raise stops.PassOnError("it is not clear who is chosen from whom")
    reading = " x ".join(
        f"ways to choose {chosen} of {items} {match[name].lower()}"
        for (items, chosen), name in zip(groups, ("s2", "t2"), strict=True)
    )
    if any(chosen > items for items, chosen in groups):
        raise stops.RefusedError("More are to be chosen than there are. Give smaller numbers.", reading)
    value = math.prod(math.comb(items, chosen) for items, chosen in groups)
    stops.require(value == math.prod(_pascal(items, chosen) for items, chosen in groups), "Pascal's triangle")
    ways = [math.comb(items, chosen) for items, chosen in groups]
    steps = [line for group, way in zip(groups, ways, strict=True) for line in working.chosen(*group, way)]
    steps += working.formula("*".join(map(str, ways)), Fraction(value))
    return _answer(reading, value, "added up in Pascal's triangle", *steps)


def _stem(word: str) -> str:
    word = {"men": "man", "women": "woman", "people": "person", "children": "child"}.get(word.lower(), word.lower())
    return re.sub(r"s$", "", word)


def _strings(match: frames.Match) -> results.Solved:
    """Codes of independent places: how many digits or letters to how many places."""
    places = _count(match["k"])
    alphabet = {"digit": 10, "decimal digit": 10, "letter": 26, "bit": 2, "binary digit": 2}[match["what"].lower()]
    if places > 100:
        raise stops.RefusedError("I count codes of at most 100 places. Ask for fewer.")
    value = 1
    for _ in range(places):
        value *= alphabet
    stops.require(value == alphabet**places, "the power")
    reading = f"codes of {places} places with {alphabet} choices each, repeats allowed"
    steps = working.formula(f"{alphabet}^{places}", Fraction(value))
    return _answer(reading, value, "multiplied place by place", *steps)


_WAYS = r"(in )?how many (different |distinct )?ways (can|are there to|could|to)"
_PEOPLE = (
    r"(different |distinct )?(people|persons|students|books|children|friends|players|members|items|objects|"
    r"things|cards|runners|guests|letters|toys|flags|cars|men|women|boys|girls|candidates|employees|toppings|"
    r"flavors|flavours|colors|colours)"
)
# A number of teams without `different` may be how many there are at once: 20 students make 5 teams of 4.
_GROUP = (
    r"(committees?|subsets?|hands?|combinations?|selections?|(?<=different )(teams?|groups?)|(?<=possible "
    r")(teams?|groups?))"
)

FRAMES = [
    *frames.frames(
        _choose,
        (
            rf"how many (different |distinct |possible )?{_GROUP} (of|with) <k:count>( {_PEOPLE})? can be "
            rf"(formed|chosen|made|selected|picked|created) (from|out of) (a group of |a set of |a class of "
            rf")?<n:count>( {_PEOPLE})?"
        ),
        (
            rf"how many (different )?ways are there to (choose|select|pick) (a (committee|team|group) of "
            rf")?<k:count>( {_PEOPLE})? (from|out of|of) (a group of |a set of )?<n:count>( {_PEOPLE})?"
        ),
        (
            rf"in how many (different )?ways can (a (committee|team|group) of )?<k:count>( {_PEOPLE})? be "
            rf"(chosen|selected|picked|formed) (from|out of) (a group of )?<n:count>( {_PEOPLE})?"
        ),
        (
            rf"{_WAYS} (you |i |we |one )?(choose|select|pick) (a (committee|team|group) of )?<k:count>( "
            rf"{_PEOPLE})? (from|out of) (a group of |a set of )?<n:count>( {_PEOPLE})?"
        ),
        r"<ask>(the number of )?(combinations of )?<n:count>( things| items| objects)? taken <k:count> at a time",
        r"<ask>(?P<n>\d{1,6}) ?(choose|c) ?(?P<k>\d{1,6})",
        r"<ask>(c|ncr|nck|binom|binomial)\((?P<n>\d{1,6}), ?(?P<k>\d{1,6})\)",
        r"<ask>\\d?binom\{(?P<n>\d{1,6})\}\{(?P<k>\d{1,6})\}",
    ),
    *frames.frames(
        _permute,
        (
            r"<ask>(the number of )?permutations of <n:count>( things| items| objects| elements)? taken "
            r"<k:count> at a time"
        ),
        (
            r"how many permutations of <k:count>( things| items| objects| elements)? (are there )?(from|out of) "
            r"<n:count>( things| items| objects| elements)?"
        ),
        (
            rf"{_WAYS} <k:count>( {_PEOPLE})? be (arranged|ordered|lined up) (in a row |in order )?(from|out of) "
            rf"<n:count>( {_PEOPLE})?"
        ),
        r"<ask>(?P<n>\d{1,6}) ?p ?(?P<k>\d{1,6})",
        r"<ask>(p|npr|npk)\((?P<n>\d{1,6}), ?(?P<k>\d{1,6})\)",
    ),
    *frames.frames(
        _arrange,
        (
            rf"{_WAYS} <n:count> ((different |distinct ){_PEOPLE}|people|persons|students|children|friends|"
            rf"players|runners|guests|books) be (arranged|ordered|lined up|seated|placed) (in a (row|line)|on a "
            rf"shelf|in order)"
        ),
        (
            rf"{_WAYS} (you |i |we |one )?(arrange|order|line up|seat|place) <n:count> (different |distinct "
            rf"){_PEOPLE}( in a (row|line)| on a shelf)"
        ),
        (
            rf"{_WAYS} (you |i |we |one )?(arrange|order|line up|seat|place) <n:count> (people|students|children|"
            rf"friends|runners|guests) (in a (row|line))"
        ),
        (
            rf"{_WAYS} <n:count> (people|students|children|friends|guests) "
            r"(sit|sit down|stand|line up|be seated|be arranged) "
            r"in (a (row|line)( of (?P<seats>\d{1,3}) (seats|chairs))?|(?P<chairs>\d{1,3}) (seats|chairs))"
        ),
        (
            rf"{_WAYS} <n:count> (people|students|children|friends|guests) (sit|be seated|be arranged) "
            rf"(?P<table>(around|at) a (round |circular )table)"
        ),
    ),
    *frames.frames(
        _letters,
        (
            r"(in )?how many (different |distinct )?ways can (the |all the )?letters (of|in) (the word "
            r")?[\"'*]{0,2}(?P<word>[a-z]{2,20})[\"'*]{0,2} be (arranged|rearranged|ordered|permuted)"
        ),
        (
            r"how many (different |distinct )(arrangements|permutations|orders|anagrams) (are there )?of (all "
            r")?(the )?letters (of|in) (the word )?[\"'*]{0,2}(?P<word>[a-z]{2,20})[\"'*]{0,2}( are there)?"
        ),
        (
            r"how many (distinct |different )?ways (are there )?to (arrange|rearrange) (all )?the letters (of|"
            r"in) (the word )?[\"'*]{0,2}(?P<word>[a-z]{2,20})[\"'*]{0,2}"
        ),
        # To "find the arrangements" is to list them, but the bare words ask how many, as of combinations and permutations.
        (
            r"((<ask>|how many |count )(the )?number of |how many )?(different |distinct )?(arrangements|permutations|orders) "
            r"of (all )?(the )?letters (of|in) (the word )?[\"'*]{0,2}(?P<word>[a-z]{2,20})[\"'*]{0,2}"
        ),
    ),
    *frames.frames(
        _handshakes,
        (
            r"(<ask>(the )?number of |how many |)(possible )?handshakes (are (there|possible) |will there be )?"
            r"(among|between) (a group of )?<n:count> (people|persons|friends|guests|students)"
            r"( if (everyone|everybody|each person) shakes hands with (everyone else|each other)( (exactly )?once)?)?"
        ),
        (
            r"<n:count> people (at a party |in a room |meet and )?(each |all )?shake hands with (each other|one "
            r"another|everyone else|every other person) (exactly )?once[.,;]? how many handshakes (are there|"
            r"take place|happen|are made|were there)( in total| altogether)?"
        ),
        (
            r"how many handshakes (are there|take place|happen|are made) (if|when|among) <n:count> people (each "
            r"|all )?shake hands with (each other|one another|everyone else|every other person) (exactly )?once"
        ),
    ),
    *frames.frames(
        _people_of_handshakes,
        (
            r"(everyone|everybody) (at a party |in a room )?shakes hands with everyone else (exactly "
            r")?once[.,;]? (and )?there are <n:count> handshakes( in total)?[.,;]? how many people are there"
        ),
    ),
    *frames.frames(
        _committee,
        (
            r"(in )?how many ways can (a (committee|team|group) (of|with) )?<k1:count> (?P<s1>[a-z]+) and "
            r"<k2:count> (?P<t1>[a-z]+) be (chosen|selected|picked|formed) from <n1:count> (?P<s2>[a-z]+) and "
            r"<n2:count> (?P<t2>[a-z]+)"
        ),
        (
            rf"how many {_GROUP} (of|with) <k1:count> (?P<s1>[a-z]+) and <k2:count> (?P<t1>[a-z]+) can be "
            rf"(chosen|selected|formed|made) from <n1:count> (?P<s2>[a-z]+) and <n2:count> (?P<t2>[a-z]+)"
        ),
    ),
    *frames.frames(
        _strings,
        (
            r"how many (different |possible )?<k:count>[- ](?P<what>digit|letter|bit) (codes|pins|passwords|"
            r"strings|combinations) are there(,? (if|when) repeats are allowed)"
        ),
        (
            r"how many (different |possible )?(codes|pins|passwords|strings) (of|with) <k:count> (?P<what>digit|"
            r"letter|bit)s are there(,? (if|when) (repeats|repetitions) are allowed)"
        ),
        # Digits of a PIN may repeat, and it may begin with 0; of a number or a lock not everybody would say so.
        (
            r"(how many |<ask>(the )?number of )(different |possible )*<k:count>[- ](?P<what>digit) pins?( codes| numbers)?"
            r"( are there| are possible| exist| can there be)?(,? (if|when) (repeats|repetitions) are allowed)?"
        ),
    ),
]
