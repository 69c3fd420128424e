"""GitHub's published description of its interface, and whether requests and replies are as it says.

`tools/setup_github.py` fetches it. Stricter than a validating proxy: what a request says and the description does not know is a
violation, and so is a field of the fake's that it does not know. Looser in one thing: errors that GitHub gives everywhere
(401, 403, 404, 422, 429, 5xx) need not be listed for each operation.
"""

import functools
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

FILE = Path(__file__).resolve().parents[1] / ".github-description" / "api.json"
MISSING = "GitHub's description is not there: python3 tools/setup_github.py fetches it"
_EVERYWHERE = frozenset({401, 403, 404, 422, 429, 500, 502, 503})


@dataclass(frozen=True)
class Operation:
    """One operation, with the values that a path gave its parameters."""

    template: str
    method: str
    what: Mapping[str, Any]
    values: Mapping[str, str]


class Description:
    """All of it."""

    def __init__(self, document: Mapping[str, Any]):
        self._document = _as_json_schema(document)
        self._paths = {
            tuple(path.strip("/").split("/")): (path, item) for path, item in self._document["paths"].items()
        }
        self._validators: dict[str, Any] = {}

    def operation(self, method: str, raw_path: str) -> Operation | None:
        parts = [urllib.parse.unquote(part) for part in raw_path.strip("/").split("/")]
        found = [
            (sum(step.startswith("{") for step in steps), path, item, steps)
            for steps, (path, item) in self._paths.items()
            if len(steps) == len(parts)
            and all(step.startswith("{") or step == part for step, part in zip(steps, parts, strict=True))
            and method.lower() in item
        ]
        if not found:
            return None
        _, path, item, steps = min(found, key=lambda row: row[:2])
        values = {step[1:-1]: part for step, part in zip(steps, parts, strict=True) if step.startswith("{")}
        return Operation(path, method, item[method.lower()], values)

    def problems_of_request(self, asked: Operation, query: Mapping[str, str], body: Any) -> list[str]:
        known = [self._resolved(one) for one in asked.what.get("parameters", [])]
        given = {("path", name): value for name, value in asked.values.items()}
        given |= {("query", name): value for name, value in query.items()}
        problems = [
            f"unknown {place} parameter {name}" for place, name in given.keys() - {(k["in"], k["name"]) for k in known}
        ]
        for one in known:
            value = given.get((one["in"], one["name"]))
            if value is None:
                problems += [f"no parameter {one['name']}"] if one.get("required") else []
                continue
            of_number = "integer" in _types(self._resolved(one["schema"]))
            typed = int(value) if of_number and value.isdecimal() else value
            problems += self._against(one["schema"], typed, one["name"])
        wanted = asked.what.get("requestBody")
        if body is None:
            return problems + (["no body"] if wanted and wanted.get("required") else [])
        if not wanted:
            return [*problems, "a body where none is known"]
        schema = wanted["content"]["application/json"]["schema"]
        return problems + self._against(schema, body, "body") + self._unknown(schema, body, "body")

    def problems_of_reply(self, asked: Operation, status: int, body: Any) -> list[str]:
        reply = asked.what["responses"].get(str(status))
        if reply is None:
            return [] if status in _EVERYWHERE else [f"status {status} is not described"]
        content = self._resolved(reply).get("content", {})
        if not content:
            return [] if body is None or status >= 400 else [f"a body with status {status}"]
        schema = content["application/json"]["schema"]
        problems = self._against(schema, body, f"{status}")
        return problems + (self._unknown(schema, body, f"{status}") if status < 400 else [])

    def filled(self, asked: Operation, status: int, given: Any) -> Any:
        """Return what is given with all else that a reply must have."""
        reply = self._resolved(asked.what["responses"].get(str(status), {}))
        content = reply.get("content")
        return self._fill(content["application/json"]["schema"], given) if content and status < 400 else given

    def _fill(self, schema: Any, given: Any) -> Any:
        schema = self._resolved(schema)
        for few in ("oneOf", "anyOf", "allOf"):
            if few in schema:
                return self._fill(next(one for one in schema[few] if one != {"type": "null"}), given)
        kinds = _types(schema)
        if isinstance(given, list) and "array" in kinds:
            return [self._fill(schema["items"], one) for one in given]
        if isinstance(given, dict) and "object" in kinds:
            fields = schema.get("properties", {})
            lacking = {name: _NOTHING for name in schema.get("required", []) if name not in given}
            return {name: self._fill(fields.get(name, {}), one) for name, one in (given | lacking).items()}
        return self._nothing(schema, kinds) if given is _NOTHING else given

    def _nothing(self, schema: Mapping[str, Any], kinds: list[str]) -> Any:
        if "null" in kinds:
            return None
        if "enum" in schema:
            return schema["enum"][0]
        match kinds[0] if kinds else "object":
            case "object":
                return self._fill({**schema, "type": "object"}, {})
            case "array":
                return []
            case "integer" | "number":
                return 0
            case "boolean":
                return False
            case _:
                return "https://github.example/x" if schema.get("format") == "uri" else "2026-01-01T00:00:00Z"

    def _unknown(self, schema: Any, body: Any, where: str) -> list[str]:
        """Return the fields that the description does not know."""
        schema = self._resolved(schema)
        choices = [one for few in ("oneOf", "anyOf", "allOf") for one in schema.get(few, ())]
        if choices:
            return min((self._unknown(one, body, where) for one in choices), key=len)
        if isinstance(body, list):
            return [found for one in body for found in self._unknown(schema.get("items", {}), one, where)]
        if not isinstance(body, dict) or "properties" not in schema:
            return []
        fields = schema["properties"]
        return [
            found
            for name, value in body.items()
            for found in (
                self._unknown(fields[name], value, f"{where}.{name}") if name in fields else [f"unknown {where}.{name}"]
            )
        ]

    def _against(self, schema: Any, value: Any, where: str) -> list[str]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {"allOf": [schema], "components": self._document["components"]}
            self._validators[key] = jsonschema.Draft202012Validator(whole)
        return [
            f"{where}{error.json_path[1:]}: {error.message[:200]}" for error in self._validators[key].iter_errors(value)
        ]

    def _resolved(self, part: Any) -> Any:
        while "$ref" in part:
            _, _, kind, name = part["$ref"].split("/")
            part = self._document["components"][kind][name]
        return part


class _Nothing:
    pass


_NOTHING = _Nothing()


@functools.cache
def description() -> Description | None:
    """Return it, None where it was not fetched."""
    return Description(json.loads(FILE.read_bytes())) if FILE.exists() else None


def _types(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type", "object" if "properties" in schema else [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _as_json_schema(part: Any) -> Any:
    """Return OpenAPI 3.0 as JSON Schema: what may be null says so in a word of its own there."""
    if isinstance(part, list):
        return [_as_json_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: _as_json_schema(value) for key, value in part.items()}
    if made.get("nullable") is not True:
        return made
    del made["nullable"]
    if "enum" in made:
        made["enum"] = [*made["enum"], None]
    if isinstance(made.get("type"), str):
        return {**made, "type": [made["type"], "null"]}
    return {"anyOf": [made, {"type": "null"}]}
