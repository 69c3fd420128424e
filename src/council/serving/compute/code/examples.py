"""Reads the tests that a user gave for a function out of their text: asserts, doctests, and examples in prose.

Only what is certain counts. A call's arguments and what it must give are literals; whatever looks like a test and cannot be
read is kept in `unread`, and then nobody may say that every test was passed.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

# More tests than this, or longer ones, are left unread.
TESTS_MAX = 60
_TEST_CHARS_MAX = 4_000
_TEXT_CHARS_MAX = 40_000
UNREAD_MAX = 20
# What may stand around a call in a test; the judge applies it to the result that came back.
WRAPPERS = ("set", "sorted", "list", "tuple", "len", "frozenset")
_NOT_UNDER_TEST = frozenset({*WRAPPERS, "print", "round", "abs", "int", "float", "str", "repr", "type", "range"})

_CALL = re.compile(r"(?<![\w.])(?<!def )(?<!class )([A-Za-z_]\w{0,80})\(")
_ASSERT = re.compile(r"^[ \t>]*assert\b|(?<=[:.;`\n ])assert(?=[ (])", re.MULTILINE)
_GIVES = re.compile(
    r"`?\s*(?:==|=>|->|→|⇒|➞|=|#\s*(?:=>|->|==)?|(?:should|must|will|would|shall|to)?\s*"
    r"(?:returns?|be|is|gives?|equals?|yields?|produces?|evaluates? to|results? in|outputs?)"
    r"(?:\s+(?:equal to|the (?:value|result|list|string)))?)"
    r"\s*:?\s*`?",
    re.IGNORECASE,
)
_PRINTS = re.compile(r"`?\s*(?:should|must|will)?\s*prints?\s*:?\s*`?", re.IGNORECASE)
_RAISES = re.compile(r"`?\s*(?:should|must|will)?\s*raises?\s+(?:an?\s+)?`?([A-Z]\w{0,60}(?:Error|Exception))\b`?")
_AFTER = re.compile(r"`?\s*(?:$|[.,;:!?)](?=\s|$)|#|and\b|but\b|while\b|or\b|because\b|since\b|```)", re.MULTILINE)
_WORD_LITERALS = {"true": "True", "false": "False", "none": "None", "null": "None"}
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+)(?![\w.]\d|\w)")
_LOOSE_WORD = re.compile(r"(?:True|False|None|true|false|none)\b")


@dataclass(frozen=True, slots=True)
class Test:
    """A call and what it must do. `compare` is equal, unequal, same, other, close, truth, doctest, prints or raises.

    `expected` is a literal's source, or the name of an exception; for a doctest it is the line that Python must show. `same`
    and `other` are `is` and `is not`. `wrapper` is applied to the result before comparing, and `tolerance` is (relative,
    absolute) where `compare` is close.
    """

    call: str
    compare: str
    expected: str
    source: str
    wrapper: str = ""
    tolerance: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Examples:
    """All that was read for one function."""

    name: str
    tests: tuple[Test, ...]
    unread: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"name": self.name, "tests": [asdict(test) for test in self.tests], "unread": list(self.unread)}


def read(text: str, wanted: str = "") -> Examples:
    """Return the tests in `text` of the function `wanted`, or of the one that most tests call."""
    text = text[:_TEXT_CHARS_MAX]
    found: list[tuple[str, Test]] = []
    unread: list[str] = []
    taken: list[tuple[int, int]] = []
    for reader in (_asserts, _doctests, _prose):
        for start, end, name, test in reader(text, taken):
            taken.append((start, end))
            if test is None:
                unread.append(text[start:end].strip()[:200])
            else:
                found.append((name, test))
    name = wanted or _most(found)
    tests = [test for named, test in found if named == name]
    unread += [test.source for named, test in found if named != name]
    unread += [test.source for test in tests[TESTS_MAX:]]
    return Examples(name, tuple(dict.fromkeys(tests[:TESTS_MAX])), tuple(unread[:UNREAD_MAX]))


_Read = Iterator[tuple[int, int, str, Test | None]]


def _most(found: list[tuple[str, Test]]) -> str:
    names = [name for name, _ in found]
    return max(names, key=lambda name: (names.count(name), -names.index(name)), default="")


def _asserts(text: str, _: list[tuple[int, int]]) -> _Read:
    """Read each `assert`, which ends where the longest statement that parses ends."""
    position = 0
    while (match := _ASSERT.search(text, position)) is not None:
        start = text.index("assert", match.start())
        end, node = _statement(text, start)
        if node is None:
            line_end = text.find("\n", start)
            end = len(text) if line_end < 0 else line_end
            if not _is_prose(text[start:end]):
                yield start, end, "", None
        else:
            name, test = _of_assert(node, text[start:end].strip())
            yield start, end, name, test
        position = max(end, start + 6)


def _is_prose(line: str) -> bool:
    """Say whether a line that begins with "assert" is an English sentence."""
    return "(" not in line and "==" not in line


def _statement(text: str, start: int) -> tuple[int, ast.Assert | None]:
    """Return the end of the assert at `start`, which may go on over lines while brackets are open."""
    end = _expression_end(text, start + len("assert"))
    for cut in (end, *_earlier_ends(text, start, end)):
        try:
            body = ast.parse(text[start:cut].strip().rstrip("`.")).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if len(body) == 1 and isinstance(body[0], ast.Assert):
            return cut, body[0]
    return end, None


def _expression_end(text: str, start: int) -> int:
    """Return where a logical line ends: at a newline or `;` outside of brackets and strings."""
    position, depth = start, 0
    limit = min(len(text), start + _TEST_CHARS_MAX)
    while position < limit:
        letter = text[position]
        if letter in "'\"":
            position = _string_end(text, position, limit)
            continue
        depth += (letter in "([{") - (letter in ")]}")
        if (letter in "\n;`" and depth <= 0) or depth < 0:
            return position
        position += 1
    return limit


def _earlier_ends(text: str, start: int, end: int) -> list[int]:
    """Return places where another assert begins on the same line, as in "assert f(1) == 2 assert f(2) == 3"."""
    return [match.start() for match in re.finditer(r"\sassert\b", text[:end]) if match.start() > start][:1]


def _string_end(text: str, start: int, limit: int) -> int:
    quote = text[start : start + 3] if text[start : start + 3] in ("'''", '"""') else text[start]
    position = start + len(quote)
    while position < limit:
        if text[position] == "\\":
            position += 2
        elif text.startswith(quote, position):
            return position + len(quote)
        elif text[position] == "\n" and len(quote) == 1:
            return start + 1  # an apostrophe, not a string
        else:
            position += 1
    return start + 1


