import itertools
import math

from hypothesis import given
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


def _line(labels: dict[str, str], value: float, at_ms: int | None) -> str:
    escaped = {
        name: text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"') for name, text in labels.items()
    }
    inside = ",".join(f'{name}="{text}"' for name, text in escaped.items())
    return f"up{{{inside}}} {value}" + ("" if at_ms is None else f" {at_ms}")


TEXTS = st.text(st.sampled_from('ab {}",=\\\n#1é'), max_size=12)


@given(st.dictionaries(st.sampled_from(["a", "svc", "le"]), TEXTS), st.floats(), st.none() | st.integers(1, 10**13))
def test_a_line_is_read_as_the_library_reads_it_each_time(
    labels: dict[str, str], value: float, at_ms: int | None
) -> None:
    line = _line(labels, value, at_ms)
    (family,) = parser.text_string_to_metric_families(line + "\n")
    (sample,) = family.samples
    wanted = ("up", {"svc": "gateway"} | sample.labels, repr(float(sample.value)))
    for _ in range(2):
        (one,) = exposition.read(line, {"up"}, "gateway")
        assert (one.metric, dict(one.labels), repr(one.value)) == wanted


@given(st.lists(st.floats(0.1, 40), max_size=120), st.lists(st.integers(1, 30), max_size=10))
def test_thinning_bit_by_bit_keeps_what_thinning_at_once_keeps(steps_s: list[float], runs: list[int]) -> None:
    kept, expected, at_s = recent._Kept({}), [], 0.0
    for number, step_s in enumerate(steps_s):
        at_s += step_s
        kept.times_s.append(at_s)
        kept.values.append(number)
        expected.append((at_s, float(number)))
        if number in itertools.accumulate(runs):
            oldest_s, dense_s = at_s - 900, at_s - 300
            kept.tidy(oldest_s, dense_s)
            slot, thinned = -math.inf, []
            for time_s, value in expected:
                if time_s >= oldest_s and (time_s >= dense_s or time_s // recent.SPARSE_S > slot):
                    thinned.append((time_s, value))
                    slot = time_s // recent.SPARSE_S
            expected = thinned
    assert list(zip(kept.times_s, kept.values, strict=True)) == expected


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
