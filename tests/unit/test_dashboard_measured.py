"""How the soak of the dashboard tells growth from noise, and what it says where it cannot tell."""

import pytest

import figures
import soak_dashboard


def _samples(count: int, every_s: int, grown_bytes: int = 0, *, page: str = "chat") -> list[dict[str, object]]:
    # Each third round holds 300 kB more, as where garbage was not collected yet.
    return [
        {
            **{"at_s": number * every_s, "page": page, "round": number, "nodes": 900, "listeners": 40},
            "heap_bytes": 12_000_000 + number * grown_bytes + (300_000 if number % 3 == 0 else 0),
        }
        for number in range(1, count + 1)
    ]


def _row(rows: list[figures.Row], begin: str) -> figures.Row:
    return next(row for row in rows if row.figure.startswith(begin))


def test_a_page_that_holds_more_now_and_then_does_not_grow() -> None:
    rows = soak_dashboard.grown(_samples(60, 30), 1800)
    assert {row.figure.split(",")[0]: row.verdict for row in rows} == {
        "chat: heap": "met",
        "chat: nodes": "met",
        "chat: listeners": "met",
    }
    assert abs(_row(rows, "chat: heap").value or 0.0) < 0.1


def test_a_leak_of_a_hundred_kilobytes_a_round_is_missed_by_none() -> None:
    row = _row(soak_dashboard.grown(_samples(60, 30, 100_000), 1800), "chat: heap")
    assert row.verdict == "MISSED" and row.value == pytest.approx(6.0, rel=0.05)


def test_what_came_before_the_warm_up_ended_does_not_count() -> None:
    steep = [one | {"heap_bytes": 1_000_000 * number} for number, one in enumerate(_samples(10, 30))]
    rows = soak_dashboard.grown([*steep, *_samples(60, 30)[12:]], 1800)
    assert _row(rows, "chat: heap").verdict == "met"


def test_too_few_rounds_say_nothing_and_each_page_is_told_apart() -> None:
    rows = soak_dashboard.grown([*_samples(4, 15), *_samples(60, 30, page="health")], 60)
    assert _row(rows, "chat: heap").verdict == "" and "too few" in _row(rows, "chat: heap").note
    assert _row(rows, "health: heap").verdict == "met"
