"""What was written as JSON comes back as what it was, and what does not fit is said with its place."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.kit import plain


class Colour(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass(frozen=True, slots=True)
class Inner:
    number: int
    share: float = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class Outer:
    name: str
    colour: Colour
    inner: Inner
    many: Sequence[Inner] = ()
    pairs: tuple[tuple[str, float], ...] = ()
    perhaps: Inner | None = None
    mixed: float | int | str | None = None
    place: Literal["here", "there"] = "here"
    table: Mapping[str, Inner] = dataclasses.field(default_factory=dict)
    free: Any = None


inners = st.builds(Inner, st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
outers = st.builds(
    Outer,
    st.text(),
    st.just(Colour.RED),
    inners,
    st.lists(inners, max_size=3).map(tuple),
    st.lists(st.tuples(st.text(), st.floats(allow_nan=False, allow_infinity=False)), max_size=3).map(tuple),
    st.none() | inners,
    st.none() | st.text() | st.integers(-9, 9),
    st.sampled_from(["here", "there"]),
    st.dictionaries(st.text(), inners, max_size=3),
    st.none() | st.lists(st.integers(0, 9)),
)


@given(outers)
def test_whatever_is_written_comes_back(one: Outer) -> None:
    assert plain.made(Outer, orjson.loads(orjson.dumps(one))) == one


LEAST = {"name": "a", "colour": "red", "inner": {"number": 1}}


def test_what_is_not_there_takes_its_default_and_what_is_unknown_is_passed_over() -> None:
    assert plain.made(Outer, LEAST | {"later": 1}) == Outer("a", Colour.RED, Inner(1))


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"colour": "blue"}, "Outer.colour cannot be 'blue'"),
        ({"inner": {"number": True}}, "Outer.inner.number cannot be True"),
        ({"inner": {"number": 1.5}}, "Outer.inner.number cannot be 1.5"),
        ({"inner": {}}, "Outer.inner cannot be {}"),
        ({"inner": None}, "Outer.inner cannot be None"),
        ({"many": [{"number": "x"}]}, "Outer.many[].number cannot be 'x'"),
        ({"many": {}}, "Outer.many cannot be {}"),
        ({"pairs": [["a"]]}, "Outer.pairs[] cannot be ['a']"),
        ({"perhaps": 3}, "Outer.perhaps cannot be 3"),
        ({"mixed": []}, "Outer.mixed cannot be []"),
        ({"place": "nowhere"}, "Outer.place cannot be 'nowhere'"),
        ({"table": {"k": 1}}, "Outer.table['k'] cannot be 1"),
        ({"name": 5}, "Outer.name cannot be 5"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        plain.made(Outer, LEAST | given_)
    assert str(caught.value) == said


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_anything_else_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError):
        plain.made(Outer, value)
