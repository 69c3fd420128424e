"""The conversion, on a model of a few tensors."""

import json
import os
import resource
import signal
import subprocess
import threading
import time
from concurrent import futures
from pathlib import Path

import gguf
import numpy
import pytest

import forked
from council.backends.model_provider import packaged
from council.domain import errors


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return weights in the shape of the packaged ones, pinned in their place."""
    path = tmp_path / "source.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    random = numpy.random.default_rng(1)
    for name in ("one", "two"):
        values = random.normal(size=(64, 256)).astype(numpy.float32)
        kind = gguf.GGMLQuantizationType.Q4_1
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)
    writer.add_tensor("norm", numpy.ones(64, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    monkeypatch.setattr(packaged, "find_source", lambda: path)
    monkeypatch.setattr(packaged, "SOURCE_SHA256", packaged.file_sha256(path))
    return path


def quiet(_: int, __: int) -> None: ...


def left(models: Path) -> list[str]:
    """Return what is in the folder beside the lock, which holds no bytes."""
    return [file.name for file in models.iterdir() if file.name != ".prepare.lock"]


def test_the_weights_are_converted_once_and_found_again(source: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    made = packaged.prepare(tmp_path / "models", lambda done, total: steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert packaged.find_prepared(tmp_path / "models") == made
    packaged.check(made)
    before, after = gguf.GGUFReader(source), gguf.GGUFReader(made.path)
    assert [tensor.tensor_type.name for tensor in after.tensors] == ["Q8_0", "Q8_0", "F32"]
    for old, new in zip(before.tensors[:2], after.tensors[:2], strict=True):
        values = gguf.dequantize(old.data, old.tensor_type)
        assert numpy.abs(values - gguf.dequantize(new.data, new.tensor_type)).max() < 0.05
    assert after.fields["tokenizer.ggml.tokens"].contents() == ["a", "b"]
    assert [file.name for file in (tmp_path / "models").glob("*.partial")] == []


def test_preparing_again_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    first = packaged.prepare(tmp_path / "models", quiet)
    assert packaged.prepare(tmp_path / "models", quiet) == first


@pytest.mark.parametrize("damage", [b"", b"GGUF", b"\0" * 100])
def test_weights_that_are_not_the_pinned_ones_are_refused(source: Path, tmp_path: Path, damage: bytes) -> None:
    source.write_bytes(damage)
    with pytest.raises(errors.SetupError, match="not the pinned ones"):
        packaged.prepare(tmp_path / "models", quiet)
    assert packaged.find_prepared(tmp_path / "models") is None


def test_a_prepared_file_that_changed_is_refused_and_made_anew(source: Path, tmp_path: Path) -> None:
    made = packaged.prepare(tmp_path / "models", quiet)
    raw = bytearray(made.path.read_bytes())
    raw[-1] ^= 1
    made.path.write_bytes(raw)
    assert packaged.find_prepared(tmp_path / "models") == made
    with pytest.raises(errors.SetupError, match="has changed"):
        packaged.check(made)
    made.path.write_bytes(raw[:-1])
    assert packaged.find_prepared(tmp_path / "models") is None
    made.path.unlink()
    with pytest.raises(errors.SetupError, match="cannot be read"):
        packaged.check(made)
    packaged.check(packaged.prepare(tmp_path / "models", quiet))


@pytest.mark.parametrize(
    "manifest", ["", "{", "[]", "5", "null", "{}", '{"file": 5, "sha256": 5, "bytes": 5}', '{"file": "x"}']
)
def test_a_manifest_that_makes_no_sense_is_none(source: Path, tmp_path: Path, manifest: str) -> None:
    packaged.prepare(tmp_path / "models", quiet)
    (tmp_path / "models" / "manifest.json").write_text(manifest)
    assert packaged.find_prepared(tmp_path / "models") is None


def test_weights_of_another_release_are_prepared_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged.prepare(tmp_path / "models", quiet)
    monkeypatch.setattr(packaged, "SOURCE_SHA256", "0" * 64)
    assert packaged.find_prepared(tmp_path / "models") is None


def waited_for(lock: Path) -> bool:
    """Return whether somebody waits for a lock: in the kernel's list that is a line with an arrow."""
    inode = f":{lock.stat().st_ino} "
    return any("-> FLOCK" in line and inode in line for line in Path("/proc/locks").read_text().splitlines())


def test_who_comes_while_another_prepares_waits_and_takes_what_that_one_made(source: Path, tmp_path: Path) -> None:
    """A second writer of the same partial file would spoil the first one's."""
    models, inside, go_on = tmp_path / "models", threading.Event(), threading.Event()
    second_steps: list[int] = []

    def slowly(done: int, _: int) -> None:
        if done == 1:
            inside.set()
            assert go_on.wait(20)

    with futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(packaged.prepare, models, slowly)
        assert inside.wait(20)
        second = pool.submit(packaged.prepare, models, lambda done, _: second_steps.append(done))
        deadline_s = time.monotonic() + 20
        while not (waits := waited_for(models / ".prepare.lock")) and time.monotonic() < deadline_s:
            if second.done() or second_steps:
                break
        go_on.set()
        assert waits and second.result(20) == first.result(20) and second_steps == []
    packaged.check(first.result())
    assert sorted(left(models)) == ["manifest.json", packaged.PREPARED_NAME]


def test_a_conversion_that_is_killed_leaves_nothing_to_serve_and_the_next_one_succeeds(
    source: Path, tmp_path: Path
) -> None:
    def killed(done: int, _: int) -> None:
        (tmp_path / "models" / "half.partial").write_text("half")
        if done == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    assert forked.outcome(lambda: packaged.prepare(tmp_path / "models", killed)) == ""
    assert packaged.find_prepared(tmp_path / "models") is None
    packaged.check(packaged.prepare(tmp_path / "models", quiet))


def test_a_kill_between_file_and_manifest_serves_nothing_half(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = packaged.prepare(tmp_path / "models", quiet)
    manifest = json.loads((tmp_path / "models" / "manifest.json").read_text())
    (tmp_path / "models" / "manifest.json").unlink()
    assert packaged.find_prepared(tmp_path / "models") is None
    assert packaged.prepare(tmp_path / "models", quiet) == first and manifest["sha256"] == first.sha256


def test_a_file_that_may_not_grow_is_told_and_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    def limited() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            packaged.prepare(tmp_path / "models", quiet)
        except errors.SetupError as error:
            return error.message
        return "prepared"

    said = forked.outcome(limited)
    assert "could not be written" in said and "None" not in said
    assert left(tmp_path / "models") == []


def test_a_full_disk_is_told_and_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(models)], check=False).returncode
    ):
        # Who may not mount has the file limit above, which fails the same writes.
        return
    try:
        with pytest.raises(errors.SetupError, match="could not be written") as raised:
            packaged.prepare(models, quiet)
        assert "None" not in raised.value.message and left(models) == []
    finally:
        # Not lazily: it fails if a file is still open, which would hold the disk's space.
        subprocess.run(["umount", str(models)], check=True)


def test_a_folder_that_cannot_be_made_is_told(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.SetupError, match="could not be written"):
        packaged.prepare(tmp_path / "file" / "models", quiet)


def test_a_machine_without_the_package_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "DISTRIBUTION", "never-installed")
    with pytest.raises(errors.SetupError, match="make up"):
        packaged.find_source()
