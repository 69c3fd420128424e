"""YAML as text: read strictly, and with single values put in while all else stays as a person wrote it."""

from collections.abc import Sequence
from typing import Any

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


_BOOL, _TEXT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:str"


class StrictLoader(yaml.SafeLoader):
    """A SafeLoader that refuses a key given twice, and aliases: a few of them can stand for more than memory holds."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node. Raises ComposerError for an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not used here", None)
        made: yaml.Node | None = super().compose_node(parent, index)
        return made

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping of texts. Raises ConstructorError for a key that stands twice or is no text."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, "a key must be a text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
            if key_node.tag == _BOOL:
                # A key is a name here: `on` is one of a setting, and not what YAML 1.1 takes for true.
                key_node.tag = _TEXT
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made
