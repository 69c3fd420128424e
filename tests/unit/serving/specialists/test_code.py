"""What the code specialist says about code that it had run."""

import asyncio
import dataclasses

import pytest

from council.domain import answering, answers, config, errors, sandbox, sandbox_wire
from council.serving.specialists import code, code_runs
from council.testing import local, model
from fake_sandbox import FakeSandbox

LIMITS = sandbox_wire.default_limits(config.SandboxConfig())
QUESTION = answers.Question("the-id", [answers.Message("user", "Write code")], "council", answers.Sampling(10))


async def evidence_of(fake: FakeSandbox, text: str = "```py\nprint(1)\n```", limits: sandbox.Limits = LIMITS):
    specialist = code.CodeSpecialist(
        model.ScriptedModel([text]), local.InlineCompute(), fake, "", limits, answering.CodeConfig(self_tests=False)
    )
    events = [event async for event in specialist.attempt(QUESTION)]
    assert isinstance(events[-1], answers.Finding)
    return events[-1].evidence


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (sandbox.Result(sandbox.Status.OK, exit_code=0), "to its end, which does not show that it is right"),
        (sandbox.Result(sandbox.Status.ERROR, exit_code=3), "failed with exit status 3"),
        (sandbox.Result(sandbox.Status.SIGNAL, signal=11), "ended by signal 11"),
        (sandbox.Result(sandbox.Status.KILLED_LIMIT, limit="wall_s"), "met its limit `wall_s`"),
        (sandbox.Result(sandbox.Status.REJECTED, reason="no room"), "it was not run"),
    ],
)
async def test_every_outcome_is_told_and_none_is_evidence(result: sandbox.Result, said: str) -> None:
    fake = FakeSandbox()
    fake.result = dataclasses.replace(result, audit_id="7-cd")
    evidence = await evidence_of(fake)
    assert said in evidence.summary and evidence.level is answers.Level.NONE
    told = evidence.detail["run"]
    assert (told["status"], told["limit"], told["exit_code"], told["signal"], told["audit_id"], told["reason"]) == (
        str(result.status), result.limit, result.exit_code, result.signal, "7-cd", result.reason,
    )  # fmt: skip


async def conversed(fake: FakeSandbox, *turns: str) -> answers.Finding:
    roles = ("user", "assistant")
    messages = [answers.Message(roles[place % 2], turn) for place, turn in enumerate(turns)]
    scripted = model.ScriptedModel(["The model's words."])
    specialist = code.CodeSpecialist(
        scripted, local.InlineCompute(), fake, "", LIMITS, answering.CodeConfig(self_tests=False)
    )
    question = answers.Question("the-id", messages, "council", answers.Sampling(10))
    finding = [event async for event in specialist.attempt(question)][-1]
    assert isinstance(finding, answers.Finding)
    return finding


async def test_code_of_the_message_before_is_run_and_the_evidence_says_so() -> None:
    fake = FakeSandbox()
    fake.result = sandbox.Result(sandbox.Status.OK, exit_code=0, stdout=b"6\n")
    given = "What is this?\n```python\nprint(int(input()) + 1)\n```"
    found = await conversed(fake, given, "A program.", "Now run it with input 5")
    assert found.text.startswith("It prints:") and found.evidence.level is answers.Level.COMPUTED
    assert found.evidence.summary.endswith("The code is that of your message before.")
    assert fake.jobs[0].stdin == b"5\n"


async def test_what_was_stated_before_leaves_even_a_run_to_the_model() -> None:
    fake = FakeSandbox()
    found = await conversed(fake, "I use Python 2.", "OK.", "What does this print?\n```python\nprint(1/2)\n```")
    assert found.text == "The model's words." and not fake.jobs


async def test_a_question_without_a_verb_before_it_leaves_no_run_to_the_model() -> None:
    runs = "Run this:\n```python\nprint(2 + 2)\n```"
    fake = FakeSandbox()
    fake.result = sandbox.Result(sandbox.Status.OK, exit_code=0, stdout=b"4\n")
    found = await conversed(fake, "180 cm in feet and inches", "180 cm = 5 ft and about 10.8661 in", runs)
    assert found.text.startswith("It prints:") and found.evidence.level is answers.Level.COMPUTED
    fake.jobs.clear()
    found = await conversed(fake, "180 cm in feet and lemons", "The model's words.", runs)
    assert found.text == "The model's words." and not fake.jobs


async def test_code_with_asserts_that_hold_is_no_more_than_code_that_ran() -> None:
    assert (await evidence_of(FakeSandbox(), "```python\nassert 1\n```")).level is answers.Level.NONE


async def test_long_output_is_cut_and_bytes_are_replaced() -> None:
    fake = FakeSandbox()
    fake.result = sandbox.Result(sandbox.Status.OK, stdout=b"\xff" + b"x" * 100_000, stderr=b"y" * 100_000)
    told = (await evidence_of(fake)).detail["run"]
    assert told["stdout"] == "\ufffd" + "x" * 1_999 and told["stderr"] == "y" * 2_000


@pytest.mark.parametrize(("wall_s", "used_s"), [(10.0, 5.0), (60.0, 5.0), (1.5, 1.5)])
async def test_an_answer_waits_for_its_code_a_few_seconds_at_most(wall_s: float, used_s: float) -> None:
    fake = FakeSandbox()
    await evidence_of(fake, limits=dataclasses.replace(LIMITS, wall_s=wall_s))
    assert fake.jobs[0].limits == dataclasses.replace(LIMITS, wall_s=used_s)


async def test_a_sandbox_that_is_too_busy_does_not_hold_up_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_runs, "TURN_S", 0.05)
    fake = FakeSandbox()
    fake.hold = asyncio.Event()
    async with asyncio.timeout(20):
        evidence = await evidence_of(fake, limits=dataclasses.replace(LIMITS, wall_s=0.05))
    assert "not run" in evidence.summary and "in time" in evidence.detail["run"]["reason"]
    assert fake.cancelled.is_set()


@pytest.mark.parametrize(
    "error",
    [errors.SandboxStoppedError, errors.SandboxUnavailableError, errors.OverloadedError, errors.InvalidRequestError],
)
async def test_a_sandbox_that_takes_no_job_costs_no_answer(error: type[errors.CouncilError]) -> None:
    class Refusing(FakeSandbox):
        async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
            raise error("Not now.")

    evidence = await evidence_of(Refusing())
    assert "not run" in evidence.summary and evidence.detail["run"]["reason"] == "Not now."
