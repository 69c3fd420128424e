"""What the journal tells of patches, and what the rules ask of it."""

import dataclasses
from typing import Any

import pytest

import patch_cases as cases
from council.domain import patches
from council.upkeep.patchctl import history, steps
from council.upkeep.patchctl.core import judging, quota

NOW = cases.NOW
TITLE = "Answer shorter"


def verdict(number: int = 1, **changed: Any) -> judging.Verdict:
    found = judging.judge(cases.sent(cases.patch(reason=f"Reason {number}.", **changed)), cases.situation())
    assert found.signer is not None
    return found


def way(found: judging.Verdict, *events: steps.Event) -> list[dict[str, Any]]:
    """Return the records of a way, as `way.Way` writes them."""
    records = []
    state = steps.State()
    for number, event in enumerate([steps.Submitted(found.digest, cases.BASE), *events]):
        state, record, _ = steps.step(state, event)
        records.append({**(history.about(found, NOW) if number == 0 else {}), **record})
    return records


DONE = steps.Done()
APPLIED = (steps.Done("b" * 40), DONE, DONE, DONE, DONE, DONE)
ROLLED_BACK = (*APPLIED[:5], steps.Failed("red"), DONE)
REFUSED = (steps.Failed("no_space"), DONE)


def test_a_way_is_one_row_with_what_the_patch_says_and_how_it_ended() -> None:
    [row] = history.rows(way(verdict(), *APPLIED))
    assert row.line == f"cid:{row.cid} - {TITLE} (Ticket #7)"
    assert (row.outcome, row.reason, row.base, row.target) == ("applied", "", cases.BASE, "b" * 40)
    assert (row.signers, row.kind, row.author) == ((cases.TUNER.fingerprint,), "bot", "tuner")
    assert (row.files, row.files_count, row.at_s) == (("prompts/general.md",), 1, NOW)


def test_a_patch_at_work_has_its_phase_and_no_outcome() -> None:
    [row] = history.rows(way(verdict(), *APPLIED[:3]))
    assert (row.phase, row.outcome) == ("checking", "")


def test_the_reason_of_the_end_is_kept_and_not_taken_for_that_of_the_patch() -> None:
    [row] = history.rows(way(verdict(), *ROLLED_BACK))
    assert (row.outcome, row.reason, row.said) == ("rolled back", "red", "Reason 1.")


def test_a_refusal_before_the_way_is_a_row_and_no_step() -> None:
    found = dataclasses.replace(verdict(), reason="frozen", message="x")
    records = [history.refusal(found, NOW), *way(verdict(2), *APPLIED)]
    first, second = history.rows(records)
    assert (first.outcome, first.reason, second.outcome) == ("refused", "frozen", "applied")
    assert steps.replay(records).last is steps.Outcome.APPLIED
    assert quota.Tally(records).used(NOW).by_signer == {cases.TUNER.fingerprint: 1}


def test_a_signer_whose_document_could_not_be_read_is_told_all_the_same() -> None:
    found = judging.judge(cases.sent(b"{"), cases.situation())
    [row] = history.rows([history.refusal(found, NOW)])
    assert (row.reason, row.signers, row.title) == ("document_malformed", (cases.TUNER.fingerprint,), "")
    assert row.line == f"cid:{row.cid} - without a title"


def test_only_what_served_counts_as_seen_and_only_what_was_taken_back_is_in_quarantine() -> None:
    one, two, three = (verdict(number) for number in range(3))
    two = verdict(9, changes=(cases.put("prompts/b.md"),))
    records = [*way(one, *APPLIED), *way(two, *ROLLED_BACK), *way(three, *REFUSED)]
    assert history.seen(records) == {found.cid: found.digest for found in (one, two)}
    assert two.patch is not None
    assert history.quarantined(records) == {patches.content_digest(two.patch)}


def test_a_trial_counts_for_nothing() -> None:
    first, *others = way(verdict(), *ROLLED_BACK)
    records = [{**first, "trial": True}, *others]
    assert history.rows(records)[0].trial
    assert history.seen(records) == {} and history.quarantined(records) == frozenset()


def test_who_stood_behind_a_patch_was_last_there_then() -> None:
    assert history.last_used_s(way(verdict(), *APPLIED)) == {cases.TUNER.fingerprint: NOW}


def test_a_patch_of_many_files_fits_the_line_of_a_journal() -> None:
    changes = tuple(cases.put(f"prompts/{'x' * 90}/{'y' * 90}{number}.md") for number in range(100))
    found = verdict(title="t" * 120, changes=changes)
    [row] = history.rows(way(found, *REFUSED))
    assert (len(row.files), row.files_count) == (history.FILES_TOLD_MAX, 100)


@pytest.mark.parametrize(
    ("times", "away_s"),
    [
        ("staging 0 launching 5 examining 9 switching 20 baking 21 idle 41", 0),
        ("staging 0 launching 5 pausing 9 examining 15 switching 30 baking 31 idle 51", 22),
        ("staging 0 launching 5 pausing 9 examining 15 undoing 30 idle 34", 25),
        ("staging 0 pausing 9 examining 15 switching 30 baking 31 returning 40 yielding 41 idle 50", 22 + 9),
        # It bakes anew after a crash, and what was away is there all the while.
        ("staging 0 pausing 9 switching 30 baking 31 baking 36 idle 60", 22),
        # Not switched, so still away until it is undone.
        ("staging 0 pausing 9 switching 30 returning 31 idle 36", 27),
        # Taken back by a person, weeks later.
        ("staging 0 pausing 9 switching 30 baking 31 idle 51 returning 9000 yielding 9001 idle 9011", 22 + 10),
        ("staging 0 launching 5 pausing 9", 0),
    ],
)
def test_how_long_something_was_away_is_told_by_the_steps(times: str, away_s: int) -> None:
    words = times.split()
    row = history.Row("a" * 64, times=tuple(zip(words[::2], map(int, words[1::2]), strict=True)))
    assert (row.away_s, history.told(row)["away_s"]) == (away_s, away_s)


def test_other_records_are_passed_over() -> None:
    assert history.rows([{"kind": "checkpoint", "signature": ""}, {"override": 2, "at": NOW}]) == []


def test_of_each_content_in_quarantine_the_last_that_was_rolled_back_is_told_the_newest_first() -> None:
    def row(content: str, ended_s: int, **changed: Any) -> history.Row:
        usual = {"outcome": "rolled back", "reason": "red", "content": content, "times": (("idle", ended_s),)}
        return history.Row(f"{ended_s:064x}", **(usual | changed))

    found = [
        row("a", 10), row("b", 20), row("a", 30), row("c", 40, outcome="applied"), row("d", 50, trial=True),
        row("e", 60, reason="stale_base"), row("", 70),
    ]  # fmt: skip
    assert [(one.content, one.ended_s) for one in history.quarantine(found)] == [("a", 30), ("b", 20)]
    assert {one.content for one in history.quarantine(found)} == history.returned(found)
