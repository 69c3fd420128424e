import asyncio
import dataclasses
from collections.abc import Sequence

import pytest

from council.domain import answering, answers, errors, learning
from council.serving.router import learning as learning_module
from council.serving.router import lessons
from council.testing import clock

ROW = learning.Row("r", "ada", 1, b"", answers.Route.MATH, answers.Level.COMPUTED, 1.0, escalated=False)
DAY_US = 86_400_000_000


@dataclasses.dataclass
class Records:
    """Keeps rows in memory."""

    kept: list[learning.Row] = dataclasses.field(default_factory=list)
    trimmed: list[learning.Bounds] = dataclasses.field(default_factory=list)
    error: errors.CouncilError | None = None
    taken: learning.Taken = learning.Taken.NEW
    closed: bool = False

    def keep(self, rows: Sequence[learning.Row]) -> None:
        if self.error:
            raise self.error
        self.kept += rows

    def judge(self, thumb: learning.Thumb, words: str = "") -> learning.Taken:
        return self.taken

    def trim(self, bounds: learning.Bounds) -> int:
        if self.error:
            raise self.error
        self.trimmed.append(bounds)
        return 0

    def forget(self, user_id: str) -> int:
        count = len(self.kept)
        self.kept.clear()
        return count

    def close(self) -> None:
        self.closed = True


def question(*said: str) -> answers.Question:
    return answers.Question("r", [answers.Message("user", one) for one in said], "council", answers.Sampling(5))


def made(records: Records, *, on: bool = True, **settings: float) -> learning_module.Learning:
    bounds = dataclasses.replace(answering.LearningRowsConfig(), **settings)
    return learning_module.Learning(records, bounds, clock.ManualClock(10 * DAY_US), on=on)


async def test_rows_are_kept_with_the_features_of_their_question_before_a_stop() -> None:
    records = Records()
    one = made(records)
    one.start()
    one.note(question("What is 2 + 2?"), ROW)
    await one.close()
    [row] = records.kept
    assert lessons.unpacked(row.features) is not None and records.closed


async def test_nothing_is_kept_while_it_is_off_but_what_is_too_old_still_goes() -> None:
    records = Records()
    one = made(records, on=False, days=3.0)
    one.start()
    one.note(question("What is 2 + 2?"), ROW)
    async with asyncio.timeout(30):
        while not records.trimmed:
            await asyncio.sleep(0.001)
    await one.close()
    assert records.kept == []
    assert records.trimmed == [learning.Bounds(7 * DAY_US, 1_000, 10_000)]


async def test_what_follows_on_is_not_kept_and_what_stands_alone_later_is() -> None:
    records = Records()
    one = made(records)
    one.start()
    one.note(question("What is 17% of 80?", "and of 300?"), ROW)
    one.note(question("and of 300?"), dataclasses.replace(ROW, request_id="first"))
    one.note(question("hello", "What is the capital of Peru?"), dataclasses.replace(ROW, request_id="alone"))
    await one.close()
    assert [row.request_id for row in records.kept] == ["first", "alone"]


async def test_records_that_are_away_lose_rows_and_nothing_else() -> None:
    records = Records(error=errors.RecordsUnavailableError("Away."))
    one = made(records)
    one.start()
    one.note(question("What is 2 + 2?"), ROW)
    await one._settled()
    records.error = None
    one.note(question("What is 3 + 2?"), dataclasses.replace(ROW, request_id="later"))
    await one.close()
    assert [row.request_id for row in records.kept] == ["later"]


async def test_more_than_wait_at_once_are_lost_without_a_wait() -> None:
    records = Records()
    one = made(records)
    for _ in range(1_000):
        one.note(question("What is 2 + 2?"), ROW)
    one.start()
    await one.close()
    assert 0 < len(records.kept) <= 256


async def test_feedback_needs_learning_and_a_request_of_ones_own() -> None:
    thumb = learning.Thumb("r", "ada", 1, learning.Verdict.UP)
    with pytest.raises(errors.ForbiddenError, match="learning: true"):
        await made(Records(), on=False).judge(thumb)
    with pytest.raises(errors.NotFoundError):
        await made(Records(taken=learning.Taken.UNKNOWN)).judge(thumb)
    await made(Records()).judge(thumb)


async def test_many_rows_are_trimmed_as_they_come() -> None:
    records = Records()
    one = made(records)
    one.start()
    await asyncio.sleep(0.02)
    before = len(records.trimmed)
    for _ in range(250):
        one.note(question("What is 2 + 2?"), ROW)
    await one.close()
    assert len(records.kept) == 250 and len(records.trimmed) == before + 1
