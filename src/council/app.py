"""The composition root of the serving loop: settings in, wired objects out. That of the care loop is `care_app.py`.

The one place that chooses a kind for each port. Imports of a kind stand where it is chosen, so that a process loads only what
it runs.
"""

import asyncio
import contextlib
import dataclasses
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from council import care_app, care_records, ports
from council.domain import access, answers, errors, money, patches, providers
from council.domain import config as config_module
from council.domain import home as home_module
from council.kit import clock as clock_module

if TYPE_CHECKING:
    from council.backends.embedder import onnx as onnx_module
    from council.gateway import door as door_module
    from council.gateway import parts as parts_module
    from council.gateway import trial as trial_module
    from council.serving import pipeline as pipeline_module
    from council.serving import relay as relay_module
    from council.serving.cache import use as cache_use
    from council.serving.ledger import writer as writer_module
    from council.serving.memory import keeper as keeper_module
    from council.serving.memory import use as use_module
    from council.serving.providers import calls as calls_module
    from council.serving.router import learning as learning_module
    from council.serving.specialists import speech

_PROMPT_BYTES_MAX = 64 * 1024
_SWEEP_S = 30.0

_log = logging.getLogger(__name__)


def records(config: config_module.Config, where: home_module.Home) -> ports.Records:
    """Return the records that the settings name. What root makes in the home's folder goes to that folder's owner."""
    from council.backends.records import sql

    return care_records.of_home(sql.SqlRecords, config, where)


def embedder(config: config_module.Config) -> "onnx_module.OnnxEmbedder":
    """Return the embedding model. Raises SetupError without it."""
    from council.backends.embedder import onnx

    return onnx.OnnxEmbedder(config.memory.cache_texts)


def vector_index(config: config_module.Config, width: int) -> ports.VectorIndex:
    """Return an empty index of vectors."""
    from council.backends.vector_index import faiss

    return faiss.FaissIndex(width, config.memory.lists_from)


def keeper(config: config_module.Config, where: home_module.Home, embeds: ports.Embedder) -> "keeper_module.Keeper":
    """Return what keeps users' memories. Raises RecordsUnavailableError."""
    from council.backends.records import memories
    from council.serving.memory import keeper as keeper_module

    kept = memories.SqlMemories(config.records.url or where.records_url, config.records.busy_s)
    clock = clock_module.SystemClock()
    return keeper_module.Keeper(kept, embeds, lambda: vector_index(config, embeds.width), config.memory, clock)


def learning_records(config: config_module.Config, where: home_module.Home) -> ports.LearningRecords:
    """Return what is kept for the router to be fitted anew, in the same database as the other records."""
    from council.backends.records import learning

    return care_records.of_home(learning.SqlLearning, config, where)


def store(config: config_module.Config, where: home_module.Home) -> ports.Store:
    """Return the store that the settings name."""
    from council.backends.store import bundled, valkey

    return valkey.ValkeyStore(config.store.url or bundled.url(where), config.store.timeout_s)


def local_model(config: config_module.Config, where: home_module.Home) -> ports.ModelProvider:
    """Return the model's own process on this machine, as a provider."""
    from council.backends.model_provider import openai

    settings = config.model
    provider = providers.Provider(
        providers.LOCAL,
        url=f"http://127.0.0.1:{config.model_port}/v1",
        concurrent_max=config.gateway.concurrent_max,
        first_byte_s=settings.stall_s,
        stall_s=settings.stall_s,
    )
    return openai.LocalModel(
        provider, care_app.read_secret(where.internal_key_file), config.calls, where.socket("model")
    )


def servers(
    found: providers.Catalogue, config: config_module.Config, where: home_module.Home
) -> tuple[dict[str, ports.ModelProvider], dict[str, str]]:
    """Return the providers that are switched on, by name, and of the others why they are off."""
    from council.serving.providers import keyring

    made: dict[str, ports.ModelProvider] = {providers.LOCAL: local_model(config, where)}
    off: dict[str, str] = {}
    for name, provider in found.providers.items():
        server = _server(provider, None, config) if provider.key == "none" else _keyed(provider, config, where)
        if server is None:
            off[name] = keyring.why_off(name)
        else:
            made[name] = server
    return made, off


def _keyed(
    provider: providers.Provider, config: config_module.Config, where: home_module.Home
) -> ports.ModelProvider | None:
    """Return a provider with the key that lies in the home now, None where there is none. Raises SetupError."""
    key = _key(where.provider_key_file(provider.name))
    return None if key is None else _server(provider, key, config)


