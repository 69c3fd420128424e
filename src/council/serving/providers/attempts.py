"""One call to a model's server, from its hold to its charge; and a streamed answer while it is passed on.

Whatever happens, an attempt ends in exactly one charge on the request's `Tab`.
"""

import asyncio
import dataclasses
from collections.abc import Sequence

from council import ports, telemetry
from council.domain import answers, config, errors, ledger, money
from council.kit import clock as clock_module
from council.kit import traces
from council.serving.providers import bounds, breaker, plan


@dataclasses.dataclass(slots=True)
class Tab:
    """What the calls of one request came to. `step` is who answered; `tried` says in words what went wrong before.
    `said_bytes` is the text of the last answer.

    `hurry` is set where somebody waits for the rest of the request: then calls that were given up are not waited for.
    """

    request_id: str
    user_id: str
    token_id: str
    budgets: tuple[ledger.Budget, ...] = ()
    charges: list[ledger.Charge] = dataclasses.field(default_factory=list)
    tried: list[str] = dataclasses.field(default_factory=list)
    step: plan.Step | None = None
    usage: answers.Usage = dataclasses.field(default_factory=answers.Usage)
    hops: int = 0
    local: bool = True
    said_bytes: int = 0
    expires_us: int = 0
    settling: "list[asyncio.Task[None]]" = dataclasses.field(default_factory=list)
    hurry: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    async def settled(self) -> None:
        """Wait until every call of the request has its charge."""
        await asyncio.gather(*self.settling)

    @property
    def cost_usd_micros(self) -> int:
        """The sum of the charges."""
        return sum(charge.cost_usd_micros for charge in self.charges)


