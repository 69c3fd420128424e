"""How often the detector of anomalies is right: on labelled series of other people, on made ones, beside windowed Gaussian.

    make bench ARGS="--only anomalies"          ANOMALY_DATA names the folder of the labelled series

The labelled series are 34 of the Numenta Anomaly Benchmark, scored as its authors say (Lavin and Ahmad 2015) by the scorer in
their folder: 0 is a detector that says nothing, 100 a perfect one, *on these series*. Twice: with the threshold that suits
them best, as is the custom, and with thresholds chosen on the other categories. Lower is better in this report, so a row
says what is *missing* to 100.

An event is a run of values at or above the threshold, with at most 12 below it between; it is true if it begins in a window.
"""

import dataclasses
import datetime
import importlib.util
import itertools
import json
import math
import os
import resource
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import anomalies_picture
import figures
from council.domain import anomalies as told
from council.testing import anomalies as made
from council.upkeep.observer import anomalies

DATA = Path(os.environ.get("ANOMALY_DATA", figures.ROOT.parent / "shared" / "data" / "nab-dev"))
PICTURE = figures.ROOT / "docs" / "explanation" / "anomalies.svg"
# No series was tuned on these.
FIRST_SEED = 70_000
EACH = 16
MERGED_ROWS = 12
SHIPPED = told.Settings().alarm_score
GAUSSIAN = "windowed Gaussian"
PROFILES = {
    "standard": "standard",
    "reward_low_FP_rate": "low false positives",
    "reward_low_FN_rate": "low false negatives",
}
_MISSING_MAX = {"standard": 45.0}

_Score = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Series by "category/name", and of each row whether it counts and in which window it lies."""

    points: Mapping[str, Sequence[tuple[float, float]]]
    rows: Mapping[str, Sequence[tuple[str, float, Any]]]
    scored: Any


class WindowedGaussian:
    """The detector that everybody writes first: how far a value is from the mean of the last 2000, in their spread."""

    def __init__(self) -> None:
        self._values: deque[float] = deque()
        self._sum = self._squares = 0.0

    def take(self, _at_s: float, value: float) -> float:
        """Return a score from 0 to 1."""
        values, score = self._values, 0.0
        if len(values) >= 30:
            mean = self._sum / len(values)
            spread = math.sqrt(max(self._squares / len(values) - mean * mean, 0.0)) or 1e-6
            score = 1.0 - math.erfc(abs(value - mean) / (spread * math.sqrt(2.0)))
        values.append(value)
        self._sum += value
        self._squares += value * value
        if len(values) > 2000:
            old = values.popleft()
            self._sum -= old
            self._squares -= old * old
        return score


def _ours() -> _Score:
    detector = anomalies.Detector()
    return lambda at_s, value: detector.take(at_s, value).score


SUBJECTS: dict[str, Callable[[], _Score]] = {figures.OURS: _ours, GAUSSIAN: lambda: WindowedGaussian().take}


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the table."""
    scorer = _scorer()
    labelled, own = _labelled(scorer), _made(scorer)
    profiles = json.loads((DATA / "config" / "profiles.json").read_text())
    rows: list[figures.Row] = []
    for subject, make in SUBJECTS.items():
        say(f"anomalies: {subject}")
        scores, cost_us = _scores(labelled, make)
        count = sum(map(len, labelled.points.values()))
        rows.append(figures.Row("CPU a value", subject, cost_us, "us", 25.0, count))
        rows += _profile_rows(
            subject, "labelled", scorer.score_all(labelled.scored, scores, profiles, SHIPPED, labelled.rows)
        )
        rows += _event_rows(subject, "labelled", labelled, scores)
        scores, _ = _scores(own, make)
        rows += _profile_rows(subject, "made", scorer.score_all(own.scored, scores, profiles, SHIPPED, own.rows))
        rows += _event_rows(subject, "made", own, scores)
    say("anomalies: alarms, cold starts, bands, memory")
    rows += [*_alarm_rows("labelled", labelled), *_alarm_rows("made", own), *_cold_rows(), *_bound_rows()]
    PICTURE.write_text(anomalies_picture.picture())
    return sorted(rows, key=lambda row: row.figure)


