"""Makes the router's weights, `weights.bin` and `weights.json` in `src/council/serving/router/`, and `texts.jsonl` beside them.

    python tools/train_router.py --data FOLDER      the committed weights; FOLDER holds the development rows (JSONL)
    python tools/train_router.py --out FOLDER       from this repository's own texts alone, written elsewhere

Fitted on the texts of `router_texts.py`, on the made questions of `council.testing.questions`, and on the half of the
permissively licensed development files whose ids hash to an even number; the other half, and every file that is share-alike
or asks not to be trained on, is never read here. The same data and seed give the same bytes; `weights.json` names the data by
digest. `texts.jsonl` is what `council router` measures on and rehearses; what it measures on is of forms that are never fitted,
or of made questions of another seed. Logistic regression over hashed n-grams by Adagrad; the temperature comes from forms and
rows that were held back.
"""

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import router_texts
from council.backends.embedder import onnx
from council.domain import answers
from council.serving.router import decision, features, head
from council.testing.questions import campaign, catalog, disguises

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "src" / "council" / "serving" / "router"
SEED = 20_261
OWN_TEXTS = 2600
MADE_A_FAMILY = 40
MADE_A_ROUTE_MAX = 2500
# Texts of each kind that are shipped: of our own forms, and made questions.
SHIPPED = {"rehearsed": (120, 60), "held back": (100, 50)}
_SHIPPED_CHARS_MAX = 400
ROUTES = features.route_names()
# Licences that allow it: MIT, Apache-2.0, CC-BY, own work. Nothing share-alike, nothing of BIG-bench.
FILES = (
    "gsm8k_train", "math_train", "svamp", "arithmetic_own", "mbpp_train", "code_prompts", "proofwriter_train", "prontoqa",
    "zebra_own", "openbookqa_train", "strategyqa_train", "clinc_other_train",
)  # fmt: skip
ROW_COPIES = 3
_BEFORE = (
    "please ",
    "Please, ",
    "Hi! ",
    "hey, ",
    "Could you help me with this? ",
    "Quick question: ",
    "I would like to know: ",
)
_AFTER = ("", " Thanks!", " please", " Thank you very much.", " thx")
# Options that any kind of question might have: bare words, and short sentences.
_NEUTRAL = (
    "True",
    "False",
    "Both",
    "Neither",
    "All of these",
    "None of these",
    "The first",
    "The last",
    "Cannot be known",
    "It is",
    "It is not",
    "Sometimes",
    "Often",
    "Never",
    "Always",
    "a",
    "b",
    "more",
    "less",
    "the same",
    "I would say so",
    "I would not say so",
    "Nothing",
    "Everything",
    "First answer",
    "Second answer",
    "Possibly",
    "Unclear",
)
_BATCH = 256
_EPOCHS = 8
_RATE = 0.12
_WEIGHT_DECAY = 3e-6
_VECTOR_TEXTS = 6000

