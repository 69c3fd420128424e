import dataclasses
import functools
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import errors, model_catalogue

FILE = Path(__file__).resolve().parents[3] / "config" / "models.yaml"
VALUES: dict[str, Any] = {
    "role": "general", "parameters_millions": 500, "quantisation": "Q8_0", "file": "a.gguf", "bytes": 1000,
    "sha256": "0" * 64, "urls": ["https://example.com/a.gguf"], "licence": "MIT", "context_tokens": 4096, "layers": 24,
    "kv_heads": 2, "head_width": 64, "notes": "",
}  # fmt: skip


def build(**changes: Any) -> model_catalogue.Entry:
    return model_catalogue.build({"models": {"small": VALUES | changes}})["small"]


@functools.cache
def shipped() -> model_catalogue.Catalogue:
    return model_catalogue.build(yaml.safe_load(FILE.read_text()))


def test_the_catalogue_that_ships_is_sound() -> None:
    catalogue = shipped()
    assert len(catalogue) >= 12 and {entry.role for entry in catalogue.values()} == set(model_catalogue.ROLES)
    for entry in catalogue.values():
        # The address ends with the file it gives, and names a commit.
        assert all(url.endswith("/" + entry.file) and len(url.split("/")[-2]) == 40 for url in entry.urls)
        # A quantised weight takes between 4 and 9 bits, and the embedding of a small model a little more.
        assert 4 < entry.bytes * 8 / (entry.parameters_millions * 1e6) < 9, entry.name


def test_a_key_that_is_wrong_names_the_nearest() -> None:
    with pytest.raises(errors.ConfigError, match=r"Did you mean `models\.small\.licence`"):
        build(license="MIT")
    with pytest.raises(errors.ConfigError, match="Did you mean `models`"):
        model_catalogue.build({"model": {}})


@pytest.mark.parametrize("key", [key for key in VALUES if key != "notes"])
def test_a_key_that_is_missing_is_named(key: str) -> None:
    values = {name: value for name, value in VALUES.items() if name != key}
    with pytest.raises(errors.ConfigError, match=f"small.{key}"):
        model_catalogue.build({"models": {"small": values}})


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "chat"}, {"licence": "Apache"}, {"licence": "llama3"}, {"bytes": 0}, {"bytes": -1}, {"bytes": "many"},
        {"sha256": "0" * 63}, {"sha256": "G" * 64}, {"sha256": "0" * 64 + "\n"}, {"urls": []}, {"urls": "ftp://a/b"},
        {"urls": ["https://u:p@a/b"]}, {"urls": ["http://example.com/a"]}, {"urls": ["https://["]}, {"urls": ["https://a/ b"]},
        {"urls": ["https://a/b"] * 9}, {"file": "../a.gguf"}, {"file": "/a.gguf"}, {"file": "a.bin"}, {"file": ".a.gguf"},
        {"file": "a.gguf\n"}, {"file": "a" * 300 + ".gguf"}, {"layers": 0}, {"context_tokens": 1}, {"quantisation": ""},
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError):
        build(**changes)


@pytest.mark.parametrize("models", [[], "text", {"small": None}, {"Small": VALUES}, {"a/b": VALUES}, {"": VALUES}])
def test_what_is_no_mapping_of_names_to_models_is_refused(models: Any) -> None:
    if models == []:
        assert model_catalogue.build({"models": models}) == {}
        return
    with pytest.raises(errors.ConfigError):
        model_catalogue.build({"models": models})


@pytest.mark.parametrize("same", ["file", "sha256"])
def test_two_models_may_not_share_a_file_or_a_digest(same: str) -> None:
    other = VALUES | {"file": "b.gguf", "sha256": "1" * 64} | {same: VALUES[same]}
    with pytest.raises(errors.ConfigError, match=f"{same}. is that of 'small' too"):
        model_catalogue.build({"models": {"small": VALUES, "other": other}})


def test_a_name_that_is_unknown_names_the_nearest() -> None:
    with pytest.raises(errors.NotFoundError, match="`qwen3-4b`"):
        model_catalogue.named(shipped(), "qwen3-4")
    with pytest.raises(errors.NotFoundError, match="--all"):
        model_catalogue.named(shipped(), "?")


def test_the_cache_of_a_context_is_counted_as_llama_cpp_reports_it() -> None:
    # 24 layers, 2 heads of 64, f16: 12 KiB a token.
    assert model_catalogue.cache_bytes(build(), 4096) == 48 * 1024 * 1024


def test_memory_is_weights_and_cache_and_room_to_work_up_to_the_context_that_the_model_has() -> None:
    small = build()
    rest = model_catalogue.memory_bytes(small, 4096) - model_catalogue.cache_bytes(small, 4096) - small.bytes
    assert rest > 0
    assert model_catalogue.memory_bytes(small, 100_000) == model_catalogue.memory_bytes(small, 4096)


@given(st.integers(16, 10**6), st.integers(16, 10**6))
def test_more_context_never_takes_less_memory(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert model_catalogue.memory_bytes(build(), low) <= model_catalogue.memory_bytes(build(), high)


def advise(**changes: Any) -> list[model_catalogue.Advice]:
    arguments = {"available_bytes": 24 * 10**9, "disk_free_bytes": 10**12, "cores": 2, "context_tokens": 8192}
    return model_catalogue.advise(shipped(), **(arguments | changes))


@settings(deadline=None)
@given(st.integers(0, 10**11), st.integers(0, 10**11), st.integers(1, 256))
def test_what_is_advised_fits_and_there_is_at_most_one_best_of_a_role(memory: int, disk: int, cores: int) -> None:
    advice = advise(available_bytes=memory, disk_free_bytes=disk, cores=cores)
    assert {one.entry.name for one in advice} == set(shipped())
    for one in advice:
        if not one.why_not:
            assert one.memory_bytes < memory and one.entry.bytes <= disk
    best = [one.entry.role for one in advice if one.best]
    assert len(best) == len(set(best)) and not any(one.why_not for one in advice if one.best)


def test_more_cores_make_a_larger_model_the_best() -> None:
    best = {
        cores: next(one for one in advise(cores=cores) if one.best and one.entry.role == "general") for cores in (2, 16)
    }
    assert best[2].entry.parameters_millions < best[16].entry.parameters_millions


def test_what_does_not_fit_comes_last_and_says_why() -> None:
    assert all("memory" in one.why_not for one in advise(available_bytes=10**9))
    full = advise(disk_free_bytes=600_000_000)
    assert [bool(one.why_not) for one in full] == sorted(bool(one.why_not) for one in full)
    assert "disk" in full[-1].why_not
    held = advise(disk_free_bytes=0, held=frozenset({"qwen3-4b"}))
    assert [one.entry.name for one in held if not one.why_not] == ["qwen3-4b"]


def test_an_entry_is_what_the_file_says() -> None:
    assert dataclasses.asdict(build()) == VALUES | {"name": "small", "urls": ("https://example.com/a.gguf",)}
