"""Single values of a YAML file changed, and nothing else in it: comments and order stay where they can. Pure.

Each edit is first made where the value stands in the text. Whether that says what was meant is read back; where it does not, or
the place is of another form, the file is written anew below its opening comments.
"""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from council.domain import errors
from council.kit import strict_yaml

_NUMBER = re.compile(r"0|[1-9][0-9]{0,4}")
_INDENT = 2
_WIDTH = 10_000


@dataclass(frozen=True, slots=True)
class Edit:
    """`path` leads from the top of the file to a key, a number as text to a place in a list. A value of None removes it."""

    path: tuple[str, ...]
    value: Any


def edited(text: str, edits: Sequence[Edit]) -> str:
    """Return the file with the edits made. Raises InvalidRequestError for one that leads nowhere, or changes nothing."""
    wanted: Any = _loaded(text) or {}
    found = text
    for one in edits:
        before = copy.deepcopy(wanted)
        _apply(wanted, one)
        if wanted == before and not _is_new_kind(before, wanted):
            raise errors.InvalidRequestError(f"`{_shown(one)}` is so already. Leave it out, or give another value.")
        in_place = _in_place(found, one)
        found = in_place if in_place is not None and _says(in_place, wanted) else _anew(found, wanted)
    return found


def _is_new_kind(before: Any, after: Any) -> bool:
    """Return whether two equal values are written differently, as true and 1 are."""
    return repr(before) != repr(after)


def _loaded(text: str) -> Any:
    try:
        found = strict_yaml.load(text)
    except strict_yaml.FAULTS as error:
        raise errors.InvalidRequestError(f"The file is not valid YAML now: {error}. Mend it by hand first.") from error
    if not isinstance(found, dict | None):
        raise errors.InvalidRequestError("The file holds no sections now. Mend it by hand first.")
    return found


def _says(text: str, wanted: Any) -> bool:
    try:
        return bool((strict_yaml.load(text) or {}) == wanted)
    except strict_yaml.FAULTS:
        return False


def _apply(tree: Any, one: Edit) -> None:
    """Change the parsed file."""
    place = tree
    for step in one.path[:-1]:
        if isinstance(place, dict):
            if place.get(step) is None:
                if one.value is None:
                    raise _nowhere(one)
                place[step] = {}
            place = place[step]
        else:
            place = _items(place, one)[_index(place, step, one)]
    last = one.path[-1]
    if isinstance(place, dict):
        if one.value is None and last not in place:
            raise _nowhere(one)
        if one.value is None:
            del place[last]
        else:
            place[last] = one.value
        return
    items, number = _items(place, one), _index(place, last, one, further=one.value is not None)
    if one.value is None:
        del items[number]
    else:
        items[number : number + 1] = [one.value]


def _items(place: Any, one: Edit) -> list[Any]:
    if not isinstance(place, list):
        raise _nowhere(one)
    return place


def _index(place: Any, step: str, one: Edit, *, further: bool = False) -> int:
    if not _NUMBER.fullmatch(step) or int(step) >= len(_items(place, one)) + further:
        raise _nowhere(one)
    return int(step)


def _nowhere(one: Edit) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(f"`{_shown(one)}` leads nowhere in this file. GET /api/blueprint/files shows it.")


def _shown(one: Edit) -> str:
    return ".".join(one.path)[:200]


def _in_place(text: str, one: Edit) -> str | None:
    """Return the text with one value changed where it stands, None where its form does not let one."""
    if isinstance(one.value, dict | list):
        return None
    node, depth = strict_yaml.compose(text), 0
    for step in one.path:
        inner = _inner(node, step)
        if inner is None:
            break
        node, depth = inner, depth + 1
    rest = one.path[depth:]
    if not rest:
        return None if one.value is None else _replaced(text, node, one.value)
    if one.value is None or not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        # Below the last line a new section may stand in any file but one that is written as `{}`.
        return _ended(text) + _block(rest, one.value, 0) if node is None and one.value is not None else None
    if depth == 0:
        return _ended(text) + _block(rest, one.value, 0)
    first = node.value[0][0].start_mark
    begin = text.rfind("\n", 0, first.index) + 1
    return text[:begin] + _block(rest, one.value, first.column) + text[begin:]


def _ended(text: str) -> str:
    """Return a text whose last line has ended."""
    return text.rstrip("\n") + "\n" if text.strip() else ""


def _inner(node: yaml.Node | None, step: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and _NUMBER.fullmatch(step) and int(step) < len(node.value):
        found: yaml.Node = node.value[int(step)]
        return found
    return None


def _replaced(text: str, node: yaml.Node | None, value: Any) -> str | None:
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        return None
    begin, end = node.start_mark.index, node.end_mark.index
    # A key without a value ends where it begins, right behind its colon.
    blank = " " if begin == end and text[begin - 1 : begin] == ":" else ""
    return text[:begin] + blank + _scalar(value) + text[end:]


def _block(path: Sequence[str], value: Any, column: int) -> str:
    lines = [" " * (column + _INDENT * level) + _scalar(key) + ":" for level, key in enumerate(path)]
    return "\n".join(lines) + f" {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    written: str = yaml.safe_dump(value, allow_unicode=True, width=_WIDTH, default_flow_style=True)
    return written.removesuffix("\n").removesuffix("\n...")


def _anew(text: str, wanted: Any) -> str:
    """Return the whole file written anew, below the comments that it opens with."""
    lines = text.splitlines(keepends=True)
    opening = next(
        (number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines)
    )
    head = "".join(lines[:opening])
    written: str = yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return (head if not head or head.endswith("\n") else head + "\n") + written