def _server(provider: providers.Provider, key: str | None, config: config_module.Config) -> ports.ModelProvider:
    match provider.kind:
        case "openai":
            from council.backends.model_provider import openai

            return openai.OpenAIProvider(provider, key, config.calls)
        case "anthropic":
            from council.backends.model_provider import anthropic

            return anthropic.AnthropicProvider(provider, key, config.calls)
        case _:
            raise AssertionError(f"the settings let no provider of kind {provider.kind!r} pass")


def gateway(
    config: config_module.Config, found: providers.Catalogue, where: home_module.Home, label: patches.Label
) -> "door_module.Door":
    """Return the gateway's application; its lifespan opens and closes what it leans on, in order."""
    from council.backends.compute import unix as compute_unix
    from council.backends.memories import unix as memories_unix
    from council.backends.retriever import unix as retriever_unix
    from council.backends.sandbox_runner import unix as sandbox_unix
    from council.gateway import application, auth, guests, limits, parts, spans, used
    from council.serving import overrides
    from council.serving.ledger import unkept, writer
    from council.serving.providers import calls, keyring
    from council.serving.router import learning

    clock = clock_module.SystemClock()
    made_records, made_store, made_watch = records(config, where), store(config, where), care_app.watch(where)
    made_servers, off = servers(found, config, where)
    compute = compute_unix.UnixCompute(where.socket("worker"), config.worker)
    recall = retriever_unix.UnixRetriever(where.socket("recall"), config.recall.timeout_s)
    memories = memories_unix.UnixMemories(where.socket("recall"), config.memory)
    sandbox = sandbox_unix.UnixSandbox(where.socket("sandboxd"), config.sandbox)
    book = writer.LedgerWriter(made_records, config.records.batch_rows_max, config.records.queue_rows_max)
    die = random.Random()  # noqa: S311 - draws deployments
    in_force = overrides.InForce(clock, die)
    made_calls = calls.Calls(
        found.models, made_servers, off, book, config.calls, config.budget, clock, die, in_force.order
    )
    # Their own, so that neither learns from the other which servers fail.
    unpaid = calls.Calls(
        found.models, made_servers, off, unkept.UnkeptLedger(), config.calls, config.budget, clock, die
    )
    keys = keyring.Keyring(
        found.providers, (made_calls, unpaid), care_app.key_stamps(where), lambda one: _keyed(one, config, where)
    )
    lately = used.Used(care_records.uses(config, where), clock, made_calls.seen)
    learned = learning.Learning(learning_records(config, where), config.learning_rows, clock, on=config.learning)
    tracer = care_app.tracer(config, where)
    known = guests.Guests(care_records.logins(config, where), care_records.audit(config, where), config, clock)
    stages = _Stages(compute, recall, memories, sandbox, made_calls)
    keeping = _keeping(book, learned, memories, config, where, label)
    made = parts.Parts(
        config=config,
        records=made_records,
        watch=made_watch,
        pipeline=_pipeline(stages, keeping, found, config, where, label, in_force.route_refusal),
        trials=_trials(dataclasses.replace(stages, calls=unpaid), found, config, where, label),
        calls=made_calls,
        sandbox=sandbox,
        memories=memories,
        retriever=recall,
        library=recall,
        catalogue=found,
        keys=keys,
        used=lately,
        learning=learned,
        doorkeeper=auth.Doorkeeper(made_records, config.gateway, _digest(where.metrics_key_file), known, lately.token),
        guests=known,
        **care_app.beside(config, where),
        limiter=limits.RateLimiter(made_store, clock, in_force.ceiling),
        in_force=in_force,
        pings={
            **{"records": _in_thread(made_records.ping), "store": made_store.ping},
            **{"model": made_servers[providers.LOCAL].ping, "worker": compute.ping, "recall": recall.ping},
            **{"sandbox": sandbox.ping, "watcher": made_watch.ping},
        },
        model_away=_stander_aside(made_servers),
        tracing=spans.of(config.tracing, tracer),
    )

    return application.build(made, _lifespan(made, book, tracer, [sandbox, *made_servers.values(), keys, made_store]))


def _stander_aside(made: Mapping[str, ports.ModelProvider]) -> Callable[[float], None]:
    """Return what has the local model refuse at once for so many seconds."""
    from council.backends.model_provider import openai

    local = made[providers.LOCAL]
    assert isinstance(local, openai.LocalModel), "there is one in any case"
    return local.stand_aside


class _Client(Protocol):
    """What holds connections."""

    async def close(self) -> None: ...


