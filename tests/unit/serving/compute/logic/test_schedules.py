"""Schedules: cases worked out by hand, impossible ones, and what is too large."""

import time

import pytest

from council.domain import answers
from council.serving.compute import logic, results

TASKS = (
    "Painting takes 3 hours, drying takes 2 hours and cleaning takes 4 hours. "
    "Drying can only start after painting is finished. "
)
PARALLEL = "Tasks can be done in parallel. "


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (TASKS + PARALLEL + "How soon can everything be finished?", "5 hours."),
        (TASKS + "There is only one worker. What is the shortest total time?", "9 hours."),
        (TASKS + PARALLEL + "Drying and cleaning need the same room. How soon can all tasks be done?", "6 hours."),
        (TASKS + PARALLEL + "Can all tasks be finished within 5 hours?", "Yes."),
        (TASKS + PARALLEL + "Can all tasks be finished within 4 hours?", "No."),
        (
            "There are three tasks: A (3 days), B (2 days) and C (2 days). At most two tasks can be done at the same time. "
            "What is the minimum time needed to finish all tasks?",
            "4 days.",
        ),
        (
            "A takes 1 hour. B takes 1 hour. There are two workers. C depends on A and B. C takes 60 hours. "
            "When can everything be done at the earliest?",
            "61 hours.",
        ),
        (
            "A takes 1 hour. B takes 30 minutes. There is one worker. How soon can everything be done?",
            "1 hour 30 minutes.",
        ),
        (
            "A takes 2 hours. B takes 30 minutes. There are two workers. Can all tasks be finished within 120 minutes?",
            "Yes. The earliest end is after 2 hours.",
        ),
        ("A takes 3 hours. B takes 2 hours. B depends on A. How soon can everything be done?", "5 hours."),
    ],
)
def test_the_earliest_end_is_found(text: str, answer: str) -> None:
    result = logic.solve(text)
    assert isinstance(result, results.Solved), result
    assert result.answer.startswith(answer)
    assert result.level is answers.Level.PROVED
    assert "not interrupted" in result.reading


def test_the_answer_tells_when_each_task_is_done() -> None:
    result = logic.solve(
        TASKS + "There is only one worker. Painting must start after cleaning. How soon can all tasks be done?"
    )
    assert isinstance(result, results.Solved)
    assert result.steps == ("cleaning: from 0 to 4", "painting: from 4 to 7", "drying: from 7 to 9")


def test_tasks_that_wait_for_each_other_are_refused() -> None:
    result = logic.solve(TASKS + PARALLEL + "Painting depends on drying. How soon can everything be done?")
    assert isinstance(result, results.Refused)
    assert "no schedule" in result.reason
    without_workers = logic.solve(TASKS + "Painting depends on drying. How soon can everything be done?")
    assert isinstance(without_workers, results.Refused)


def test_the_reading_says_how_many_tasks_go_at_once() -> None:
    for workers, shown in (("two", "at once: 2"), ("four", "at once: 4")):
        result = logic.solve(
            f"A takes 3 hours. B takes 2 hours. There are {workers} workers. How soon can everything be done?"
        )
        assert isinstance(result, results.Solved)
        assert shown in result.reading.split("\n")


def test_it_must_be_said_how_many_tasks_go_at_once() -> None:
    result = logic.solve(TASKS + "How soon can everything be done?")
    assert isinstance(result, results.PassedOn)
    assert "at once" in result.reason


@pytest.mark.long
@pytest.mark.parametrize("count", [8, 9, 60])
@pytest.mark.no_cover
def test_many_and_long_tasks_end_soon(count: int) -> None:
    tasks = " ".join(f"T{number} takes {number % 7 + 9} hours." for number in range(count))
    started = time.process_time()
    result = logic.solve(f"{tasks} There are three workers. How soon can everything be done?")
    assert isinstance(result, results.Solved if count == 8 else results.Refused), result
    assert time.process_time() - started < 4
