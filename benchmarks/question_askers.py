"""Who answers the made questions of soak_questions.py: the specialists themselves, and what each of them asks, in this process.

Math and logic by the worker's operations; knowledge by its specialist over the packaged corpora, the guidebook and a made
library, as recall searches them; code by its specialist over real sandboxes, with no model.
"""

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import figures
import sandbox_load
from council.backends.sandbox_runner.namespaces import runner as namespaces
from council.domain import answering, answers, config, errors, sandbox, sandbox_wire
from council.serving.compute import operations, results
from council.serving.memory import corpora, documents, folder, glossary, lexical
from council.serving.router import lists
from council.serving.specialists import code, knowledge
from council.testing import local
from council.testing.questions import followups, knowledge_documents

Ask = Callable[[str], Awaitable[results.Result]]

# What the gateway asks the worker for a route.
_OPERATIONS = {answers.Route.MATH: "math.solve", answers.Route.LOGIC: "logic.solve"}
_KINDS: Mapping[str, type[results.Solved | results.PassedOn | results.Refused]] = {
    "solved": results.Solved,
    "passed_on": results.PassedOn,
    "refused": results.Refused,
}
_GUIDEBOOK = (("guidebook", "docs"), ("knowledge", "config/knowledge"))
_POOL = 4


@contextlib.asynccontextmanager
async def opened(route: answers.Route, seed: int) -> AsyncGenerator[Ask, None]:
    """Give what answers a route's questions. Raises AssertionError, OSError where code finds no sandbox here."""
    match route:
        case answers.Route.KNOWLEDGE:
            yield _of_knowledge(seed)
        case answers.Route.CODE:
            with sandbox_load.zygote() as zygote:
                runner = namespaces.NamespaceRunner(zygote.path, config.SandboxConfig(pool=_POOL))
                await runner.start()
                try:
                    await sandbox_load.pool_full(runner)
                    yield _of_code(runner)
                finally:
                    await runner.close()
        case _:
            yield _computed(_OPERATIONS[route])


def _computed(operation: str) -> Ask:
    async def ask(text: str) -> results.Result:
        if followups.TURN in text:
            return await followups.ask(text)
        answer = operations.OPERATIONS[operation]({"text": text})
        kind = _KINDS[answer.pop("kind")]
        if "level" in answer:
            answer["level"] = answers.Level(answer["level"])
        return kind(**answer)

    return ask


class _Shelf:
    """A ports.Retriever that searches as `services/recall.py` does."""

    def __init__(self, library: Mapping[str, str]) -> None:
        self._packaged = corpora.Corpora(answering.CORPORA)
        self._index = lexical.LexicalIndex()
        settings = config.RecallConfig()
        for name, path in _GUIDEBOOK:
            for change in folder.Folder(figures.ROOT / path, settings).changes():
                self._index.put("blueprint", f"{name}/{change.source}", change.sections or [])
        for source, text in library.items():
            self._index.put("library", f"library/{source}", documents.split(text.encode(), settings.passage_chars))

    async def search(self, query: str, limit: int, request_id: str) -> list[answers.Passage]:
        found = glossary.outright(self._index, self._packaged.find, query)
        return [*([found] if found else []), *self._index.search(query, limit)][:limit]

    async def passage(self, identifier: str, request_id: str) -> answers.Passage | None:
        return self._index.passage(identifier)

    async def ping(self) -> None:
        return


def _of_knowledge(seed: int) -> Ask:
    shelf = _Shelf(knowledge_documents.library(seed))
    specialist = knowledge.KnowledgeSpecialist(shelf, config.RecallConfig().coverage_min)

    async def ask_one(text: str) -> results.Result:
        result = await _asked(specialist.attempt(_question(text)))
        if isinstance(result, results.PassedOn):
            return result
        if result.refused:
            return results.Refused(result.text)
        # The quote itself, without the mark before each line and without the source.
        return _solved(result, _quoted(result))

    async def ask(text: str) -> results.Result:
        found = [await ask_one(one) for one in lists.spread(text) or (text,)]
        solved = [one for one in found if isinstance(one, results.Solved)]
        if len(solved) < len(found):
            return next(one for one in found if not isinstance(one, results.Solved))
        return dataclasses.replace(solved[0], answer="\n".join(one.answer for one in solved))

    return ask


def _quoted(finding: answers.Finding) -> str:
    return str(finding.evidence.detail["passages"][0]["quote"])


class _NoModel:
    """A speech.Speaker that is away, so that only what needs no model is answered."""

    model = "none"

    async def complete(
        self, messages: Sequence[answers.Message], sampling: answers.Sampling, request_id: str
    ) -> AsyncGenerator[answers.Piece | answers.End, None]:
        if True:
            raise errors.ModelUnavailableError("No model takes part.")
        yield answers.End("stop", answers.Usage())


class _Sandboxes:
    """The part of ports.Sandbox that the code specialist uses, over a runner: no queue, no audit trail."""

    def __init__(self, runner: namespaces.NamespaceRunner) -> None:
        self._runner = runner

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        return await self._runner.run(job)


def _of_code(runner: namespaces.NamespaceRunner) -> Ask:
    limits = sandbox_wire.default_limits(config.SandboxConfig())
    runs: Any = _Sandboxes(runner)
    specialist = code.CodeSpecialist(_NoModel(), local.InlineCompute(), runs, "", limits, answering.CodeConfig())

    async def ask(text: str) -> results.Result:
        try:
            result = await _asked(specialist.attempt(_question(text)))
        except errors.ModelUnavailableError:
            return results.PassedOn("it takes a model")
        if isinstance(result, results.PassedOn):
            return result
        if result.refused:
            # A sandbox that was not there is no answer of the specialist's.
            raise RuntimeError(result.text)
        return _solved(result, result.text)

    return ask


async def _asked(events: AsyncGenerator[answers.Event, None]) -> answers.Finding | results.PassedOn:
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, answers.Finding):
                return event
            if isinstance(event, answers.PassOn):
                return results.PassedOn(event.reason)
    raise AssertionError("a specialist ended without a word")


def _question(text: str) -> answers.Question:
    return answers.Question("soak", followups.messages(text), "council", answers.Sampling(400))


def _solved(finding: answers.Finding, text: str) -> results.Solved:
    return results.Solved(text, "", finding.evidence.level, "")
