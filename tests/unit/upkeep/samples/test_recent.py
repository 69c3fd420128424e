import itertools
import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import parser

from council.domain import watching
from council.upkeep.samples import exposition, recent

TEXT = """# HELP council_requests_total Questions.
# TYPE council_requests_total counter
council_requests_total{outcome="answered",specialist="math"} 3.0
council_requests_total{outcome="failed",specialist="math"} 1e2
council_requests_created{outcome="answered",specialist="math"} 1.7e9
# TYPE council_latency_seconds histogram
council_latency_seconds_bucket{le="+Inf"} 4.0
council_latency_seconds_count 4.0
open_fds_total{svc="worker"} NaN
other_total 7
"""


def scrape(at_s: float, service: str = "recall", problem: str = "", **values: float) -> watching.Scrape:
    readings = [watching.Reading(name, (("svc", service),), value) for name, value in values.items()]
    return watching.Scrape(service, at_s, readings, problem)


def test_only_what_is_wanted_is_read_and_each_reading_says_whose_it_is() -> None:
    found = exposition.read(
        TEXT, {"council_requests_total", "open_fds_total", "council_latency_seconds_bucket"}, "gateway"
    )
    assert [(one.metric, dict(one.labels), one.value) for one in found[:3]] == [
        ("council_requests_total", {"outcome": "answered", "specialist": "math", "svc": "gateway"}, 3.0),
        ("council_requests_total", {"outcome": "failed", "specialist": "math", "svc": "gateway"}, 100.0),
        ("council_latency_seconds_bucket", {"le": "+Inf", "svc": "gateway"}, 4.0),
    ]
    assert dict(found[3].labels) == {"svc": "worker"}
    assert math.isnan(found[3].value)
    assert len(found) == 4


@given(st.text())
def test_what_is_no_metric_is_refused_or_nothing(text: str) -> None:
    try:
        assert isinstance(exposition.read(text, {"up", "a"}, "gateway"), list)
    except ValueError:
        pass


def parsed(line: str) -> watching.Reading | None:
    """What the parser alone makes of a line; None where it refuses it or finds nothing."""
    try:
        ((sample,),) = (one.samples for one in parser.text_string_to_metric_families(line))
    except ValueError:
        return None
    return watching.Reading(
        sample.name, tuple(sorted(({"svc": "recall"} | sample.labels).items())), float(sample.value)
    )


@given(
    st.lists(
        st.sampled_from(["{", "}", "{}", '{le="1"}', '{le="} 2"}', '"', "\\", ",", " ", "\t", "b", "1_0"]), max_size=4
    ),
    st.sampled_from(
        [" 5", " NaN", " -Inf", " +Inf", " 1e2", " 1_0", " 5 17", "\t5", "5", " nan", " +", " 5 ", " 2}", ""]
    ),
)
def test_a_line_says_what_the_parser_makes_of_it_the_second_time_too(parts: list[str], number: str) -> None:
    line = "a" + "".join(parts) + number
    said = parsed(line)
    is_wanted = not line[1:2].isidentifier() and not line[1:2].isdigit()
    for _ in range(2):
        try:
            found = exposition.read(line, {"a"}, "recall")
        except ValueError:
            assert said is None
        else:
            assert repr(found) == repr([said] if is_wanted else [])


def test_a_series_ends_when_its_service_cannot_be_read_or_tells_it_no_more() -> None:
    seen = recent.Recent(3600, 100)
    seen.take(scrape(100, a=1, b=2))
    seen.take(scrape(105, a=1))
    assert [value for _, value in seen.newest("a", 105)] == [1]
    assert list(seen.newest("b", 105)) == []
    seen.take(scrape(110, problem="it did not answer"))
    assert list(seen.newest("a", 110)) == []
    assert [value for _, value in seen.newest(recent.UP, 110)] == [0.0]
    seen.take(scrape(115, a=5))
    assert [value for _, value in seen.newest("a", 115)] == [5]


def test_old_samples_are_thinned_and_then_dropped() -> None:
    seen = recent.Recent(3600, 100)
    for second in range(0, 7200, 5):
        seen.take(scrape(second, a=second))
    (kept,) = seen.select("a", 0)
    assert min(kept.times_s) >= 7195 - 3600 - 60
    young = [at for at in kept.times_s if at > 7195 - 500]
    old = [at for at in kept.times_s if at < 7195 - 700]
    assert {b - a for a, b in itertools.pairwise(young)} == {5.0}
    assert {b - a for a, b in itertools.pairwise(old)} == {15.0}


def thinned(samples: list[tuple[float, float]], oldest_s: float, dense_from_s: float) -> list[tuple[float, float]]:
    """Of all samples those that stay, told the slow way: the first of each slot, and every young one."""
    kept: list[tuple[float, float]] = []
    for at_s, value in samples:
        slot = kept[-1][0] // recent.SPARSE_S if kept else -math.inf
        if at_s >= oldest_s and (at_s >= dense_from_s or at_s // recent.SPARSE_S > slot):
            kept.append((at_s, value))
    return kept


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(700, 3000))
def test_what_was_thinned_before_is_what_thinning_all_of_it_leaves(chance: random.Random, keep_s: int) -> None:
    seen, samples, at_s, tidied_s = recent.Recent(keep_s, 10), [], 0.0, -math.inf
    for place in range(400):
        at_s += chance.choice((1.0, 5.0, 5.0, 5.0, 12.5, chance.uniform(0.5, 100)))
        seen.take(scrape(at_s, a=place))
        samples.append((at_s, float(place)))
        if at_s - tidied_s >= 60:
            tidied_s = at_s
            samples = thinned(samples, at_s - keep_s, at_s - recent.DENSE_S)
    (kept,) = seen.select("a", 0)
    assert list(zip(kept.times_s, kept.values, strict=True)) == samples


def test_series_beyond_the_limit_are_left_out_and_room_is_made_when_others_are_old(caplog) -> None:
    seen = recent.Recent(600, 3)
    seen.take(scrape(0, a=1, b=1, c=1))
    assert [len(list(seen.select(name, 0))) for name in ("up", "a", "b", "c")] == [1, 1, 1, 0]
    assert "more series are told than are kept" in caplog.text
    for at in range(5, 2000, 5):
        seen.take(scrape(at, c=1))
    assert [len(list(seen.select(name, 0))) for name in ("up", "a", "b", "c")] == [1, 0, 0, 1]


def test_a_clock_that_was_set_back_puts_nothing_out_of_order() -> None:
    seen = recent.Recent(3600, 100)
    for at in (100, 200, 150, 210):
        seen.take(scrape(at, a=at))
    (kept,) = seen.select("a", 0)
    assert list(kept.times_s) == [100, 200, 210]


def test_a_service_that_is_not_watched_any_more_is_told_of_no_more() -> None:
    seen = recent.Recent(3600, 100)
    seen.take(scrape(100, a=1))
    seen.forget("recall", 105)
    assert list(seen.newest("a", 106)) == []
    assert list(seen.newest(recent.UP, 106)) == []
