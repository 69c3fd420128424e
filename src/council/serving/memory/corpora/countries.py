"""Countries, their capitals and codes, from the `countryinfo` package, whose data are read and whose code is never run."""

import importlib.metadata
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from council.serving.memory.corpora import asking, entries

PACKAGE = "countryinfo"
_FILE_BYTES_MAX = 1024 * 1024

# Of these no single capital can be told: there are several, none, a disputed or a moved one, or the package is behind the
# times. Palestine, Israel, Western Sahara; Bolivia, Benin, Ivory Coast, Eswatini, South Africa, Sri Lanka; Burundi, Equatorial
# Guinea, Indonesia, Kazakhstan, Yemen; states that are no more; places without a town. Georgia is also a state of the US.
NO_ONE_CAPITAL = frozenset(
    "AN AQ BI BJ BO BQ BV CI CS EH GE GQ GS HK HM ID IL IO KZ LK MO MS NR PS SJ SZ TF TK UM VA XK YE ZA".split()
)
# Nearly or wholly another's: of Hong Kong's former capital and British Columbia's, of each other.
_UNCLEAR_CAPITALS = frozenset({"victoria", "city of victoria", "georgetown", "george town"})
ALIASES = {
    "usa": "US",
    "us": "US",
    "united states of america": "US",
    "uk": "GB",
    "great britain": "GB",
    "uae": "AE",
    "czechia": "CZ",
    "burma": "MM",
    "north macedonia": "MK",
    "turkiye": "TR",
    "cabo verde": "CV",
    "timor leste": "TL",
    "russian federation": "RU",
    "viet nam": "VN",
    "dr congo": "CD",
    "dem rep of congo": "CD",
    "democratic republic of congo": "CD",
    "republic of korea": "KR",
    "republic of ireland": "IE",
    "peoples republic of china": "CN",
}
_NAME = r"(?P<name>[^?!;:]{2,60})"
_CAPITAL = re.compile(
    rf"(?:(?:what|which)(?: city| is)*(?: the)? |name the |the )?capital(?: city)? (?:of|for) {_NAME}|"
    rf"(?:what is )?(?P<owner>[^?!;:]{{2,60}}?)(?:'s|s') capital(?: city)?",
    re.IGNORECASE,
)
_COUNTRY = re.compile(
    r"(?:which|what) country(?: has| with|'s capital is|s capital is)(?: the| a| its)?(?: capital(?: city)?)?(?: of)? "
    r"(?P<name>[^?!;:]{2,60}?)(?: as (?:its|the) capital(?: city)?)?|"
    r"(?P<city>[^?!;:]{2,60}?) is the capital(?: city)? of (?:which|what)(?: country)?|"
    r"(?:of )?(?:which|what) country is (?P<town>[^?!;:]{2,60}?) the capital(?: city)?(?: of)?|"
    r"what is (?P<place>[^?!;:]{2,60}?) the capital(?: city)? of",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?:what (?:is|are) )?(?:the )?(?:(?:iso )?(?P<letters>two|2|three|3)[- ]letter (?:iso )?(?:country )?code|"
    rf"iso (?:country )?codes?) (?:of|for) {_NAME}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Country:
    """A country or territory as the package has it."""

    name: str
    capital: str
    two: str
    three: str


class Countries:
    """Reads questions about the countries it was made with."""

    def __init__(self, found: Sequence[Country], origin: str):
        """Know these countries; a name or capital that two of them share is not answered for."""
        self._origin = origin
        names = Counter(asking.folded(country.name) for country in found)
        self._by_name = {asking.folded(one.name): one for one in found if names[asking.folded(one.name)] == 1}
        by_code = {one.two: one for one in self._by_name.values()}
        self._by_name |= {alias: by_code[code] for alias, code in ALIASES.items() if code in by_code}
        with_capital = [one for one in found if one.capital and one.two not in NO_ONE_CAPITAL]
        capitals = Counter(asking.folded(one.capital) for one in found)
        self._by_capital = {
            name: one
            for one in with_capital
            if capitals[name := asking.folded(one.capital)] == 1 and name not in _UNCLEAR_CAPITALS
        }

    @classmethod
    def packaged(cls) -> "Countries":
        """Read the installed package; without it there are none."""
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            return cls([], PACKAGE)
        folder = Path(spec.submodule_search_locations[0]) / "data"
        found = [country for path in sorted(folder.glob("*.json")) if (country := _country(path))]
        return cls(list(dict.fromkeys(found)), f"{PACKAGE} {importlib.metadata.version(PACKAGE)}")

    def read(self, asked: str) -> entries.Entry | None:
        """Return the entry for a plain question, or None."""
        if match := _CODE.fullmatch(asked):
            return self._code(match["name"], (match["letters"] or "").lower())
        if match := _COUNTRY.fullmatch(asked):
            capital = match["name"] or match["city"] or match["town"] or match["place"]
            one = self._by_capital.get(asking.folded(capital))
            return self._said(one, f"{one.capital} is the capital of {_spoken(one.name)}.") if one else None
        if match := _CAPITAL.fullmatch(asked):
            one = self._by_name.get(asking.folded(match["name"] or match["owner"]))
            if one and one.two in NO_ONE_CAPITAL:
                why = "there are several, none, or one that is disputed, moved or out of date in my data"
                return self._said(one, f"Of {_spoken(one.name)} no single capital can be told: {why}.", answers=False)
            if one and one.capital:
                return self._said(one, f"The capital of {_spoken(one.name)} is {_ended(one.capital)}")
        return None

    def _code(self, name: str, letters: str) -> entries.Entry | None:
        one = self._by_name.get(asking.folded(name))
        if not one or one.two in ("AN", "CS", "XK"):
            return None
        if not letters:
            return self._said(one, f"The ISO 3166 codes of {_spoken(one.name)} are {one.two} and {one.three}.")
        short = letters in ("two", "2")
        code, letters = (one.two, "two") if short else (one.three, "three")
        return self._said(one, f"The {letters}-letter ISO 3166 code of {_spoken(one.name)} is {code}.")

    def _said(self, one: Country, text: str, *, answers: bool = True) -> entries.Entry:
        return entries.Entry(one.name, text, self._origin, answers)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else sentence + "."


def _spoken(name: str) -> str:
    """Return a name with the article that English gives to islands, republics, kingdoms and unions."""
    first = name.partition(" ")[0]
    last = name.rpartition(" ")[2]
    plural = last in (
        "Islands",
        "Philippines",
        "Netherlands",
        "States",
        "Emirates",
        "Kingdom",
        "Maldives",
        "Seychelles",
    )
    republic = first in ("Republic", "Democratic", "Federated", "Isle") or last == "Republic"
    return f"the {name}" if plural or republic else re.sub(r"^The ", "the ", name)


def _country(path: Path) -> Country | None:
    """Read one file of the package; what is not of its form is passed over."""
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            return None
        found = json.loads(path.read_bytes())
        capital = found.get("capital")
        codes = found["ISO"]
        return Country(
            str(found["name"]), capital if isinstance(capital, str) else "", str(codes["alpha2"]), str(codes["alpha3"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
