"""The chemical elements: names, symbols and atomic numbers, as IUPAC gives them. The order of the table is the number."""

import re

from council.serving.memory.corpora import asking, entries

ORIGIN = "IUPAC names and symbols, Council's own table"
_TABLE = """
    H Hydrogen He Helium Li Lithium Be Beryllium B Boron C Carbon N Nitrogen O Oxygen F Fluorine Ne Neon Na Sodium
    Mg Magnesium Al Aluminium Si Silicon P Phosphorus S Sulfur Cl Chlorine Ar Argon K Potassium Ca Calcium Sc Scandium
    Ti Titanium V Vanadium Cr Chromium Mn Manganese Fe Iron Co Cobalt Ni Nickel Cu Copper Zn Zinc Ga Gallium Ge Germanium
    As Arsenic Se Selenium Br Bromine Kr Krypton Rb Rubidium Sr Strontium Y Yttrium Zr Zirconium Nb Niobium Mo Molybdenum
    Tc Technetium Ru Ruthenium Rh Rhodium Pd Palladium Ag Silver Cd Cadmium In Indium Sn Tin Sb Antimony Te Tellurium
    I Iodine Xe Xenon Cs Caesium Ba Barium La Lanthanum Ce Cerium Pr Praseodymium Nd Neodymium Pm Promethium Sm Samarium
    Eu Europium Gd Gadolinium Tb Terbium Dy Dysprosium Ho Holmium Er Erbium Tm Thulium Yb Ytterbium Lu Lutetium
    Hf Hafnium Ta Tantalum W Tungsten Re Rhenium Os Osmium Ir Iridium Pt Platinum Au Gold Hg Mercury Tl Thallium Pb Lead
    Bi Bismuth Po Polonium At Astatine Rn Radon Fr Francium Ra Radium Ac Actinium Th Thorium Pa Protactinium U Uranium
    Np Neptunium Pu Plutonium Am Americium Cm Curium Bk Berkelium Cf Californium Es Einsteinium Fm Fermium Md Mendelevium
    No Nobelium Lr Lawrencium Rf Rutherfordium Db Dubnium Sg Seaborgium Bh Bohrium Hs Hassium Mt Meitnerium
    Ds Darmstadtium Rg Roentgenium Cn Copernicium Nh Nihonium Fl Flerovium Mc Moscovium Lv Livermorium Ts Tennessine
    Og Oganesson
""".split()
SYMBOLS, NAMES = tuple(_TABLE[::2]), tuple(_TABLE[1::2])
_ALIASES = {"aluminum": "aluminium", "sulphur": "sulfur", "cesium": "caesium", "wolfram": "tungsten"}
_NUMBER_OF = {name.lower(): number for number, name in enumerate(NAMES, 1)}
_BY_SYMBOL = {symbol.lower(): number for number, symbol in enumerate(SYMBOLS, 1)}
# Their sign may be meant as that of a planet, and "symbol" alone does not say.
_ALSO_A_PLANET = frozenset({"mercury"})

_OF = r"(?:of|for) (?:the (?:chemical )?element )?(?P<name>[A-Za-z]{2,15})"
_IS = r"(?:(?:what|which) is |give (?:me )?)?(?:the )?"
_ATOMIC_NUMBER = re.compile(
    rf"{_IS}atomic number {_OF}|what atomic number does (?P<other>[A-Za-z]{{2,15}}) have", re.IGNORECASE
)
_SYMBOL = re.compile(rf"{_IS}(?P<kind>chemical |element |elemental |atomic )?symbol {_OF}", re.IGNORECASE)
_BY_NUMBER = re.compile(
    rf"(?:{_IS}(?:chemical )?element (?:has|with|of)|(?:which|what) (?:chemical )?element has) (?:the |an )?atomic number "
    r"(?:of )?(?P<number>\d{1,3})",
    re.IGNORECASE,
)
_OF_SYMBOL = re.compile(
    rf"(?:{_IS}(?:chemical )?element (?:has|with)|(?:which|what) (?:chemical )?element has) (?:the )?(?:chemical )?symbol "
    r"['\"]?(?P<symbol>[A-Za-z]{1,2})['\"]?",
    re.IGNORECASE,
)


def read(asked: str) -> entries.Entry | None:
    """Return the entry for a plain question, or None."""
    if match := _ATOMIC_NUMBER.fullmatch(asked):
        return _entry(_numbered(match["name"] or match["other"]), "The atomic number of {name} is {number}.")
    if match := _SYMBOL.fullmatch(asked):
        planet = not match["kind"] and "element" not in asked.lower() and match["name"].lower() in _ALSO_A_PLANET
        return None if planet else _entry(_numbered(match["name"]), "The chemical symbol of {name} is {symbol}.")
    if match := _BY_NUMBER.fullmatch(asked):
        number = int(match["number"])
        if not 1 <= number <= len(NAMES):
            told = (
                f"No element with the atomic number {number} has a name; the table ends at {len(NAMES)}, {NAMES[-1]}."
            )
            return entries.Entry(f"Atomic number {number}", told, ORIGIN, answers=False)
        return _entry(number, "The element with the atomic number {number} is {name}.")
    if match := _OF_SYMBOL.fullmatch(asked):
        return _entry(_BY_SYMBOL.get(match["symbol"].lower(), 0), "The element with the symbol {symbol} is {name}.")
    return None


def _numbered(name: str) -> int:
    known = asking.folded(name)
    return _NUMBER_OF.get(_ALIASES.get(known, known), 0)


def _entry(number: int, sentence: str) -> entries.Entry | None:
    if not number:
        return None
    name, symbol = NAMES[number - 1], SYMBOLS[number - 1]
    return entries.Entry(name, sentence.format(name=name.lower(), symbol=symbol, number=number), ORIGIN)
