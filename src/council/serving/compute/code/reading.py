"""Reads what a user wants of the code specialist: run this, check this, explain this error, write a function.

To run and to check are claims about the user's own text, so their grammar takes every word outside of the code. What it
does not read is a wish to write, which claims nothing.
"""

import ast
import enum
import re
from dataclasses import dataclass
from typing import Any

from council.serving.compute.code import examples, purity, textbook_asks, tracebacks, wording

_TEXT_CHARS_MAX = 60_000
_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[ \t]*\n(.*?)\n?[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_LANGUAGES = {
    "": "",
    "py": "python",
    "python": "python",
    "python3": "python",
    "sh": "bash",
    "bash": "bash",
    "shell": "bash",
}

_INPUT_GIVEN = re.compile(
    r"(\b(?:input|stdin)\s*(?:is|of|being)?\s*:?\s*)"
    r"(?:`([^`\n]{0,500})`|\"([^\"\n]{0,500})\"|'([^'\n]{0,500})'|(-?\d+(?:\.\d+)?)\b(?!\s*\w))",
    re.IGNORECASE,
)
# Backtracking is bounded by this: what stands around code is short.
_WORDS_CHARS_MAX = 300


_NONE_GIVEN = examples.Examples("", (), ())


class Task(enum.StrEnum):
    """What is asked for."""

    RUN = "run"
    CHECK = "check"
    EXPLAIN = "explain"
    TEXTBOOK = "textbook"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. `code` is the user's, or the textbook's that was asked for.

    `impure` says why a run of it may come out otherwise elsewhere, else "". `expression` tells code that
    is one expression whose value is asked for.
    """

    task: Task
    language: str = ""
    code: str = ""
    stdin: str = ""
    expression: bool = False
    impure: str = ""
    given: examples.Examples = _NONE_GIVEN
    parameters: tuple[str, ...] = ()
    explanation: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "task": str(self.task),
            "language": self.language,
            "code": self.code,
            "stdin": self.stdin,
            "expression": self.expression,
            "impure": self.impure,
            "given": self.given.to_json(),
            "parameters": list(self.parameters),
            "explanation": self.explanation,
        }


def read(text: str) -> Reading:
    """Return what is asked for. Pure, and bounded for any text."""
    text = text[:_TEXT_CHARS_MAX].replace("\r\n", "\n").replace("\x00", " ").replace("\x01", " ")
    explained = tracebacks.explain(text)
    blocks = [(language.lower(), body) for language, body in _FENCE.findall(text)]
    if explained is not None:
        code = "\n\n".join(body for language, body in blocks if _is_python(language, body))
        return Reading(Task.EXPLAIN, "python" if code else "", code, explanation=explained)
    words, code_blocks, stdin = _split(text)
    words, tests = _test_lines(words)
    words = wording.bare(words)
    if len(words) <= _WORDS_CHARS_MAX and code_blocks:
        asked = _to_check(words, code_blocks, stdin, tests)
        if asked is None and not tests:
            asked = _to_run(words, code_blocks, stdin)
        if asked is not None:
            return asked
    textbook = None if code_blocks else textbook_asks.read(text)
    if textbook is not None:
        return Reading(Task.TEXTBOOK, "python", textbook.code, given=examples.read(textbook.tests, textbook.name))
    return _to_write(text)


def _split(text: str) -> tuple[str, list[tuple[str, str]], str]:
    """Return the words around the code with a mark for each piece of it, the pieces with their languages, and the input."""
    blocks: list[tuple[str, str]] = []
    stdin = ""

    def take(match: re.Match[str]) -> str:
        nonlocal stdin
        if re.search(r"\b(?:input|stdin)\b\s*(?:is|of)?\s*:?\s*$", text[: match.start()], re.IGNORECASE):
            stdin = match.group(2) + "\n"
            return wording.INPUT
        blocks.append((match.group(1).lower(), match.group(2)))
        return wording.PLACE

    words = _FENCE.sub(take, text)
    if not blocks:
        words = _unfenced(words, blocks)

    def take_input(match: re.Match[str]) -> str:
        nonlocal stdin
        stdin = next(group for group in match.groups()[1:] if group is not None) + "\n"
        return match.group(1) + wording.INPUT

    if not stdin:
        words = _INPUT_GIVEN.sub(take_input, words, count=1)
    return words.strip(), blocks, stdin


def _unfenced(text: str, blocks: list[tuple[str, str]]) -> str:
    """Find code without a fence: between backticks, or as all lines after the first that ends in a question."""
    inline = re.findall(r"(?<!`)`([^`\n]{1,400})`(?!`)", text)
    if len(inline) == 1 and "\n" not in text.strip():
        blocks.append(("", inline[0]))
        return text.replace(f"`{inline[0]}`", wording.PLACE, 1)
    first, _, rest = text.strip().partition("\n")
    if rest.strip() and _parses(rest.strip("\n")):
        blocks.append(("", rest.strip("\n")))
        return f"{first}\n{wording.PLACE}"
    one_line = re.fullmatch(r"(.{3,120}?[:?])\s+(\S.*)", first)
    if one_line is not None and not rest.strip() and _parses(one_line.group(2)):
        blocks.append(("", one_line.group(2)))
        return f"{one_line.group(1)} {wording.PLACE}"
    print_call = re.fullmatch(
        r"(what (?:does|will|would) )(print\(.*\))( (?:print|output|show|display)\b.*)", first, re.IGNORECASE
    )
    if print_call is not None and not rest.strip() and _parses(print_call.group(2)):
        blocks.append(("", print_call.group(2)))
        return f"{print_call.group(1)}{wording.PLACE}{print_call.group(3)}"
    return text


def _to_run(words: str, blocks: list[tuple[str, str]], stdin: str) -> Reading | None:
    if len(blocks) != 1 or wording.RUN.fullmatch(words) is None or words.count(wording.INPUT) != (1 if stdin else 0):
        return None
    language, code = blocks[0]
    known = _LANGUAGES.get(language)
    if known is None:
        return None
    if known == "bash" or (not known and re.search(r"\b(?:bash|shell)\b", words, re.IGNORECASE)):
        return Reading(Task.RUN, "bash", code, stdin)
    if not known and not _parses(code):
        return None
    impure = purity.impurity(code, with_input=bool(stdin)) or purity.version_seen(code)
    return Reading(Task.RUN, "python", code, stdin, _is_value(code), impure)


def _to_check(words: str, blocks: list[tuple[str, str]], stdin: str, lines: list[str]) -> Reading | None:
    if wording.CHECK.fullmatch(words) is None or stdin:
        return None
    if any(_LANGUAGES.get(language) not in ("", "python") for language, _ in blocks):
        return None
    code, given = _without_tests(blocks, lines)
    if (not given.tests and not given.unread) or not _defined(code):
        return None
    if given.name not in _defined(code):
        # Of a class, or of what is not there: named as not read, and nobody guesses.
        unread = (*(test.source for test in given.tests), *given.unread)
        given = examples.Examples("", (), unread[: examples.UNREAD_MAX])
    return Reading(Task.CHECK, "python", code, impure=purity.impurity(code), given=given)


def _test_lines(words: str) -> tuple[str, list[str]]:
    """Return the words less the lines that are a test and nothing else, as "f(3) -> 9", and those lines."""
    kept: list[str] = []
    lines: list[str] = []
    for line in words.split("\n"):
        bare = line.strip().lstrip("-* ").strip("`").rstrip(".;`")
        found = examples.read(bare)
        alone = len(found.tests) == 1 and not found.unread and found.tests[0].source == bare
        (lines if alone else kept).append(bare if alone else line)
    return "\n".join(kept).strip(), lines


def _without_tests(blocks: list[tuple[str, str]], lines: list[str]) -> tuple[str, examples.Examples]:
    """Return the code less its asserts at top level, and all the tests: its own and the `lines` around it."""
    kept, tests_text = [], list(lines)
    for _, body in blocks:
        try:
            tree = ast.parse(body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tests_text.append(body)
            continue
        lines = body.splitlines()
        for node in tree.body:
            source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            decorated = getattr(node, "decorator_list", [])
            if decorated:
                source = "\n".join(lines[decorated[0].lineno - 1 : node.end_lineno])
            if isinstance(node, ast.Assert) or (
                isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
            ):
                tests_text.append(source)
            else:
                kept.append(source)
                tests_text += [found for found in _docstrings(node) if ">>>" in found]
    code = "\n\n".join(kept)
    return code, examples.read("\n".join(tests_text))


def _docstrings(node: ast.stmt) -> list[str]:
    return [
        ast.get_docstring(each) or ""
        for each in ast.walk(node)
        if isinstance(each, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    ]


def _to_write(text: str) -> Reading:
    stub = re.search(r"^[ \t]*def ([A-Za-z_]\w*)\(([^()]*)\)", text, re.MULTILINE)
    given = examples.read(text, stub.group(1) if stub else "")
    parameters: tuple[str, ...] = ()
    if stub is not None:
        names = [part.split("=")[0].split(":")[0].strip() for part in stub.group(2).split(",")]
        if all(name.isidentifier() for name in names):
            parameters = tuple(names)
    return Reading(Task.WRITE, given=given, parameters=parameters)


def _is_python(language: str, body: str) -> bool:
    return _LANGUAGES.get(language) == "python" or (not language and _parses(body))


def _parses(code: str) -> bool:
    try:
        return bool(ast.parse(code).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_value(code: str) -> bool:
    """Say whether code is one expression that prints nothing itself."""
    try:
        node = ast.parse(code.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return not any(isinstance(each, ast.Name) and each.id == "print" for each in ast.walk(node))


def _defined(code: str) -> set[str]:
    return {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
