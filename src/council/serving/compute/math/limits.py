"""Every bound of the math specialist, and the ways in which reading or computing can stop.

MathStopError
├── UnreadableError   not wholly in the grammar, or read in more than one way: passed on
│   └── UnlistedError   a word or a sign is not in the grammar
├── UndecidedError    read, but the answer or its check could not be had: passed on
├── TooLargeError     read, and larger than the bounds below: refused
└── UndefinedError    read, and without a value: refused

None of these leaves the package: `solve` turns them into results.
"""

from sympy.polys import polyerrors

# SymPy signals what it cannot do with errors of many kinds; none of them may reach the user or yield an answer.
SYMPY_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    polyerrors.BasePolynomialError,
)

TEXT_CHARS_MAX = 8_000
TOKENS_MAX = 300
ANSWER_TOKENS_MAX = 3_000
NESTING_MAX = 50
LITERAL_DIGITS_MAX = 4_000
LITERAL_PLACES_MAX = 30
RESULT_DIGITS_MAX = 10_000
SYMBOLIC_DIGITS_MAX = 1_000
RADICAND_DIGITS_MAX = 300
SYMBOLIC_EXPONENT_MAX = 1_000
ROOT_INDEX_MAX = 64
POLYNOMIAL_TERMS_MAX = 150
POLYNOMIAL_DEGREE_MAX = 60
EQUATION_DEGREE_MAX = 12
UNKNOWNS_MAX = 3
OPERATIONS_MAX = 40
FACTOR_DIGITS_MAX = 20
FACTOR_INPUT_DIGITS_MAX = 100
TRIAL_DIVISOR_MAX = 100_000
# Below this bound the first 13 primes as Miller-Rabin bases decide primality (Sorenson and Webster, 2015).
PRIME_BELOW = 3_317_044_064_679_887_385_961_981


class MathStopError(Exception):
    """Reading or computing cannot go on; `reason` is for people."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class UnreadableError(MathStopError):
    """Not wholly in the grammar, or read in more than one way."""


class UnlistedError(UnreadableError):
    """A character, a word or a place of one that the grammar does not have: the least that can be said of a text."""


class UndecidedError(MathStopError):
    """Read, but the answer or its check could not be had."""


class TooLargeError(MathStopError):
    """Read, and larger than a bound."""


class UndefinedError(MathStopError):
    """Read, and without a value."""
