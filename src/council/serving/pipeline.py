"""The request loop: choose a route, try its specialists in turn, settle what it cost, answer.

    question -> memory -> router -> specialist -> (passes on -> next ... -> general (-> a paid model)) -> ledger -> answer

This module reads like that picture and is the only one that knows all the stages. Who asks for a model by its name gets that
model: see `relay.py`.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from council import telemetry
from council.domain import answering, answers, errors, ledger, money, patches, providers, ways
from council.kit import clock as clock_module
from council.kit import traces
from council.serving import escalation as escalation_module
from council.serving import pace, several
from council.serving import relay as relay_module
from council.serving import run as run_module
from council.serving.cache import use as cache_module
from council.serving.memory import use
from council.serving.providers import attempts
from council.serving.providers import calls as calls_module
from council.serving.router import decision as decision_module
from council.serving.router import learning as learning_module
from council.serving.router import router as router_module

_log = logging.getLogger(__name__)

# A stop waits this long for cancelled questions to come to their end.
CLOSE_S = 5.0


class Specialist(Protocol):
    """Answers one kind of question."""

    @property
    def route(self) -> answers.Route:
        """The route it serves."""
        ...

    def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        """Yield deltas and a Finding, or a single PassOn."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: who pays, up to which budgets of their own, and whether what they said before may be used.

    `degraded` says what was already away when the question came in.
    """

    user_id: str
    token_id: str
    degraded: tuple[str, ...] = ()
    budgets: tuple[ledger.Budget, ...] = ()
    memory: bool = False
    session_id: str = ""
    cache: str | None = None


class Pipeline:
    """Chains the stages for one question at a time; holds no state between questions.

    `label` is what answers name; see `relabel`.
    """

    def __init__(
        self,
        specialists: Sequence[Specialist],
        writer: relay_module.LedgerWriter,
        calls: calls_module.Calls,
        escalation: providers.Escalation,
        prices: Mapping[str, money.Price],
        label: patches.Label,
        clock: clock_module.Clock,
        remembering: use.Remembering | None = None,
        cache: cache_module.Cache | None = None,
        router: router_module.Router | None = None,
        learning: learning_module.Learning | None = None,
        reserve: float = pace.RESERVE,
        refusal: Callable[[answers.Route], errors.ShedError | None] = lambda _: None,
    ):
        """`reserve` is of escalations beyond their share, see `pace`. `refusal` is why a specialist is not to be asked."""
        self._specialists = {specialist.route: specialist for specialist in specialists}
        self._writer = writer
        self._calls = calls
        self._escalation = escalation_module.Escalation(escalation, calls, reserve)
        self._prices = prices
        self.label = label
        self._clock = clock
        self._remembering = remembering
        self._cache = cache
        self._router = router or router_module.Router(answering.RouterConfig())
        self._learning = learning
        self._refusal = refusal
        self._recording: set[asyncio.Task[None]] = set()
        self._open = 0
        self._none_open = asyncio.Event()

    def relabel(self, label: patches.Label) -> None:
        """Name this generation in the answers to questions that begin from now on."""
        self.label = label
        if self._cache is not None:
            self._cache.relabel(label.generation)

    async def answer(
        self, question: answers.Question, asker: Asker
    ) -> AsyncGenerator[answers.Delta | answers.Answer, None]:
        """Yield the answer's text in pieces, then one Answer whose ledger row is committed.

        Closing the iterator early cancels the work and records that. Raises errors of `domain.errors`; after the first
        delta too, and then the text so far is not an answer.
        """
        run = run_module.Run(question, asker.user_id, asker.token_id, self._clock, self.label)
        run.degraded.extend(asker.degraded)
        self._open += 1
        self._none_open.clear()
        try:
            with traces.stage(*run_module.CASCADE_SPAN):
                async with contextlib.aclosing(self._cascade(question, asker, run)) as events:
                    async for event in events:
                        if isinstance(event, answers.Delta):
                            run.spoke()
                            yield event
                        else:
                            answer = await self._settle(event, run)
                            if not run.spoken:
                                yield answers.Delta(event.text)
                            yield answer
        except errors.CouncilError as error:
            shed = isinstance(error, errors.ShedError)
            await self._record_failure(run, ledger.Outcome.REFUSED if shed else ledger.Outcome.FAILED, error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            # A caller that has its answer closes the iterator too; that answer's row is there already.
            if not run.recorded:
                run.tell(ledger.Outcome.CANCELLED)
                self._keep(self._record_cancelled(run))
            raise
        except Exception as error:
            await self._record_failure(run, ledger.Outcome.FAILED, error)
            raise
        finally:
            self._open -= 1
            if self._open == 0:
                self._none_open.set()

    def relay(self, question: answers.Question, request: calls_module.Request, asker: Asker) -> relay_module.Relay:
        """Return the way of a request to the model that it names. `question` says what the ledger is to know of it."""
        run = run_module.Run(question, asker.user_id, asker.token_id, self._clock, self.label)
        run.degraded.extend(asker.degraded)
        tab = _tab(question, asker)
        return relay_module.Relay(self._calls, request, run, tab, self._writer, self._keep)

    async def _cascade(
        self, question: answers.Question, asker: Asker, run: run_module.Run
    ) -> AsyncGenerator[answers.Delta | answers.Finding, None]:
        """Ask the memory, then try each specialist in turn until one does not pass on."""
        if asker.memory and self._remembering is not None:
            with run.stage("memory"):
                remembered = run.memory = await self._remembering.begin(question, asker.user_id, asker.session_id)
            question = remembered.question
            run.degraded += [remembered.degraded] if remembered.degraded else []
            if remembered.finding is not None:
                run.route, run.reasons = answers.Route.KNOWLEDGE, ("knowledge: asks for a fact of the user's own",)
                yield remembered.finding
                return
        self._escalation.question()
        with run.stage("route"):
            decision = await self._decide(question)
        run.reasons = decision.reasons
        if decision.parts:
            found, passed = await self._findings(decision.parts, question, asker, run)
            if found:
                joining = self._several(decision.parts, found, passed, question, asker, run)
                async with contextlib.aclosing(joining) as events:
                    async for event in events:
                        yield event
                return
        run.routed = True
        async with contextlib.aclosing(self._tried(decision.order, question, asker, run)) as events:
            async for event in events:
                yield event

    async def _decide(self, question: answers.Question) -> decision_module.Decision:
        if question.route is not None:
            return decision_module.Decision((question.route,), {}, (f"{question.route}: asked for by name",))
        return await self._router.decide(question)

    async def _tried(
        self, order: Sequence[answers.Route], question: answers.Question, asker: Asker, run: run_module.Run
    ) -> AsyncGenerator[answers.Delta | answers.Finding, None]:
        """Try each specialist in turn until one does not pass on; say so plainly where all do."""
        for route in order:
            last = route is order[-1]
            run.route, specialist = route, self._specialists[route]
            if (refusal := self._refusal(route)) is not None:
                if last:
                    raise refusal
                run.away(route, refusal)
                continue
            finding: answers.Finding | None = None
            try:
                with run.stage(str(route)):
                    async with contextlib.aclosing(self._attempt(specialist, question, asker, run)) as events:
                        async for event in events:
                            if isinstance(event, answers.Delta):
                                yield event
                            elif isinstance(event, answers.PassOn):
                                run.pass_on(route, event)
                            else:
                                finding = event
            except (errors.UnavailableError, errors.OverloadedError) as error:
                telemetry.of(telemetry.CALLS, route, "error").inc()
                if last or run.spoken:
                    raise
                _log.warning("a specialist was away", extra={"specialist": str(route), "detail": error.detail})
                run.away(route, error)
            else:
                telemetry.of(telemetry.CALLS, route, "ok").inc()
            if finding is not None:
                yield finding
                return
        yield _declined(question, run.passed[0])

    async def _findings(
        self, parts: Sequence[str], question: answers.Question, asker: Asker, run: run_module.Run
    ) -> tuple[dict[str, several.Part], dict[str, tuple[ways.Passed, ...]]]:
        """Ask the specialists that check themselves about each part; return what they found, and who passed which part on."""
        found: dict[str, several.Part] = {}
        passed: dict[str, tuple[ways.Passed, ...]] = {}
        for text in parts:
            part = dataclasses.replace(question, messages=_with_last(question.messages, text))
            order = [route for route in (await self._decide(part)).order if route in decision_module.STRICT]
            if not order:
                continue
            async with contextlib.aclosing(self._tried(order, part, asker, run)) as events:
                try:
                    finding = await _finding(events)
                except (errors.UnavailableError, errors.OverloadedError) as error:
                    run.away(run.route, error)
                    finding = None
            passed[text] = tuple(run.passed)
            run.passed.clear()
            if finding is not None and all(one.by != run.route for one in passed[text]):
                found[text] = several.Part(run.route, finding, text, passed[text])
        return found, passed

    async def _several(
        self,
        parts: Sequence[str],
        found: Mapping[str, several.Part],
        passed: Mapping[str, tuple[ways.Passed, ...]],
        question: answers.Question,
        asker: Asker,
        run: run_module.Run,
    ) -> AsyncGenerator[answers.Delta | answers.Finding, None]:
        """Yield the answers of the parts; the model gets what no specialist answered, in one go.

        Nothing leaves before the model's first word, so that until then it can still be helped out or found to be away.
        """
        made = [found[text] for text in parts if text in found]
        pending = several.text_of(made)
        left = [text for text in parts if text not in found]
        if left:
            rest, rest_passed = " ".join(left), tuple(one for text in left for one in passed.get(text, ()))
            pending += several.heading(rest, first=False)
            asked = dataclasses.replace(question, messages=_with_last(question.messages, rest))
            try:
                async with contextlib.aclosing(self._tried((answers.Route.GENERAL,), asked, asker, run)) as events:
                    async for event in events:
                        if isinstance(event, answers.Delta):
                            yield answers.Delta(pending + event.text)
                            pending = ""
                        else:
                            made.append(several.Part(answers.Route.GENERAL, event, rest, rest_passed))
            except (errors.UnavailableError, errors.OverloadedError) as error:
                if run.spoken:
                    raise
                run.away(answers.Route.GENERAL, error)
                made.append(several.unanswered(rest, error.message, rest_passed))
                pending += made[-1].finding.text
        if pending:
            yield answers.Delta(pending)
        run.route = several.route_of(made)
        yield several.joined(made)

    def _attempt(
        self, specialist: Specialist, question: answers.Question, asker: Asker, run: run_module.Run
    ) -> AsyncGenerator[answers.Event, None]:
        """Let a specialist try. What the local model would say may be known already, or said better by a paid one."""
        if specialist.route is not answers.Route.GENERAL:
            return specialist.attempt(question)
        run.escalation = self._escalation.before(question)
        if not question.specialists:
            return specialist.attempt(question)
        if self._escalation.ready:
            words = self._escalation.attempt(specialist, question, run, _tab(question, asker))
        else:
            words = specialist.attempt(question)
        if self._cache is None:
            return words
        return self._cache.attempt(words, question, asker.user_id, self._cache.kind_for(asker.cache))

    async def _settle(self, finding: answers.Finding, run: run_module.Run) -> answers.Answer:
        run.finding = finding
        run.cost_usd_micros = await self._cost(finding, run)
        outcome = ledger.Outcome.REFUSED if finding.refused else ledger.Outcome.ANSWERED
        with run.stage("ledger"), telemetry.of(telemetry.LEDGER_SECONDS).time():
            await self._writer.record(run.row(outcome), run.charges)
        run.recorded = True
        run.observe(outcome)
        if self._learning is not None and self._learning.on and (learned := run.learned()) is not None:
            self._learning.note(run.question, learned)
        return run.answer()

    async def _cost(self, finding: answers.Finding, run: run_module.Run) -> int:
        if run.tab is not None:
            await run.tab.settled()
            if run.escalated:
                return run.tab.cost_usd_micros
        if finding.model is None:
            return 0
        run.untabbed_usd_micros = money.cost_usd_micros(money.price_of(finding.model, self._prices), finding.usage)
        return run.untabbed_usd_micros

    async def _record_failure(self, run: run_module.Run, outcome: ledger.Outcome, failure: Exception) -> None:
        """Record a request that ends in an error; that error matters more than one of the ledger."""
        if run.recorded:
            return
        if run.tab is not None:
            await run.tab.settled()
            run.cost_usd_micros = run.tab.cost_usd_micros
        run.observe(outcome, failure)
        try:
            await self._writer.record(run.row(outcome), run.charges)
        except errors.CouncilError as error:
            _log.error("a failed request is not in the ledger", extra={"detail": error.detail})

    async def _record_cancelled(self, run: run_module.Run) -> None:
        """Record without anybody waiting: the caller is gone, and its task is being cancelled."""
        row = run.row(ledger.Outcome.CANCELLED)
        if run.tab is not None:
            await run.tab.settled()
            row = dataclasses.replace(row, cost_usd_micros=run.tab.cost_usd_micros)
        run.observe(ledger.Outcome.CANCELLED)
        try:
            await self._writer.record(row, run.charges)
        except errors.CouncilError as error:
            _log.error("a cancelled request is not in the ledger", extra={"detail": error.detail})

    def _keep(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something to its end that nobody waits for but `close`."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    async def close(self) -> None:
        """Wait for rows that are still on their way, those of questions cancelled a moment ago among them."""
        self._calls.stopping.set()
        if self._open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._none_open.wait()
        await asyncio.gather(*self._recording)
        if self._remembering is not None:
            await self._remembering.close()


def _tab(question: answers.Question, asker: Asker) -> attempts.Tab:
    return attempts.Tab(question.request_id, asker.user_id, asker.token_id, asker.budgets)


def _with_last(messages: Sequence[answers.Message], text: str) -> list[answers.Message]:
    """Return a conversation whose last user said this instead."""
    last = max(place for place, message in enumerate(messages) if message.role == "user")
    return [answers.Message("user", text) if place == last else one for place, one in enumerate(messages)]


async def _finding(events: AsyncGenerator[answers.Delta | answers.Finding, None]) -> answers.Finding | None:
    async for event in events:
        if isinstance(event, answers.Finding):
            return event
    return None


def _declined(question: answers.Question, passed: ways.Passed) -> answers.Finding:
    """Say plainly that the one specialist that was asked for declined."""
    told = f"The {passed.by} specialist has no answer: {passed.reason.rstrip('.')}."
    text = f"{told} Ask the model `council` to let the others try."
    evidence = answers.Evidence(answers.Level.NONE, "No answer was given.", {"reason": passed.reason})
    return answers.Finding(text, 0.0, evidence, refused=True)
