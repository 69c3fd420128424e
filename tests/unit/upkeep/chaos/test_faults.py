"""The list of faults, their order, and their undoing as data."""

import collections
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.breaking import striking
from council.domain import errors
from council.upkeep.chaos import catalogue, plan, undoing


def test_every_fault_has_a_deed_and_every_deed_a_fault() -> None:
    assert set(striking.DEEDS) == set(catalogue.BY_NAME)


@pytest.mark.parametrize("fault", catalogue.FAULTS, ids=lambda one: one.name)
def test_a_fault_says_what_it_does_and_how_it_ends(fault: catalogue.Fault) -> None:
    assert fault.does.endswith(".") and fault.hurts.endswith(".") and fault.undone.endswith(".")
    assert 0 < fault.limit_s <= 120
    assert (catalogue.THE_SERVICE in fault.owns) <= (fault.services != ("",))


def test_the_short_form_names_faults_that_every_home_can_bear() -> None:
    assert all(not catalogue.BY_NAME[name].needs for name in catalogue.SHORT)


def test_a_fault_of_the_gateway_owns_every_question_and_one_of_recall_only_searches() -> None:
    killed = catalogue.BY_NAME["process-killed"]
    assert all(killed.hits(kind, "gateway") for kind in catalogue.ASKED_OF)
    assert [kind for kind in catalogue.ASKED_OF if killed.hits(kind, "recall")] == ["looked up"]
    assert not any(catalogue.BY_NAME["flood"].hits(kind, "") for kind in catalogue.ASKED_OF)


@given(st.integers(), st.integers(1, 5))
def test_a_round_has_each_fault_once_whatever_the_seed_and_parts_share_it(seed: int, parts: int) -> None:
    names = list(catalogue.BY_NAME)
    turns = list(itertools.islice(plan.turns(seed, names, list(catalogue.Need)), len(names)))
    assert collections.Counter(one.fault.name for one in turns) == collections.Counter(names)
    assert all(one.service in one.fault.services for one in turns)
    shared = [one for number in range(1, parts + 1) for one in plan.part(turns, number, parts)]
    assert sorted(one.fault.name for one in shared) == sorted(names)


def test_a_seed_gives_the_same_faults_again() -> None:
    first, again = (list(itertools.islice(plan.turns(7, list(catalogue.BY_NAME), []), 40)) for _ in range(2))
    assert first == again


def test_what_a_home_lacks_is_left_out() -> None:
    assert next(plan.turns(1, ["disk-full"], []), None) is None
    assert next(plan.turns(1, ["disk-full"], [catalogue.Need.DISK])).fault.name == "disk-full"


def test_a_service_that_does_not_run_is_not_drawn() -> None:
    turns = itertools.islice(plan.turns(3, ["config-corrupt"], [], without={"worker"}), 5)
    assert {one.service for one in turns} == {"sandboxd"}


def test_a_limit_makes_a_fault_shorter_and_never_longer() -> None:
    turn = next(plan.turns(1, ["process-stopped"], []))
    assert plan.within(turn, 5).fault.limit_s == 5
    assert plan.within(turn, 5000) == turn


_STEPS = (
    undoing.Resume(1, 2),
    undoing.End(1, 2),
    undoing.Limit(1, 2, 3, -1, -1),
    undoing.Remove("library/a.md"),
    undoing.RemoveDamaged("recall/meanings.db", 8192, "0a"),
    undoing.Restore("a", "b"),
    undoing.Cut("lineage/0.jsonl", 12, '{"'),
    undoing.Behave("http://127.0.0.1:9", "key"),
    undoing.Revoke("01H"),
    undoing.StartAgain(8100),
)


def test_every_step_comes_back_from_json_as_it_was() -> None:
    assert {type(one) for one in _STEPS} == set(undoing.Step.__args__)
    one = undoing.Pending("flood", "", 12.5, "boot", 7, 8, _STEPS)
    assert undoing.decoded(undoing.encoded(one)) == one


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"steps": [{"kind": "format"}]}', b'{"steps": 3}'])
def test_a_note_that_says_anything_else_is_an_error(raw: bytes) -> None:
    with pytest.raises(errors.SetupError, match=r"cannot be read"):
        undoing.decoded(raw)


def test_a_note_is_plain_json() -> None:
    told = json.loads(undoing.encoded(undoing.Pending("flood", "", 1, "b", 1, 2, (undoing.Remove("x"),))))
    assert told["steps"] == [{"kind": "remove", "path": "x"}]
