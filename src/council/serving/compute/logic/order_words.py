"""Words of orders: what things are compared by, sentences that open a puzzle, and places counted from the last."""

import re

from council.serving.wording import number_words

# scale: (front comparative, back comparative, front superlative, back superlative), alternatives separated by bars.
SCALES = {
    "height": ("taller", "shorter", "tallest", "shortest"),
    "length": ("longer", "shorter", "longest", "shortest"),
    "age": ("older", "younger|newer", "oldest", "youngest|newest"),
    "speed": ("faster|quicker", "slower", "fastest|quickest", "slowest"),
    "weight": ("heavier", "lighter", "heaviest", "lightest"),
    "size": ("bigger|larger", "smaller", "biggest|largest", "smallest"),
    "wealth": ("richer|wealthier", "poorer", "richest|wealthiest", "poorest"),
    "strength": ("stronger", "weaker", "strongest", "weakest"),
    "altitude": ("higher", "lower", "highest", "lowest"),
    "temperature": ("hotter|warmer", "colder|cooler", "hottest|warmest", "coldest|coolest"),
    "depth": ("deeper", "shallower", "deepest", "shallowest"),
    "width": ("wider|broader", "narrower", "widest|broadest", "narrowest"),
    "thickness": ("thicker", "thinner", "thickest", "thinnest"),
    "loudness": ("louder", "quieter", "loudest", "quietest"),
    "brightness": ("brighter", "darker|dimmer", "brightest", "darkest|dimmest"),
    "cleverness": ("smarter|cleverer", "less smart|less clever", "smartest|cleverest", "least smart|least clever"),
    "price": (
        "more expensive|pricier",
        "less expensive|cheaper",
        "most expensive|priciest",
        "least expensive|cheapest",
    ),
}
ROW = "row"
RACE = "race"
QUEUE = "queue"
MORE = {"cost": "price", "weigh": "weight"}
ORDINALS = number_words.ordinals(1, 9)
ORDINAL = "|".join(ORDINALS)
NUMBERS = number_words.cardinals(2, 9)
NUMBERS |= {str(number): number for number in range(2, 10)}
SUPERLATIVE = r"(?:most|least) |[a-z]+est\b|(?:left|right)most\b"
_COUNT = "|".join(NUMBERS)
_MANY_PEOPLE = r"people|friends|children|kids|students|runners|racers|cars|boys|girls|men|women|persons|siblings"
LIST_HEAD = re.compile(
    rf"(?:(?:in|on|at) (?:a|an|the) [a-z ]{{1,40}}, )?(?:there (?:are|were)|(?:a|the) [a-z]+(?: [a-z]+)? (?:sells|has))"
    rf" ({'|'.join(NUMBERS)}) ([a-z]+(?: [a-z]+)?): (.+)"
)
_FORMATION = (
    r"(?:(?:stand|sit|queue|wait|(?:are )?(?:standing|sitting|seated|waiting)) )?in a (?:straight )?(?:line|row|queue)"
)
STANDING = re.compile(
    rf"(?:there are )?(?P<count>{_COUNT}) (?P<noun>{_MANY_PEOPLE})(?:,(?: named)? (?P<first>.+?),?)? "
    rf"(?:{_FORMATION}|(?P<ran>ran|run|are running) (?:in )?a race)"
    r"(?:: (?P<last>.+))?"
)
PREAMBLE = re.compile(
    rf"the following paragraphs each describe a set of ({'|'.join(NUMBERS)}) objects arranged in a fixed order"
    r"|the statements are logically consistent within each paragraph"
)


def from_last(text: str) -> int | None:
    """Return the place counted from the back that "second to last" or "last but one" names."""
    if match := re.fullmatch(rf"(?:in )?(?:the )?({ORDINAL})(?:[- ]to)?[- ]last(?: place)?", text):
        return ORDINALS[match[1]] if match[1] != "first" else None
    return 2 if text in ("last but one", "next to last", "penultimate") else None


def mixes_tenses(text: str) -> bool:
    """Say whether the text speaks of more than one time, or of arriving and of finishing."""
    if re.search(r"\barrived?\b", text) and re.search(r"\b(?:finish(?:ed)?|came|come|ended)\b", text):
        return True
    return bool(re.search(r"\b(was|were|did|finished|arrived|came)\b", text) and re.search(r"\b(is|are)\b", text))
