"""Patches in a simulated world that ends at any effect, again and again: never a mix, never stuck."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import patch_world
from council.upkeep.patchctl import steps


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("kind", ["good", "lame", "bad"])
def test_a_crash_at_each_effect_leaves_the_old_generation_or_the_new(kind: str, crowded: bool, released: bool) -> None:
    for crash_at in range(1, 50):
        world = patch_world.World(random.Random(crash_at))
        world.crowded, world.released = ({"g1"} if so else set() for so in (crowded, released))
        {"good": set(), "lame": world.lame, "bad": world.bad}[kind].add("g1")
        world.crash_in = crash_at
        state = patch_world.apply(world, "1")
        assert state.phase is steps.Phase.IDLE
        if kind != "good":
            assert world.live == "g0"
        patch_world.check(world)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_many_patches_with_many_crashes_end_in_one_generation(seed: int) -> None:
    patch_world.live_through(seed)


@pytest.mark.parametrize(
    ("kind", "crowded", "phases"),
    [
        ("good", False, "staging launching examining checking switching baking idle"),
        ("good", True, "staging launching pausing examining checking switching baking idle"),
        ("lame", True, "staging launching pausing examining undoing idle"),
        ("bad", False, "staging launching examining checking switching baking returning idle"),
        ("bad", True, "staging launching pausing examining checking switching baking returning yielding idle"),
    ],
)
def test_what_has_no_memory_beside_what_serves_pauses_that_both_ways(kind: str, crowded: bool, phases: str) -> None:
    world = patch_world.World(random.Random(1))
    world.crowded = {"g1"} if crowded else set()
    {"good": set(), "lame": world.lame, "bad": world.bad}[kind].add("g1")
    patch_world.run(world, "1")
    assert " ".join(one["phase"] for one in world.records) == phases
    patch_world.check(world)


@pytest.mark.parametrize(
    ("broken", "phases"),
    [
        (False, "staging installing launching examining checking switching baking idle"),
        (True, "staging installing undoing idle"),
    ],
)
def test_another_release_is_installed_before_anything_of_it_starts(broken: bool, phases: str) -> None:
    world = patch_world.World(random.Random(1), released={"g1"}, broken={"g1"} if broken else set())
    patch_world.run(world, "1")
    assert " ".join(one["phase"] for one in world.records) == phases
    patch_world.check(world)


def test_what_is_only_tried_never_stops_what_serves() -> None:
    state = steps.State(steps.Phase.LAUNCHING, "1", "g0", "g1", trial=True)
    with pytest.raises(ValueError, match="Crowded cannot come while launching"):
        steps.step(state, steps.Crowded())


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("kind", ["lame", "bad"])
def test_what_cannot_be_undone_now_is_tried_again_with_pauses(kind: str, crowded: bool) -> None:
    world = patch_world.World(random.Random(1), refusals=5)
    world.crowded = {"g1"} if crowded else set()
    getattr(world, kind).add("g1")
    assert patch_world.run(world, "1").reason == "a gate is red"
    assert world.refusals == 0 and 5 < world.paused_s < 60
    patch_world.check(world)


def test_every_event_that_cannot_come_is_refused() -> None:
    idle = steps.State()
    for event in (steps.Done(), steps.Failed("x"), steps.Restarted("g0")):
        with pytest.raises(ValueError, match="cannot come while idle"):
            steps.step(idle, event)
    busy, _, _ = steps.step(idle, steps.Submitted("1", "g0"))
    with pytest.raises(ValueError, match="cannot come while staging"):
        steps.step(busy, steps.Submitted("2", "g0"))


def test_a_switch_that_was_not_begun_is_undone_and_one_that_was_is_taken_back() -> None:
    switching = steps.State(steps.Phase.SWITCHING, "1", "g0", "g1")
    assert steps.step(switching, steps.Failed("frozen", untouched=True))[2] is steps.Action.DISCARD
    assert steps.step(switching, steps.Failed("recall is away"))[2] is steps.Action.RETURN
    # Nobody is believed who says so of a generation that serves.
    baking = steps.State(steps.Phase.BAKING, "1", "g0", "g1")
    assert steps.step(baking, steps.Failed("a gate is red", untouched=True))[2] is steps.Action.RETURN


def test_a_generation_that_ends_us_again_and_again_while_it_bakes_is_taken_back() -> None:
    state = steps.State(steps.Phase.BAKING, "1", "g0", "g1")
    for _ in range(steps.RESTARTS_MAX):
        state, _, action = steps.step(state, steps.Restarted("g1"))
        assert action is steps.Action.BAKE
    state, _, action = steps.step(state, steps.Restarted("g1"))
    assert action is steps.Action.RETURN
