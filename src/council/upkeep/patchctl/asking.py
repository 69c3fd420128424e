"""Asks a gateway the questions of a trial. How one is put is the port's business; what came of them is judged elsewhere."""

import asyncio
import contextlib
from collections.abc import Sequence

from council import care_ports
from council.domain import baking


async def ask_all(
    trier: care_ports.Trier, questions: Sequence[baking.Question], at_once_max: int
) -> list[baking.Answer]:
    """Return the answers in the order of the questions, of which at most so many are open at once.

    Those without a known answer are for the model, and go one after the other: a local model has few places, and a trial that
    fills them would measure its own queue. Cancelled, it leaves no question open.
    """
    places, model = asyncio.Semaphore(at_once_max), asyncio.Semaphore(1)

    async def one(question: baking.Question) -> baking.Answer:
        async with contextlib.nullcontext() if question.answer else model, places:
            return await trier.ask(question)

    async with asyncio.TaskGroup() as asking:
        tasks = [asking.create_task(one(question)) for question in questions]
    return [task.result() for task in tasks]
