"""Patches in a simulated world that ends at any effect, again and again: never a mix, never stuck."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import patch_world
from council.upkeep.patchctl import steps

CRASHES_MAX = 12


def apply(world: patch_world.World, digest: str) -> steps.State:
    """Submit a patch, and begin anew after each crash, as the supervisor would."""
    try:
        return patch_world.run(world, digest)
    except patch_world.CrashedError:
        pass
    for _ in range(CRASHES_MAX + 1):
        try:
            return patch_world.recover(world)
        except patch_world.CrashedError:
            world.crash_in = world.draw.choice([10**9, world.draw.randint(1, 12)])
    world.crash_in = 10**9
    return patch_world.recover(world)


@pytest.mark.parametrize("kind", ["good", "lame", "bad"])
def test_a_crash_at_each_effect_leaves_the_old_generation_or_the_new(kind: str) -> None:
    for crash_at in range(1, 40):
        world = patch_world.World(random.Random(crash_at))
        {"good": set(), "lame": world.lame, "bad": world.bad}[kind].add("g1")
        world.crash_in = crash_at
        state = apply(world, "1")
        assert state.phase is steps.Phase.IDLE
        if kind != "good":
            assert world.live == "g0"
        check(world)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_many_patches_with_many_crashes_end_in_one_generation(seed: int) -> None:
    draw = random.Random(seed)
    world = patch_world.World(draw)
    for number in range(1, draw.randint(2, 8)):
        target = f"g{number}"
        kind = draw.choice(["good", "lame", "bad"])
        if kind != "good":
            getattr(world, kind).add(target)
        world.crash_in = draw.choice([10**9, draw.randint(1, 30)])
        before = world.live
        state = apply(world, str(number))
        assert state.phase is steps.Phase.IDLE
        # A crash may come before anything of the patch is on disk.
        applied = state.digest == str(number) and state.last is steps.Outcome.APPLIED
        assert world.live == (target if applied else before)
        assert kind == "good" or not applied
        check(world)


def check(world: patch_world.World) -> None:
    """What must hold whenever no patch is at work."""
    assert world.live in world.written
    assert world.running == {world.live}
    for earlier, later in zip(world.records, world.records[1:], strict=False):
        ended = earlier["phase"] == "idle"
        assert ended == (later["phase"] == "staging"), (earlier, later)
    assert all(("signer" in one) == (one["phase"] == "staging") for one in world.records)


@pytest.mark.parametrize("kind", ["lame", "bad"])
def test_what_cannot_be_undone_now_is_tried_again_with_pauses(kind: str) -> None:
    world = patch_world.World(random.Random(1), refusals=5)
    getattr(world, kind).add("g1")
    assert patch_world.run(world, "1").reason == "a gate is red"
    assert world.refusals == 0 and 5 < world.paused_s < 60
    check(world)


def test_every_event_that_cannot_come_is_refused() -> None:
    idle = steps.State()
    for event in (steps.Done(), steps.Failed("x"), steps.Restarted("g0")):
        with pytest.raises(ValueError, match="cannot come while idle"):
            steps.step(idle, event)
    busy, _, _ = steps.step(idle, steps.Submitted("1", "g0"))
    with pytest.raises(ValueError, match="cannot come while staging"):
        steps.step(busy, steps.Submitted("2", "g0"))


def test_a_generation_that_ends_us_again_and_again_while_it_bakes_is_taken_back() -> None:
    state = steps.State(steps.Phase.BAKING, "1", "g0", "g1")
    for _ in range(steps.RESTARTS_MAX):
        state, _, action = steps.step(state, steps.Restarted("g1"))
        assert action is steps.Action.BAKE
    state, _, action = steps.step(state, steps.Restarted("g1"))
    assert action is steps.Action.RETURN