def _of_assert(node: ast.Assert, source: str) -> tuple[str, Test | None]:
    match node.test:
        case ast.UnaryOp(ast.Not(), ast.Compare(left, [operator], [right])):
            return _compared(left, _OPPOSITE.get(_COMPARED.get(type(operator), ""), ""), right, source)
        case ast.Compare(left, [operator], [right]):
            return _compared(left, _COMPARED.get(type(operator), ""), right, source)
        case ast.UnaryOp(ast.Not(), operand):
            name = _callee(operand)
            return name, Test(ast.unparse(operand), "truth", "False", source) if name else None
        case ast.Call(ast.Attribute(ast.Name("math"), "isclose") | ast.Name("isclose"), [first, second], keywords):
            return _close(first, second, keywords, source)
        case _:
            name = _callee(node.test)
            return name, Test(ast.unparse(node.test), "truth", "True", source) if name else None


_COMPARED = {ast.Eq: "equal", ast.NotEq: "unequal", ast.Is: "same", ast.IsNot: "other"}
_OPPOSITE = {"equal": "unequal", "unequal": "equal", "same": "other", "other": "same"}


def _compared(left: ast.expr, compare: str, right: ast.expr, source: str) -> tuple[str, Test | None]:
    for call, value in ((left, right), (right, left)):
        name, test = _equal(call, value, source)
        if test is None or not compare:
            continue
        if compare in ("same", "other") and (test.wrapper or test.expected not in ("True", "False", "None")):
            # Whether two equal values are one object is nothing that a result tells.
            continue
        return name, replace(test, compare=compare)
    return "", None


