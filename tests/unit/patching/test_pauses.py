"""A patch whose services have no memory to run beside those that serve: a pause, where one is allowed now, or none."""

import asyncio
import hashlib
import shutil
from pathlib import Path

import pytest

import patch_house
from council.domain import authz, home, patches
from council.patching import hands, submitted
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import history, steps
from patch_house import ANN, NOW, House, begin, sent, whole

pytestmark = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")
TODAY, IN_TWO_DAYS = (authz.DAYS[(NOW // 86_400 + 3 + ahead) % 7] for ahead in (0, 2))
ALL_DAY = 'from: "00:00", to: "00:00"'
PAUSING = ["staging", "launching", "pausing", "examining", "checking", "switching", "baking"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    return patch_house.made_home(tmp_path_factory.mktemp("pauses") / "home")


@pytest.fixture
def house(listed: home.Home, tmp_path: Path) -> House:
    made = patch_house.copied(listed, tmp_path / "home")
    made.crowded = True
    return made


def open_on(house: House, day: str) -> None:
    """Set a window for the whole of a day of the week."""
    text = (house.where.current / authz.FILE).read_bytes()
    after = text.replace(b"windows: []", f"windows: [{{days: [{day}], {ALL_DAY}}}]".encode())
    assert after != text
    blueprint.commit(house.where, {authz.FILE: after}, "Set a window")


async def apply(house: House, what: patches.Submission, *, trial: bool = False) -> steps.State:
    digest = submitted.keep(house.where, what)
    about = {"at": NOW, "signer": ANN.fingerprint, "kind": "human"}
    state = await begin(house).apply(digest, blueprint.current(house.where), about, trial=trial)
    hands.settle(house.where, state)
    return state


def phases(house: House) -> list[str]:
    assert house.book is not None
    return [one for one, _ in history.rows(house.book.records)[-1].times]


@pytest.mark.parametrize("day", ["", TODAY])
async def test_without_windows_or_within_one_what_serves_is_seen_then_stops_and_the_other_takes_its_place(
    house: House, day: str
) -> None:
    if day:
        open_on(house, day)
    state = await apply(house, sent(house.where))
    assert (state.last, state.reason) == (steps.Outcome.APPLIED, "")
    assert phases(house) == [*PAUSING, "idle"]
    assert (house.looked, house.pauses, house.paused) == (1, [(130.0, False)], False)


async def test_outside_of_the_windows_it_is_refused_with_the_next_and_may_come_again_then(house: House) -> None:
    open_on(house, IN_TWO_DAYS)
    before, live, what = whole(house.where), blueprint.current(house.where), sent(house.where)
    state = await apply(house, what)
    opens = patches.time_text((NOW // 86_400 + 2) * 86_400)
    assert state.last is steps.Outcome.REFUSED
    assert state.reason.startswith("outside_window: memory lacks")
    assert f"The next window opens at {opens}: submit the same patch again then." in state.reason
    assert (whole(house.where), blueprint.current(house.where)) == (before, live)
    assert not house.pauses and not house.looked and not house.beside
    assert house.book is not None
    assert history.seen(house.book.records) == {} and history.quarantined(house.book.records) == frozenset()
    # Memory is there now, as it were: the same bytes and the same signature go their way.
    house.crowded = False
    assert (await apply(house, what)).last is steps.Outcome.APPLIED


async def test_windows_that_never_open_are_said_to(house: House) -> None:
    text = (house.where.current / authz.FILE).read_bytes()
    never = text.replace(b"windows: []", b'windows: [{days: [], from: "03:00", to: "04:00"}]')
    blueprint.commit(house.where, {authz.FILE: never}, "Never")
    state = await apply(house, sent(house.where))
    assert "No window of `authz.yaml` ever opens" in state.reason


async def test_windows_hold_nothing_back_that_needs_no_pause(house: House) -> None:
    open_on(house, IN_TWO_DAYS)
    house.crowded = False
    assert (await apply(house, sent(house.where))).last is steps.Outcome.APPLIED
    assert "pausing" not in phases(house)


async def test_a_trial_stops_nothing_that_serves(house: House) -> None:
    state = await apply(house, sent(house.where), trial=True)
    assert state.last is steps.Outcome.REFUSED
    assert state.reason.startswith("no_room: There is no memory for both.") and "stops nothing" in state.reason
    assert not house.pauses and not house.looked


async def test_what_would_not_even_fit_alone_is_refused_before_anything_stops(house: House) -> None:
    house.huge = True
    state = await apply(house, sent(house.where))
    assert state.last is steps.Outcome.REFUSED
    assert state.reason == "no_room: There is no memory even alone. Free some."
    assert not house.pauses and "pausing" not in phases(house)


async def test_what_does_worse_after_the_pause_leaves_everything_as_it_was(house: House) -> None:
    house.problems["examine"] = "accuracy: 20 %"
    before, live = whole(house.where), blueprint.current(house.where)
    state = await apply(house, sent(house.where))
    assert (state.last, state.reason) == (steps.Outcome.REFUSED, "accuracy: 20 %")
    assert (whole(house.where), blueprint.current(house.where)) == (before, live)
    assert not house.paused and not house.beside


@pytest.mark.parametrize("day", ["", TODAY])
async def test_what_turns_bad_later_yields_to_what_served_before_whatever_the_windows_say(
    house: House, day: str
) -> None:
    if day:
        open_on(house, day)
    house.problems["bake"] = "error_rate: 12 %"
    before, live = whole(house.where), blueprint.current(house.where)
    state = await apply(house, sent(house.where))
    assert (state.last, state.reason) == (steps.Outcome.ROLLED_BACK, "error_rate: 12 %")
    assert phases(house) == [*PAUSING, "returning", "yielding", "idle"]
    assert house.pauses == [(130.0, False), (130.0, True)]
    assert (whole(house.where), blueprint.current(house.where)) == (before, live)
    assert not house.paused and not house.beside


async def test_a_rollback_outside_of_the_windows_pauses_all_the_same(house: House) -> None:
    open_on(house, IN_TWO_DAYS)
    house.crowded = False
    base = blueprint.current(house.where)
    state = await apply(house, sent(house.where))
    house.crowded = True
    unwanted = steps.Unwanted(state.digest, base, blueprint.current(house.where), "ann: Enough.")
    ended = await begin(house).roll_back(unwanted, {"by": "ann"})
    assert ended.last is steps.Outcome.ROLLED_BACK
    assert house.pauses == [(130.0, True)] and phases(house)[-3:] == ["returning", "yielding", "idle"]


async def test_an_examination_that_outlasts_the_pause_ends_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands.Hands, "_pause_s", lambda *_: 0.0)
    monkeypatch.setattr(hands, "_PAUSE_SPARE_S", 0.2)
    house.holds = asyncio.Event()
    live = blueprint.current(house.where)
    state = await apply(house, sent(house.where))
    assert state.last is steps.Outcome.REFUSED and "as long as `bake.pause_s` allows" in state.reason
    assert blueprint.current(house.where) == live and not house.paused and not house.beside


@pytest.mark.long
@pytest.mark.parametrize(("kind", "effects"), [("good", 9), ("lame", 8), ("bad", 16)])
async def test_a_crash_at_each_effect_of_a_pause_ends_in_one_generation_that_is_whole(
    listed: home.Home, tmp_path: Path, kind: str, effects: int
) -> None:
    for crash_at in range(1, effects + 2):
        house = patch_house.copied(listed, tmp_path / str(crash_at))
        house.crowded = True
        house.problems = {"examine": "x" if kind == "lame" else "", "bake": "x" if kind == "bad" else ""}
        before, live, what = whole(house.where), blueprint.current(house.where), sent(house.where)
        house.crash_in = crash_at
        crashed = False
        try:
            state = await apply(house, what)
        except patch_house.CrashedError:
            crashed = True
            state = await begin(house).recover(blueprint.current(house.where))
            hands.settle(house.where, state)
        assert crashed == (crash_at <= effects), "there is another number of effects"
        assert state.phase is steps.Phase.IDLE and not house.paused and not house.beside
        applied = state.last is steps.Outcome.APPLIED
        assert not (applied and kind != "good")
        assert ("prompts/new.md" in whole(house.where)) == applied
        assert applied or (whole(house.where), blueprint.current(house.where)) == (before, live)


async def test_a_setting_of_the_pause_is_read_of_the_generation_before_the_patch(house: House) -> None:
    path = "council.yaml"
    blueprint.commit(house.where, {path: b"bake: {pause_s: 45}\n"}, "Shorter pauses")
    digest = hashlib.sha256((house.where.current / path).read_bytes()).hexdigest()
    change = patches.Change(path, patches.Action.PUT, b"bake: {pause_s: 3000}\nrecall: {poll_s: 3}\n", digest)
    state = await apply(house, sent(house.where, change))
    assert state.last is steps.Outcome.APPLIED, state.reason
    assert house.pauses == [(55.0, False)]
