"""How the files are written: YAML with its keys in the order given, and a first line that says where it comes from."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

_WRITTEN = "# Written by Council from its gates, sentinels and settings. What you change here is overwritten."


def yaml_text(content: Mapping[str, Any], *about: str) -> str:
    """Return a YAML file; `about` are lines of a comment at its head."""
    head = [_WRITTEN, *(f"# {line}" for line in about)]
    body = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return "\n".join(head) + "\n" + body


def json_text(content: Mapping[str, Any]) -> str:
    """Return a JSON file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes what stands twice twice, since a reader of rules should not have to look an anchor up."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
