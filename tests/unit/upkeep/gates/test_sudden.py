"""What the last seconds say: failures are seen before their gate's window is full of them, and one bad moment is not."""

import dataclasses
import itertools
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from council.domain import gates, gates_file, watching
from council.upkeep.gates import sudden
from council.upkeep.samples import recent

SHIPPED = yaml.safe_load((Path(__file__).parents[4] / "config" / "gates.yaml").read_text())
GATES = {one.name: one for one in gates_file.build(SHIPPED, SHIPPED)}
STEP_S = 5.0
T0 = 1_800_000_000.0


class Told:
    """Counters of a gateway that are read every five seconds."""

    def __init__(self) -> None:
        self.seen = recent.Recent(3600, 1000)
        self.now_s = T0
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def read(self, *rises: tuple[str, dict[str, str], float]) -> None:
        """Take one reading, in which counters rose."""
        for metric, labels, rise in rises:
            key = (metric, tuple(sorted({"svc": "gateway", **labels}.items())))
            self._values[key] = self._values.get(key, 0.0) + rise
        self.now_s += STEP_S
        readings = [watching.Reading(metric, labels, value) for (metric, labels), value in self._values.items()]
        self.seen.take(watching.Scrape("gateway", self.now_s, readings))

    def exchanges(self, *counts: tuple[int, int]) -> None:
        """Take readings of so many exchanges that went well, and that failed."""
        for well, failed in counts:
            self.read(
                ("council_exchanges_total", {"outcome": "ok"}, well),
                ("council_exchanges_total", {"outcome": "error"}, failed),
            )

    def calls(self, *counts: tuple[int, int]) -> None:
        """Take readings of so many calls to other parts that had a reply, and that had none."""
        for well, failed in counts:
            self.read(
                ("council_network_calls_total", {"outcome": "ok"}, well),
                ("council_network_calls_total", {"outcome": "error"}, failed),
            )

    def latencies(self, *counts: tuple[int, int]) -> None:
        """Take readings of so many answers within a second, and within five."""
        for fast, slow in counts:
            rises = [(0.5, fast), (1.0, fast), (5.0, fast + slow), (float("inf"), fast + slow)]
            self.read(
                *(("council_latency_seconds_bucket", {"le": str(edge)}, rise) for edge, rise in rises),
                ("council_latency_seconds_count", {}, fast + slow),
            )

    def reason(self, name: str) -> str:
        return sudden.reason(GATES[name], self.seen, self.now_s)


@pytest.fixture
def told() -> Told:
    one = Told()
    one.exchanges((0, 0))
    return one


def test_every_second_exchange_that_fails_is_seen_with_the_next_reading(told: Told) -> None:
    told.exchanges(*[(20, 0)] * 60, (10, 10))
    assert told.reason("error_rate") == "of a sudden: 10 of 20 within 8 s"


def test_failures_among_few_are_seen_over_half_a_minute(told: Told) -> None:
    told.exchanges(*[(5, 0)] * 11, (2, 3))
    assert told.reason("error_rate") == ""
    told.exchanges((2, 3))
    assert told.reason("error_rate") == "of a sudden: 6 of 30 within 30 s"


def test_one_bad_moment_is_one_bad_reading(told: Told) -> None:
    told.exchanges(*[(20, 0)] * 12, (0, 20))
    assert told.reason("error_rate") != ""
    for _ in range(12):
        told.exchanges((20, 0))
        assert told.reason("error_rate") == ""


@pytest.mark.parametrize("failed", [1, 2, 3])
def test_a_few_failures_of_twenty_are_no_proof(told: Told, failed: int) -> None:
    told.exchanges(*[(0, 0)] * 12, (20 - failed, failed))
    assert told.reason("error_rate") == ""


def test_nothing_is_said_of_fewer_than_four_times_the_samples_of_the_gate(told: Told) -> None:
    told.exchanges(*[(0, 0)] * 12, (0, 19))
    assert told.reason("error_rate") == ""
    told.exchanges((0, 1))
    assert told.reason("error_rate") != ""


