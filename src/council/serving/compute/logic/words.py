"""English words: normal forms, plurals, and the tables of words that a grammar treats specially.

Tables are closed on purpose: a word that is in none of them is a plain content word, and a word that changes what a
sentence means (most, only, might, was) is in `FUNCTION_WORDS`, so that no grammar takes it for a name.
"""

import re

from council.serving.compute.logic import problems
from council.serving.wording import number_words

_QUOTES = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2011": "-", "\u00a0": " "}
)
_ALLOWED = re.compile(r"[A-Za-z\u00c0-\u024f0-9 ,;:.?!()'\"\n\r\t-]*")
_CONTRACTIONS = [
    (re.compile(rf"\b{verb}n't\b"), f"{verb} not") for verb in ("is", "are", "does", "do", "did", "was", "were")
]

FUNCTION_WORDS = frozenset(
    """
    a an the this that these those it its he him his she her hers they them their theirs we us our ours you
    your yours i me my mine myself himself herself itself themselves there here who whom whose which what when
    where why how all every each any some no none not neither nor both either or and but if then else unless
    only except most many much few several more less least fewer another other others same different such
    enough half third quarter percent dozen hundred thousand million exactly almost nearly about approximately roughly
    mostly usually often sometimes always never ever rarely seldom generally normally typically probably possibly perhaps
    maybe likely unlikely certainly necessarily definitely might may could can cannot should would will shall
    must ought had has have having was were been being be am is are do does did of in on at to from by with
    without for as than so because since while until before after during between among through over under into
    onto upon off out up down near behind beside against within per via like unlike just even too also very
    quite rather really still already yet again soon now today yesterday tomorrow once twice everyone
    everybody everything someone somebody something anyone anybody anything nobody nothing whoever whatever
    please let lets yes true false unknown know knows think thinks believe believes say says said tell tells
    told suppose assume given therefore thus hence
    """.split()
).union(number_words.cardinals(0, 90))

# No part of what a thing is called: they say how surely, how often or how many.
HEDGES = frozenset(
    """
    not never no none almost nearly about approximately roughly mostly mainly probably possibly perhaps maybe likely
    usually often sometimes rarely always either neither nor or unless except without only just also too again exactly
    most least half yesterday today tomorrow more less many much few several
    """.split()
)

# Said of a kind as a whole, not of each of its members: "men are numerous" does not make Socrates numerous.
COLLECTIVE_WORDS = frozenset(
    """
    numerous common rare extinct widespread endangered plentiful scarce diverse abundant ubiquitous popular
    everywhere identical similar equal equals friends enemies siblings brothers sisters twins neighbours
    neighbors partners rivals alike together alone increasing decreasing dying growing
    innumerable countless gone various legion species genus army armies majority minority crowd crowds team teams
    group groups outnumbered united divided
    """.split()
)

# With a bare plural these speak of some members at some moment: "firemen are available".
PASSING_WORDS = frozenset(
    """
    available hungry thirsty tired asleep awake present absent missing ready busy sick ill drunk angry outside
    inside nearby home
    """.split()
)

# Forms that say what was done to some members: "cars are parked", "doctors are needed". Regular ones end in -ed.
_PARTICIPLES = frozenset(
    """
    beaten bent bitten blown born bought bound broken brought built burnt caught chosen cut done drawn driven drunk dug
    eaten fallen fed felt forbidden forgotten fought found frozen given gone grown heard held hidden hit hung hurt kept
    laid led left lent lit lost made met paid put read ridden seen sent shaken shot shown shut sold spent split spoken
    spread stolen struck stuck sung sunk swept sworn taken taught thrown torn understood won worn woven written
    """.split()
)
_NOT_PARTICIPLES = frozenset("red wicked sacred naked".split())

# Nouns that only people are called.
PERSON_NOUNS = frozenset(
    """
    person human man woman boy girl child adult teenager baby citizen student pupil teacher professor doctor nurse
    lawyer judge engineer scientist chemist physicist mathematician philosopher artist painter musician singer
    actor actress writer author poet farmer baker cook chef butcher carpenter plumber electrician soldier sailor
    policeman policewoman fireman politician president king queen prince princess priest athlete golfer
    employee employer manager worker clerk accountant banker barber waiter waitress journalist dentist librarian
    programmer parent mother father brother sister son daughter uncle aunt husband wife
    """.split()
)

ANTONYMS = frozenset(
    frozenset(pair.split("/"))
    for pair in """
    on/off open/closed open/shut wet/dry hot/cold warm/cold warm/cool alive/dead true/false asleep/awake
    happy/sad rich/poor big/small large/small large/little big/little tall/short long/short high/low old/young
    old/new light/dark light/heavy fast/slow full/empty clean/dirty good/bad right/wrong odd/even
    married/single married/unmarried male/female man/woman boy/girl early/late loud/quiet strong/weak
    hard/soft hard/easy rough/smooth safe/dangerous mortal/immortal possible/impossible guilty/innocent
    healthy/sick healthy/ill well/ill well/sick day/night present/absent here/away in/out locked/unlocked
    valid/invalid legal/illegal visible/invisible up/down left/right win/lose wins/loses pass/fail
    passes/fails positive/negative living/dead vertebrate/invertebrate thick/thin kind/cruel kind/mean
    nice/mean nice/nasty brave/cowardly lazy/hardworking transparent/opaque sunny/cloudy sunny/rainy
    friendly/hostile human/animal plant/animal bright/dull bright/dark smart/stupid smart/dumb clever/stupid
    cheap/expensive lost/found deep/shallow
    """.split()
)

