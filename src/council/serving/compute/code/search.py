"""Finds small programs that give what the examples say, smallest first, and says whether the examples single one out.

Programs are put together from `library.py` from the bottom up. Two that agree on the examples and on inputs drawn like them
are one. So if several are left that fit the examples, there is an input on which they differ, and the user is asked.
"""

import ast
import dataclasses
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from council.serving.compute.code import library

TESTS_MIN = 2
# What singles a program out takes as many examples at least, and so many bits more than choosing among all that were tried.
_TESTS_SURE = 3
_BITS_MARGIN = 6.0
_PARAMETERS_MAX = 3
_DRAWN = 14
_SIZE_MAX = 6
# Programs of so many sizes more than the first that fits are tried, to see whether another fits.
_SIZES_MORE = 1
_TRIALS_MAX = 20_000
_FITTING_MAX = 40
_EXAMPLES_MAX = 8
_INPUT_CHARS_MAX = 400
_CONSTANTS = (0, 1, 2, 3, 10, "", " ")


class _Error:
    """No value: the program fails there."""

    def __repr__(self) -> str:
        return "<error>"


_FAILS = _Error()
_PIECES = library.pieces()


@dataclass(frozen=True, slots=True)
class _Program:
    source: str
    kind: str
    values: tuple[Any, ...]
    imports: frozenset[str]
    constant: bool