def test_slow_answers_are_seen_by_their_share(told: Told) -> None:
    told.latencies((0, 0), *[(20, 0)] * 12, (14, 6))
    assert told.reason("latency_p95") == "of a sudden: 6 of 20 within 8 s"
    told.latencies((20, 0))
    assert told.reason("latency_p95") == ""


def test_a_gate_that_must_stay_above_its_limit_counts_what_is_missing(told: Told) -> None:
    def asked(well: int, failed: int) -> None:
        told.read(
            ("council_requests_total", {"outcome": "answered"}, well),
            ("council_requests_total", {"outcome": "failed"}, failed),
            ("council_marked_wrong_total", {}, 0),
        )

    for _ in range(12):
        asked(20, 0)
    asked(8, 12)
    assert told.reason("success_rate") == "of a sudden: 12 of 20 within 8 s"
    asked(17, 3)
    assert told.reason("success_rate").startswith("of a sudden: 15 of 60 within")


def test_money_is_a_sum_and_not_a_share(told: Told) -> None:
    def answered(count: int, micros: int) -> None:
        told.read(
            ("council_local_answers_total", {"local": "true"}, count),
            ("council_cost_usd_micros_total", {"model": "far"}, micros),
        )

    for _ in range(12):
        answered(20, 0)
    answered(20, 100_000)
    assert told.reason("cost_per_100") == ""
    answered(20, 300_000)
    assert told.reason("cost_per_100") == "of a sudden: 0.3333 USD within 30 s"
    answered(20, 0)
    assert told.reason("cost_per_100") == ""


def test_a_counter_that_begins_anew_is_no_failure(told: Told) -> None:
    told.exchanges(*[(20, 5)] * 12)
    told._values.clear()
    told.exchanges((20, 0))
    assert told.reason("error_rate") == ""


@pytest.mark.parametrize(
    "name", [name for name, one in GATES.items() if not isinstance(one.form, gates.Ratio | gates.Quantile)]
)
def test_gauges_are_what_they_are_now_and_need_no_second_look(told: Told, name: str) -> None:
    told.exchanges(*[(20, 20)] * 12)
    assert told.reason(name) == ""


@pytest.mark.parametrize("a_second", [1, 4])
def test_failures_up_to_the_amber_edge_raise_no_alert_in_six_hours(a_second: int) -> None:
    told, chance, red = Told(), random.Random(20), []
    for _ in range(6 * 3600 // 5):
        asked = sum(chance.random() < 0.5 for _ in range(2 * 5 * a_second))
        failed = sum(chance.random() < GATES["error_rate"].amber / 100 for _ in range(asked))
        told.exchanges((asked - failed, failed))
        red.append(bool(told.reason("error_rate")))
    assert not any(first and second for first, second in itertools.pairwise(red))


def test_questions_whose_three_tries_all_fail_raise_no_alert_where_they_are_rare() -> None:
    told, chance, red = Told(), random.Random(20), []
    for _ in range(12 * 3600 // 5):
        calls = sum(chance.random() < 0.5 for _ in range(2 * 5 * 4))
        failed = min(calls, 3 * sum(chance.random() < 0.002 / 3 for _ in range(calls)))
        told.calls((calls - failed, failed))
        red.append(bool(told.reason("network_errors")))
    assert not any(first and second for first, second in itertools.pairwise(red))


def test_a_question_whose_three_tries_fail_is_no_proof_and_a_provider_that_is_away_is(told: Told) -> None:
    told.calls((0, 0), *[(22, 0)] * 12, (19, 3))
    assert told.reason("network_errors") == ""
    told.calls((18, 4))
    assert told.reason("network_errors") == "of a sudden: 4 of 22 within 8 s"


def test_nothing_is_told_is_nothing_said() -> None:
    empty = recent.Recent(3600, 10)
    assert {sudden.reason(one, empty, T0) for one in _all()} == {""}


def test_a_limit_above_every_edge_of_a_histogram_says_nothing(told: Told) -> None:
    told.latencies((0, 0), *[(0, 20)] * 12)
    slow = dataclasses.replace(GATES["latency_p95"], threshold=1e9)
    assert sudden.reason(slow, told.seen, told.now_s) == ""


def _all() -> Iterable[gates.Gate]:
    return GATES.values()
