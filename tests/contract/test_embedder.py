"""Embedders: vectors of length 1 that say which texts are about the same, and nothing of their neighbours."""

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.backends.embedder import onnx
from council.domain import errors, overrides
from council.testing import memory as fake


@pytest.fixture(scope="module")
def minilm() -> onnx.OnnxEmbedder:
    return onnx.OnnxEmbedder(64)


@pytest.fixture(params=["minilm", "words"])
def embedder(request: pytest.FixtureRequest, minilm: onnx.OnnxEmbedder):
    return minilm if request.param == "minilm" else fake.WordEmbedder()


def numbers(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"{len(vector) // 4}f", vector)


def cosine(embedder, one: str, other: str) -> float:
    a, b = map(numbers, embedder.embed([one, other]).vectors)
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_a_vector_has_the_width_and_length_one(embedder) -> None:
    made = embedder.embed(["I live in Lyon.", "", "ž" * 20_000])
    assert made.width == embedder.width and made.tokens > 0 and embedder.digest
    for vector in made.vectors:
        assert len(vector) == 4 * embedder.width
        assert sum(number * number for number in numbers(vector)) == pytest.approx(1.0, abs=1e-5)


def test_the_same_text_gives_the_same_vector_whatever_stands_beside_it(embedder) -> None:
    [alone] = embedder.embed(["my dog is called Rex"]).vectors
    embedder.forget()
    _, beside, _ = embedder.embed(["x", "my dog is called Rex", "a much longer text " * 40]).vectors
    assert alone == beside


def test_only_the_beginning_of_a_text_counts_where_that_is_asked_for(embedder) -> None:
    words = " ".join(f"zebra{number}" for number in range(300))
    assert embedder.embed_beginning(words, 60) == embedder.embed_beginning(words + " and more " * 50, 60)
    assert embedder.embed_beginning("the okapi", 60) == embedder.embed(["the okapi"]).vectors[0]
    assert embedder.embed_beginning(words, 60) != embedder.embed_beginning(words, 5)


def test_related_texts_are_nearer_than_unrelated_ones(embedder) -> None:
    assert cosine(embedder, "the weather in Lyon", "Lyon weather report") > 0.5
    assert cosine(embedder, "the weather in Lyon", "quarterly earnings fell sharply") < 0.3


@settings(max_examples=30, deadline=None)
@given(text=st.text(max_size=400))
def test_any_text_can_be_embedded(minilm: onnx.OnnxEmbedder, text: str) -> None:
    [vector] = minilm.embed([text]).vectors
    assert sum(number * number for number in numbers(vector)) == pytest.approx(1.0, abs=1e-5)


def test_a_lone_surrogate_is_no_reason_to_fail(minilm: onnx.OnnxEmbedder) -> None:
    assert len(minilm.embed(["half \ud800 of a pair"]).vectors) == 1


# The figures are those of sentence-transformers 6.2.0 on torch 2.13.0 with the float32 weights.
@pytest.mark.parametrize(
    ("one", "other", "there"),
    [
        ("where do I live?", "I live in Lyon, near the river", 0.4357),
        ("what is the name of my pet?", "My dog is called Rex.", 0.6583),
        ("where do I live?", "the stock market fell today", -0.0251),
        ("A man is eating food.", "A man is eating a piece of bread.", 0.7553),
    ],
)
def test_similarities_are_those_of_sentence_transformers(minilm, one: str, other: str, there: float) -> None:
    assert cosine(minilm, one, other) == pytest.approx(there, abs=0.02)


def test_only_256_tokens_are_read(minilm: onnx.OnnxEmbedder) -> None:
    assert minilm.embed(["word " * 1_000]).tokens == 256
    assert cosine(minilm, "word " * 254 + "Lyon", "word " * 254 + "Paris") == pytest.approx(1.0, abs=1e-6)


def test_a_repeated_text_is_not_computed_again(minilm: onnx.OnnxEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    minilm.embed(["a text that comes twice"])
    monkeypatch.setattr(minilm, "_compute", None)
    assert minilm.embed(["a text that comes twice"]).tokens == 7
    minilm.forget()
    with pytest.raises(TypeError):
        minilm.embed(["a text that comes twice"])


def test_a_beginning_is_bounded_and_kept_nowhere(minilm: onnx.OnnxEmbedder) -> None:
    minilm.forget()
    began_s = time.monotonic()
    for text in ("\0" * 50_000_000, "x" * 50_000_000, "\u202e\ud800" * 1_000_000):
        assert len(minilm.embed_beginning(text, 128)) == 4 * minilm.width
    assert time.monotonic() - began_s < 10 and not minilm._cache


def test_the_cache_is_bounded(minilm: onnx.OnnxEmbedder) -> None:
    minilm.embed([f"text {number}" for number in range(200)])
    assert len(minilm._cache) == 64


def test_under_a_cap_fewer_vectors_are_kept_and_never_more_than_configured(minilm: onnx.OnnxEmbedder) -> None:
    minilm.embed([f"text {number}" for number in range(9)])
    minilm.cap(overrides.Cap(entries=2))
    assert minilm.size == (2, 2 * (len("text 1") + 4 * minilm.width))
    minilm.cap(overrides.Cap(bytes=4 * minilm.width))
    assert minilm.size == (0, 0)
    minilm.cap(overrides.Cap(entries=1000))
    minilm.embed([f"text {number}" for number in range(100)])
    assert minilm.size[0] == 64
    minilm.cap(overrides.Cap())


def test_a_model_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "model.onnx"
    other.write_bytes(b"another model")
    monkeypatch.setattr(onnx, "_model_file", lambda: other)
    with pytest.raises(errors.SetupError, match="not the one that is pinned"):
        onnx.OnnxEmbedder(1)
    other.unlink()
    with pytest.raises(errors.SetupError, match="cannot be read"):
        onnx.OnnxEmbedder(1)


def test_a_missing_model_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "DISTRIBUTION", "no-such-distribution-here")
    with pytest.raises(errors.SetupError, match="make up"):
        onnx.OnnxEmbedder(1)


def test_the_library_reports_nothing_to_its_maker(tmp_path: Path) -> None:
    code = "from council.backends.embedder import onnx; onnx.OnnxEmbedder(1).embed(['x'])"
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**kept, "HOME": str(tmp_path)}, timeout=60)
    # With its reports on it keeps an id of this machine and a database of what it will send here.
    assert list(tmp_path.iterdir()) == []
