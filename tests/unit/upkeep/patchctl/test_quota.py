"""How many patches of a day were spent, from the journal's records."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import patch_cases as cases
from council.domain import errors
from council.upkeep.patchctl.core import quota

NOW, DAY = cases.NOW, quota.DAY_S
MIDNIGHT = (NOW // DAY + 1) * DAY
BOTS = (cases.TUNER, cases.MENDER)


def refused(
    records: list[dict[str, object]], owner: object = cases.MENDER, now: float = NOW, apart_from: str = ""
) -> bool:
    signer = cases.SIGNERS[owner.fingerprint]  # type: ignore[attr-defined]
    try:
        quota.check(quota.Tally(records).used(now, apart_from), signer, cases.POLICY, now)
    except errors.PatchRefusedError as error:
        assert error.reason == "quota" and error.retry_after_s and error.retry_after_s > 0
        return True
    return False


def applied(count: int, owner: object = cases.MENDER, at: float = NOW - 10, start: int = 0) -> list[dict[str, object]]:
    rows = []
    for number in range(start, start + count):
        rows += [cases.begun(number, owner, at), cases.ended(number, "applied")]  # type: ignore[arg-type]
    return rows


def test_bots_together_have_three_a_day() -> None:
    assert not refused(applied(1, cases.TUNER) + applied(1, start=1))
    assert refused(applied(2, cases.TUNER) + applied(1, start=2))


def test_a_signer_has_a_limit_of_its_own() -> None:
    assert not refused(applied(1, cases.TUNER), cases.TUNER)
    assert refused(applied(2, cases.TUNER), cases.TUNER)
    assert refused(applied(1, cases.CAROL), cases.CAROL)


def test_a_person_is_not_held_up_by_bots_and_bots_not_by_persons() -> None:
    assert not refused(applied(50), cases.ANN)
    assert not refused(applied(50, cases.ANN))


def test_refused_does_not_count_and_rolled_back_does() -> None:
    rows = applied(2)
    assert not refused([*rows, cases.begun(9, cases.MENDER), cases.ended(9, "refused")])
    assert refused([*rows, cases.begun(9, cases.MENDER), cases.ended(9, "rolled back")])


def test_one_that_is_at_work_counts_but_for_itself() -> None:
    rows = [*applied(2), cases.begun(9, cases.MENDER)]
    assert refused(rows)
    assert not refused(rows, apart_from=f"{9:064x}")


def test_a_new_day_begins_at_midnight_utc() -> None:
    rows = applied(3, at=MIDNIGHT - 1)
    assert refused(rows, now=MIDNIGHT - 0.5)
    assert not refused(rows, now=MIDNIGHT)


def test_a_clock_that_is_set_back_gives_nothing_back() -> None:
    assert refused(applied(3), now=NOW - DAY)
    assert refused(applied(3), now=0)


def test_one_that_ran_ahead_opens_no_second_day_when_it_is_set_right() -> None:
    rows = applied(3) + applied(3, at=NOW + DAY, start=3)
    assert refused(rows, now=NOW)
    assert refused(rows, now=NOW + DAY)
    assert not refused(rows, now=NOW + 2 * DAY)


def test_what_comes_after_a_clock_that_ran_ahead_was_set_right_counts_too() -> None:
    ahead = applied(1, at=NOW + DAY)
    assert not refused(ahead + applied(1, start=1))
    assert refused(ahead + applied(2, start=1))
    assert refused(ahead + applied(2, start=1), now=NOW + DAY)
    assert not refused([*ahead, *applied(2, start=1), {"override": 1, "at": NOW}])


def test_an_override_raises_the_limit_until_midnight() -> None:
    rows = [*applied(3), {"override": 2, "at": NOW - 5}]
    assert not refused(rows)
    assert not refused(rows + applied(1, start=3))
    assert refused(rows + applied(2, start=3))
    assert refused([{"override": 2, "at": NOW - 5}, *applied(3, at=MIDNIGHT)], now=MIDNIGHT)


@pytest.mark.parametrize("records", [[], [{"phase": "launching", "patch": "x"}], [{"at": NOW, "refusals": 7}]])
def test_other_records_do_not_count(records: list[dict[str, object]]) -> None:
    assert quota.Tally(records).used(NOW).bots == 0


@settings(deadline=None)
@given(seed=st.integers(), ends=st.lists(st.sampled_from(["applied", "rolled back", "refused", ""]), max_size=12))
def test_however_they_interleave_what_ended_well_or_is_at_work_counts(seed: int, ends: list[str]) -> None:
    order = random.Random(seed)
    rows: list[dict[str, object]] = []
    waiting = [(number, end) for number, end in enumerate(ends)]
    begun: list[tuple[int, str]] = []
    while waiting or begun:
        if waiting and (not begun or order.random() < 0.5):
            number, end = waiting.pop(0)
            rows.append(cases.begun(number, order.choice(BOTS)))
            begun.append((number, end))
        else:
            number, end = begun.pop(order.randrange(len(begun)))
            if end:
                rows.append(cases.ended(number, end))
    found = quota.Tally(rows).used(NOW)
    assert found.bots == found.by_signer.total() == sum(end != "refused" for end in ends)


def test_a_patch_that_staging_began_twice_counts_once() -> None:
    assert quota.Tally([cases.begun(1, cases.TUNER), cases.begun(1, cases.TUNER)]).used(NOW).bots == 1


def test_a_long_journal_leaves_one_day_in_memory() -> None:
    tally = quota.Tally(applied(500, at=NOW - DAY))
    for row in applied(2, start=500):
        tally.add(row)
    assert tally.used(NOW).bots == 2 and len(tally._begun) == 2


def test_a_trial_does_not_count() -> None:
    assert quota.Tally([{**cases.begun(1, cases.TUNER), "trial": True}]).used(NOW).bots == 0