class Attempt:
    """One call: what is held for it, and what became of it. Ends in exactly one charge."""

    def __init__(
        self,
        tab: Tab,
        step: plan.Step,
        server: ports.ModelProvider,
        call: ports.ModelCall,
        hop: int,
        hold: ledger.Hold | None,
        price: money.Price,
        most: tuple[int, int],
        known: breaker.Breaker,
        settings: config.CallsConfig,
        clock: clock_module.Clock,
        work: traces.Work = traces.NOTHING,
    ):
        """`work` is its span, which ends with its charge."""
        self.server = server
        self.call = call
        self.hold = hold
        self.settings = settings
        self._tab = tab
        self._step = step
        self._hop = hop
        self._price = price
        self._most = most
        self._breaker = known
        self._clock = clock
        self._began_s = clock.monotonic_s()
        self._settled = False
        self._probe = 0
        self._work = work

    def begin(self) -> None:
        """Note that the call begins, before anything is waited for, so that one call alone probes a deployment."""
        self._probe = self._breaker.begin(self._began_s)

    def give_up(self) -> None:
        """Note that the call is not made after all, and nothing is charged."""
        self._breaker.let_go(self._probe)

    def failed(self, error: errors.CouncilError) -> None:
        """Note a failure before any event came, and charge for the prompt where an answer may have been made."""
        begun = isinstance(error, errors.ModelUnavailableError) and error.begun
        self.blame(error)
        if begun:
            self.finish("failed")
        else:
            self._charge(answers.Usage(), False, "failed")

    def unused(self) -> None:
        """Charge nothing for a call that was held for, perhaps, and never made."""
        self._charge(answers.Usage(), False, "cancelled")

    def overdue(self) -> bool:
        """Return whether the call took longer than any may: its hold would expire under it."""
        return self._clock.monotonic_s() - self._began_s > self.settings.call_s

    def too_long(self) -> errors.ProviderError:
        """Return the error of a call that took too long."""
        return errors.ProviderError(
            f"The provider {self.server.name} took longer than {self.settings.call_s:g} s (`calls.call_s`). Ask for less.",
            begun=True,
        )

    def blame(self, error: errors.CouncilError) -> None:
        """Note what a failure says of the deployment."""
        self._work.fail(error.code)
        now_s = self._clock.monotonic_s()
        if isinstance(error, errors.ModelUnavailableError) and error.wait_s is not None:
            self._breaker.leave_alone(now_s, min(error.wait_s, self.settings.open_s_max))
            self._breaker.let_go(self._probe)
        elif isinstance(error, errors.ModelUnavailableError) and error.faulty:
            self._breaker.failed(now_s, self._probe)
            self._breaker.failed_s, self._breaker.failed_by = now_s, error.message
        else:
            self._breaker.let_go(self._probe)
        telemetry.of(telemetry.PROVIDER_CALLS, self.server.name, error.code).inc()
        telemetry.of(telemetry.NETWORK_CALLS, "ok" if _replied(error) else "error").inc()

    def finish(
        self,
        outcome: str,
        reported: answers.Usage | None = None,
        said_bytes: int = 0,
        *,
        final: bool = False,
        complete: bool = False,
    ) -> None:
        """Charge for what was said; see bounds.settled. Idempotent: the first one counts."""
        if outcome == "answered":
            self._breaker.succeeded()
            self._breaker.answered_s = self._clock.monotonic_s()
        if not self._settled:
            self._tab.said_bytes = said_bytes
        charged = bounds.settled(reported, *self._most, said_bytes, final=final, complete=complete)
        self._charge(*charged, outcome)

    def _charge(self, usage: answers.Usage, estimated: bool, outcome: str) -> None:
        if self._settled:
            return
        self._settled = True
        self._end(usage, outcome)
        self._breaker.let_go(self._probe)
        if outcome != "failed":
            if outcome == "answered":
                telemetry.of(telemetry.NETWORK_CALLS, "ok").inc()
            telemetry.of(telemetry.PROVIDER_CALLS, self.server.name, "ok" if outcome == "answered" else outcome).inc()
            telemetry.of(telemetry.PROVIDER_SECONDS, self.server.name).observe(
                self._clock.monotonic_s() - self._began_s
            )
        self._tab.usage = usage
        self._tab.charges.append(
            ledger.Charge(
                hop=self._hop,
                provider=self._step.deployment.provider,
                model=self._step.model.name,
                deployment=self._step.deployment.model,
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=usage.cached_tokens,
                completion_tokens=usage.completion_tokens,
                cost_usd_micros=money.cost_usd_micros(self._price, usage),
                estimated=estimated,
                outcome=outcome,
                hold=self.hold,
            )
        )
        self._tab.local = self._tab.local and self.server.loopback

    def began(self) -> None:
        """Note that a stream has said its first."""
        self._work.note("gen_ai.response.time_to_first_chunk", round(self._clock.monotonic_s() - self._began_s, 6))

    def _end(self, usage: answers.Usage, outcome: str) -> None:
        if usage.prompt_tokens or usage.completion_tokens:
            self._work.note("gen_ai.usage.input_tokens", usage.prompt_tokens)
            self._work.note("gen_ai.usage.output_tokens", usage.completion_tokens)
        if usage.cached_tokens:
            self._work.note("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens)
        self._work.note("council.outcome", outcome)
        if outcome == "failed":
            self._work.fail("_OTHER")
        self._work.end()


def _replied(error: errors.CouncilError) -> bool:
    """Return whether a server refused in good order, for a limit, a key or the request: then the network is well."""
    if isinstance(error, errors.ProviderError):
        return not error.faulty or error.lasting
    return not isinstance(error, errors.UnavailableError)


class Answering:
    """A stream that is being passed on. Reads may be cancelled; then `close` still learns what it cost."""

    def __init__(self, attempt: Attempt, stream: ports.ModelStream, stopping: asyncio.Event):
        self._attempt = attempt
        self._stream = stream
        self._stopping = stopping
        self._first: Sequence[ports.ModelEvent] = ()
        self._usage: answers.Usage | None = None
        self._said_bytes = 0
        self._ended = self._told = self._complete = self._over = False

    async def begin(self) -> None:
        """Wait for the first event, until which another deployment could still answer."""
        self._first = await self._next()
        self._attempt.began()

    async def aclose(self) -> None:
        """Settle, by the name that contextlib.aclosing knows."""
        await self.close()

    async def read(self) -> Sequence[ports.ModelEvent]:
        """Return the events that have come; none at the end, and then the charge is on the tab.

        Raises ProviderError where the stream breaks; what came until then is charged.
        """
        if self._first:
            first, self._first = self._first, ()
            return first
        try:
            events = await self._next()
        except errors.ModelUnavailableError as error:
            self._attempt.blame(error)
            self._finish("failed")
            await self.cut()
            raise
        if not events:
            self._finish("answered")
        return events

    async def _next(self) -> Sequence[ports.ModelEvent]:
        if self._attempt.overdue():
            raise self._attempt.too_long()
        events = await self._stream.read()
        self._complete = not events
        for event in events:
            self._ended = self._ended or event.ends
            if event.usage is not None:
                self._told = self._ended
                self._usage = event.usage if self._usage is None else _later(self._usage, event.usage)
            self._said_bytes += bounds.said_bytes(event.data)
        return events

    def _finish(self, outcome: str) -> None:
        self._over = True
        self._attempt.finish(outcome, self._usage, self._said_bytes, final=self._told, complete=self._complete)

    async def close(self) -> None:
        """Settle. A paid answer that nobody waits for is read on for a while to learn its true cost; a free one is cut."""
        if not self._over and self._attempt.hold is not None:
            await self._read_on()
        if not self._over:
            self._finish("cancelled")
        await self.cut()

    async def _read_on(self) -> None:
        rest, stop = asyncio.ensure_future(self._rest()), asyncio.ensure_future(self._stopping.wait())
        try:
            wait_s = self._attempt.settings.settle_s
            await asyncio.wait({rest, stop}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            rest.cancel()
            stop.cancel()
            # A stream that breaks now is charged as one that was left: by what had come.
            await asyncio.gather(rest, stop, return_exceptions=True)

    async def _rest(self) -> None:
        while await self._next():
            pass

    async def cut(self) -> None:
        """Close the connection."""
        await self._stream.close()


def _later(before: answers.Usage, after: answers.Usage) -> answers.Usage:
    """Return what two reports of one answer amount to: a later one may leave the prompt out."""
    return answers.Usage(
        max(before.prompt_tokens, after.prompt_tokens),
        max(before.completion_tokens, after.completion_tokens),
        max(before.cached_tokens, after.cached_tokens),
        max(before.cache_write_tokens, after.cache_write_tokens),
    )
