"""Whether an answer is the one that a development row expects. Errs on the side of wrong: what cannot be read is not right.

Numbers are compared by value after LaTeX, units and signs of grouping are gone; choices by letter or by their own words; code
by running the row's tests; tables as JSON.
"""

import ast
import contextlib
import fractions
import json
import math
import re
from typing import Any

_FENCE = re.compile(r"```(?:python|py|python3)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
_CHOICE = re.compile(r"^([A-H])\) *(.+)$", re.MULTILINE)
_LETTER = re.compile(
    r"^\s*(?:the\s+)?(?:correct\s+)?(?:answer\s*(?:is|:)?\s*)?\(?([A-H])(?:[).:]|\s*$)", re.IGNORECASE | re.MULTILINE
)
_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:\s*/\s*\d+)?")
_TRUTH = (
    (
        "unknown",
        re.compile(
            r"\b(?:unknown|uncertain|undetermined|cannot be (?:decided|known|concluded)|does not follow)\b",
            re.IGNORECASE,
        ),
    ),
    ("true", re.compile(r"\b(?:yes|true)\b", re.IGNORECASE)),
    ("false", re.compile(r"\b(?:no|false)\b", re.IGNORECASE)),
)
_PRINTS = re.compile(r"What does this \w+ program print\b")
_BLOCK = re.compile(r"```[^\n]*\n(.*?)```", re.DOTALL)
_TABLE = re.compile(r"\[\s*\{.*\}\s*\]", re.DOTALL)
_EQUALS = re.compile(r"[=≈]")
_LATEX = (
    (re.compile(r"\\begin\{pmatrix\}"), "[["),
    (re.compile(r"\\end\{pmatrix\}"), "]]"),
    (re.compile(r"\\\\"), "],["),
    (re.compile("&"), ","),
    (re.compile(r"\\sqrt\s*\{([^{}]+)\}"), r"sqrt(\1)"),
    (re.compile(r"\\d?t?frac\s*\{([^{}]+)\}\s*\{([^{}]+)\}"), r"(\1)/(\2)"),
    (re.compile(r"\\frac\s*(\d)\s*(\d)"), r"(\1)/(\2)"),
    (re.compile(r"\\sec\s*(\w)"), r"(1/cos(\1))"),
    (re.compile(r"\\sqrt\s*(\w)"), r"sqrt(\1)"),
    (re.compile(r"\\(?:text|mbox|mathrm|textbf)\s*\{[^{}]*\}"), ""),
    (re.compile(r"\\boxed\s*\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\^\s*\\circ|\^\{\\circ\}|°|\\degree"), ""),
    (re.compile(r"\\(?:left|right|,|!|;|:|quad|displaystyle)"), ""),
    (re.compile(r"\\(?:cdot|times)|[×·⋅]"), "*"),
    (re.compile(r"\\pi|π"), "pi"),
    (re.compile(r"\\infty|∞"), "oo"),
    (re.compile("\\\\cup|\u222a"), "U"),
    (re.compile("[\u2212\u2013]"), "-"),
    (re.compile(r"√\(?(\w+)\)?"), r"sqrt(\1)"),
    (re.compile(r"\\?\$|\\?%|\\ "), ""),
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))|\{,\}"), ""),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"[{}\\\s]"), ""),
)


def form_of(file: str, prompt: str, answer: str) -> str:
    """Return how rows of a file are judged: none, printed, code, table, choice, truth, number."""
    if file.startswith("clinc"):
        return "none"
    if _PRINTS.match(prompt):
        return "printed"
    with contextlib.suppress(ValueError):
        # A set in LaTeX begins like an object, too.
        known = json.loads(answer)
        if isinstance(known, dict):
            return "code"
        if isinstance(known, list) and known and isinstance(known[0], dict):
            return "table"
    if re.fullmatch(r"[A-H]", answer):
        return "choice"
    if answer.lower() in ("yes", "no", "true", "false", "unknown"):
        return "truth"
    return "number"


def right(form: str, prompt: str, expected: str, text: str) -> bool:
    """Return whether `text` answers as expected. Code is judged elsewhere, by running it."""
    match form:
        case "choice":
            return letter(prompt, text) == expected
        case "truth":
            return truth(text) == {"yes": "true", "no": "false"}.get(expected.lower(), expected.lower())
        case "table":
            return _table(text) == _plain(json.loads(expected))
        case "printed":
            return expected.strip() in _printed(text)
        case "number":
            return _same_value(expected, text)
        case _:
            raise AssertionError(form)


def letter(prompt: str, text: str) -> str:
    """Return the choice that an answer makes, "" where that is not plain."""
    choices = dict(_CHOICE.findall(prompt))
    said = {found.upper() for found in _LETTER.findall(text)}
    if len(said) == 1:
        return said.pop()
    head = text.strip().split("\n", 1)[0].lower()
    meant = [key for key, words in choices.items() if words.strip().rstrip(".").lower() in head]
    if len(meant) == 1:
        return meant[0]
    by_truth = {words.strip().lower(): key for key, words in choices.items()}
    return by_truth.get(truth(text), "") if set(by_truth) <= {"true", "false", "unknown", "uncertain"} else ""


def truth(text: str) -> str:
    """Return true, false or unknown as an answer's first sentence says it, "" where it says none."""
    head = re.split(r"(?<=[.!])\s|\n", text.strip(), maxsplit=1)[0]
    found = [(match.start(), name) for name, pattern in _TRUTH if (match := pattern.search(head))]
    if any(name == "unknown" for _, name in found):
        return "unknown"
    return min(found)[1] if found else ""


