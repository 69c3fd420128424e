"""The composition root: settings in, wired objects out.

The one place that chooses a kind for each port. Imports of a kind stand where it is chosen, so that a process loads only what
it runs.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from council import ports
from council.domain import answers, errors
from council.domain import config as config_module
from council.domain import home as home_module
from council.kit import clock as clock_module
from council.kit import permissions

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from council.serving.memory import keeper as keeper_module

_PROMPT_BYTES_MAX = 64 * 1024


def records(config: config_module.Config, where: home_module.Home) -> ports.Records:
    """Return the records that the settings name. What root makes in the home's folder goes to that folder's owner."""
    from council.backends.records import sql

    class HomeRecords(sql.SqlRecords):
        """The embedded database, which a command run by root must leave usable for the gateway's own user."""

        def close(self) -> None:
            """Close every connection."""
            super().close()
            permissions.follow_owner(where.records)

    if config.records.url:
        return sql.SqlRecords(config.records.url, config.records.busy_s)
    return HomeRecords(where.records_url, config.records.busy_s)


def keeper(config: config_module.Config, where: home_module.Home) -> "keeper_module.Keeper":
    """Return what keeps users' memories. Raises SetupError without its model, RecordsUnavailableError."""
    from council.backends.embedder import onnx
    from council.backends.records import memories
    from council.backends.vector_index import faiss
    from council.serving.memory import keeper as keeper_module

    embedder = onnx.OnnxEmbedder(config.memory.cache_texts)
    kept = memories.SqlMemories(config.records.url or where.records_url, config.records.busy_s)
    clock = clock_module.SystemClock()

    def new_index() -> ports.VectorIndex:
        return faiss.FaissIndex(embedder.width, config.memory.lists_from)

    return keeper_module.Keeper(kept, embedder, new_index, config.memory, clock)


def store(config: config_module.Config, where: home_module.Home) -> ports.Store:
    """Return the store that the settings name."""
    from council.backends.store import bundled, valkey

    return valkey.ValkeyStore(config.store.url or bundled.url(where), config.store.timeout_s)


def model(config: config_module.Config, where: home_module.Home) -> ports.ModelProvider:
    """Return the provider for the local model's own process."""
    from council.backends.model_provider import openai

    url = f"http://127.0.0.1:{config.model_port}"
    key = _secret(where.internal_key_file)
    return openai.OpenAIProvider(config.model.name, url, key, config.model.stall_s)


def runtime(where: home_module.Home) -> ports.Runtime:
    """Return the runtime: the supervisor of this machine."""
    from council.backends.runtime import local

    return local.LocalRuntime(where)


def gateway(config: config_module.Config, where: home_module.Home, generation: str) -> "ASGIApp":
    """Return the gateway's application; its lifespan opens and closes what it leans on, in order."""
    from council.backends.compute import unix as compute_unix
    from council.backends.memories import unix as memories_unix
    from council.backends.retriever import unix as retriever_unix
    from council.backends.sandbox_runner import unix as sandbox_unix
    from council.gateway import application, auth, limits, parts
    from council.serving import pipeline
    from council.serving.ledger import writer
    from council.serving.memory import use

    clock = clock_module.SystemClock()
    made_records, made_store, made_model = records(config, where), store(config, where), model(config, where)
    compute = compute_unix.UnixCompute(where.socket("worker"), config.worker)
    recall = retriever_unix.UnixRetriever(where.socket("recall"), config.recall.timeout_s)
    memories = memories_unix.UnixMemories(where.socket("recall"), config.memory)
    sandbox = sandbox_unix.UnixSandbox(where.socket("sandboxd"), config.sandbox)
    ledger_writer = writer.LedgerWriter(made_records, config.records.batch_rows_max, config.records.queue_rows_max)
    prompts = where.generations / generation / "prompts"
    made = parts.Parts(
        config=config,
        generation=generation,
        records=made_records,
        pipeline=pipeline.Pipeline(
            specialists(made_model, compute, recall, sandbox, prompts, config),
            ledger_writer,
            config.prices,
            generation,
            clock,
            use.Remembering(memories, config.memory),
        ),
        sandbox=sandbox,
        memories=memories,
        doorkeeper=auth.Doorkeeper(made_records, config.gateway),
        limiter=limits.RateLimiter(made_store, clock),
        pings={
            "records": _in_thread(made_records.ping),
            "store": made_store.ping,
            "model": made_model.ping,
            "worker": compute.ping,
            "recall": recall.ping,
            "sandbox": sandbox.ping,
        },
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        await made.doorkeeper.refresh()
        ledger_writer.start()
        try:
            yield
        finally:
            await asyncio.to_thread(ledger_writer.close)
            await sandbox.close()
            await made_model.close()
            await made_store.close()
            made_records.close()

    return application.build(made, lifespan)


def specialists(
    provider: ports.ModelProvider,
    compute: ports.Compute,
    recall: ports.Retriever,
    sandbox: ports.Sandbox,
    prompts: Path,
    config: config_module.Config,
) -> list[Any]:
    """Return every specialist, wired."""
    from council.domain import sandbox_wire
    from council.serving.specialists import computed, generated, knowledge

    limits = sandbox_wire.default_limits(config.sandbox)
    return [
        computed.ComputedSpecialist(answers.Route.MATH, "math.solve", compute),
        computed.ComputedSpecialist(answers.Route.LOGIC, "logic.solve", compute),
        knowledge.KnowledgeSpecialist(recall, config.recall.coverage_min),
        generated.CodeSpecialist(provider, compute, sandbox, _prompt(prompts / "code.md"), limits),
        generated.GeneralSpecialist(provider, _prompt(prompts / "general.md")),
    ]


def sandbox_front(
    config: config_module.Config, where: home_module.Home
) -> contextlib.AbstractAsyncContextManager[ports.Sandbox]:
    """Return what opens sandboxd's front with the runner that the settings name, and closes both.

    Everything is imported here, and nothing is opened before the context is entered.
    """
    from council.serving.sandbox import audit, front

    clock = clock_module.SystemClock()
    settings = config.sandbox
    runner = _runner(settings, where)

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[ports.Sandbox]:
        trail = audit.AuditTrail(where.sandbox, settings.audit_file_bytes_max, settings.audit_files_max, clock)
        async with contextlib.AsyncExitStack() as stack:
            # The front closes it as well; not where the runner does not start.
            stack.callback(trail.close)
            made = front.Front(await stack.enter_async_context(runner), trail, settings, clock)
            stack.push_async_callback(made.close)
            made.watch()
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


def _secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise errors.SetupError(
            f"The key file {path.name} cannot be read: {error.strerror}. Run `council init`."
        ) from error
