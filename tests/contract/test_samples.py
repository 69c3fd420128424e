"""What the watcher keeps of the past, in its own file."""

import contextlib
import random
import sqlite3
import zlib
from pathlib import Path

import pytest

from council.backends.samples import sqlite
from council.domain import errors, evidence, gates, watching

DAY_S = 86_400.0
NOW_S = 1_800_000_000.0


@pytest.fixture
def samples(tmp_path: Path):
    made = sqlite.SqliteSamples(tmp_path / "samples.db")
    yield made
    made.close()


def scrape(at_s: float, service: str = "recall", problem: str = "", **values: float) -> watching.Scrape:
    readings = [watching.Reading(name, (("svc", service),), value) for name, value in values.items()]
    return watching.Scrape(service, at_s, readings, problem)


def past(verdict: gates.Verdict, since_s: float) -> watching.Past:
    return watching.Past(verdict, since_s, None if verdict is gates.Verdict.UNKNOWN else 1.5, f"it is {verdict}")


def test_what_is_kept_comes_back_oldest_first(samples: sqlite.SqliteSamples) -> None:
    first, second = scrape(NOW_S, a=1.25, b_total=7), scrape(NOW_S + 15, "model", "it cannot be reached")
    samples.keep([second, first], [], [])
    assert samples.since(NOW_S - 1) == [first, second]
    assert samples.since(NOW_S + 1) == [second]


def test_it_comes_back_after_a_restart(tmp_path: Path) -> None:
    with_one = sqlite.SqliteSamples(tmp_path / "samples.db")
    with_one.keep([scrape(NOW_S, a=1)], [("disk_usage", past(gates.Verdict.RED, NOW_S))], [("disk_usage", NOW_S, 91.0)])
    with_one.close()
    again = sqlite.SqliteSamples(tmp_path / "samples.db")
    again.keep([scrape(NOW_S + 15, a=2, c=3)], [], [])
    assert [one.readings[0].value for one in again.since(0)] == [1, 2]
    assert again.history("disk_usage", 0).values == [(NOW_S, 91.0)]
    again.close()


def test_a_history_begins_with_what_held_then(samples: sqlite.SqliteSamples) -> None:
    said = [
        past(gates.Verdict.UNKNOWN, NOW_S),
        past(gates.Verdict.GREEN, NOW_S + 60),
        past(gates.Verdict.RED, NOW_S + 120),
    ]
    samples.keep([], [("error_rate", one) for one in said], [])
    assert samples.history("error_rate", NOW_S - 5).verdicts == said
    assert samples.history("error_rate", NOW_S + 70).verdicts == said[1:]
    assert samples.history("error_rate", NOW_S + 1000).verdicts == said[2:]
    assert samples.history("no_such_gate", 0) == watching.History("no_such_gate", [], [])


def test_old_readings_become_the_least_of_ten_minutes_and_counters_the_newest(samples: sqlite.SqliteSamples) -> None:
    chance = random.Random(5)
    begin_s = NOW_S // 600 * 600
    values = [(begin_s + 15 * (place + 1), chance.uniform(50, 90)) for place in range(80)]
    for place, (at_s, value) in enumerate(values):
        samples.keep([scrape(at_s, heap_mb=value, b_total=place)], [], [])
    assert samples.compact(begin_s + 6 * 3600, 8 * DAY_S) is False
    found = samples.since(0)
    assert [one.at_s for one in found] == [begin_s + 600, begin_s + 1200]
    told = [{one.metric: one.value for one in row.readings} for row in found]
    assert [one["heap_mb"] for one in told] == [min(v for _, v in values[:40]), min(v for _, v in values[40:])]
    assert [one["b_total"] for one in told] == [39, 79]
    # Once more changes nothing.
    samples.compact(begin_s + 6 * 3600, 8 * DAY_S)
    assert samples.since(0) == found


def test_what_is_too_old_is_dropped_but_the_verdict_that_still_holds(samples: sqlite.SqliteSamples) -> None:
    said = [past(gates.Verdict.AMBER, NOW_S), past(gates.Verdict.GREEN, NOW_S + 60)]
    samples.keep([scrape(NOW_S, a=1)], [("error_rate", one) for one in said], [("error_rate", NOW_S, 1.0)])
    samples.compact(NOW_S + 9 * DAY_S, 8 * DAY_S)
    assert samples.since(0) == []
    assert samples.history("error_rate", 0) == watching.History("error_rate", said[1:], [])


def test_eight_days_of_five_services_stay_small(samples: sqlite.SqliteSamples, tmp_path: Path) -> None:
    chance = random.Random(7)
    for hour in range(8 * 24):
        rows = [
            scrape(
                NOW_S + hour * 3600 + minute * 60,
                service,
                **{f"m{n}_total": chance.randrange(10**6) for n in range(60)},
            )
            for minute in range(0, 60, 10)
            for service in ("gateway", "recall", "model", "sandboxd", "watcher")
        ]
        samples.keep(rows, [], [])
        while samples.compact(NOW_S + hour * 3600, 8 * DAY_S):
            pass
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 20_000_000


def test_a_damaged_file_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "samples.db"
    file.write_bytes(b"no database" * 1000)
    made = sqlite.SqliteSamples(file)
    made.keep([scrape(NOW_S, a=1)], [], [])
    assert len(made.since(0)) == 1
    assert (tmp_path / "samples.damaged").read_bytes().startswith(b"no database")
    made.close()


def test_a_closed_file_says_what_to_do(tmp_path: Path) -> None:
    made = sqlite.SqliteSamples(tmp_path / "samples.db")
    made.close()
    with pytest.raises(errors.SamplesError, match="Free space"):
        made.since(0)