def _lifespan(
    made: "parts_module.Parts", book: "writer_module.LedgerWriter", tracer: ports.Tracer, clients: Sequence[_Client]
) -> Callable[[Any], contextlib.AbstractAsyncContextManager[None]]:
    """Return what opens before the first request, sweeps meanwhile, and closes after the last."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        await made.doorkeeper.refresh()
        book.start()
        made.learning.start()
        tracer.start()
        sweeping = asyncio.create_task(_settle_expired(made.records, clock_module.SystemClock()))
        try:
            yield
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            await asyncio.to_thread(book.close)
            await made.learning.close()
            beside = (made.guidebook, made.turn_log, made.changes)
            await asyncio.gather(*(client.close() for client in (*clients, *beside)))
            kept = (made.incidents, made.snapshots, made.overrides, made.repairs, made.chats, made.used.kept)
            for one in (*kept, made.guests.kept, made.guests.trail, made.records):
                one.close()
            await asyncio.to_thread(tracer.close)

    return lifespan


@dataclasses.dataclass(frozen=True, slots=True)
class _Stages:
    """What the serving loop reaches."""

    compute: ports.Compute
    recall: ports.Retriever
    memories: ports.Memories
    sandbox: ports.Sandbox
    calls: "calls_module.Calls"


@dataclasses.dataclass(frozen=True, slots=True)
class _Keeping:
    """What the serving loop keeps of a question; of one of a trial's nothing, and it has no escalations to spare."""

    book: "relay_module.LedgerWriter"
    reserve: float
    remembering: "use_module.Remembering | None" = None
    cache: "cache_use.Cache | None" = None
    learned: "learning_module.Learning | None" = None


def _trials(
    stages: _Stages,
    found: providers.Catalogue,
    config: config_module.Config,
    where: home_module.Home,
    label: patches.Label,
) -> "trial_module.Trials":
    """Return who may try this generation, with a pipeline that keeps nothing. Raises SetupError without their key."""
    from council.gateway import trial
    from council.serving.ledger import unkept

    pipeline = _pipeline(stages, _Keeping(unkept.UnkeptLedger(), reserve=0.0), found, config, where, label)
    return trial.Trials(_digest(where.trial_key_file), pipeline)


def _digest(key_file: Path) -> str:
    return access.digest(care_app.read_secret(key_file))


def _keeping(
    book: "relay_module.LedgerWriter",
    learned: "learning_module.Learning",
    memories: ports.Memories,
    config: config_module.Config,
    where: home_module.Home,
    label: patches.Label,
) -> _Keeping:
    from council.backends.answer_cache import unix as answer_cache_unix
    from council.serving import pace
    from council.serving.cache import use as cache_use
    from council.serving.memory import use

    given = answer_cache_unix.UnixAnswerCache(where.socket("recall"), config.cache.timeout_s)
    cache = cache_use.Cache(given, config.cache, label.generation)
    return _Keeping(book, pace.RESERVE, use.Remembering(memories, config.memory), cache, learned)


def _pipeline(
    stages: _Stages,
    keeping: _Keeping,
    found: providers.Catalogue,
    config: config_module.Config,
    where: home_module.Home,
    label: patches.Label,
    refusal: Callable[[answers.Route], errors.ShedError | None] = lambda _: None,
) -> "pipeline_module.Pipeline":
    from council.serving import pipeline
    from council.serving.providers import speaker as speakers
    from council.serving.router import router

    speaker = speakers.Speaker(stages.calls, config.model.name)
    others = {name: speakers.Speaker(stages.calls, name) for name in providers.of_roles(config)}
    prompts = where.generations / label.generation / "prompts"
    return pipeline.Pipeline(
        specialists(speaker, stages.compute, stages.recall, stages.sandbox, prompts, config, others),
        keeping.book,
        stages.calls,
        found.escalation,
        {**config.prices, **dict.fromkeys(others, money.Price(0, 0))},
        label,
        clock_module.SystemClock(),
        keeping.remembering,
        keeping.cache,
        router.Router(config.router, stages.memories),
        keeping.learned,
        keeping.reserve,
        refusal,
    )


