"""What is known of the words for things and people: which are never the same thing, which are shared, who is he or she.

Each list is of words that are safe. A word on none of them is not guessed at: the story passes on where it would matter.
"""

# No one of them is a kind, a part or another name of another: with flower here, no rose; with book, no novel.
_APART = frozenset(
    (
        "apple orange pear banana peach plum lemon mango melon kiwi carrot potato tomato onion egg cookie muffin sandwich "
        "pen pencil ruler eraser crayon sticker stamp envelope book card marble balloon doll kite puzzle shell coin button "
        "bead hat sock shoe shirt scarf plate spoon fork knife chair table lamp clock flower stick stone leaf candle "
        "dog cat rabbit horse cow pig sheep goat duck"
    ).split()
)
_MONEY = frozenset(
    "dollar euro pound cent penny coin bill note dime nickel quarter buck yen franc crown peso rupee pence".split()
)
# Played, not owned: one is won or lost without having it more or less, and two teams share one.
_EVENTS = frozenset(
    (
        "game match race bet round set contest fight battle election war argument class lesson meeting appointment party date "
        "hour minute second day week month year birthday dance trip journey visit call conversation handshake hug friendship "
        "movie film song"
    ).split()
)
# Several owners may have the same one, and one of several may be oneself.
_SHARED = _EVENTS | frozenset(
    (
        "aunt boss brother child classmate coach colleague cousin customer daughter employee fan father follower friend "
        "grandchild grandfather grandmother grandparent grandson granddaughter husband kid mother neighbor neighbour nephew "
        "niece parent partner person pupil relative rival roommate sibling sister son student teacher teammate uncle wife "
        "member wall edge side corner vertex face border door owner mom dad boy girl man woman"
    ).split()
)
# What is in them belongs to whoever owns them.
_CONTAINERS = frozenset(
    (
        "album bag basket bin bottle bowl box bucket bunch bundle cage can carton case chest column crate drawer envelope "
        "folder group jar line pack packet package page pile pot roll row shelf stack tank tin tray vase"
    ).split()
)
_HIS = frozenset(
    (
        "adam albert andrew anthony ben bill bob brian bruno carlos charles christopher daniel david edward eric farid frank "
        "fred gary george harry henry hugo jack jacob james jason jeff jim joe john jonathan joseph joshua juan justin keith "
        "kevin kofi larry luis mark matt matthew michael mike mirko noah oliver oscar patrick paul peter philip ralph richard "
        "robert roger ryan sean stephen steve steven thomas tim timothy tom walter william zach"
    ).split()
)
_HERS = frozenset(
    (
        "aiko alice amanda amy andrea angela ann anna anne barbara betty carla carol charlotte christine clara diana "
        "donna dorothy elena elizabeth emily emma grace hannah helen ines irene jane janet jennifer jessica joan judy julia "
        "julie karen kate katherine kathy laura lena linda lisa lucy margaret maria marie martha mary mia michelle nadia nancy "
        "nicole olga olivia pamela patricia rachel rebecca rosa ruth sally sandra sara sarah sharon sophia susan teresa "
        "virginia"
    ).split()
)


def head(thing: str) -> str:
    """Return the word that says what it is."""
    return thing.replace("-", " ").split()[-1]


def apart(one: str, other: str) -> bool:
    """Return whether it is known that neither of two things is among the other."""
    return one in _APART and other in _APART


def is_money(thing: str) -> bool:
    """Return whether buying and selling change it, though nothing says by how much."""
    return head(thing) in _MONEY


def is_shared(thing: str) -> bool:
    """Return whether several people can have the same one at once."""
    return head(thing) in _SHARED


def is_container(thing: str) -> bool:
    """Return whether what it holds belongs to its owner."""
    return head(thing) in _CONTAINERS


def fits(name: str, pronoun: str) -> bool | None:
    """Return whether he or she may be `name`, or None where the name does not tell."""
    if name not in _HIS and name not in _HERS:
        return None
    return (pronoun in ("he", "his")) == (name in _HIS)
