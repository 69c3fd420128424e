"""Whether a dashboard is one in the eyes of Grafana's published model (grafana-foundation-sdk, Apache-2.0).

The model's classes name the type of every field but do not check it, and drop what they do not know; both is looked for here.
"""

import enum
import json
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from grafana_foundation_sdk.cog import encoder, plugins, runtime
from grafana_foundation_sdk.models import dashboard

plugins.register_default_plugins()


def problems(given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a dashboard: fields that the model does not know, and values of another type."""
    model = dashboard.Dashboard.from_json(json.loads(json.dumps(given)))
    known = json.loads(json.dumps(model, cls=encoder.JSONEncoder))
    return [*_unknown(given, known, "dashboard"), *_mistyped(model, dashboard.Dashboard, "dashboard")]


def _unknown(given: Any, known: Any, where: str) -> Iterator[str]:
    if isinstance(given, Mapping):
        for key, value in given.items():
            if not isinstance(known, Mapping) or key not in known:
                yield f"{where}.{key} is not in the model"
            else:
                yield from _unknown(value, known[key], f"{where}.{key}")
    elif isinstance(given, list):
        for place, (one, other) in enumerate(zip(given, known, strict=True)):
            yield from _unknown(one, other, f"{where}[{place}]")
    elif given != known:
        yield f"{where} is {given!r}, and {known!r} in the model"


def _mistyped(value: Any, hint: Any, where: str) -> Iterator[str]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(value, runtime.UnknownDataquery):
        yield f"{where} is a query of an unknown kind"
    elif origin in (typing.Union, types.UnionType):
        if all(any(_mistyped(value, one, where)) for one in inner):
            yield from (found for one in inner if one is not types.NoneType for found in _mistyped(value, one, where))
    elif origin is list:
        if not isinstance(value, list):
            yield f"{where} is no list: {value!r}"
        else:
            for place, one in enumerate(value):
                yield from _mistyped(one, inner[0], f"{where}[{place}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{where} is no object: {value!r}"
        else:
            for key, one in value.items():
                yield from _mistyped(one, inner[1], f"{where}.{key}")
    elif origin is typing.Literal:
        if value not in inner:
            yield f"{where} is {value!r}, none of {inner}"
    elif hint in (typing.Any, object):
        # What a panel of this type holds beside what all panels do.
        yield from _of_class(value, type(value), where)
    elif isinstance(hint, type):
        yield from _of_class(value, hint, where)


def _of_class(value: Any, kind: type, where: str) -> Iterator[str]:
    if issubclass(kind, enum.Enum):
        if value not in [member.value for member in kind]:
            yield f"{where} is {value!r}, none of {[member.value for member in kind]}"
        return
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (kind is not bool and isinstance(value, bool)):
        yield f"{where} is {value!r}, no {kind.__name__}"
        return
    if type(value).__module__.startswith("grafana_foundation_sdk"):
        for name, hint in typing.get_type_hints(type(value)).items():
            yield from _mistyped(getattr(value, name), hint, f"{where}.{name}")
