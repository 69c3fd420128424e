"""How bad an advisory says that it is: base scores of CVSS 3 out of their vectors, and the words of databases. Pure.

The formula and its numbers are those of CVSS 3.1, section 7.1 (first.org/cvss/v3.1/specification-document).
"""

import math
from collections.abc import Mapping

from council.domain import security

_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
# By whether what is reached lies in another scope.
_PRIVILEGES = {False: {"N": 0.85, "L": 0.62, "H": 0.27}, True: {"N": 0.85, "L": 0.68, "H": 0.5}}
_WORDS = {
    "critical": security.Severity.CRITICAL,
    "high": security.Severity.HIGH,
    "moderate": security.Severity.MEDIUM,
    "medium": security.Severity.MEDIUM,
    "low": security.Severity.LOW,
}


def base_score(vector: str) -> float | None:
    """Return the base score, 0 to 10, of a vector of CVSS 3.0 or 3.1; None for any other text."""
    head, *parts = vector.strip().split("/")
    given = dict(part.split(":", 1) for part in parts if ":" in part)
    if not head.startswith("CVSS:3.") or given.get("S") not in ("U", "C"):
        return None
    changed = given["S"] == "C"
    try:
        weight = {name: of[given[name]] for name, of in _WEIGHTS.items()}
        privileges = _PRIVILEGES[changed][given["PR"]]
    except KeyError:
        return None
    harm = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (harm - 0.029) - 3.25 * (harm - 0.02) ** 15 if changed else 6.42 * harm
    if impact <= 0:
        return 0.0
    ease = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    return _up(min(10.0, (1.08 if changed else 1.0) * (impact + ease)))


def _up(number: float) -> float:
    """Return the least number of one decimal that is no less, as the specification's appendix A has it, free of rounding."""
    whole = round(number * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (math.floor(whole / 10_000) + 1) / 10


def of_score(score: float) -> security.Severity:
    """Return the word for a base score."""
    if score >= 9:
        return security.Severity.CRITICAL
    if score >= 7:
        return security.Severity.HIGH
    return security.Severity.MEDIUM if score >= 4 else security.Severity.LOW


def of_word(word: object) -> security.Severity | None:
    """Return what a database's own word means, None for one that is not known."""
    return _WORDS.get(word.lower()) if isinstance(word, str) else None