@dataclass(slots=True)
class _Space:
    """What was found so far. `by_size` holds one program of each behaviour, `fitting` those that give what is wanted."""

    wanted: tuple[str, ...]
    by_size: dict[int, list[_Program]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    fitting: list[_Program] = field(default_factory=list)
    fitting_size: int = 0
    trials: int = 0


def search(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Search for the function that `tests` describe; `parameters` are their names where the user gave them.

    Returns `found` with its code and whether it is `sure`, or the reason why nothing was found.
    """
    try:
        rows, wanted = _examples(payload["tests"])
    except ValueError as error:
        return {"found": False, "reason": str(error)}
    width = len(rows[0])
    names = [str(name) for name in payload["parameters"]]
    if len(names) != width or any(not name.isidentifier() for name in names):
        names = list("abc"[:width]) if width > 1 else ["value"]
    drawn = _drawn(rows)
    space = _Space(tuple(_key(value) for value in wanted))
    complete = _grow(space, names, [*rows, *drawn], len(rows))
    if not space.fitting:
        return {"found": False, "reason": "no small program fits the examples"}
    best = space.fitting[0]
    reply = {"found": True, "code": _code(str(payload["name"]), names, best), "tried": space.trials}
    return {**reply, **_certainty(space, wanted, [*rows, *drawn], complete)}


def _examples(tests: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[Any, ...]], list[Any]]:
    """Return the inputs and outputs. Raises ValueError with the reason where no search is possible."""
    if len(tests) < TESTS_MIN:
        raise ValueError("a search takes two examples at least")
    if any(test["compare"] not in ("equal", "truth") or test["wrapper"] for test in tests[:_EXAMPLES_MAX]):
        raise ValueError("a search takes examples with plain results")
    rows, wanted = [], []
    for test in tests[:_EXAMPLES_MAX]:
        call = ast.parse(str(test["call"]), mode="eval").body
        if not isinstance(call, ast.Call) or call.keywords or len(str(test["call"])) > _INPUT_CHARS_MAX:
            raise ValueError("a search takes short examples without named arguments")
        rows.append(tuple(ast.literal_eval(argument) for argument in call.args))
        wanted.append(ast.literal_eval(str(test["expected"])))
    if len({len(row) for row in rows}) != 1 or not 1 <= len(rows[0]) <= _PARAMETERS_MAX:
        raise ValueError(f"a search takes one to {_PARAMETERS_MAX} arguments")
    return rows, wanted


def _grow(space: _Space, names: Sequence[str], rows: Sequence[tuple[Any, ...]], examples: int) -> bool:
    """Fill the space up to some sizes more than that of the first program that fits; say if that was possible."""
    for position, name in enumerate(names):
        _add(space, 1, _Program(name, "", tuple(row[position] for row in rows), frozenset(), False), examples)
    for constant in _CONSTANTS:
        _add(space, 1, _Program(repr(constant), "", (constant,) * len(rows), frozenset(), True), examples)
    for size in range(2, _SIZE_MAX + 1):
        if space.fitting and size > space.fitting_size + _SIZES_MORE:
            return True
        for program in _of_size(space, size):
            space.trials += 1
            if space.trials > _TRIALS_MAX:
                return False
            if len(space.fitting) >= _FITTING_MAX:
                return False
            _add(space, size, program, examples)
    return False


def _of_size(space: _Space, size: int) -> Iterator[_Program]:
    for piece in _PIECES:
        for sizes in _partitions(size - 1, len(piece.takes)):
            pools = [
                [program for program in space.by_size.get(part, ()) if library.fits(program.kind, wanted)]
                for part, wanted in zip(sizes, piece.takes, strict=True)
            ]
            for parts in itertools.product(*pools):
                if not all(part.constant for part in parts):
                    yield _applied(piece, parts)


def _partitions(total: int, count: int) -> Iterator[tuple[int, ...]]:
    if count == 1:
        yield (total,)
        return
    for first in range(1, total - count + 2):
        for rest in _partitions(total - first, count - 1):
            yield (first, *rest)


def _applied(piece: library.Piece, parts: Sequence[_Program]) -> _Program:
    values = []
    for arguments in zip(*(part.values for part in parts), strict=True):
        if any(argument is _FAILS for argument in arguments):
            values.append(_FAILS)
            continue
        try:
            values.append(piece.value(arguments))
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, library.TooLargeError):
            values.append(_FAILS)
    imports = frozenset(piece.imports).union(*(part.imports for part in parts))
    return _Program(piece.source.format(*(part.source for part in parts)), "", tuple(values), imports, False)


def _add(space: _Space, size: int, program: _Program, examples: int) -> None:
    """Keep a program whose behaviour is new and which has a value for every example."""
    if any(value is _FAILS for value in program.values[:examples]):
        return
    kinds = {library.kind_of(value) for value in program.values if value is not _FAILS}
    if len(kinds) > 1:
        kinds.discard("L")
    keys = tuple(_key(value) for value in program.values)
    known = "|".join(keys)
    if len(kinds) != 1 or known in space.seen:
        _say_shorter(space, program, known)
        return
    space.seen.add(known)
    kept = _Program(program.source, kinds.pop(), program.values, program.imports, program.constant)
    space.by_size.setdefault(size, []).append(kept)
    if keys[:examples] == space.wanted and not program.constant:
        space.fitting.append(kept)
        space.fitting_size = space.fitting_size or size


def _say_shorter(space: _Space, program: _Program, known: str) -> None:
    """Put a program of known behaviour in the place of one that fits and is longer to read."""
    for place, fitting in enumerate(space.fitting):
        if len(program.source) < len(fitting.source) and known == "|".join(_key(value) for value in fitting.values):
            space.fitting[place] = dataclasses.replace(fitting, source=program.source, imports=program.imports)


def _key(value: Any) -> str:
    return repr(value)


def _certainty(space: _Space, wanted: Sequence[Any], rows: Sequence[tuple[Any, ...]], complete: bool) -> dict[str, Any]:
    """Say whether the examples single the program out, and if not, why."""
    best = space.fitting[0]
    for other in space.fitting[1:]:
        place = _difference(best, other)
        if place is None:
            continue
        arguments = ", ".join(repr(each) for each in rows[place])
        return {
            "sure": False,
            "why": f"your examples fit other small programs too, as `{other.source}`",
            "differ": [arguments[:200], repr(best.values[place])[:200], repr(other.values[place])[:200]],
        }
    if not complete:
        return {"sure": False, "why": "not all programs of that size could be tried"}
    distinct = {_key(value) for value in wanted}
    bits = sum(_bits(ast.literal_eval(key)) for key in distinct)
    if len(wanted) < _TESTS_SURE or bits < math.log2(max(2, space.trials)) + _BITS_MARGIN:
        return {"sure": False, "why": "your examples are too few to single it out"}
    return {"sure": True, "why": ""}


def _difference(best: _Program, other: _Program) -> int | None:
    """Return the first input on which both have a value, and not the same."""
    for place, (one, two) in enumerate(zip(best.values, other.values, strict=True)):
        if one is not _FAILS and two is not _FAILS and _key(one) != _key(two):
            return place
    return None


def _bits(value: Any) -> float:
    """Return roughly how many bits it takes to write a value down: what an example says at most."""
    match value:
        case bool() | None:
            return 1.0
        case int() | float():
            return 1.0 + 2.0 * math.log2(1.0 + min(abs(value), 1e12))
        case str():
            return 1.0 + 4.0 * len(value)
        case list() | tuple():
            return 1.0 + sum(_bits(each) for each in value)
        case dict():
            return 1.0 + sum(_bits(key) + _bits(each) for key, each in value.items())
        case _:
            return 1.0


def _drawn(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return inputs of the same kinds as the examples', always the same ones for the same examples."""
    chance = random.Random(repr(rows))  # noqa: S311 - must repeat
    drawn = []
    for number in range(_DRAWN):
        row = rows[number % len(rows)]
        drawn.append(tuple(_like(chance, value, rows, position) for position, value in enumerate(row)))
    return drawn


def _like(chance: random.Random, value: Any, rows: Sequence[tuple[Any, ...]], position: int) -> Any:
    match value:
        case bool():
            return chance.random() < 0.5
        case int():
            low = -20 if any(isinstance(row[position], int) and row[position] < 0 for row in rows) else 0
            return chance.choice((chance.randint(low, 12), chance.randint(low, 60), abs(value) + chance.randint(1, 9)))
        case float():
            return round(chance.uniform(-5, 50), 2)
        case str():
            return _text(chance, value)
        case list() | tuple():
            items = [_like(chance, each, [(each,)], 0) for each in value]
            if items and chance.random() < 0.7:
                items += [chance.choice(items) for _ in range(chance.randint(0, 3))]
                items = items[: chance.randint(1, len(items))] if chance.random() < 0.4 else items
                chance.shuffle(items)
            return type(value)(items)
        case dict():
            return {key: _like(chance, each, [(each,)], 0) for key, each in value.items()}
        case _:
            return value


def _text(chance: random.Random, value: str) -> str:
    letters = list(value) + list(chance.choice(("abcXYZ", "eio  ", "019", "aab", "")))
    chance.shuffle(letters)
    made = "".join(letters)
    return made[: chance.randint(1, len(made))] if made and chance.random() < 0.5 else made


def _code(name: str, names: Sequence[str], program: _Program) -> str:
    imports = "".join(f"import {module}\n" for module in sorted(program.imports))
    source = program.source
    if source.startswith("(") and source.endswith(")") and _encloses(source):
        source = source[1:-1]
    return f"{imports}{chr(10) * 2 if imports else ''}def {name}({', '.join(names)}):\n    return {source}\n"


def _encloses(source: str) -> bool:
    """Say whether the first bracket closes with the last."""
    try:
        ast.parse(source[1:-1], mode="eval")
    except SyntaxError:
        return False
    return ast.unparse(ast.parse(source, mode="eval")) == ast.unparse(ast.parse(source[1:-1], mode="eval"))