def _table(text: str) -> Any:
    found = _TABLE.search(text)
    if found is None:
        return None
    try:
        return _plain(json.loads(found.group()))
    except ValueError:
        return None


def _plain(rows: Any) -> Any:
    if isinstance(rows, list):
        return [_plain(row) for row in rows]
    if isinstance(rows, dict):
        return {str(key).lower(): str(value).lower() for key, value in rows.items()}
    return rows


def normal(text: str) -> str:
    """Return a mathematical answer without the ways in which it may be written."""
    made = text.strip().strip("$. ")
    for pattern, replacement in _LATEX:
        made = pattern.sub(replacement, made)
    made = re.sub(r"\((-?\w+(?:\.\d+)?)\)", r"\1", made)
    made = re.sub(r"sqrt(\w+)", r"sqrt(\1)", made)
    return made.strip(".").replace("*", "").lower()


def value(text: str) -> fractions.Fraction | None:
    """Return the number that a normalised text is."""
    with contextlib.suppress(ValueError, ZeroDivisionError):
        return fractions.Fraction(text)
    return None


def _same_value(expected: str, text: str) -> bool:
    wanted = normal(expected)
    number = value(wanted)
    for candidate in _candidates(text):
        plain = normal(candidate)
        same = plain == wanted or (number is not None and value(plain) == number)
        if same or _same_formula(wanted, plain):
            return True
    return False


# A formula is the same where it has the same value at these places.
_PLACES = (0.7, 1.3)
_FUNCTIONS = {"sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan, "ln": math.log}


def _same_formula(wanted: str, plain: str) -> bool:
    """Return whether two normalised formulas of x with roots or angles have the same values."""
    if not re.search("sqrt|sin|cos|tan|ln|pi", wanted) or max(len(wanted), len(plain)) > 100:
        return False
    with contextlib.suppress(ValueError, SyntaxError, TypeError, ArithmeticError, KeyError):
        first, second = (ast.parse(_written_out(one), mode="eval").body for one in (wanted, plain))
        return all(math.isclose(_valued(first, x), _valued(second, x), rel_tol=1e-9) for x in _PLACES)
    return False


def _written_out(plain: str) -> str:
    """Return a normalised formula as Python writes it: with parentheses behind functions, and signs of products."""
    called = re.sub(r"(sqrt|sin|cos|tan|ln)(\w)", r"\1(\2)", plain)
    return re.sub(r"(?<=[\d)])(?=[a-z(])", "*", called).replace("^", "**")


def _valued(node: ast.expr, x: float) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return {"x": x, "pi": math.pi, "e": math.e}[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_valued(inner, x)
        case ast.Call(func=ast.Name(id=name), args=[inner]):
            return _FUNCTIONS[name](_valued(inner, x))
        case ast.BinOp(left=left, op=operator, right=right):
            one, other = _valued(left, x), _valued(right, x)
            match operator:
                case ast.Add():
                    return one + other
                case ast.Sub():
                    return one - other
                case ast.Mult():
                    return one * other
                case ast.Div():
                    return one / other
                case ast.Pow():
                    return float(math.pow(one, other))
    raise ValueError("no formula that is read here")


def _printed(text: str) -> set[str]:
    """Return what an answer may mean as a program's output: the whole, its last line, its one block."""
    blocks = _BLOCK.findall(text)
    return {
        text.strip(),
        text.strip().rsplit("\n", 1)[-1].strip(),
        *(block.strip() for block in blocks if len(blocks) == 1),
    }


# What Council's own answers say beside the result.
_BESIDE = re.compile(r" \((?:about|\d+ of the)[^()]*\)|, wherever .*| modulo \d+: .*")
_IN_BASE = re.compile(r"\bis (\w+) in base (\d+)\s*$")
_THERE_ARE = re.compile(r"There (?:are|is) (\d[\d,]*) ")


def _candidates(text: str) -> list[str]:
    """Return what may be the result in an answer: the whole, a box, the last right-hand side, the last number."""
    text = _BESIDE.sub("", text)
    if found := _IN_BASE.search(text):
        return [f"{found[1]}_{found[2]}", text]
    if found := _THERE_ARE.match(text):
        return [found[1]]
    first = text.strip().split("\n", 1)[0]
    boxed = re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", text)
    sides = [_EQUALS.split(line)[-1] for line in (first, text.strip().split("\n")[-1]) if _EQUALS.search(line)]
    grouped = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    numbers = _NUMBER.findall(grouped)
    last = text.strip().rsplit("\n", 1)[-1]
    leading = _NUMBER.findall(re.sub(r"(?<=\d),(?=\d{3})", "", first))[-1:]
    return [text, first, last, *boxed[-1:], *sides, *numbers[-1:], *leading]


def program(prompt: str, expected: str, text: str) -> str | None:
    """Return the Python that runs the row's tests against an answer's code; None where the answer has none."""
    wanted = json.loads(expected)
    blocks = _FENCE.findall(text)
    code = "\n\n".join(blocks) if blocks else text
    if not code.strip():
        return None
    if "entry_point" in wanted:
        name = wanted["entry_point"]
        whole = code if re.search(rf"\bdef {re.escape(name)}\b", code) else prompt + code
        return f"{whole}\n\n{wanted['test']}\n\ncheck({name})\nprint('PASSED-ALL')\n"
    return "\n\n".join([code, wanted.get("setup", ""), *wanted["test_list"], "print('PASSED-ALL')", ""])