def _scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nab_score", DATA / "score.py")
    if spec is None or spec.loader is None or not (DATA / "score.py").exists():
        raise FileNotFoundError("The labelled series are not there: name their folder in ANOMALY_DATA.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_EPOCH = datetime.datetime(1970, 1, 1)


def _labelled(scorer: ModuleType) -> Corpus:
    scored = scorer.load_corpus(str(DATA))
    points = {
        name: [((scorer.parse_ts(at) - _EPOCH).total_seconds(), value) for at, value in zip(times, values, strict=True)]
        for name, (times, values, _) in scored.items()
    }
    return Corpus(points, {name: scorer.unit_weights(one[0], one[2], name) for name, one in scored.items()}, scored)


def _made(scorer: ModuleType) -> Corpus:
    """Return made series in the scorer's form: a window begins a little before what is wrong, a tenth of each series in all."""
    scored, points = {}, {}
    for name, one in made.corpus(FIRST_SEED, EACH):
        texts = [time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at_s)) for at_s in one.times_s]
        half = int(len(texts) * 0.05 / max(1, len(one.wrong_s)))
        starts = [one.times_s.index(start_s) for start_s, _ in one.wrong_s]
        windows = [(max(0, start - half // 2), min(len(texts) - 1, start + half * 3 // 2)) for start in starts]
        parsed = [(scorer.parse_ts(texts[first]), scorer.parse_ts(texts[last])) for first, last in windows]
        scored[name] = (texts, one.values, parsed)
        points[name] = list(zip(one.times_s, one.values, strict=True))
    return Corpus(points, {name: scorer.unit_weights(one[0], one[2], name) for name, one in scored.items()}, scored)


def _scores(corpus: Corpus, make: Callable[[], _Score]) -> tuple[dict[str, list[float]], float]:
    """Return the scores of all values, and the microseconds of CPU that one took."""
    scores, began = {}, time.process_time()
    for name, points in corpus.points.items():
        take = make()
        scores[name] = [take(at_s, value) for at_s, value in points]
    return scores, (time.process_time() - began) / sum(map(len, corpus.points.values())) * 1e6


def _profile_rows(subject: str, series: str, report: dict[str, Any]) -> Iterator[figures.Row]:
    for profile, name in PROFILES.items():
        one = report[profile]
        note = f"{one['found']} of {one['windows']} windows, {one['false_rows']} false values"
        target = _MISSING_MAX.get(profile) if series == "labelled" else None
        head = f"missing to 100, {series}, {name}"
        yield figures.Row(f"{head}: best threshold", subject, 100 - one["score"], "points", target, note=note)
        if subject == figures.OURS:
            missing = 100 - one["fixed_threshold_score"]
            yield figures.Row(f"{head}: threshold {SHIPPED:g}, as it comes", subject, missing, "points")
        missing = 100 - one["leave_one_category_out_score"]
        yield figures.Row(f"{head}: threshold of other categories", subject, missing, "points", target)


@dataclass(frozen=True, slots=True)
class Tally:
    """Events, how many of them are true, windows, and how many of those have an event."""

    events: int = 0
    true: int = 0
    windows: int = 0
    found: int = 0

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        precision, recall = self.true / max(1, self.events), self.found / max(1, self.windows)
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _tally(rows: Sequence[tuple[str, float, Any]], hits: Sequence[bool]) -> Tally:
    events, true, found = 0, 0, set()
    last = -MERGED_ROWS - 1
    for place in itertools.compress(range(len(hits)), hits):
        kind, _, window = rows[place]
        if kind != "p":
            if place - last > MERGED_ROWS:
                events += 1
                true += kind == "w"
                found |= {window} if kind == "w" else set()
            last = place
    return Tally(events, true, len({window for kind, _, window in rows if kind == "w"}), len(found))


def _sum(tallies: Iterable[Tally]) -> Tally:
    listed = [dataclasses.astuple(one) for one in tallies]
    return Tally(*map(sum, zip(*listed, strict=True))) if listed else Tally()


def _event_rows(subject: str, series: str, corpus: Corpus, scores: Mapping[str, list[float]]) -> Iterator[figures.Row]:
    """Count events with each category's threshold from the others, where it made their F1 the greatest."""
    highest = sorted({score for one in scores.values() for score in one}, reverse=True)
    steps = sorted({highest[int(len(highest) ** (step / 60)) - 1] for step in range(1, 56)}, reverse=True)
    tallies = {
        name: [_tally(corpus.rows[name], [score >= step for score in one]) for step in steps]
        for name, one in scores.items()
    }
    categories = {name.partition("/")[0] for name in scores}
    held_out = []
    for category in categories:
        own = [one for name, one in tallies.items() if name.startswith(f"{category}/")]
        others = [one for name, one in tallies.items() if not name.startswith(f"{category}/")]
        best = max(range(len(steps)), key=lambda step, others=others: _sum(one[step] for one in others).f1)  # type: ignore[misc]
        held_out += [one[best] for one in own]
    target = 1 - 0.375 if series == "labelled" else None
    yield from _told_rows(subject, series, "threshold of other categories", _sum(held_out), target)


def _told_rows(subject: str, series: str, how: str, tally: Tally, target: float | None = None) -> Iterator[figures.Row]:
    head = f"events, {series}, {how}"
    yield figures.share(f"{head}: false", subject, tally.events - tally.true, max(1, tally.events))
    yield figures.share(f"{head}: windows missed", subject, tally.windows - tally.found, tally.windows)
    yield figures.Row(f"{head}: F1 missing to 1", subject, 1 - tally.f1, "share", target)


def _alarm_rows(series: str, corpus: Corpus) -> Iterator[figures.Row]:
    """Count the alarms that the detector raises by itself."""
    tallies = []
    for name, points in corpus.points.items():
        detector = anomalies.Detector()
        tallies.append(_tally(corpus.rows[name], [detector.take(*point).alarm is not None for point in points]))
    tally = _sum(tallies)
    yield from _told_rows(figures.OURS, series, "its own alarms", tally)
    judged = sum(1 for rows in corpus.rows.values() for kind, _, _ in rows if kind != "p")
    false = 1000 * (tally.events - tally.true) / judged
    yield figures.Row(f"false alarms, {series}, in a thousand values", figures.OURS, false, "alarms", samples=judged)


_HOURS = ((0, 1), (1, 6), (6, 24), (24, 48), (48, 168))


def _cold_rows() -> Iterator[figures.Row]:
    """Count alarms from the first value on, and values outside the band, on a week of made series without a fault."""
    alarms, outside, values = dict.fromkeys(_HOURS, 0), dict.fromkeys(_HOURS, 0), dict.fromkeys(_HOURS, 0)
    count = 0
    for kind in made.KINDS:
        for seed in range(FIRST_SEED, FIRST_SEED + 10):
            one, detector = made.series(kind, seed, 7 * 1440, 60.0, 0), anomalies.Detector()
            count += 1
            for at_s, value in zip(one.times_s, one.values, strict=True):
                reading, hour = detector.take(at_s, value), (at_s - one.times_s[0]) / 3600
                span = next(span for span in _HOURS if hour < span[1])
                alarms[span] += reading.alarm is not None
                if reading.low is not None and reading.high is not None:
                    values[span] += 1
                    outside[span] += not reading.low <= value <= reading.high
    for begin, end in _HOURS:
        span = f"hour {begin:03d} to {end:03d}"
        figure = f"cold start, one value a minute, false alarms a series and day, {span}"
        a_day = alarms[begin, end] / count / (end - begin) * 24
        yield figures.Row(figure, figures.OURS, a_day, "alarms", samples=count)
        if values[begin, end]:
            figure = f"cold start, one value a minute, outside the band, {span}"
            yield figures.share(figure, figures.OURS, outside[begin, end], values[begin, end])


def _bound_rows() -> Iterator[figures.Row]:
    """Take a million values and see what the detector holds."""
    detector = anomalies.Detector()
    series = made.series("bursts", FIRST_SEED, 50_000, 60.0, 2)
    sizes, before_kb = [], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for turn in range(20):
        for place, value in enumerate(series.values):
            detector.take((turn * 50_000 + place) * 60.0, value)
        sizes.append(len(json.dumps(detector.state())))
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    extremes_kb = min(sizes) / 1000, max(sizes) / 1000
    yield figures.Row(
        "state as JSON after a million values", figures.OURS, sizes[-1] / 1000, "kB", 40.0, 20, *extremes_kb
    )
    yield figures.Row("peak of memory, growth over a million values", figures.OURS, grown_kb / 1000, "MB")
