"""What an answer of Prometheus says of a gate; a real one is compared with our own evaluator in the contract tests."""

import dataclasses

import pytest

import rule_cases
from council.domain import gates
from council.upkeep.gates import asking

GATES = {
    name: dataclasses.replace(gate, samples_min=5 if name == "error_rate" else gate.samples_min)
    for name, gate in rule_cases.GATES.items()
}
UP = [({"part": "up", "svc": "gateway"}, 1.0), ({"part": "age", "svc": "gateway"}, 5.0)]
RISES = [({"part": f"rise_{place}_{number}"}, 9.0) for place in (0, 1) for number in (0, 1)]
RESET = [({"part": f"reset_{place}", "svc": "gateway"}, 1.0) for place in (0, 1)]


def said(name: str, *rows: asking.Row) -> gates.Measured:
    return asking.measured(GATES[name], rows)


def test_a_number_comes_with_what_stands_behind_it() -> None:
    found = said("error_rate", *UP, *RISES, ({"part": "value"}, 3.0), ({"part": "samples_0"}, 40.0))
    assert found == gates.Measured(3.0, 40.0, 300.0)


def test_after_a_reset_the_shorter_window_stands_behind_it() -> None:
    reset = ({"part": "reset_0", "svc": "gateway"}, 1.0)
    samples = [({"part": "samples_0"}, 40.0), ({"part": "samples_1"}, 30.0)]
    assert said("error_rate", *UP, *RISES, reset, *samples, ({"part": "value"}, 3.0)) == gates.Measured(3.0, 30.0, 60.0)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "gateway is not watched"),
        ([({"part": "up", "svc": "gateway"}, 0.0)], "gateway cannot be read"),
        ([UP[0]], "gateway was last read inf s ago"),
        ([UP[0], ({"part": "age", "svc": "gateway"}, 75.4)], "gateway was last read 75 s ago"),
        (UP, "nothing is told of council_exchanges_total"),
        ([*UP, *RISES, ({"part": "samples_0"}, 2.0)], "2 of the 5 samples needed came in 300 s"),
        (
            [*UP, *RISES, *RESET],
            "gateway began anew within the last 60 s",
        ),
        (
            [*UP, *RISES, ({"part": "lived", "svc": "gateway"}, 12.3), *RESET],
            "gateway began anew 12 s ago; known again in 48 s, given enough samples",
        ),
        ([*UP, *RISES, RESET[0], ({"part": "samples_1"}, 0.0)], "0 of the 5 samples needed came in 60 s"),
        (
            [*UP, *RISES, ({"part": "samples_0"}, 40.0), ({"part": "value"}, float("nan"))],
            "council_exchanges_total gives no finite number",
        ),
    ],
)
def test_why_there_is_no_number(rows: list[asking.Row], reason: str) -> None:
    found = said("error_rate", *rows)
    assert (found.value, found.reason) == (None, reason)


@pytest.mark.parametrize(
    ("name", "part", "number", "reason"),
    [
        ("fd_usage", "silent", 1.0, "gateway tells nothing of open_fds_total"),
        ("fd_usage", "odd", 1.0, "gateway gives no finite open_fds_total"),
        ("fd_usage", "none", 1.0, "gateway gives no finite open_fds_total"),
        ("memory_growth", "young", 3600.0, "warm-up: 90 minutes left"),
    ],
)
def test_one_of_many_that_is_not_known_is_named(name: str, part: str, number: float, reason: str) -> None:
    assert said(name, *UP, ({"part": "samples_0"}, 4.0), ({"part": part, "svc": "gateway"}, number)).reason == reason


def test_every_part_of_the_question_is_one_row_a_service_at_most() -> None:
    for gate in GATES.values():
        asked = asking.expression(gate)
        assert asked.count("label_replace(") == asked.count(" by (svc) (") == asked.count('"part"')
