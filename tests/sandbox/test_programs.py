"""Programs for word problems: a scripted model, real sandboxes. What agrees is answered, never verified."""

from typing import Any

import pytest

import code_rig
from council.domain import answering, answers, errors, sandbox
from council.serving.specialists import programs
from council.testing import local

pytestmark = pytest.mark.alone

QUESTION = "A farmer has 12 hens and each lays 5 eggs a week. How many eggs are there after 3 weeks?"
RIGHT = "```python\nhens = 12\nprint(hens * 5 * 3)\n```"
OTHER_WAY = "```python\nweekly = 12 * 5\ntotal = 0\nfor week in range(3):\n    total += weekly\nprint(total)\n```"
WRONG = "```python\nprint(12 + 5 + 3)\n```"
SETTINGS = answering.ProgramsConfig(samples=3)


class NoSandbox:
    """A sandbox that is away."""

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        raise errors.SandboxUnavailableError("The sandbox is not available. Try again.")


async def ask(
    runs: Any, speaker: code_rig.Speaker, text: str = QUESTION, settings: answering.ProgramsConfig = SETTINGS
) -> answers.Event:
    made = programs.ProgramSpecialist(speaker, local.InlineCompute(), runs, code_rig.LIMITS, settings)
    question = answers.Question("the-id", [answers.Message("user", text)], "council", answers.Sampling(400, seed=7))
    events = [event async for event in made.attempt(question)]
    assert len(events) == 1
    return events[0]


async def test_programs_that_print_alike_answer_at_level_agreed_with_their_share(runs: Any) -> None:
    found = await ask(runs, code_rig.Speaker(WRONG, RIGHT, OTHER_WAY))
    assert isinstance(found, answers.Finding) and found.text.startswith("180\n")
    assert found.evidence.level is answers.Level.AGREED and not found.evidence.level.verified
    assert (found.evidence.detail["agreed"], found.evidence.detail["written"], found.evidence.detail["share"]) == (
        2,
        3,
        0.667,
    )
    assert found.usage == answers.Usage(9, 6) and found.model == "smollm2-135m-instruct"


async def test_no_more_programs_are_written_than_decide(runs: Any) -> None:
    speaker = code_rig.Speaker(RIGHT, OTHER_WAY, WRONG)
    assert isinstance(await ask(runs, speaker), answers.Finding)
    assert len(speaker.asked) == 2
    speaker = code_rig.Speaker("I do not know.", "42", RIGHT)
    assert isinstance(await ask(runs, speaker), answers.PassOn)
    assert len(speaker.asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        "```python\nprint(180)\n```",
        "```python\nhens = 12\nprint(180)\n```",
        "```python\nprint(12 * 5 * 3, 'eggs')\n```",
        "```python\nprint(float('nan') * 12)\n```",
        "```python\nprint(12 / 0)\n```",
        "```python\nwhile 12 * 5: pass\n```",
        "```python\nprint(12 *\n```",
        "180",
    ],
)
async def test_programs_that_compute_nothing_or_end_badly_never_answer(runs: Any, said: str) -> None:
    settings = answering.ProgramsConfig(samples=2, agree_min=0.5, wall_s=20.0)
    assert isinstance(await ask(runs, code_rig.Speaker(said), settings=settings), answers.PassOn)


async def test_one_program_alone_is_no_agreement(runs: Any) -> None:
    settings = answering.ProgramsConfig(samples=1, agree_min=0.5)
    assert isinstance(await ask(runs, code_rig.Speaker(RIGHT), settings=settings), answers.PassOn)


async def test_half_of_the_programs_are_no_agreement(runs: Any) -> None:
    settings = answering.ProgramsConfig(samples=4, agree_min=0.5)
    passed = await ask(runs, code_rig.Speaker(WRONG, WRONG, RIGHT, OTHER_WAY), settings=settings)
    assert isinstance(passed, answers.PassOn) and "2 of 4" in passed.reason


async def test_floats_of_one_value_agree(runs: Any) -> None:
    text = "One apple weighs 0.1 kg and one pear 0.2 kg. How much do both weigh?"
    found = await ask(
        runs, code_rig.Speaker("```python\nprint(0.1 + 0.2)\n```", "```python\nprint((0.1 * 10 + 2) / 10)\n```"), text
    )
    assert isinstance(found, answers.Finding) and found.text.startswith("0.3\n")


@pytest.mark.parametrize(
    "text", ["Hello there!", "Who was born in 1950 and died in 1990", "How many days has a week?", "5 " * 1500]
)
async def test_no_program_is_written_for_what_is_no_word_problem(runs: Any, text: str) -> None:
    speaker = code_rig.Speaker(RIGHT)
    assert isinstance(await ask(runs, speaker, text), answers.PassOn)
    assert speaker.asked == []


async def test_it_passes_on_without_a_model_or_a_sandbox_or_time(runs: Any) -> None:
    passed = await ask(runs, code_rig.Speaker())
    assert isinstance(passed, answers.PassOn) and "model" in passed.reason
    passed = await ask(NoSandbox(), code_rig.Speaker(RIGHT))
    assert isinstance(passed, answers.PassOn) and "sandbox" in passed.reason
    slow = "```python\nwhile 12 * 5: pass\n```"
    passed = await ask(runs, code_rig.Speaker(slow), settings=answering.ProgramsConfig(samples=3, wall_s=1.0))
    assert isinstance(passed, answers.PassOn)
