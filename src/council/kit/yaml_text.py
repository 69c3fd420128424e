"""YAML as text: single values are put in while all else stays as a person wrote it."""

from collections.abc import Sequence

import yaml

Step = str | int


def put(text: str, path: Sequence[Step], value: bool | int | float) -> str | None:
    """Return the text with a plain value at a path of keys and indices, None where that cannot be put in place.

    A key that is not there is put before its mapping's first, with one mapping more where its own is not there either. Whether
    the text then says what it should is for the caller to read.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    written = yaml.safe_dump(value).partition("\n")[0]
    if node is None:
        return _appended(text, path, written)
    for number, step in enumerate(path):
        inner = _inner(node, step)
        if inner is None:
            return _inserted(text, node, path[number:], written)
        node = inner
    if not isinstance(node, yaml.ScalarNode):
        return None
    return _replaced(text, node, written)


def _inner(node: yaml.Node, step: Step) -> yaml.Node | None:
    match node:
        case yaml.MappingNode():
            return next((value for key, value in node.value if key.value == step), None)
        case yaml.SequenceNode() if isinstance(step, int) and step < len(node.value):
            found: yaml.Node = node.value[step]
            return found
    return None


def _replaced(text: str, node: yaml.Node, written: str) -> str:
    begins, ends = node.start_mark.index, node.end_mark.index
    # What is left empty begins right behind its colon.
    space = " " if begins == ends and text[begins - 1 : begins] == ":" else ""
    return f"{text[:begins]}{space}{written}{text[ends:]}"


def _inserted(text: str, node: yaml.Node, path: Sequence[Step], written: str) -> str | None:
    if not all(isinstance(step, str) for step in path) or len(path) > 2:
        return None
    entry = f"{path[0]}: {written}" if len(path) == 1 else f"{path[0]}: {{{path[1]}: {written}}}"
    if isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null"):
        return _replaced(text, node, f"{{{entry}}}")
    if not isinstance(node, yaml.MappingNode):
        return None
    if not node.value:
        return _replaced(text, node, f"{{{entry}}}")
    first = node.value[0][0].start_mark
    between = ", " if node.flow_style else "\n" + " " * first.column
    return f"{text[: first.index]}{entry}{between}{text[first.index :]}"


def _appended(text: str, path: Sequence[Step], written: str) -> str | None:
    """Return a text that holds nothing but comments with one value below them."""
    if len(path) != 2:
        return None
    above = text if not text or text.endswith("\n") else f"{text}\n"
    return f"{above}{path[0]}:\n  {path[1]}: {written}\n"
