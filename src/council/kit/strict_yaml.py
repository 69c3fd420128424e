"""YAML as settings are written: no key twice, keys that are text, no aliases (a few can stand for more than memory holds).

Knows nothing of Council.
"""

from typing import Any

import yaml

# What a reader may raise beside `yaml.YAMLError`: numbers and dates that are none, and depth.
FAULTS = (yaml.YAMLError, ValueError, TypeError, RecursionError)

_BOOL, _TEXT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:str"


class StrictLoader(yaml.SafeLoader):
    """A SafeLoader that refuses what is above."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node. Raises ComposerError for an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not used here", None)
        made: yaml.Node | None = super().compose_node(parent, index)
        return made

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping. Raises ConstructorError for a key that is no text, or stands twice."""
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


def load(raw: bytes | str) -> Any:
    """Return what YAML text says, None for nothing. Raises one of `FAULTS`."""
    return yaml.load(raw, Loader=StrictLoader)  # noqa: S506 - a SafeLoader with more checks


def compose(text: str) -> yaml.Node | None:
    """Return the nodes of YAML text, with where each stands. Raises one of `FAULTS`."""
    loader = StrictLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def told(error: BaseException) -> str:
    """Return one of `FAULTS` in one line, with where it was found, as far as that is known."""
    mark = getattr(error, "problem_mark", None)
    parts = [part for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part]
    text = " ".join((", ".join(parts) or str(error)).split())
    return text if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {text}"
