"""Reads a document's bytes: its front matter, checked, and its text. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from council.domain import guides

_FRONT_MATTER_CHARS_MAX = 16 * 1024
_DEPTH_MAX = 3


@dataclass(frozen=True, slots=True)
class Document:
    """A document. `body` is `raw` without the front matter, each line where it was."""

    raw: str
    front_matter: guides.FrontMatter
    body: str


def read(raw: bytes) -> Document:
    """Return what a document says. Raises FaultyError."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise guides.FaultyError("not UTF-8. Save it as UTF-8.", line) from error
    if "\0" in text:
        raise guides.FaultyError("binary data. Save it as text.", text.count("\n", 0, text.index("\0")) + 1)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front, body = guides.parted(text)
    if not body.strip():
        raise guides.FaultyError("there is no text. Write some.")
    return Document(text, guides.front_matter(*_parsed(front)), body)


def _parsed(front: str) -> tuple[Mapping[str, Any], Mapping[str, int]]:
    """Return the mapping in front matter and the line of the document on which each key stands. Raises FaultyError."""
    if len(front) > _FRONT_MATTER_CHARS_MAX:
        raise guides.FaultyError(f"front matter of over {_FRONT_MATTER_CHARS_MAX:,} characters. Make it shorter.", 1)
    try:
        loader = _Loader(front)
        try:
            node = loader.get_single_node()
            if node is None:
                return {}, {}
            if not isinstance(node, yaml.MappingNode):
                raise guides.FaultyError("front matter must be lines of `key: value`.", _line(node.start_mark))
            return _mapping(loader, node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise guides.FaultyError(
            f"front matter is not valid YAML: {error.problem or error.context}. Put texts with `:` into quotation marks.",
            _line(mark) if mark else 1,
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise guides.FaultyError("front matter is not valid YAML. Correct it.", 1) from error


def _mapping(loader: "_Loader", node: yaml.MappingNode) -> tuple[dict[str, Any], dict[str, int]]:
    given: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), _line(key_node.start_mark)
        if key in given:
            raise guides.FaultyError(f"the key `{key:.60}` stands twice. Take one out.", line)
        given[key], lines[key] = loader.construct_object(value_node, deep=True), line
    return given, lines


def _line(mark: Any) -> int:
    # Marks count from 0, and the line of `---` stands before all of them.
    return int(mark.line) + 2


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses aliases, of which a few can stand for more than memory holds, and deep nesting.

    The library takes time by the square of the depth.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not used here", mark)
        if self.depth > _DEPTH_MAX:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "lists in lists are not used here", mark)
        self.depth += 1
        made: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return made
