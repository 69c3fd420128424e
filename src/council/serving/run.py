"""One question's way through the pipeline: what happened, when, and what it came to."""

import contextlib
from collections.abc import Iterator, Sequence

from council import telemetry
from council.domain import answers, errors, learning, ledger, patches, ways
from council.kit import clock as clock_module
from council.kit import traces
from council.serving.memory import use
from council.serving.providers import attempts


def _agent(name: str) -> tuple[str, dict[str, traces.Value]]:
    """Return the name and attributes of a span for who answers, by OpenTelemetry's conventions for generative AI."""
    told: dict[str, traces.Value] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "council",
        "gen_ai.agent.name": name,
    }
    return f"invoke_agent {name}", told


CASCADE_SPAN = _agent("council")
_SPECIALIST_SPANS = {str(route): _agent(str(route)) for route in answers.Route}


class Run:
    """A notebook for one question; the pipeline writes, rows and answers are read from it."""

    def __init__(
        self,
        question: answers.Question,
        user_id: str,
        token_id: str,
        clock: clock_module.Clock,
        label: patches.Label,
    ):
        """`label` is of what serves it from beginning to end, whatever becomes live meanwhile."""
        self.question = question
        self.route = answers.Route.GENERAL
        self.reasons: Sequence[str] = ()
        self.passed: list[ways.Passed] = []
        self.degraded: list[str] = []
        self.finding: answers.Finding | None = None
        self.cost_usd_micros = 0
        # Of that what is on no tab: the local model's words, at the price that the settings give them.
        self.untabbed_usd_micros = 0
        self.recorded = False
        self.spoken = False
        self.tab: attempts.Tab | None = None
        self.escalated = False
        # None while the local model was not asked to speak by itself.
        self.escalation: ways.Escalation | None = None
        self.memory: use.Use | None = None
        # Whether the router's order was tried for the whole question, so that its end says something of that order.
        self.routed = False
        # What would have been held for a paid model, had it been asked; only of a marked question.
        self.withheld_usd_micros: int | None = None
        self._apart = telemetry.apart()
        self._user_id = user_id
        self._token_id = token_id
        self._clock = clock
        self._label = label
        self._started_us = clock.now_us()
        self._started_s = clock.monotonic_s()
        self._first_s = 0.0
        self._timings_ms: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage; the same stage twice adds up."""
        began_s = self._clock.monotonic_s()
        try:
            with traces.stage(*_SPECIALIST_SPANS.get(name, (name,))):
                yield
        finally:
            took_s = self._clock.monotonic_s() - began_s
            self._timings_ms[name] = round(self._timings_ms.get(name, 0.0) + took_s * 1000, 3)
            telemetry.of(telemetry.STAGE_SECONDS, name).observe(took_s)

    def spoke(self) -> None:
        """Note that the first content left."""
        if not self.spoken:
            self.spoken = True
            self._first_s = self._elapsed_s()
            self._timings_ms["first_token"] = round(self._first_s * 1000, 3)

    def pass_on(self, route: answers.Route, event: answers.PassOn) -> None:
        """Note that a specialist declined."""
        self.passed.append(ways.Passed(str(route), event.why, event.reason))
        telemetry.of(telemetry.PASSED_ON, route).inc()

    def away(self, route: answers.Route, error: errors.CouncilError) -> None:
        """Note that a specialist could not be asked, so that the answer says what it went without."""
        why = ways.Why.SHED if isinstance(error, errors.ShedError) else ways.Why.AWAY
        self.passed.append(ways.Passed(str(route), why, error.message))
        self.degraded.append(f"{route}: {error.code}")

    def row(self, outcome: ledger.Outcome) -> ledger.LedgerRow:
        """Return the ledger's row for what happened so far."""
        finding = self.finding
        level = finding.evidence.level if finding else answers.Level.NONE
        usage = finding.usage if finding else answers.Usage()
        total_s = self._elapsed_s()
        return ledger.LedgerRow(
            request_id=self.question.request_id,
            at_us=self._started_us,
            user_id=self._user_id,
            token_id=self._token_id,
            route=str(self.question.route or self.route),
            specialist=str(self.route),
            model=(finding.model if finding else None) or "",
            outcome=outcome,
            level=str(level),
            verified=level.verified,
            escalated=self.escalated,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost_usd_micros=self.cost_usd_micros,
            first_us=round((self._first_s or total_s) * 1e6),
            total_us=round(total_s * 1e6),
            generation=self._label.generation,
            local=self.local,
        )

    def learned(self) -> learning.Row | None:
        """Return what the router may learn from this; None where the question was several, or its asker is nobody's user."""
        finding = self.finding
        if not self.routed or not self._token_id or finding is None or finding.refused:
            return None
        return learning.Row(
            request_id=self.question.request_id,
            user_id=self._user_id,
            at_us=self._started_us,
            features=b"",
            specialist=self.route,
            level=finding.evidence.level,
            confidence=finding.confidence,
            escalated=self.escalated,
            passed_on=tuple(dict.fromkeys(answers.Route(one.by) for one in self.passed)),
        )

    @property
    def local(self) -> bool:
        """Whether nothing left this machine."""
        return self.tab is None or self.tab.local

    @property
    def charges(self) -> Sequence[ledger.Charge]:
        """Return what the ledger is to know of each call: those that cost nothing here and held nothing are only work."""
        if self.tab is None:
            return ()
        return [charge for charge in self.tab.charges if charge.hold or charge.cost_usd_micros or not self.tab.local]

    def answer(self) -> answers.Answer:
        """Return the answer with everything that the caller is told."""
        assert self.finding is not None
        self._timings_ms["total"] = round(self._elapsed_s() * 1000, 3)
        return answers.Answer(
            request_id=self.question.request_id,
            specialist=str(self.route),
            route=self.route,
            finding=self.finding,
            escalated=self.escalated,
            cost_usd_micros=self.cost_usd_micros,
            timings_ms=dict(self._timings_ms),
            passed=tuple(self.passed),
            route_reasons=tuple(self.reasons),
            degraded=tuple(self.degraded),
            generation=self._label.generation,
            cid=self._label.cid,
            provider=self.tab.step.deployment.provider if self.tab and self.tab.step else "",
            tried=tuple(self.tab.tried) if self.tab else (),
            memory=self.memory.report(self.route) if self.memory else None,
            trial=self._trial(),
            escalation=self._escalation(),
        )

    def _escalation(self) -> ways.Escalation:
        """Return whether the question was escalated and why. A cached answer is of no model that was asked now."""
        if self.finding is not None and self.finding.evidence.detail.get("cached"):
            return ways.Escalation(escalated=False, why=ways.Escalating.KNOWN)
        return self.escalation or ways.NOT_ESCALATED

    def _trial(self) -> answers.Trial | None:
        """Return what a marked question came to; None for any other."""
        if self._apart is None:
            return None
        ok, failed = (self._apart.count(telemetry.NETWORK_CALLS, outcome) for outcome in telemetry.NETWORK_OUTCOMES)
        withheld = self.withheld_usd_micros
        return answers.Trial(ok + failed, failed, withheld is not None, withheld or 0)

    def tell(self, outcome: ledger.Outcome) -> None:
        """Say in the request's trace what it came to, while that is open."""
        root = traces.root()
        if root is traces.NOTHING:
            return
        root.note("council.outcome", outcome)
        root.note("council.specialist", str(self.route))
        root.note("council.escalated", self.escalated)
        root.note("council.local", self.local)
        root.note("council.cost_usd_micros", self.cost_usd_micros)
        root.note("council.generation", self._label.generation)
        if self.finding is not None:
            root.note("council.evidence_level", str(self.finding.evidence.level))
        if self.passed:
            root.note("council.passed_on", tuple(dict.fromkeys(one.by for one in self.passed)))

    def observe(self, outcome: ledger.Outcome, failure: BaseException | None = None) -> None:
        """Count the request in the metrics, once all that it cost is known. `failure` is what it ended in, if in one."""
        total_s = self._elapsed_s()
        self.tell(outcome)
        telemetry.of(telemetry.REQUESTS, self.route, self._told(outcome, failure)).inc()
        self._count_cost()
        if self.finding is None or outcome not in (ledger.Outcome.ANSWERED, ledger.Outcome.REFUSED):
            return
        # Of answers only: a refusal in a millisecond says nothing about how fast answers are.
        telemetry.of(telemetry.WHOLE_SECONDS, self.route).observe(total_s)
        telemetry.of(telemetry.GATE_SECONDS, self.route).observe(self._first_s or total_s)
        telemetry.of(telemetry.ANSWERS, self.finding.evidence.level).inc()
        telemetry.of(telemetry.LOCAL, "true" if self.local else "false").inc()
        if self.finding.model:
            model, usage = self.finding.model, self.finding.usage
            telemetry.of(telemetry.TOKENS, model, "prompt").inc(usage.prompt_tokens)
            telemetry.of(telemetry.TOKENS, model, "completion").inc(usage.completion_tokens)
        if said_bytes := self._said_bytes():
            telemetry.of(telemetry.ANSWER_BYTES).observe(said_bytes)

    def _told(self, outcome: ledger.Outcome, failure: BaseException | None) -> str:
        """Return the outcome as the gates tell it apart: what a check found wrong, and what a caller did, stand alone."""
        if outcome is ledger.Outcome.ANSWERED and self.finding is not None and self.finding.wrong:
            return "wrong"
        if isinstance(failure, errors.ShedError):
            return "shed"
        if outcome is ledger.Outcome.FAILED and isinstance(failure, errors.InvalidRequestError):
            return "invalid"
        return outcome

    def _count_cost(self) -> None:
        if self.tab is not None:
            for charge in self.tab.charges:
                telemetry.of(telemetry.COST_USD_MICROS, charge.model).inc(charge.cost_usd_micros)
        if self.finding is not None and self.finding.model:
            telemetry.of(telemetry.COST_USD_MICROS, self.finding.model).inc(self.untabbed_usd_micros)

    def _said_bytes(self) -> int:
        """Return the bytes of the answer's text; what is relayed was counted on its way."""
        assert self.finding is not None
        if self.finding.text:
            return len(self.finding.text.encode("utf-8", "surrogatepass"))
        return self.tab.said_bytes if self.tab is not None else 0

    def _elapsed_s(self) -> float:
        return self._clock.monotonic_s() - self._started_s
