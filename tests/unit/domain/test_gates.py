"""Verdicts: unknown is never green, and the worst of many is red whatever cannot be read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import gates

ONE = gates.Selector("a")


def gate(form: gates.Form, comparator: str = "<", amber: float = 80.0, not_applicable: str = "") -> gates.Gate:
    threshold = 100.0 if comparator == "<" else 60.0
    return gates.Gate(
        name="one", form=form, unit="x", comparator=gates.Comparator(comparator), threshold=threshold,
        amber=amber, windows_s=(60.0,), samples_min=1, services=(), bake=gates.Bake(20, 1, ""), no_data="", protects="",
        not_applicable=not_applicable,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("comparator", "value", "verdict"),
    [
        ("<", 79.9, "green"), ("<", 80.0, "amber"), ("<", 99.9, "amber"), ("<", 100.0, "red"), ("<", -5.0, "green"),
        (">", 80.1, "green"), (">", 80.0, "amber"), (">", 60.1, "amber"), (">", 60.0, "red"), (">", 0.0, "red"),
    ],
)  # fmt: skip
def test_a_number_is_judged_by_its_limit_and_its_amber_band(comparator: str, value: float, verdict: str) -> None:
    assert gates.judge(gate(gates.Count(ONE), comparator), gates.Measured(value))[0] == verdict


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_no_number_is_unknown(value: float | None) -> None:
    verdict, reason = gates.judge(gate(gates.Count(ONE)), gates.Measured(value, reason="nobody told"))
    assert (verdict, reason) == ("unknown", "nobody told")


def test_a_part_that_cannot_be_read_makes_it_unknown_unless_the_worst_of_many_is_bad_already() -> None:
    bad, good = (
        gates.Measured(100.0, partial="recall cannot be read"),
        gates.Measured(1.0, partial="recall cannot be read"),
    )
    assert gates.judge(gate(gates.Gauge(ONE)), bad)[0] == "red"
    assert gates.judge(gate(gates.Gauge(ONE)), good) == ("unknown", "recall cannot be read")
    assert gates.judge(gate(gates.Ratio((ONE,), (ONE,))), bad)[0] == "unknown"


def test_what_does_not_apply_is_said_with_its_reason_whatever_was_read() -> None:
    made = gate(gates.Gauge(ONE), not_applicable="this machine has no GPU")
    assert gates.judge(made, gates.Measured(1000.0)) == ("not applicable", "this machine has no GPU")


@given(st.floats(), st.sampled_from(["<", ">"]), st.text(max_size=3))
def test_nothing_but_a_finite_number_on_the_good_side_with_all_parts_read_is_green(
    value: float, comparator: str, partial: str
) -> None:
    made = gate(gates.Gauge(ONE), comparator)
    if gates.judge(made, gates.Measured(value, partial=partial))[0] == "green":
        assert math.isfinite(value) and not partial
        assert made.comparator.holds(value, made.amber) and made.comparator.holds(value, made.threshold)