def damaged(file: Path, body: bytes) -> None:
    """Overwrite the newest body that is kept."""
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE scrapes SET body = ? WHERE at_ms = (SELECT max(at_ms) FROM scrapes)", (body,))


@pytest.mark.parametrize("body", [b"", b"no zlib", zlib.compress(b"odd")])
def test_a_reading_that_is_damaged_takes_no_other_with_it(
    samples: sqlite.SqliteSamples, tmp_path: Path, body: bytes
) -> None:
    begin_s = NOW_S // 600 * 600
    samples.keep([scrape(begin_s + 15, a=1), scrape(begin_s + 30, a=2)], [], [])
    damaged(tmp_path / "samples.db", body)
    assert [len(one.readings) for one in samples.since(0)] == [1, 0]
    # It is thinned with the rest, or the file would grow for ever.
    samples.compact(begin_s + 6 * 3600, 8 * DAY_S)
    assert samples.since(0) == [scrape(begin_s + 600, a=1)]


def test_a_verdict_that_nobody_knows_is_an_error_that_says_what_to_do(
    samples: sqlite.SqliteSamples, tmp_path: Path
) -> None:
    samples.keep([], [("error_rate", past(gates.Verdict.GREEN, NOW_S))], [])
    with contextlib.closing(sqlite3.connect(tmp_path / "samples.db")) as connection, connection:
        connection.execute("UPDATE verdicts SET verdict = 'mauve'")
    with pytest.raises(errors.SamplesError, match="move it away; it is made anew"):
        samples.history("error_rate", 0)


def test_a_file_that_is_moved_away_is_made_anew(samples: sqlite.SqliteSamples, tmp_path: Path) -> None:
    samples.keep([scrape(NOW_S, a=1)], [], [])
    (tmp_path / "samples.db").rename(tmp_path / "moved.db")
    samples.keep([scrape(NOW_S + 15, a=2)], [], [])
    assert (tmp_path / "samples.db").exists()
    assert samples.since(0) == [scrape(NOW_S + 15, a=2)]


def test_a_file_that_is_damaged_while_it_is_used_is_put_aside(samples: sqlite.SqliteSamples, tmp_path: Path) -> None:
    for place in range(400):
        samples.keep([scrape(NOW_S + place, a=place, **{f"b{place}": 1.0})], [], [])
    samples.close()
    file = tmp_path / "samples.db"
    whole = file.read_bytes()
    # The head stays, so that it opens; what lies behind is noise.
    file.write_bytes(whole[:4096] + random.Random(1).randbytes(len(whole) - 4096))
    again = sqlite.SqliteSamples(file)
    with pytest.raises(errors.SamplesError):
        again.since(0)
    again.keep([scrape(NOW_S, a=1)], [], [])
    assert again.since(0) == [scrape(NOW_S, a=1)]
    assert (tmp_path / "samples.damaged").exists()
    again.close()


def test_of_a_gate_that_flaps_the_newest_verdicts_are_told(
    samples: sqlite.SqliteSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "VERDICTS_MAX", 3)
    monkeypatch.setattr(sqlite, "NUMBERS_MAX", 2)
    said = [past(verdict, NOW_S + place) for place, verdict in enumerate([gates.Verdict.RED, gates.Verdict.GREEN] * 4)]
    samples.keep(
        [], [("error_rate", one) for one in said], [("error_rate", NOW_S + place, place) for place in range(8)]
    )
    found = samples.history("error_rate", 0)
    assert found.verdicts == said[-3:]
    assert found.values == [(NOW_S + 6, 6), (NOW_S + 7, 7)]


def test_series_come_by_metric_and_service_with_what_was_read_of_them(samples: sqlite.SqliteSamples) -> None:
    more = watching.Reading("council_exchanges_total", (("outcome", "ok"), ("svc", "gateway")), 5.0)
    samples.keep([scrape(NOW_S + at, "recall", open_fds_total=at, other=1) for at in (0.0, 15.0, 30.0)], [], [])
    samples.keep([watching.Scrape("gateway", NOW_S + 1, [more]), scrape(NOW_S, "model", "away")], [], [])
    found = samples.tracks(["open_fds_total", "council_exchanges_total", "nobody"], NOW_S + 1)
    assert [(one.name, one.service, one.labels, list(one.points)) for one in found] == [
        ("open_fds_total", "recall", (), [(NOW_S + 15, 15.0), (NOW_S + 30, 30.0)]),
        ("council_exchanges_total", "gateway", (("outcome", "ok"),), [(NOW_S + 1, 5.0)]),
    ]
    assert samples.tracks([], NOW_S) == []


def test_a_series_of_steps_has_the_newest_of_each(samples: sqlite.SqliteSamples) -> None:
    samples.keep([scrape(NOW_S + at, a=at) for at in (0.0, 15.0, 590.0, 600.0, 1250.0)], [], [])
    (one,) = samples.tracks(["a"], NOW_S, 600.0)
    assert list(one.points) == [(NOW_S + 590, 590.0), (NOW_S + 600, 600.0), (NOW_S + 1250, 1250.0)]


def test_a_series_that_is_too_long_keeps_its_newest_points_and_one_without_any_is_left_out(
    samples: sqlite.SqliteSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "POINTS_MAX", 3)
    samples.keep([scrape(NOW_S + at, a=at) for at in range(20)], [], [])
    samples.keep([scrape(NOW_S, "model", b=float("nan"))], [], [])
    (one,) = samples.tracks(["a", "b"], NOW_S - 1)
    assert [value for _, value in one.points] == [17, 18, 19]
