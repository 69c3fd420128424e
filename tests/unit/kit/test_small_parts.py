"""Clock, ids, back-off, and what the processor can do."""

import platform
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.kit import backoff, clock, cpu, ids
from council.testing import clock as fake_clock

MOMENTS_US = st.integers(0, (1 << 48) * 1_000 - 1)


def test_the_system_clock_moves_forwards_and_counts_microseconds() -> None:
    machine = clock.SystemClock()
    first_us, first_s = machine.now_us(), machine.monotonic_s()
    assert 1_700_000_000_000_000 < first_us <= machine.now_us()
    assert first_s <= machine.monotonic_s()


def test_the_clock_of_tests_moves_only_when_told() -> None:
    manual = fake_clock.ManualClock(5)
    assert (manual.now_us(), manual.now_us()) == (5, 5)
    before_s = manual.monotonic_s()
    manual.advance(1.5)
    assert (manual.now_us(), manual.monotonic_s() - before_s) == (1_500_005, 1.5)


@given(MOMENTS_US, MOMENTS_US)
def test_ids_sort_by_time_of_birth(one_us: int, other_us: int) -> None:
    one, other = ids.ulid(one_us), ids.ulid(other_us)
    if one_us // 1_000 < other_us // 1_000:
        assert one < other
    assert len(one) == 26 and set(one) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_the_time_of_an_id_is_that_of_the_ulid_specification() -> None:
    # The example of github.com/ulid/spec: 1469918176385 milliseconds begin with 01ARYZ6S41.
    assert ids.ulid(1_469_918_176_385_000).startswith("01ARYZ6S41")


def test_no_two_ids_of_one_moment_are_equal() -> None:
    assert len({ids.ulid(7) for _ in range(10_000)}) == 10_000


def test_a_secret_carries_its_prefix_and_256_bits() -> None:
    made = {ids.secret("cncl_") for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("cncl_") and len(secret) == 5 + 43 and secret.isascii() for secret in made)


def test_a_wait_doubles_up_to_the_ceiling() -> None:
    waiting = backoff.Backoff(0.5, 3.0, 60.0)
    assert [waiting.after_failure(0.1) for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_long_run_starts_over() -> None:
    waiting = backoff.Backoff(0.5, 30.0, 60.0)
    assert [waiting.after_failure(lasted_s) for lasted_s in (0, 0, 59.9, 60.0, 0)] == [0.5, 1.0, 2.0, 0.5, 1.0]


def test_ten_thousand_failures_still_wait_no_longer_than_the_ceiling() -> None:
    waiting = backoff.Backoff(0.5, 30.0, 60.0)
    assert {waiting.after_failure(0) for _ in range(10_000)} == {0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0}


@pytest.mark.parametrize(
    ("machine", "flags", "runs"),
    [
        ("x86_64", "flags : fpu avx2 fma sse", True),
        ("x86_64", "flags : fpu avx2 sse", False),
        ("x86_64", "flags : fpu fma avx2x", False),
        ("x86_64", "", False),
        ("aarch64", "", True),
        ("riscv64", "flags : avx2 fma", False),
    ],
)
def test_the_local_model_runs_with_avx2_and_fma_or_on_arm(
    machine: str, flags: str, runs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\n{flags}\n")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert cpu.runs_local_model(cpuinfo) is runs