def _equal(call: ast.expr, value: ast.expr, source: str) -> tuple[str, Test | None]:
    wrapper = ""
    match call:
        case ast.Call(ast.Name(outer), [inner], []) if outer in WRAPPERS and _callee(inner):
            wrapper, call = outer, inner
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == wrapper:
                if len(value.args) != 1 or value.keywords:
                    return "", None
                value = value.args[0]
                literal = _literal(value)
                if literal is None:
                    return "", None
                try:
                    literal = repr(wrapped(wrapper, ast.literal_eval(literal)))
                except (TypeError, ValueError):
                    return "", None
                if literal in ("set()", "frozenset()") or literal.startswith("frozenset"):
                    return "", None
                return _callee(call), Test(ast.unparse(call), "equal", literal, source, wrapper)
    name, literal = _callee(call), _literal(value)
    if not name or literal is None:
        return "", None
    return name, Test(ast.unparse(call), "equal", literal, source, wrapper)


def _close(first: ast.expr, second: ast.expr, keywords: list[ast.keyword], source: str) -> tuple[str, Test | None]:
    bounds = {"rel_tol": 1e-9, "abs_tol": 0.0}
    for keyword in keywords:
        value = keyword.value
        if keyword.arg not in bounds or not isinstance(value, ast.Constant) or type(value.value) not in (int, float):
            return "", None
        bounds[keyword.arg] = float(str(value.value))
    for call, value in ((first, second), (second, first)):
        name, literal = _callee(call), _literal(value)
        if name and literal is not None:
            return name, Test(ast.unparse(call), "close", literal, source, "", (bounds["rel_tol"], bounds["abs_tol"]))
    return "", None


def wrapped(wrapper: str, value: Any) -> Any:
    """Apply a wrapper to a plain value. Raises TypeError where it does not fit."""
    made = {"set": set, "sorted": sorted, "list": list, "tuple": tuple, "len": len, "frozenset": frozenset}
    return made[wrapper](value) if wrapper else value  # type: ignore[operator]


def _callee(node: ast.expr) -> str:
    """Return the name that is called with literals only, or nothing."""
    match node:
        case ast.Call(ast.Name(name), arguments, keywords) if name not in _NOT_UNDER_TEST:
            values = [*arguments, *(keyword.value for keyword in keywords)]
            if all(keyword.arg for keyword in keywords) and all(_literal(value) is not None for value in values):
                return name
    return ""


def _literal(node: ast.expr) -> str | None:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return ast.unparse(node)


def _doctests(text: str, taken: list[tuple[int, int]]) -> _Read:
    """Read `>>> f(1)` with the line below it."""
    for match in re.finditer(r"^[ \t]*>>> ?(.*)\n((?:[ \t]*\.\.\. ?.*\n)*)(.*)", text, re.MULTILINE):
        start, end = match.span()
        if _overlaps(start, end, taken):
            continue
        more = re.sub(r"^[ \t]*\.\.\. ?", "\n", match.group(2), flags=re.MULTILINE)
        call, given = match.group(1) + more, match.group(3).lstrip().removesuffix('"""').removesuffix("'''")
        next_line = text[end + 1 :].split("\n", 1)[0].strip()
        whole = not next_line or next_line[:3] in (">>>", '"""', "'''", "```")
        yield start, end, *_of_doctest(call.strip(), given, whole)


