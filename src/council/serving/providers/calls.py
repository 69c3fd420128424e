"""Makes the calls: deployment after deployment, within budgets, until one answers.

    plan -> (left alone? no key? no price?) -> hold the worst case -> call -> charge the true cost
                  ^                                                    |
                  +------------- next one, if a retry is left ---------+

Whatever happens, a hold ends in a charge on the request's `Tab`, and the pipeline puts the tab into the ledger's row.
"""

import asyncio
import collections
import dataclasses
import itertools
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from council import ports, telemetry
from council.domain import config, errors, ledger, money, overrides, providers, uses
from council.kit import clock as clock_module
from council.kit import traces
from council.serving.providers import attempts, bounds, breaker, plan, retries

_T = TypeVar("_T")

# How long a caller is asked to wait whose model's providers are all left out for now.
_LEFT_OUT_S = 30
# A hold outlives the request that it was made for by this much.
_HOLD_SPARE_S = 60.0


class Holder(Protocol):
    """Holds money before it is spent."""

    async def hold(self, hold: ledger.Hold) -> None:
        """Return once the hold is committed. Raises BudgetError, RecordsUnavailableError, OverloadedError."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a model. `body` is in `form`; its model and stream options are set for each deployment.

    `needs` are abilities that a fallback must have. `body_bytes` is the length of the body as it came. `hops_max` is what
    the request allows itself instead of the setting.
    """

    form: str
    model: str
    body: Mapping[str, Any]
    body_bytes: int
    needs: frozenset[str] = frozenset()
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    hops_max: int = 0


