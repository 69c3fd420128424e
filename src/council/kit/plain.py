"""Makes dataclasses of parsed JSON, by their annotations: for what this program wrote itself and reads back.

    plain.made(Snapshot, orjson.loads(body))

A key that the dataclass does not have is passed over, as a newer version may have written it; one that is missing takes its
default. Whatever else does not fit is a ValueError that says where.
"""

import collections.abc
import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

_Kind = TypeVar("_Kind")
_Make = Callable[[Any], Any]
_VALUE_CHARS_MAX = 80


def made(kind: type[_Kind], value: Any) -> _Kind:
    """Return `value` as `kind`. Raises ValueError."""
    try:
        found: _Kind = _maker(cast(Any, kind))(value)
    except _MisfitError as error:
        raise ValueError(f"{kind.__name__}{''.join(reversed(error.path))} cannot be {error.value}") from None
    return found


class _MisfitError(ValueError):
    """What does not fit; the path to it grows on the way out."""

    def __init__(self, value: Any):
        super().__init__()
        self.value = repr(value)[:_VALUE_CHARS_MAX]
        self.path: list[str] = []


@functools.cache
def _maker(kind: Any) -> _Make:
    """Return what makes a value of this kind, found out once."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return lambda value: value
    if origin in (types.UnionType, typing.Union):
        return _one_of(inner)
    if origin is typing.Literal:
        return lambda value: _checked(value in inner, value)
    if origin in (dict, collections.abc.Mapping):
        return _mapping(_maker(inner[1]))
    if origin is tuple and (len(inner) != 2 or inner[1] is not Ellipsis):
        return _fixed([_maker(one) for one in inner])
    if origin in (tuple, list, collections.abc.Sequence):
        return _sequence(_maker(inner[0]))
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    return _scalar(kind)


def _one_of(kinds: Sequence[Any]) -> _Make:
    makers = [_maker(kind) for kind in kinds if kind is not types.NoneType]
    nullable = len(makers) < len(kinds)

    def make(value: Any) -> Any:
        if value is None:
            return _checked(nullable, value)
        for maker in makers:
            try:
                return maker(value)
            except _MisfitError:
                continue
        raise _MisfitError(value)

    return make


def _mapping(maker: _Make) -> _Make:
    def make(value: Any) -> Any:
        _checked(isinstance(value, dict), value)
        return {key: _within(f"[{key!r}]", maker, one) for key, one in value.items()}

    return make


def _sequence(maker: _Make) -> _Make:
    def make(value: Any) -> Any:
        _checked(isinstance(value, list), value)
        try:
            return tuple(map(maker, value))
        except _MisfitError as error:
            error.path.append("[]")
            raise

    return make


def _fixed(makers: Sequence[_Make]) -> _Make:
    def make(value: Any) -> Any:
        _checked(isinstance(value, list) and len(value) == len(makers), value)
        return tuple(_within(f"[{place}]", makers[place], one) for place, one in enumerate(value))

    return make


def _dataclass(kind: Any) -> _Make:
    hints = typing.get_type_hints(kind)
    fields = [(item.name, f".{item.name}", _maker(hints[item.name])) for item in dataclasses.fields(kind) if item.init]

    def make(value: Any) -> Any:
        _checked(isinstance(value, dict), value)
        given = {name: _within(place, maker, value[name]) for name, place, maker in fields if name in value}
        try:
            return kind(**given)
        except TypeError:
            raise _MisfitError(value) from None

    return make


def _scalar(kind: Any) -> _Make:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):

        def member(value: Any) -> Any:
            try:
                return kind(value)
            except ValueError:
                raise _MisfitError(value) from None

        return member
    if kind is float:
        return lambda value: float(_checked(type(value) in (float, int), value))
    return lambda value: _checked(type(value) is kind, value)


def _within(place: str, maker: _Make, value: Any) -> Any:
    try:
        return maker(value)
    except _MisfitError as error:
        error.path.append(place)
        raise


def _checked(fits: bool, value: Any) -> Any:
    if not fits:
        raise _MisfitError(value)
    return value
