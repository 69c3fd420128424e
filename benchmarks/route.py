"""The router: how fast, how often right, how steady, and how far its probabilities can be believed.

Measured on development rows that nothing was fitted on (`tools/train_router.py` names those that were): ROUTE_DATA is
their folder. Baselines beside it: the signals alone, the largest class, TF-IDF with logistic regression (scikit-learn, where
it is installed) trained on the same texts, and the embedding model with a linear head. The reliability diagram is drawn as SVG.
"""

import argparse
import collections
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import figures
import reliability

sys.path.insert(0, str(figures.ROOT / "tools"))

import train_router
from council.domain import answering, answers
from council.serving.router import decision, features, head, signals
from council.testing.questions import disguises

DATA = Path(os.environ.get("ROUTE_DATA", "router-dev"))
RESULTS = Path(__file__).resolve().parent / "results"
SEED = 9
# None of these stands among those that the head was trained with.
_BEFORE = ("Would you kindly tell me: ", "Dear assistant, ", "Hello, ", "I wonder, ", "Sorry to bother you. ")
_AFTER = ("", " Many thanks!", " if you don't mind", " Cheers")
_OPTIONS = ("Yes", "No", "Maybe", "It depends", "Not enough information", "Option one", "Option two", "Cannot say")
_SECONDS_RUNS = 2_000
_WORDS_OF_500_TOKENS = 380

