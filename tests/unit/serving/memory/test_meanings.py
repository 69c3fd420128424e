"""When meaning is asked, how two rankings become one, and which passages have a number."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import answers
from council.serving.memory import meanings

PASSAGE = answers.Passage("library", "a.md", "Hours", "We open at nine.", 1.0, 1.0)


@pytest.mark.parametrize(
    ("coverages", "enough"),
    [([], False), ([0.79], False), ([0.8], True), ([0.1, 0.2, 1.0], True), ([0.1] * 3 + [1.0], False)],
)
def test_words_do_where_one_of_the_first_three_passages_holds_enough(coverages: list[float], enough: bool) -> None:
    passages = [dataclasses.replace(PASSAGE, coverage=share) for share in coverages]
    assert meanings.words_do(passages, 0.8) is enough


def test_heading_and_text_are_embedded() -> None:
    assert meanings.text_of(PASSAGE) == "Hours\nWe open at nine."


def test_what_is_first_in_one_ranking_is_near_the_front_and_what_is_in_both_before_it() -> None:
    assert meanings.fused(["m1", "m2", "x"], ["w1", "x", "w2"]) == ["x", "m1", "w1", "m2", "w2"]
    assert meanings.fused([], ["w1", "w2"]) == ["w1", "w2"]
    assert meanings.fused(["m1"], []) == ["m1"]


def test_far_down_in_both_is_not_before_the_first_of_one() -> None:
    shared = "x"
    ranking = [f"a{number}" for number in range(19)] + [shared]
    other = [f"b{number}" for number in range(19)] + [shared]
    fused = meanings.fused(ranking, other)
    assert fused[:2] == ["a0", "b0"] and fused.index(shared) > 6


NAMES = st.lists(st.text("abcdef", min_size=1, max_size=2), max_size=30, unique=True)


@given(NAMES, NAMES)
def test_a_fused_ranking_holds_each_once_and_keeps_the_order_of_a_ranking_alone(
    one: list[str], other: list[str]
) -> None:
    fused = meanings.fused(one, other)
    assert sorted(fused) == sorted({*one[: meanings.CANDIDATES], *other[: meanings.CANDIDATES]})
    assert meanings.fused(one, one) == one[: meanings.CANDIDATES]


def test_only_what_changed_waits_again() -> None:
    register = meanings.Register(10)
    register.change([], ["a", "b"])
    assert register.give(register.waiting(10)) == {"a": 1, "b": 2}
    assert register.change(["a", "b"], ["b", "c"]) == [1]
    assert register.waiting(10) == ["c"] and register.take_gone() == ["a"]
    assert (register.name(1), register.name(2), register.known, len(register)) == (None, "b", 1, 2)


def test_what_goes_while_it_is_embedded_gets_no_number() -> None:
    register = meanings.Register(10)
    register.change([], ["a", "b"])
    names = register.waiting(10)
    register.change(["a", "b"], ["b"])
    assert register.give(names) == {"b": 1} and register.take_gone() == ["a"]


def test_what_comes_back_is_not_gone() -> None:
    register = meanings.Register(10)
    register.change([], ["a"])
    register.change(["a"], [])
    register.change([], ["a"])
    assert register.take_gone() == [] and register.waiting(1) == ["a"]


def test_no_more_than_the_bound_get_a_number_and_room_is_used_again() -> None:
    register = meanings.Register(2)
    register.change([], ["a", "b", "c", "d"])
    register.give(register.waiting(10))
    assert register.waiting(10) == [] and (register.known, len(register)) == (2, 4)
    register.change(["a", "b", "c", "d"], ["b", "c", "d"])
    assert register.waiting(10) == ["c"]


def test_what_cannot_be_embedded_waits_again_only_once_it_was_gone() -> None:
    register = meanings.Register(10)
    register.change([], ["a", "b"])
    register.set_aside(["b", "never"])
    register.change(["a", "b"], ["a", "b", "c"])
    assert register.waiting(10) == ["a", "c"] and (register.aside, len(register)) == (1, 3)
    register.change(["a", "b", "c"], ["a"])
    register.change(["a"], ["a", "b"])
    assert register.waiting(10) == ["a", "b"] and register.aside == 0


DOCUMENTS = st.lists(
    st.tuples(
        st.sampled_from("XYZ"),
        st.lists(st.sampled_from("abcd"), max_size=4, unique=True),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.integers(0, 8))
def test_whatever_happens_the_register_knows_what_is_there(steps: list[tuple], known_max: int) -> None:
    register, there, numbers = meanings.Register(known_max), {}, {}
    for document, parts, embedded, during in steps:
        names = register.waiting(embedded)
        now = [document + part for part in parts]
        if not during:
            numbers.update(register.give(names))
        for number in register.change(there.get(document, []), now):
            numbers = {name: one for name, one in numbers.items() if one != number}
        there[document] = now
        if during:
            numbers.update(register.give(names))
        every = {name for names in there.values() for name in names}
        assert register.names() == every and len(register) == len(every)
        assert set(numbers) <= every and register.known == len(numbers) <= known_max
        assert {register.name(number): number for number in numbers.values()} == numbers
        assert not set(register.take_gone()) & every
    register.give(register.waiting(100))
    assert register.known == min(known_max, len(register))
