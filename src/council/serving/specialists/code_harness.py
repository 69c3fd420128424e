"""Runs inside the sandbox as `main.py`: loads a candidate, makes the calls asked for, and writes down what each gave.

It uses the standard library alone, and holds nothing worth stealing: what a call should give is never sent here. So a
candidate that takes this process over can lie about its results, and cannot know which lie would pass.
"""

import collections
import contextlib
import io
import json
import operator
import sys
import types
from typing import Any

_DEPTH_MAX = 50
_NODES_MAX = 200_000
_PRINTED_MAX = 4_000
# Each kind of collection with its own way through it, whatever a class made of it may say.
_MANY: tuple[tuple[type, str, Any], ...] = (
    (list, "list", list.__iter__),
    (tuple, "tuple", tuple.__iter__),
    (set, "set", set.__iter__),
    (frozenset, "set", frozenset.__iter__),
)
# Beside a plain dictionary they are equal to it as it would be itself.
_LIKE_DICT = (collections.OrderedDict, collections.Counter)
# Taken before a candidate can put others in their places.
_EQUAL: Any = operator.attrgetter("__eq__")
_TYPE, _HEX, _REPR, _ISINSTANCE = type, hex, repr, isinstance
_REPORT = "council-results.json"


class _TooLargeError(Exception):
    """A value has too many parts."""


def main() -> None:
    """Read what is asked from stdin, and write the report beside this file."""
    asked = json.load(sys.stdin)
    dump = json.dumps
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module
    results: list[dict[str, Any]] = []
    try:
        exec(compile(asked["code"], "candidate.py", "exec"), module.__dict__)  # noqa: S102 - what the sandbox is for
    except BaseException as error:  # noqa: BLE001 - SystemExit, too, is a candidate that gives nothing
        results = [_raised(error) for _ in asked["calls"]]
    else:
        results = [_called(call, module.__dict__) for call in asked["calls"]]
    with open(_REPORT, "w") as report:  # noqa: PTH123 - the less is imported, the sooner it runs
        report.write(dump({"nonce": asked["nonce"], "results": results}))


def _called(call: str, space: dict[str, Any]) -> dict[str, Any]:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            value = eval(compile(call, "call.py", "eval"), space)  # noqa: S307 - what the sandbox is for
            coded = _coded(value, 0, [0])
            shown = "" if value is None else _REPR(value)[:_PRINTED_MAX]
    except BaseException as error:  # noqa: BLE001 - whatever a call raises is what it did
        return _raised(error)
    return {"value": coded, "shown": shown, "printed": printed.getvalue()[:_PRINTED_MAX]}


def _raised(error: BaseException) -> dict[str, Any]:
    try:
        message = str(error)[:500]
    except BaseException:  # noqa: BLE001 - a message of the candidate's making
        message = ""
    return {"raised": type(error).__name__[:100], "message": message}


def _coded(value: Any, depth: int, count: list[int]) -> list[Any]:
    """Return a plain value as a letter for its type and its content; nothing of the candidate's own types is asked."""
    count[0] += 1
    if depth > _DEPTH_MAX or count[0] > _NODES_MAX:
        raise _TooLargeError("the result is too large or too deep")
    kind = _TYPE(value)
    if value is None or kind is bool:
        return ["none" if value is None else "bool", value]
    if kind is int:
        return ["whole", _HEX(value)]
    if kind is float:
        return ["float", _REPR(value)]
    if kind is complex:
        return ["complex", [_REPR(value.real), _REPR(value.imag)]]
    if kind is str:
        return ["text", value]
    if kind in (bytes, bytearray):
        return ["bytes", bytes(value).hex()]
    for plain, name, walk in _MANY:
        if _ISINSTANCE(value, plain) and _EQUAL(kind) is _EQUAL(plain):
            return [name, [_coded(each, depth + 1, count) for each in walk(value)]]
    if _ISINSTANCE(value, dict) and (kind in _LIKE_DICT or _EQUAL(kind) is dict.__eq__):
        pairs = dict.items(value)
        return ["dict", [[_coded(key, depth + 1, count), _coded(each, depth + 1, count)] for key, each in pairs]]
    return ["other", kind.__name__[:100]]


if __name__ == "__main__":
    main()