class Calls:
    """Calls of one process. Remembers which deployments fail; everything else is in the tabs."""

    def __init__(
        self,
        models: Mapping[str, providers.Model],
        servers: Mapping[str, ports.ModelProvider],
        off: Mapping[str, str],
        holder: Holder,
        settings: config.CallsConfig,
        budget: config.BudgetConfig,
        clock: clock_module.Clock,
        die: random.Random,
        order: Callable[[str], overrides.Order | None] = lambda _: None,
    ):
        """`servers` are the providers in use by name; `off` says of the others why they are not.

        `order` is that of a model's providers for now, None for that of the file.
        """
        self._order = order
        self.models = models
        self._servers = dict(servers)
        self._off = dict(off)
        self._holder = holder
        self._settings = settings
        self._budget = budget
        self._clock = clock
        self._die = die
        self._breakers: dict[str, breaker.Breaker] = {}
        self._retries = retries.RetryBudget(settings.retry_share, settings.retries_spare)
        self.stopping = asyncio.Event()

    def usable(self, model: str) -> bool:
        """Return whether a model has a deployment that is switched on."""
        found, order = self.models.get(model), self._order(model)
        away = frozenset[str]() if order is None else order.without
        return found is not None and any(
            one.provider in self._servers and one.provider not in away for one in found.deployments
        )

    def speaks(self, model: str, form: str) -> bool:
        """Return whether every deployment of a model and its fallbacks that is switched on takes a wire form as it is."""
        chain = [
            self.models[model],
            *(self.models[name] for name in self.models[model].fallbacks if name in self.models),
        ]
        on = [one for link in chain for one in link.deployments if one.provider in self._servers]
        return bool(on) and all(self._speaks(one, form) for one in on)

    def _speaks(self, deployment: providers.Deployment, form: str) -> bool:
        server = self._servers.get(deployment.provider)
        return server is not None and form in server.forms

    def states(self) -> dict[str, str]:
        """Return "up", "unasked", "off" or "open" of each provider.

        Up is what has answered since the start, unasked what has not been asked with success yet, and open while no
        deployment of it that was used has answered again. The local one is pinged by others, and up unless it is open.
        """
        now_s = self._clock.monotonic_s()
        states = dict.fromkeys(self._servers, "unasked") | dict.fromkeys(self._off, "off")
        for name in self._servers:
            known = [state for key, state in self._breakers.items() if key.partition("/")[0] == name]
            if known and not any(one.state(now_s) is breaker.State.CLOSED for one in known):
                states[name] = "open"
            elif name == providers.LOCAL or any(one.answered for one in known):
                states[name] = "up"
        return states

    def why_off(self, name: str) -> str:
        """Return why a provider is not asked, "" where it is."""
        return self._off.get(name, "")

    def seen(self) -> list[uses.Use]:
        """Return when each provider last answered and last failed, as far as this process has seen."""
        return breaker.seen(self._breakers, self._clock.monotonic_s(), self._clock.now_us())

    def switch(self, name: str, server: ports.ModelProvider | None, why_off: str = "") -> None:
        """Have a provider be asked through another server from now on, or not at all; `why_off` says then why.

        What is under way goes on. What was known of its deployments was of the one before.
        """
        for key in [key for key in self._breakers if key.partition("/")[0] == name]:
            del self._breakers[key]
        if server is None:
            self._servers.pop(name, None)
            self._off[name] = why_off
        else:
            self._servers[name] = server
            self._off.pop(name, None)

    async def whole(self, request: Request, tab: attempts.Tab) -> ports.ModelReply:
        """Return the first whole reply. Raises as ports.ModelProvider says, and BudgetError."""

        async def ask(attempt: attempts.Attempt) -> ports.ModelReply:
            reply = await attempt.server.whole(attempt.call)
            attempt.finish("answered", reply.usage, bounds.said_bytes(reply.data), final=True, complete=True)
            return reply

        return await self._first_that_answers(request, tab, ask, stream=False)

    async def open(self, request: Request, tab: attempts.Tab) -> attempts.Answering:
        """Return a stream whose first event has come. Raises as ports.ModelProvider says, and BudgetError."""

        async def ask(attempt: attempts.Attempt) -> attempts.Answering:
            try:
                async with asyncio.timeout(self._settings.call_s):
                    answering = attempts.Answering(attempt, await attempt.server.open(attempt.call), self.stopping)
                    try:
                        await answering.begin()
                    except BaseException:
                        await answering.cut()
                        raise
                    return answering
            except TimeoutError as error:
                raise attempt.too_long() from error

        return await self._first_that_answers(request, tab, ask, stream=True)

    async def _first_that_answers(
        self,
        request: Request,
        tab: attempts.Tab,
        ask: Callable[[attempts.Attempt], Coroutine[Any, Any, _T]],
        *,
        stream: bool,
    ) -> _T:
        failure: errors.CouncilError | None = None
        calls: collections.Counter[str] = collections.Counter()
        refused: set[str] = set()
        self._retries.earn()
        for step in self._steps(request):
            wait_s = None if step.key in refused or not self._is_on(step) else self._wait_s(step, calls[step.key])
            if wait_s is None:
                continue
            if calls.total() >= (request.hops_max or self._settings.hops_max) or (
                calls.total() and not self._retries.take()
            ):
                break
            if wait_s:
                await asyncio.sleep(wait_s)
                if not self._is_on(step) or not self._breaker(step).allows(self._clock.monotonic_s()):
                    continue
            try:
                attempt = await self._begin(request, tab, step, stream=stream)
            except errors.BudgetError as error:
                refused.add(step.key)
                tab.tried.append(f"{step.key}: {error.code}")
                failure = failure or error
                continue
            calls[step.key] += 1
            try:
                result = await self._ask(attempt, ask(attempt), tab)
            except errors.CouncilError as error:
                attempt.failed(error)
                tab.tried.append(f"{step.key}: {error.code}")
                if not _another_may_answer(error):
                    raise
                if isinstance(error, errors.ModelUnavailableError) and error.lasting:
                    refused.add(step.key)
                failure = error
            except Exception:
                attempt.finish("failed")
                raise
            else:
                tab.step = step
                return result
        if failure is None:
            self._count_unmade(request)
        raise failure or self._nobody(request)

    def _wait_s(self, step: plan.Step, calls: int) -> float | None:
        """Return how long to wait before a deployment is called, None if it is left alone.

        One that was called `calls` times for this request is given as long as it asked for, if that is not too long, and
        more time after each; any other is called at once or not at all.
        """
        known, now_s = self._breaker(step), self._clock.monotonic_s()
        if not calls:
            return 0.0 if known.allows(now_s) else None
        left_s = known.asked_s(now_s)
        if left_s is None or left_s > self._settings.retry_after_s_max:
            return None
        return max(left_s, self._settings.backoff_first_s * 2.0 ** (calls - 1) * self._die.uniform(0.5, 1.0))

    async def _ask(self, attempt: attempts.Attempt, asking: Coroutine[Any, Any, _T], tab: attempts.Tab) -> _T:
        """Return what the server says. A paid call goes on when its caller leaves, so that its true cost is learnt."""
        if attempt.hold is None:
            try:
                return await asking
            except asyncio.CancelledError:
                attempt.finish("cancelled")
                raise
        task = asyncio.ensure_future(asking)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            tab.settling.append(asyncio.ensure_future(self._settle(attempt, task, tab.hurry)))
            raise

    async def _settle(self, attempt: attempts.Attempt, task: "asyncio.Task[Any]", hurry: asyncio.Event) -> None:
        """Wait a while for what a call comes to whose caller has left."""
        stops = [asyncio.ensure_future(event.wait()) for event in (self.stopping, hurry)]
        await asyncio.wait({task, *stops}, timeout=self._settings.settle_s, return_when=asyncio.FIRST_COMPLETED)
        for stop in stops:
            stop.cancel()
        task.cancel()  # if it is not done
        result: Any = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(result, attempts.Answering):
            await result.close()
        elif isinstance(result, errors.CouncilError):
            attempt.failed(result)
        attempt.finish("cancelled")

    def _steps(self, request: Request) -> "list[plan.Step]":
        """Return whom to try, in order: each deployment, then each again, as often as calls may be made."""
        model = self.models[request.model]

        def able(other: providers.Model) -> bool:
            return request.needs <= other.abilities or other is model

        planned = [
            step
            for step in plan.steps(request.model, self.models, able, self._die)
            if self._speaks(step.deployment, request.form)
        ]
        if (order := self._order(request.model)) is not None:
            # Each model's own among themselves: whom its fallbacks name is asked after them, whatever an override says.
            links = itertools.groupby(planned, key=lambda step: step.model.name)
            planned = [
                step
                for _, link in links
                for step in overrides.arranged(list(link), _provider_of, order, self._may_pass)
            ]
        return planned * self._settings.hops_max

    def _may_pass(self, one: plan.Step, other: plan.Step) -> bool:
        """Return whether an override may have one asked before another: not where that costs more, or leaves the machine."""
        dearer = not _is_free(one) and _is_free(other)
        return not dearer and (self._is_here(one) or not self._is_here(other))

    def _is_on(self, step: plan.Step) -> bool:
        """Return whether a step that was planned can be taken still: its provider's key may have been taken away meanwhile."""
        return step.deployment.provider in self._servers

    def _is_here(self, step: plan.Step) -> bool:
        return self._servers[step.deployment.provider].loopback

    async def _begin(self, request: Request, tab: attempts.Tab, step: plan.Step, *, stream: bool) -> attempts.Attempt:
        """Hold the worst case of a call, and return it ready to be made.

        Raises BudgetError, RecordsUnavailableError, and in a trial UnspentError: it would have been paid, and no other is to
        be asked in its stead.
        """
        body = _body(request, step, stream=stream)
        _refuse_other_prices(request, step)
        prompt_max = bounds.prompt_tokens_max(body, request.body_bytes, step.model)
        completion_max = 0 if request.form == "embeddings" else bounds.completion_tokens_max(body, step.model)
        price = step.deployment.price
        if price is None:
            raise errors.BudgetError(
                f"Nobody said what {step.key} costs, so it is not asked. Give it `input_usd_micros` and `output_usd_micros` "
                "in providers.yaml.",
                parameter="model",
            )
        hold: ledger.Hold | None = None
        hop, tab.hops = tab.hops, tab.hops + 1
        if not price.free:
            hold = self._hold(tab, step, hop, money.hold_usd_micros(price, prompt_max, completion_max))
        known = self._breaker(step)
        work = traces.call(*_span(request.form, step, stream=stream))
        server = self._servers[step.deployment.provider]
        # Whoever is elsewhere could tell by it which requests are one caller's.
        carried = work.carried() if server.loopback else ""
        headers = {**request.headers, "traceparent": carried} if carried else request.headers
        call = ports.ModelCall(request.form, body, tab.request_id, step.model.output_tokens_max, headers)
        attempt = attempts.Attempt(
            *(
                tab,
                step,
                server,
                call,
                hop,
                hold,
                price,
                (prompt_max, completion_max),
                known,
                self._settings,
                self._clock,
            ),
            work,
        )
        attempt.begin()
        if hold is not None:
            try:
                await self._holder.hold(hold)
            except (errors.BudgetError, errors.UnspentError):
                attempt.give_up()
                raise
            except BaseException:
                # It may be written all the same; the charge takes its place.
                attempt.unused()
                raise
        return attempt

    def _hold(self, tab: attempts.Tab, step: plan.Step, hop: int, usd_micros: int) -> ledger.Hold:
        now_us = self._clock.now_us()
        if not tab.expires_us:
            # For all calls of a request the same: its row is written when they have all ended.
            longest_s = self._settings.hops_max * (self._settings.call_s + self._settings.retry_after_s_max)
            tab.expires_us = now_us + round((longest_s + self._settings.settle_s + _HOLD_SPARE_S) * 1e6)
        model, general = step.model, self._budget
        limits = (
            ledger.Budget("all", "day", general.day_usd_micros),
            ledger.Budget("all", "month", general.month_usd_micros),
            ledger.Budget(f"model:{model.name}", "day", model.day_usd_micros),
            ledger.Budget(f"model:{model.name}", "month", model.month_usd_micros),
            *tab.budgets,
        )
        return ledger.Hold(
            request_id=tab.request_id,
            hop=hop,
            at_us=now_us,
            expires_us=tab.expires_us,
            user_id=tab.user_id,
            token_id=tab.token_id,
            model=model.name,
            provider=step.deployment.provider,
            usd_micros=usd_micros,
            budgets=tuple(limit for limit in limits if limit.limit_usd_micros),
        )

    def _count_unmade(self, request: Request) -> None:
        """Count as one that failed a call that is not made because those before it did.

        Else a server that is left alone sooner would seem to fail less.
        """
        keys = [f"{one.provider}/{one.model}" for one in self.models[request.model].deployments]
        if any(self._breakers[key].fails for key in keys if key in self._breakers):
            telemetry.of(telemetry.NETWORK_CALLS, "error").inc()

    def _nobody(self, request: Request) -> errors.CouncilError:
        """Say why not one deployment could be tried."""
        model = self.models[request.model]
        off = {one.provider for one in model.deployments} & self._off.keys()
        if off:
            name = min(off)
            return errors.ProviderError(f"The provider {name} is off: {self._off[name]}")
        if self._order(request.model) is not None and not self.usable(request.model):
            return errors.ProviderError(
                f"The providers of {request.model} are left out for now by an override. Try again later, or use another model.",
                retry_after_s=_LEFT_OUT_S,
            )
        now_s = self._clock.monotonic_s()
        keys = [f"{one.provider}/{one.model}" for one in model.deployments]
        wait_s = min((self._breakers[key].left_s(now_s) for key in keys if key in self._breakers), default=0.0)
        return errors.ProviderError(
            f"The model {request.model} is left alone for a moment, because its servers failed or asked for it. Try again in "
            f"{wait_s + 0.5:.0f} s, or use another model.",
            retry_after_s=max(1, round(wait_s + 0.5)),
        )

    def _breaker(self, step: plan.Step) -> breaker.Breaker:
        return self._breakers.setdefault(step.key, breaker.Breaker(self._settings))


