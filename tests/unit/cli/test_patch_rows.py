"""How patches are told of to people."""

from council.cli import patch_rows
from council.upkeep.patchctl import history, steps

_TWELVE = "; ".join(f"gate{number} is unknown: nothing was told" for number in range(12))


def test_the_history_tells_the_first_of_many_reasons_and_how_many_more_there_are() -> None:
    row = history.Row("a" * 64, outcome=steps.Outcome.ROLLED_BACK, reason=_TWELVE)
    assert patch_rows.outcome(row) == "rolled back (gate0 is unknown: nothing was told, and 11 more)"


def test_a_single_reason_is_told_whole() -> None:
    row = history.Row("a" * 64, outcome=steps.Outcome.REFUSED, reason="quota", trial=True)
    assert patch_rows.outcome(row) == "refused (quota), a trial"


def test_a_trial_that_was_found_good_is_told_once() -> None:
    assert patch_rows.outcome(history.Row("a" * 64, outcome=steps.Outcome.TRIED, trial=True)) == "tried"


def test_a_word_before_a_sentence_is_all_of_it_in_the_history_and_a_pause_is_told() -> None:
    times = (("staging", 0), ("pausing", 9), ("baking", 31), ("idle", 51))
    row = history.Row(
        "a" * 64, outcome=steps.Outcome.REFUSED, reason="outside_window: memory lacks. Then.", times=times
    )
    assert patch_rows.outcome(row) == "refused (outside_window), paused 22 s"