Rows = Sequence[train_router.Labelled]
Top = Callable[[str], int]
ROUTES = train_router.ROUTES


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the rows of figures, and write confusion matrix and reliability diagram beside the results."""
    rows = held_out()
    say(f"route: {len(rows)} rows that nothing was fitted on")
    weights = head.packaged()

    def ours(text: str) -> int:
        return ROUTES.index(decision.best(weights.probabilities(features.of(text))))

    subjects: dict[str, Top] = {figures.OURS: ours, "signals alone": _by_signals, "largest class": _largest(rows)}
    subjects |= _tfidf(say)
    made = [*_speed(rows)]
    for name, top in subjects.items():
        say(f"route: {name}")
        made += _quality(name, top, rows)
    made += _with_vectors(rows, weights)
    made += _calibration(rows, weights)
    return sorted(made, key=lambda row: row.figure)


def held_out() -> Rows:
    """Return the rows that were never fitted: half of what may be, and all of what may not."""
    if not DATA.is_dir():
        raise FileNotFoundError(f"no folder {DATA}; ROUTE_DATA names the one with the development rows")
    found: list[train_router.Labelled] = []
    for file in sorted(DATA.glob("*.jsonl")):
        found += train_router.development_rows(file, fitted=False)
        if file.stem not in train_router.FILES:
            found += train_router.development_rows(file, fitted=True)
    return found


def _speed(rows: Rows) -> list[figures.Row]:
    settings, weights = answering.RouterConfig(), head.packaged()
    chance = random.Random(SEED)
    took_ms = []
    for _ in range(_SECONDS_RUNS):
        words: list[str] = []
        while len(words) < _WORDS_OF_500_TOKENS:
            words += chance.choice(rows).text.split()
        message = [answers.Message("user", " ".join(words[:_WORDS_OF_500_TOKENS]))]
        began_s = time.perf_counter()
        decision.choose(message, settings, weights)
        took_ms.append((time.perf_counter() - began_s) * 1000)
    return [
        figures.Row("decision at 500 tokens: p50", figures.OURS, statistics.median(took_ms), "ms", 2, len(took_ms)),
        figures.Row(
            "decision at 500 tokens: p99", figures.OURS, figures.quantile(took_ms, 0.99), "ms", 20, len(took_ms)
        ),
    ]


def _by_signals(text: str) -> int:
    scores = signals.find(features.clipped(text)).scores
    best = max(scores, key=lambda route: scores[route])
    return ROUTES.index(best if scores[best] >= 0.25 else answers.Route.GENERAL)


def _largest(rows: Rows) -> Top:
    largest = collections.Counter(row.route for row in rows).most_common(1)[0][0]
    return lambda _: largest


def _tfidf(say: Callable[[str], None]) -> Mapping[str, Top]:
    try:
        from sklearn import feature_extraction, linear_model, pipeline
    except ImportError:
        say("route: scikit-learn is not installed, so its baseline is left out")
        return {}
    kept, held, _ = train_router.collected(DATA)
    fitted = list(train_router.disguised(random.Random(train_router.SEED + 1), [*kept, *held]))
    model = pipeline.make_pipeline(
        feature_extraction.text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=60_000),
        linear_model.LogisticRegression(max_iter=300, C=10, class_weight="balanced"),
    )
    model.fit([one.text for one in fitted], [one.route for one in fitted])
    return {"TF-IDF, scikit-learn": lambda text: int(model.predict([text])[0])}


def _quality(name: str, top: Top, rows: Rows) -> list[figures.Row]:
    chance = random.Random(SEED)
    plain = [top(row.text) for row in rows]
    one_form = [top(disguises.multiple_choice(chance, row.text, _OPTIONS)) for row in rows]
    noised = [
        top(
            disguises.polite(
                chance,
                disguises.in_other_case(chance, disguises.with_typing_errors(chance, row.text, 0.03)),
                _BEFORE,
                _AFTER,
            )
        )
        for row in rows
    ]
    wanted = [row.route for row in rows]
    flipped = sum(one != other for one, other in zip(plain, noised, strict=True)) / len(rows)
    if name == figures.OURS:
        _write_confusion({"mixed": _confusion(wanted, plain), "one multiple-choice form": _confusion(wanted, one_form)})
    count = len(rows)
    return [
        figures.Row("1 - macro-F1, mixed prompts", name, 1 - macro_f1(wanted, plain), "share", 0.10, count),
        figures.Row("1 - macro-F1, one multiple-choice form", name, 1 - macro_f1(wanted, one_form), "share", 0.20, count),
        figures.Row("1 - recall of other", name, 1 - _recall(wanted, plain, len(ROUTES) - 1), "share", 0.10,
                    wanted.count(len(ROUTES) - 1)),
        figures.Row("changed by typing errors, case and politeness", name, flipped, "share", 0.05, count),
    ]  # fmt: skip


def macro_f1(wanted: Sequence[int], got: Sequence[int]) -> float:
    """Return the mean over routes of the harmonic mean of precision and recall."""
    table = _confusion(wanted, got)
    scores = []
    for place in range(len(ROUTES)):
        both = table[place][place]
        scores.append(2 * both / max(1, sum(table[place]) + sum(row[place] for row in table)))
    return statistics.mean(scores)


def _confusion(wanted: Sequence[int], got: Sequence[int]) -> list[list[int]]:
    counted = collections.Counter(zip(wanted, got, strict=True))
    return [[counted[one, other] for other in range(len(ROUTES))] for one in range(len(ROUTES))]


def _recall(wanted: Sequence[int], got: Sequence[int], place: int) -> float:
    table = _confusion(wanted, got)
    return table[place][place] / max(1, sum(table[place]))


def _write_confusion(tables: Mapping[str, list[list[int]]]) -> None:
    RESULTS.mkdir(exist_ok=True)
    told = {"rows are wanted, columns are got": list(map(str, ROUTES)), **tables}
    (RESULTS / "route_confusion.json").write_text(json.dumps(told, indent=1) + "\n")


def _with_vectors(rows: Rows, weights: head.Head) -> list[figures.Row]:
    vectors = [[float(number) for number in row] for row in train_router.embedded([row.text for row in rows])]
    even = dict.fromkeys(ROUTES, 1 / len(ROUTES))
    settings, wanted = answering.RouterConfig(), [row.route for row in rows]
    alone = [ROUTES.index(decision.best(weights.with_vector(even, vector))) for vector in vectors]
    mixed, asked = [], 0
    for row, vector in zip(rows, vectors, strict=True):
        found = weights.probabilities(features.of(row.text))
        if max(found.values()) < settings.unsure_below:
            asked += 1
            found = weights.with_vector(found, vector)
        mixed.append(ROUTES.index(decision.best(found)))
    name = "1 - macro-F1, mixed prompts"
    note = f"the meaning was looked at for {asked} of {len(rows)}"
    return [
        figures.Row(name, "embedding and head", 1 - macro_f1(wanted, alone), "share", 0.10, len(rows)),
        figures.Row(name, "council with vectors", 1 - macro_f1(wanted, mixed), "share", 0.10, len(rows), note=note),
    ]


def _calibration(rows: Rows, weights: head.Head) -> list[figures.Row]:
    sums = [weights.logits(features.of(row.text)) for row in rows]
    made = []
    curves = {}
    for name, temperature in (("not calibrated", 1.0), (figures.OURS, weights.temperature)):
        found = [head.softmax(one, temperature) for one in sums]
        tops = [(max(one), one.index(max(one)) == row.route) for one, row in zip(found, rows, strict=True)]
        brier = statistics.mean(
            sum((one[place] - (place == row.route)) ** 2 for place in range(len(ROUTES)))
            for one, row in zip(found, rows, strict=True)
        )
        bins = reliability.binned(tops)
        error = reliability.error(bins)
        curves[name] = bins
        made += [
            figures.Row("route probability: calibration error", name, error, "share", samples=len(rows)),
            figures.Row("route probability: Brier score", name, brier, "score", samples=len(rows)),
        ]
    reliability.draw(RESULTS / "route_reliability.svg", "probability of the likeliest route", curves)
    return made


if __name__ == "__main__":
    argparse.ArgumentParser(description="Measure the router.").parse_args()
    print(figures.table("route", run(lambda text: print(text, file=sys.stderr))))
