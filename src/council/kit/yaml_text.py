"""YAML as text: single values are put in while all else stays as a person wrote it. Knows nothing of Council."""

import re
from collections.abc import Sequence
from typing import Any

import yaml

from council.kit import strict_yaml

# A key, or a place in a list: a number, as text too.
Step = str | int
Scalar = bool | int | float | str

_NUMBER = re.compile(r"0|[1-9][0-9]{0,4}")
_INDENT = 2
_WIDTH = 10_000


def index_of(step: Step) -> int | None:
    """Return the place in a list that a step names, None where it names none."""
    return int(step) if isinstance(step, int) or _NUMBER.fullmatch(step) else None


def put(text: str, path: Sequence[Step], value: Scalar) -> str | None:
    """Return the text with a value at a path from its top, None where it cannot be put in place.

    A key that is not there is put before its mapping's first, or below all else at the top, with the mappings around it that
    are not there either. Whether the text then says what it should is for the caller to read.
    """
    try:
        node = strict_yaml.compose(text)
    except strict_yaml.FAULTS:
        return None
    depth = 0
    for step in path:
        inner = _inner(node, step)
        if inner is None:
            break
        node, depth = inner, depth + 1
    keys = [step for step in path[depth:] if isinstance(step, str)]
    if len(keys) < len(path) - depth:
        return None
    if keys:
        return _inserted(text, node, keys, _scalar(value), at_top=depth == 0)
    # What stands in a block has lines of its own, and none of them is the value.
    is_plain = isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">")
    return _replaced(text, node, _scalar(value)) if node is not None and is_plain else None


def anew(text: str, wanted: Any) -> str:
    """Return a whole file written anew, below the comments that it opens with."""
    lines = text.splitlines(keepends=True)
    opening = next(
        (number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines)
    )
    head = "".join(lines[:opening])
    written: str = yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return (head if not head or head.endswith("\n") else head + "\n") + written


def _inner(node: yaml.Node | None, step: Step) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    number = index_of(step)
    if isinstance(node, yaml.SequenceNode) and number is not None and number < len(node.value):
        found: yaml.Node = node.value[number]
        return found
    return None


def _replaced(text: str, node: yaml.Node, written: str) -> str:
    begins, ends = node.start_mark.index, node.end_mark.index
    # What is left empty begins right behind its colon.
    space = " " if begins == ends and text[begins - 1 : begins] == ":" else ""
    return f"{text[:begins]}{space}{written}{text[ends:]}"


def _inserted(text: str, node: yaml.Node | None, keys: Sequence[str], written: str, *, at_top: bool) -> str | None:
    is_nothing = isinstance(node, yaml.ScalarNode) and node.style is None and node.value in ("", "~", "null")
    if node is not None and (is_nothing or (isinstance(node, yaml.MappingNode) and not node.value)):
        return _replaced(text, node, f"{{{_flow(keys, written)}}}")
    if not isinstance(node, yaml.MappingNode | None):
        return None
    if node is None or (at_top and not node.flow_style):
        return (text.rstrip("\n") + "\n" if text.strip() else "") + _block(keys, written, 0)
    first = node.value[0][0].start_mark
    added = f"{_flow(keys, written)}, " if node.flow_style else _block(keys, written, first.column) + " " * first.column
    return text[: first.index] + added + text[first.index :]


def _flow(keys: Sequence[str], written: str) -> str:
    """Return an entry for braces."""
    return (
        "".join(f"{_scalar(key)}: {{" for key in keys[:-1]) + f"{_scalar(keys[-1])}: {written}" + "}" * (len(keys) - 1)
    )


def _block(keys: Sequence[str], written: str, column: int) -> str:
    """Return the lines of an entry; the first begins where it is put."""
    lines = [" " * (column + _INDENT * level) + _scalar(key) + ":" for level, key in enumerate(keys)]
    return "\n".join(lines).lstrip() + f" {written}\n"


def _scalar(value: Scalar) -> str:
    written: str = yaml.safe_dump(value, allow_unicode=True, width=_WIDTH, default_flow_style=True)
    return written.removesuffix("\n").removesuffix("\n...")