def _of_doctest(call: str, given: str, whole: bool) -> tuple[str, Test | None]:
    """Read a call whose one line of output is given. Options, of `# doctest:`, would change what counts as the same."""
    try:
        node = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "", None
    if not whole or not given.strip() or given.startswith(">>>") or "# doctest" in call:
        return "", None
    inner, printed = node, False
    match node:
        case ast.Call(ast.Name(outer), [argument], []) if outer in (*WRAPPERS, "print"):
            inner, printed = argument, outer == "print"
    if not printed and not _is_shown(given):
        return "", None
    name = _callee(inner)
    return name, Test(ast.unparse(node), "doctest", given, f">>> {call}  gives {given}") if name else None


def _is_shown(given: str) -> bool:
    """Say whether Python shows a plain value in just these words. Those of a set come in another order in each run."""
    try:
        node = ast.parse(given, mode="eval").body
        return repr(ast.literal_eval(node)) == given and not any(isinstance(each, ast.Set) for each in ast.walk(node))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False


def _prose(text: str, taken: list[tuple[int, int]]) -> _Read:
    """Read "f(3) -> 9", "f([1, 2]) returns 3" and their like."""
    for match in _CALL.finditer(text):
        start = match.start()
        name = match.group(1)
        if _overlaps(start, match.end(), taken) or name in _NOT_UNDER_TEST:
            continue
        close = _bracket_end(text, match.end() - 1)
        if close is None:
            continue
        try:
            node = ast.parse(text[start:close], mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if not _callee(node):
            continue
        yield _of_prose(text, start, close, node)


def _of_prose(text: str, start: int, close: int, node: ast.expr) -> tuple[int, int, str, Test | None]:
    name, call = _callee(node), ast.unparse(node)
    if raises := _RAISES.match(text, close):
        end = raises.end()
        return start, end, name, Test(call, "raises", raises.group(1), text[start:end].strip())
    prints = _PRINTS.match(text, close)
    gives = None if prints else _GIVES.match(text, close)
    after = prints or gives
    if after is None or not after.group().strip("` "):
        # A call that is only mentioned says nothing; one at the end of a line may be a test in a form unknown here.
        return start, close, name, None
    literal_end = _literal_end(text, after.end())
    if literal_end is None or not _AFTER.match(text, literal_end):
        return start, after.end(), name, None
    end = literal_end
    source = text[after.end() : end].strip().strip("`")
    source = _WORD_LITERALS.get(source, source)
    try:
        expected = _literal(ast.parse(source, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        expected = None
    if expected is None:
        return start, end, name, None
    return start, end, name, Test(call, "prints" if prints else "equal", expected, text[start:end].strip())


def _bracket_end(text: str, start: int) -> int | None:
    """Return the place after the bracket that closes the one at `start`."""
    position, depth = start, 0
    limit = min(len(text), start + _TEST_CHARS_MAX)
    while position < limit:
        letter = text[position]
        if letter in "'\"":
            after = _string_end(text, position, limit)
            if after == position + 1:
                return None
            position = after
            continue
        depth += (letter in "([{") - (letter in ")]}")
        position += 1
        if depth == 0:
            return position
    return None


def _literal_end(text: str, start: int) -> int | None:
    """Return where the literal at `start` ends, or None."""
    letter = text[start : start + 1]
    if letter and letter in "([{":
        return _bracket_end(text, start)
    if letter and letter in "'\"":
        end = _string_end(text, start, len(text))
        return None if end == start + 1 else end
    match = _NUMBER.match(text, start) or _LOOSE_WORD.match(text, start)
    if match is None:
        return None
    # "returns 9." ends a sentence; the dot is no part of the number.
    return match.end() - 1 if match.group().endswith(".") else match.end()


def _overlaps(start: int, end: int, taken: list[tuple[int, int]]) -> bool:
    return any(start < stop and begin < end for begin, stop in taken)
