"""Mathematics in several faces: formulas in plain text, Unicode and LaTeX with their values, other words around a question,
and the reading of an answer. Nothing here is shared with the code that answers.
"""

import ast
import operator
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from council.testing.questions import families

FACES = ("plain", "unicode", "latex")
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula in three faces; `strength` says how tightly it binds: 1 sum, 2 product, 3 sign, 4 power, 5 atom."""

    value: Fraction
    plain: str
    unicode: str
    latex: str
    strength: int

    def face(self, name: str) -> str:
        """Return the text of one of FACES; LaTeX without its dollar signs."""
        return str(getattr(self, name))


def number(value: int) -> Formula:
    """Return a whole number >= 0."""
    return Formula(Fraction(value), str(value), str(value), str(value), 5)


def _wrapped(inner: Formula, least: int) -> tuple[str, str, str]:
    if inner.strength >= least:
        return inner.plain, inner.unicode, inner.latex
    return f"({inner.plain})", f"({inner.unicode})", rf"\left({inner.latex}\right)"


def total(one: Formula, sign: str, other: Formula) -> Formula:
    """Return one + other or one - other."""
    left, right = _wrapped(one, 1), _wrapped(other, 2)
    value = one.value + other.value if sign == "+" else one.value - other.value
    shown = {"+": "+", "-": "\N{MINUS SIGN}"}[sign]
    return Formula(
        value, f"{left[0]} {sign} {right[0]}", f"{left[1]} {shown} {right[1]}", f"{left[2]} {sign} {right[2]}", 1
    )


def product(one: Formula, other: Formula) -> Formula:
    """Return one * other."""
    left, right = _wrapped(one, 4), _wrapped(other, 4)
    return Formula(
        one.value * other.value,
        f"{left[0]} * {right[0]}",
        f"{left[1]} × {right[1]}",
        rf"{left[2]} \cdot {right[2]}",
        2,
    )


def quotient(one: Formula, other: Formula) -> Formula:
    """Return one / other, which must not be zero."""
    left, right = _wrapped(one, 4), _wrapped(other, 4)
    latex = rf"\frac{{{one.latex}}}{{{other.latex}}}"
    return Formula(one.value / other.value, f"{left[0]} / {right[0]}", f"{left[1]} ÷ {right[1]}", latex, 2)


def power(base: Formula, exponent: int) -> Formula:
    """Return base ^ exponent."""
    inner = _wrapped(base, 5)
    if base.latex.startswith(r"\frac") or base.strength < 5:
        inner = (f"({base.plain})", f"({base.unicode})", rf"\left({base.latex}\right)")
    raised = str(exponent).translate(_RAISED)
    shown = f"({exponent})" if exponent < 0 else str(exponent)
    value = base.value**exponent
    return Formula(value, f"{inner[0]}^{shown}", f"{inner[1]}{raised}", f"{inner[2]}^{{{exponent}}}", 4)


def root(value: int) -> Formula:
    """Return the square root of value^2."""
    square = value * value
    return Formula(Fraction(value), f"sqrt({square})", f"√{square}", rf"\sqrt{{{square}}}", 5)


def formula(chance: random.Random, depth: int) -> Formula:
    """Return a formula without division by zero and without negative powers of zero."""
    if depth == 0 or chance.random() < 0.15:
        return number(chance.randint(0, 60)) if chance.random() < 0.9 else root(chance.randint(2, 15))
    one, other = formula(chance, depth - 1), formula(chance, depth - 1)
    match chance.randrange(6):
        case 0 | 1:
            return total(one, chance.choice("+-"), other)
        case 2 | 3:
            return product(one, other)
        case 4 if other.value and other.strength > 2 and one.strength > 2:
            return quotient(one, other)
        case 5 if abs(one.value) < 50 and one.value:
            return power(one, chance.randint(2, 3))
        case _:
            return total(one, "+", other)


def shown(chance: random.Random, of: Formula) -> str:
    """Return a formula in one of the faces, LaTeX between its signs."""
    face = chance.choice(FACES)
    text = of.face(face)
    return chance.choice((f"${text}$", rf"\({text}\)", f"$${text}$$")) if face == "latex" else text


def polynomial(row: Sequence[int], face: str = "plain", letter: str = "x") -> str:
    """Return a polynomial, its highest power first, as people write it."""
    degree = len(row) - 1
    pieces: list[str] = []
    for place, factor in enumerate(row):
        if not factor:
            continue
        exponent = degree - place
        raised = {
            "plain": f"^{exponent}",
            "unicode": str(exponent).translate(_RAISED),
            "latex": f"^{{{exponent}}}",
        }[face]
        base = "" if exponent == 0 else letter if exponent == 1 else letter + raised
        size = str(abs(factor)) if abs(factor) != 1 or not base else ""
        sign = ("-" if factor < 0 else "") if not pieces else (" - " if factor < 0 else " + ")
        pieces.append(f"{sign}{size}{base}")
    return "".join(pieces) or "0"


def signed(value: Fraction | int) -> str:
    """Return a number as people write it alone: -3, 3/4."""
    return str(Fraction(value))


def in_text(chance: random.Random, write: Callable[[str], str]) -> str:
    """Return what `write` gives for one of the faces, LaTeX between dollar signs."""
    face = chance.choice(FACES)
    return f"${write(face)}$" if face == "latex" else write(face)


# Other words around a question


_BEFORE = ("Please ", "please ", "Can you ", "could you please ", "Hi, ", "")
_AFTER = ("?", ".", "", " ?", " please", ", please.", "")
_IMPERATIVES = (
    "find",
    "compute",
    "calculate",
    "solve",
    "evaluate",
    "determine",
    "convert",
    "simplify",
    "factor",
    "list",
)
_QUESTIONS = ("what", "how", "is ", "which")


def paraphrase(chance: random.Random, asked: families.Asked) -> families.Asked:
    """Return the question with other manners, spaces and first letters; and other signs where it has no LaTeX."""
    text = asked.text.rstrip("?. ")
    if chance.random() < 0.3:
        text = text.replace(" ", "  ", 1)
    if "$" not in text and "\\" not in text and chance.random() < 0.5:
        text = text.replace("-", "\N{MINUS SIGN}") if "_" not in text and not re.search("[a-z]-[a-z]", text) else text
        text = text.replace(" * ", chance.choice((" * ", " × ", " · ")))
    lowered = text.lower()
    if lowered.startswith(_IMPERATIVES) and chance.random() < 0.6:
        before = chance.choice(_BEFORE)
        text = before + (text[:1].lower() + text[1:] if before else text)
    elif lowered.startswith(_QUESTIONS) and chance.random() < 0.5:
        text = text[:1].lower() + text[1:]
    ending = chance.choice(_AFTER)
    if text.endswith("!") or ("please" in lowered[:20] and "please" in ending):
        ending = ""
    return families.Asked(text + ending, asked.key)


# The reading of an answer


_NOTE = re.compile(r" \((?:about )?-?[\d.]+(?:e[+-]?\d+)?\)(?![*^/])")


def final(answer: str) -> str:
    """Return the last thing that an answer says, without its value as a decimal and without notes."""
    bare = _NOTE.sub("", answer).split(", wherever")[0].split(" where ")[0]
    if " is about " in bare:
        bare = bare.split(" is about ", maxsplit=1)[0]
    return re.split(r" = | is ", bare)[-1].strip().rstrip(".")


def same_number(answer: str, key: str) -> bool:
    """Say whether the answer is the number of the key, a fraction or whole."""
    try:
        return Fraction(final(answer).replace(",", "")) == Fraction(key)
    except (ValueError, ZeroDivisionError):
        return False


def same_text(answer: str, key: str) -> bool:
    """Say whether the last thing said is the key, spaces aside."""
    return final(answer).replace(" ", "") == key.replace(" ", "")


def says(answer: str, key: str) -> bool:
    """Say whether the whole answer holds one of the texts of the key, parted by |, and none after a !."""
    wanted, _, unwanted = key.partition("!")
    return any(one in answer for one in wanted.split("|")) and not (unwanted and unwanted in answer)


def same_roots(answer: str, key: str) -> bool:
    """Say whether the answer names exactly the numbers of the key, each as letter = number."""
    found = [Fraction(one) for one in re.findall(r"[a-z] = (-?\d+(?:/\d+)?)", _NOTE.sub("", answer))]
    return sorted(found) == sorted(Fraction(one) for one in key.split(";")) if key else "no real solution" in answer


def same_assignment(answer: str, key: str) -> bool:
    """Say whether the answer gives each letter the number of the key: x=1;y=2, further solutions parted by |."""
    bare = _NOTE.sub("", answer)
    found = {tuple(re.findall(r"([a-z]) = (-?\d+(?:/\d+)?)", part)) for part in bare.split(" or ")}
    wanted = {tuple(tuple(pair.split("=")) for pair in part.split(";")) for part in key.split("|")}
    return found == wanted


_PLACES = tuple(Fraction(top, 7) for top in (3, -5, 11, 16, -23))
_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def same_function(answer: str, key: str) -> bool:
    """Say whether the last thing said and the key have the same value at several places; letters are x, y, n."""
    return same_formulas(final(answer).removesuffix(" + C"), key)


def same_formulas(one: str, other: str) -> bool:
    """Say whether two formulas of fractions and the letters x, y, n have the same value at several places."""
    try:
        return all(
            _value(one, {"x": place, "y": place + 2, "n": place - 1})
            == _value(other, {"x": place, "y": place + 2, "n": place - 1})
            for place in _PLACES
        )
    except (ValueError, SyntaxError, ZeroDivisionError):
        return False


def _value(text: str, letters: Mapping[str, Fraction]) -> Fraction:
    return _of(ast.parse(text.replace("^", "**"), mode="eval").body, letters)


def _of(node: ast.expr, letters: Mapping[str, Fraction]) -> Fraction:
    match node:
        case ast.Constant(value=int() as whole):
            return Fraction(whole)
        case ast.Name(id=name) if name in letters:
            return letters[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_of(operand, letters)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return Fraction(_of(left, letters) ** int(_of(right, letters)))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_of(left, letters), _of(right, letters))
    raise ValueError("not a formula of fractions")
