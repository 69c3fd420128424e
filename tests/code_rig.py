"""The code specialist on the zygote's real sandboxes, with the worker's operations in this process."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from council.backends.sandbox_runner.namespaces import runner as namespaces
from council.domain import answering, answers, config, errors, sandbox, sandbox_wire
from council.serving.specialists import code, speech
from council.testing import local, model
from sandbox import runners

SETTINGS = config.SandboxConfig(pool=4)
LIMITS = sandbox_wire.default_limits(SETTINGS)


class RunnerAsSandbox:
    """The part of ports.Sandbox that the code specialist uses, over a runner: no queue, no audit trail."""

    def __init__(self, runner: namespaces.NamespaceRunner) -> None:
        self._runner = runner

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        return await self._runner.run(job)


@contextlib.asynccontextmanager
async def sandboxes() -> AsyncIterator[RunnerAsSandbox]:
    async with runners.shared_zygote(None).runner(SETTINGS) as runner:
        yield RunnerAsSandbox(runner)


class Speaker(model.ScriptedModel):
    """Says one of its texts after the other, the last one again and again; is away where it has none."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.texts = list(texts)

    async def complete(
        self, messages: Sequence[answers.Message], sampling: answers.Sampling, request_id: str
    ) -> AsyncGenerator[answers.Piece | answers.End, None]:
        self.asked.append(messages)
        if not self.texts:
            raise errors.ModelUnavailableError("The model is not available. Try again.")
        yield answers.Piece(self.texts.pop(0) if len(self.texts) > 1 else self.texts[0], -0.1)
        yield answers.End("stop", answers.Usage(3, 2))


def specialist(
    runs: RunnerAsSandbox, speaker: speech.Speaker, settings: answering.CodeConfig | None = None
) -> code.CodeSpecialist:
    return code.CodeSpecialist(speaker, local.InlineCompute(), runs, "", LIMITS, settings or answering.CodeConfig())  # type: ignore[arg-type]


async def ask(made: code.CodeSpecialist, text: str) -> answers.Finding:
    question = answers.Question("the-id", [answers.Message("user", text)], "council", answers.Sampling(400))
    events = [event async for event in made.attempt(question)]
    assert isinstance(events[-1], answers.Finding)
    return events[-1]