Array = Any
# Which number stands in a text is nothing that the router sees.
Looks = tuple[frozenset[int], frozenset[int]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, the index of its route, and how much it counts."""

    text: str
    route: int
    weight: float = 1.0


@dataclass(slots=True)
class Fit:
    """Weights as numpy arrays: a row a route."""

    words: Array
    pieces: Array
    numbers: Array
    bias: Array


def main() -> None:
    """Train and write: once without what is held back, for the temperature and an honest figure, then with everything."""
    options = _options()
    kept, held_back, told = collected(options.data)
    held = list(disguised(random.Random(SEED + 2), held_back))
    tried = _fitted(kept)
    sums = np.array([one.logits(features.of(text.text)) for one in [_head(tried)] for text in held])
    wanted = [one.route for one in held]
    told |= {"held_back": len(held), "right_of_held_back": round(float((sums.argmax(1) == wanted).mean()), 4)}
    everything = [*kept, *held_back]
    vectors = vector_head(everything)
    write(options.out, _fitted(everything), _temperature(sums, wanted), vectors, told)
    ship(options.out, everything)


def _fitted(found: Sequence[Labelled]) -> Fit:
    chosen = list(disguised(random.Random(SEED + 1), found))
    print(f"{len(chosen)} texts to fit", file=sys.stderr)
    return fitted([features.of(one.text) for one in chosen], chosen)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the router's weights.")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the development rows, JSONL")
    parser.add_argument("--out", type=Path, default=PLACE, metavar="FOLDER", help="where the two files go")
    return parser.parse_args()


def collected(data: Path | None) -> tuple[list[Labelled], list[Labelled], dict[str, Any]]:
    """Return the texts to learn from, those held back, and what is to be said about where they came from.

    Held back are whole forms of our own texts, and every eighth row of the rest: what is right on texts of a form that was
    fitted says little.
    """
    parts: tuple[tuple[int, router_texts.Part], ...] = (
        (OWN_TEXTS, "fitted"),
        (OWN_TEXTS // router_texts.HELD_BACK, "tried"),
    )
    own, held = (
        [
            Labelled(text, index)
            for index, route in enumerate(ROUTES)
            for text in router_texts.texts(route, count, SEED, part)
        ]
        for count, part in parts
    )
    made = list(_made(SEED))
    told: dict[str, Any] = {
        "seed": SEED, "own_texts": len(own) + len(held), "own_texts_sha256": _digest([*own, *held]),
        "made_questions": len(made), "made_questions_sha256": _digest(made),
    }  # fmt: skip
    rows: list[Labelled] = []
    if data is not None:
        rows = [row for name in FILES for row in development_rows(data / f"{name}.jsonl", fitted=True)]
        told |= {
            "development_rows": len(rows),
            "development_rows_sha256": _digest(rows),
            "development_files": list(FILES),
        }
    kept = [*own, *_kept(made), *(row for row in _kept(rows) for _ in range(ROW_COPIES))]
    held += [*made[:: router_texts.HELD_BACK], *rows[:: router_texts.HELD_BACK]]
    random.Random(SEED).shuffle(kept)
    return kept, held, told


def _kept(found: Sequence[Labelled]) -> list[Labelled]:
    return [one for place, one in enumerate(found) if place % router_texts.HELD_BACK]


def development_rows(file: Path, *, fitted: bool) -> Iterator[Labelled]:
    """Yield the rows of a file that may be fitted, or those that never are."""
    for line in file.read_text().splitlines():
        row = json.loads(line)
        if (hashlib.sha256(row["id"].encode()).digest()[0] % 2 == 0) == fitted:
            kind = answers.Route.GENERAL if row["kind"] == "other" else answers.Route(row["kind"])
            yield Labelled(row["prompt"], ROUTES.index(kind))


def ship(place: Path, fitted_texts: Sequence[Labelled]) -> None:
    """Write the shipped texts. None of those held back looks to the router like one of `fitted_texts`."""
    known = {_looks(one.text) for one in fitted_texts}
    lines, told = [], set[Looks]()
    for name, (own, made) in SHIPPED.items():
        held_back = name == "held back"
        seed = SEED + 7 if held_back else SEED
        drawn = [
            Labelled(text, index)
            for index, route in enumerate(ROUTES)
            for text in router_texts.texts(route, 8 * own, seed, "never" if held_back else "fitted")
        ]
        for found, most in ((drawn, own), (list(_made(seed)), made)):
            counts = dict.fromkeys(range(len(ROUTES)), 0)
            for one in disguised(random.Random(seed), found) if held_back else found:
                looks = _looks(one.text)
                if counts[one.route] < most and len(one.text) <= _SHIPPED_CHARS_MAX and looks not in told:
                    if held_back and looks in known:
                        continue
                    told.add(looks)
                    counts[one.route] += 1
                    lines.append(json.dumps({"part": name, "route": str(ROUTES[one.route]), "text": one.text}))
    (place / "texts.jsonl").write_text("\n".join(lines) + "\n")


def _looks(text: str) -> Looks:
    seen = features.of(text)
    return frozenset(seen.words), frozenset(seen.pieces)


def _made(seed: int) -> Iterator[Labelled]:
    """Yield questions of every family, at most so many a route."""
    by_route: dict[int, list[Labelled]] = {}
    # What hangs on the machine is left out, so that the same data and seed give the same bytes everywhere.
    for family in catalog.found(seed, of_this_machine=False).values():
        kept = by_route.setdefault(ROUTES.index(family.route), [])
        kept += [
            Labelled(asked.text, ROUTES.index(family.route)) for asked in campaign.draw(family, MADE_A_FAMILY, seed)
        ]
    for index in sorted(by_route):
        random.Random(seed).shuffle(by_route[index])
        yield from by_route[index][:MADE_A_ROUTE_MAX]


def _digest(found: Sequence[Labelled]) -> str:
    digest = hashlib.sha256()
    for one in found:
        digest.update(f"{one.route}\0{one.text}\0".encode())
    return digest.hexdigest()


def disguised(chance: random.Random, found: Sequence[Labelled]) -> Iterator[Labelled]:
    """Yield each text as it is and once in other clothes."""
    for one in found:
        yield one
        text = one.text
        match chance.randrange(6):
            case 0:
                text = disguises.with_typing_errors(chance, text, chance.choice((0.03, 0.06)))
            case 1:
                text = disguises.in_other_case(chance, text)
            case 2:
                text = disguises.polite(chance, text, _BEFORE, _AFTER)
            case _:
                text = disguises.multiple_choice(chance, text, _NEUTRAL)
        if chance.random() < 0.3:
            text = disguises.polite(chance, text, _BEFORE, _AFTER)
        yield Labelled(text, one.route)


def _flat(rows: Sequence[features.Features], block: str) -> tuple[Array, Array, Array]:
    """Return a block's buckets of all rows one after the other, where each row begins, and 1 / sqrt(count)."""
    found = [getattr(row, block) or (0,) for row in rows]
    counts = np.array([len(one) for one in found])
    starts = np.concatenate([[0], np.cumsum(counts)])
    return np.fromiter((bucket for one in found for bucket in one), np.int32, starts[-1]), starts, 1 / np.sqrt(counts)


def fitted(rows: Sequence[features.Features], labelled: Sequence[Labelled]) -> Fit:
    """Return weights fitted by Adagrad over shuffled batches; each route counts the same altogether."""
    count = len(ROUTES)
    fit = Fit(
        np.zeros((features.WORD_BUCKETS, count)), np.zeros((features.PIECE_BUCKETS, count)),
        np.zeros((len(features.NUMBERS), count)), np.zeros(count),
    )  # fmt: skip
    squares = {name: np.full_like(getattr(fit, name), 1e-3) for name in ("words", "pieces", "numbers", "bias")}
    blocks = {name: _flat(rows, name) for name in ("words", "pieces")}
    numbers = np.array([row.numbers for row in rows])
    wanted = np.eye(count)[[one.route for one in labelled]]
    weight = (len(labelled) / count / wanted.sum(0))[[one.route for one in labelled]]
    order = np.random.default_rng(SEED)
    for _ in range(_EPOCHS):
        shuffled = order.permutation(len(rows))
        for start in range(0, len(rows), _BATCH):
            chosen = shuffled[start : start + _BATCH]
            parts = {name: _picked(block, chosen) for name, block in blocks.items()}
            sums = numbers[chosen] @ fit.numbers + fit.bias
            for name, (buckets, owners, scales) in parts.items():
                np.add.at(sums, owners, getattr(fit, name)[buckets] * scales[:, None])
            error = (_softmax(sums) - wanted[chosen]) * weight[chosen, None] / len(chosen)
            for name, (buckets, owners, scales) in parts.items():
                used, inverse = np.unique(buckets, return_inverse=True)
                slope = np.zeros((len(used), count))
                np.add.at(slope, inverse, error[owners] * scales[:, None])
                table = getattr(fit, name)
                slope += _WEIGHT_DECAY * table[used]
                squares[name][used] += (slope * 30) ** 2
                table[used] -= _RATE * slope * 30 / np.sqrt(squares[name][used])
            for name, slope in (("numbers", numbers[chosen].T @ error), ("bias", error.sum(0))):
                squares[name] += slope**2
                setattr(fit, name, getattr(fit, name) - _RATE * slope / np.sqrt(squares[name]))
    return fit


def _picked(block: tuple[Array, Array, Array], chosen: Array) -> tuple[Array, Array, Array]:
    buckets, starts, scales = block
    lengths = starts[chosen + 1] - starts[chosen]
    owners = np.repeat(np.arange(len(chosen)), lengths)
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return buckets[np.repeat(starts[chosen], lengths) + offsets], owners, scales[chosen][owners]


def _softmax(sums: Array) -> Array:
    raised = np.exp(sums - sums.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


@dataclass(frozen=True, slots=True)
class VectorFit:
    """A head on the embedding model's vectors, its temperature not fitted yet."""

    weights: Array
    bias: Array


def vector_head(labelled: Sequence[Labelled]) -> VectorFit:
    """Return logistic regression on the embedding model's vectors of a part of the texts."""
    chosen = random.Random(SEED).sample(list(labelled), min(_VECTOR_TEXTS, len(labelled)))
    vectors = embedded([one.text for one in chosen])
    wanted = np.eye(len(ROUTES))[[one.route for one in chosen]]
    weights, bias = np.zeros((vectors.shape[1], len(ROUTES))), np.zeros(len(ROUTES))
    for _ in range(600):
        error = (_softmax(vectors @ weights + bias) - wanted) / len(chosen)
        weights -= 12.0 * (vectors.T @ error + 1e-5 * weights)
        bias -= 12.0 * error.sum(0)
    return VectorFit(weights, bias)


def embedded(texts: Sequence[str]) -> Array:
    """Return the vectors of the texts, cut as the router cuts them."""
    embedder = onnx.OnnxEmbedder(1)
    return np.concatenate(
        [
            np.frombuffer(b"".join(embedder.embed([decision.first_words(text)]).vectors), np.float32).reshape(1, -1)
            for text in texts
        ]
    )


def _packed(fit: Fit) -> tuple[bytes, float]:
    scale = float(max(np.abs(fit.words).max(), np.abs(fit.pieces).max()) / 127)
    return b"".join(np.rint(table.T / scale).astype(np.int8).tobytes() for table in (fit.words, fit.pieces)), scale


def _head(fit: Fit) -> head.Head:
    """Return a head without vectors, quantised as the written one is."""
    return head.read(*_files(fit, VectorFit(np.zeros((1, len(ROUTES))), np.zeros(len(ROUTES))), 1.0, {}))


def _files(fit: Fit, vectors: VectorFit, temperature: float, told: dict[str, Any]) -> tuple[bytes, bytes]:
    packed, scale = _packed(fit)
    vector_scale = float(max(np.abs(vectors.weights).max(), 1e-9) / 127)
    packed += np.rint(vectors.weights.T / vector_scale).astype(np.int8).tobytes()
    description: dict[str, Any] = {
        "form": head.FORM,
        "weights_sha256": hashlib.sha256(packed).hexdigest(),
        "routes": [str(route) for route in ROUTES],
        "buckets": [features.WORD_BUCKETS, features.PIECE_BUCKETS],
        "numbers_names": list(features.NUMBERS),
        "scale": round(scale, 9),
        "numbers": [[round(float(one), 5) for one in row] for row in fit.numbers.T],
        "bias": [round(float(one), 5) for one in fit.bias],
        "temperature": temperature,
        "vector_width": int(vectors.weights.shape[0]),
        "vector_scale": round(vector_scale, 9),
        "vector_bias": [round(float(one), 5) for one in vectors.bias],
        "vector_temperature": 1.0,
        "vector_share": 0.5,
        "made_from": told,
    }
    return (json.dumps(description, indent=1) + "\n").encode(), packed


def write(place: Path, fit: Fit, temperature: float, vectors: VectorFit, told: dict[str, Any]) -> None:
    """Write both files."""
    description, packed = _files(fit, vectors, temperature, told)
    place.mkdir(parents=True, exist_ok=True)
    (place / "weights.bin").write_bytes(packed)
    (place / "weights.json").write_bytes(description)
    print(f"temperature {temperature}; {told}; weights {hashlib.sha256(packed).hexdigest()}")


def _temperature(sums: Array, wanted: Sequence[int]) -> float:
    """Return the temperature with the least log loss."""
    tried = np.exp(np.linspace(np.log(0.05), np.log(5), 400))
    losses = [-np.log(_softmax(sums / one)[np.arange(len(wanted)), list(wanted)] + 1e-12).mean() for one in tried]
    return round(float(tried[int(np.argmin(losses))]), 4)


if __name__ == "__main__":
    main()