def specialists(
    speaker: "speech.Speaker",
    compute: ports.Compute,
    recall: ports.Retriever,
    sandbox: ports.Sandbox,
    prompts: Path,
    config: config_module.Config,
    others: "Mapping[str, speech.Speaker] | None" = None,
) -> list[Any]:
    """Return every specialist, wired: each with its own model of `others` where the settings name one, else `speaker`."""
    from council.domain import sandbox_wire
    from council.serving.specialists import (
        code,
        computed,
        general,
        knowledge,
        programs,
        searching,
        staged,
        tools,
        translated,
    )

    limits = sandbox_wire.default_limits(config.sandbox)
    math = computed.ComputedSpecialist(answers.Route.MATH, "math.solve", compute, clock_module.SystemClock())
    logic = computed.ComputedSpecialist(answers.Route.LOGIC, "logic.solve", compute, clock_module.SystemClock())
    quoted = knowledge.KnowledgeSpecialist(recall, config.recall.coverage_min)
    own = others or {}
    general_model, code_model = own.get(config.general.model, speaker), own.get(config.code.model, speaker)
    words = general.GeneralSpecialist(general_model, _prompt(prompts / "general.md"), config.general.model)
    searched = searching.SearchSpecialist(quoted, recall)
    offered: dict[str, tools.Attempts] = {"calculate": math, "solve": logic, "search": searched}
    rewritten = translated.TranslatedSpecialist(own.get(config.logic.model, speaker), compute, config.logic)
    program_model = own.get(config.programs.model, speaker)
    written = programs.ProgramSpecialist(program_model, compute, sandbox, limits, config.programs)
    return [
        staged.StagedSpecialist(answers.Route.MATH, [math, written]) if config.programs.samples else math,
        staged.StagedSpecialist(answers.Route.LOGIC, [logic, rewritten])
        if config.logic.translate_tokens_max
        else logic,
        quoted,
        code.CodeSpecialist(code_model, compute, sandbox, _prompt(prompts / "code.md"), limits, config.code),
        tools.ToolUsingSpecialist(words, general_model, offered, sandbox, limits, config.general)
        if config.general.tools
        else words,
    ]


def sandbox_front(
    config: config_module.Config, where: home_module.Home
) -> contextlib.AbstractAsyncContextManager[ports.Sandbox]:
    """Return what opens sandboxd's front with the runner that the settings name, and closes both.

    Everything is imported here, and nothing is opened before the context is entered.
    """
    from council.serving.sandbox import audit, front, isolation

    clock = clock_module.SystemClock()
    settings = config.sandbox
    runner, port = _runner(settings, where), config.sandboxd_port

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[ports.Sandbox]:
        trail = audit.AuditTrail(where.sandbox, settings.audit_file_bytes_max, settings.audit_files_max, clock)
        async with contextlib.AsyncExitStack() as stack:
            # The front closes it as well; not where the runner does not start.
            stack.callback(trail.close)
            running = await stack.enter_async_context(runner)
            beyond, needed = isolation.outside(where.sandbox, port), isolation.ALLOWED not in settings.allow_missing
            walls = isolation.SelfTest(running, settings.kind, beyond, where.sandbox, clock, needed=needed)
            made = front.Front(running, trail, settings, clock, walls)
            stack.push_async_callback(made.close)
            made.watch()
            stack.callback(asyncio.create_task(walls.keep(), name="isolation self-test").cancel)
            yield made

    return opened()


def _runner(
    settings: config_module.SandboxConfig, where: home_module.Home
) -> contextlib.AbstractAsyncContextManager[ports.SandboxRunner]:
    """Return what starts the runner of the kind that the settings name, and closes it."""
    match settings.kind:
        case "namespaces":
            from council.backends.sandbox_runner.namespaces import runner as namespaces

            return _started(namespaces.NamespaceRunner(where.socket("zygote"), settings))
        case "firejail":
            from council.backends.sandbox_runner import firejail

            return _started(firejail.FirejailRunner(where.sandbox_work))
        case "gvisor":
            from council.backends.sandbox_runner import gvisor

            return _started(gvisor.GvisorRunner(where.sandbox_work))
        case _:
            raise AssertionError(f"the settings let no sandbox of kind {settings.kind!r} pass")


@contextlib.asynccontextmanager
async def _started(runner: ports.SandboxRunner) -> AsyncIterator[ports.SandboxRunner]:
    start = getattr(runner, "start", None)
    if start is not None:
        await start()
    try:
        yield runner
    finally:
        await runner.close()


async def _settle_expired(made: ports.Records, clock: clock_module.Clock) -> None:
    """Write off what calls held whose process ended before they did, now and then."""
    while True:
        try:
            while await asyncio.to_thread(made.settle_expired, clock.now_us()):
                _log.warning("calls that never came to an end were charged what they held")
        except errors.RecordsUnavailableError as error:
            _log.warning("expired holds could not be looked at", extra={"detail": error.detail})
        await asyncio.sleep(_SWEEP_S)


def _in_thread(call: Any) -> Any:
    async def run() -> None:
        await asyncio.to_thread(call)

    return run


def _prompt(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_PROMPT_BYTES_MAX).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.BlueprintError(f"The prompt `{path.name}` cannot be read from the blueprint: {error}.") from error


def _key(path: Path) -> str | None:
    """Return a provider's key; None where there is none."""
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise errors.SetupError(
            f"The key file {path.name} cannot be read: {error}. Give it again by `council providers key {path.stem}`."
        ) from error