_IRREGULAR_PLURALS = {
    "men": "man", "women": "woman", "children": "child", "people": "person", "mice": "mouse", "geese": "goose",
    "feet": "foot", "teeth": "tooth", "oxen": "ox", "wolves": "wolf", "knives": "knife", "wives": "wife",
    "lives": "life", "leaves": "leaf", "thieves": "thief", "elves": "elf", "dwarves": "dwarf", "halves": "half",
    "shelves": "shelf", "loaves": "loaf", "calves": "calf", "cacti": "cactus", "fungi": "fungus",
    "nuclei": "nucleus", "bacteria": "bacterium", "criteria": "criterion", "phenomena": "phenomenon",
    "fish": "fish", "sheep": "sheep", "deer": "deer", "aircraft": "aircraft", "policemen": "policeman",
    "firemen": "fireman", "fishermen": "fisherman", "postmen": "postman", "salesmen": "salesman",
    "businessmen": "businessman", "gentlemen": "gentleman", "craftsmen": "craftsman", "snowmen": "snowman",
    "grandchildren": "grandchild", "axes": "",
}  # fmt: skip


def normal(text: str) -> str:
    """Return the text with plain quotes, spaces and full forms. Raises NotUnderstoodError on foreign characters."""
    text = text.translate(_QUOTES)
    if not _ALLOWED.fullmatch(text):
        raise problems.NotUnderstoodError("it holds characters outside the controlled English that I read")
    for pattern, full in _CONTRACTIONS:
        text = pattern.sub(full, text)
    return re.sub(r"[ \t\r]+", " ", text)


def is_passing(word: str) -> bool:
    """Say whether the word may hold of some members at some moment only: a participle, or in the table."""
    if re.search(r"-(?:blooded|legged|footed|winged|headed|eyed|haired|tailed|shelled)$", word):
        return False
    participle = word in _PARTICIPLES or (word.endswith("ed") and word not in _NOT_PARTICIPLES)
    return participle or word in PASSING_WORDS or word.endswith("ing")


def plurals(singular: str) -> set[str]:
    """Return the regular plurals of a word."""
    found = {plural for plural, word in _IRREGULAR_PLURALS.items() if word == singular}
    if found:
        return found
    if re.search(r"[^aeiou]y$", singular):
        return {singular[:-1] + "ies"}
    if re.search(r"(s|x|z|ch|sh)$", singular):
        return {singular + "es"} | ({singular + "zes"} if singular.endswith("z") else set())
    return {singular + "s"} | ({singular + "es"} if singular.endswith("o") else set())


def is_plural(phrase: str) -> bool:
    """Say whether the last word of the phrase looks like a plural."""
    last = phrase.rsplit(maxsplit=1)[-1]
    return last in _IRREGULAR_PLURALS or bool(re.search(r"[^s]s$|ses$", last))


def singular_of(phrase: str, known: set[str]) -> str | None:
    """Return the phrase that `phrase` is the plural of.

    A known phrase is preferred; else the regular singular is guessed, which only matters for what is shown. None when two
    known phrases fit, as for axes of an axe and of an axis.
    """
    *front, last = phrase.split()
    fitting = [k for k in known if k != phrase and k.split()[:-1] == front and last in plurals(k.split()[-1])]
    if len(fitting) > 1:
        return None
    return fitting[0] if fitting else " ".join([*front, _guess(last)])


def third_person(verb: str) -> str:
    """Return the form of a regular verb after he, she or it."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(s|x|z|ch|sh|o)$", verb) else "s")


def stem(word: str) -> str:
    """Return a crude stem, for noticing that two words may be forms of one; never for taking them as one."""
    for ending in ("iness", "ness", "ingly", "ings", "ing", "edly", "ies", "ied", "ed", "es", "ly", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return stem(word[: -len(ending)])
    return word


def stems(phrase: str) -> frozenset[str]:
    """Return the stems of the content words of a phrase."""
    return frozenset(stem(word) for word in re.findall(r"[\w]+", phrase) if word not in FUNCTION_WORDS)


def opposed(first: str, second: str) -> bool:
    """Say whether a word of one phrase is the opposite of a word of the other, by table or by prefix."""
    for one in re.findall(r"\w+", first):
        for other in re.findall(r"\w+", second):
            if frozenset((one, other)) in ANTONYMS:
                return True
            short, long = sorted((one, other), key=len)
            if len(short) > 2 and long in {
                prefix + short for prefix in ("un", "in", "im", "il", "ir", "dis", "non", "non-")
            }:
                return True
            if {one[:-3] + "ful", one[:-4] + "ful"} & {other} and one.endswith("less"):
                return True
            if other.endswith("less") and one == other[:-4] + "ful":
                return True
    return False


def _guess(plural: str) -> str:
    if _IRREGULAR_PLURALS.get(plural):
        return _IRREGULAR_PLURALS[plural]
    if plural.endswith("ies") and len(plural) > 4:
        return plural[:-3] + "y"
    if re.search(r"(ss|x|z|ch|sh|us)es$", plural):
        return plural[:-2]
    return plural[:-1] if re.search(r"[^s]s$", plural) else plural