def _provider_of(step: plan.Step) -> str:
    return step.deployment.provider


def _is_free(step: plan.Step) -> bool:
    price = step.deployment.price
    return price is not None and price.free


# By OpenTelemetry's conventions for generative AI, which names some providers otherwise than our catalogue does.
_OPERATIONS = {"completions": "text_completion", "embeddings": "embeddings"}
_PROVIDERS = {"mistral": "mistral_ai", "xai": "x_ai", "moonshot": "moonshot_ai"}


def _span(form: str, step: plan.Step, *, stream: bool) -> tuple[str, traces.Kind, dict[str, traces.Value]]:
    operation, provider = _OPERATIONS.get(form, "chat"), step.deployment.provider
    attributes: dict[str, traces.Value] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": step.deployment.model,
        "gen_ai.request.stream": stream,
        "council.model": step.model.name,
    }
    return f"{operation} {step.deployment.model}", traces.Kind.CLIENT, attributes


# What makes a server use another model than was priced, or another price.
_REPRICING = ("models", "route", "service_tier")


def _refuse_other_prices(request: Request, step: plan.Step) -> None:
    if step.deployment.price is None or step.deployment.price.free:
        return
    for name in _REPRICING:
        if request.body.get(name) not in (None, "default"):
            raise errors.UnsupportedParameterError(
                f"`{name}` may change what {step.model.name} costs, and its price here is for itself. Leave it out.",
                parameter=name,
            )


def _body(request: Request, step: plan.Step, *, stream: bool) -> dict[str, Any]:
    """Return the request as a deployment gets it. Usage is always asked for: without it nothing is exact."""
    body = {**request.body, "model": step.deployment.model}
    limit = _LIMITS.get(request.form)
    price = step.deployment.price
    if limit and price is not None and not price.free and not any(body.get(name) for name in _LIMIT_NAMES):
        # What was held for the answer is then what it can cost.
        body[limit] = step.model.output_tokens_max
    if stream:
        body["stream"] = True
        if request.form in ("chat", "completions"):
            body["stream_options"] = {**(request.body.get("stream_options") or {}), "include_usage": True}
    return body


_LIMITS = {
    "chat": "max_completion_tokens",
    "completions": "max_tokens",
    "responses": "max_output_tokens",
    "messages": "max_tokens",
}
_LIMIT_NAMES = ("max_completion_tokens", "max_tokens", "max_output_tokens")


def _another_may_answer(error: errors.CouncilError) -> bool:
    """Return whether it is worth asking somebody else: not where the request itself is wrong."""
    if isinstance(error, errors.ModelUnavailableError):
        return error.retryable
    return isinstance(error, errors.OverloadedError | errors.ContextTooLongError)
