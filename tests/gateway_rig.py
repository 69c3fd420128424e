"""A gateway in this process: real specialists, real records on disk, a scripted model, faults on demand."""

import asyncio
import contextlib
import dataclasses
import random
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from council import app, ports
from council.backends.model_provider import openai
from council.backends.records import audits as sql_audits
from council.backends.records import chats as sql_chats
from council.backends.records import incidents as sql_incidents
from council.backends.records import learning as sql_learning
from council.backends.records import logins as sql_logins
from council.backends.records import overrides as sql_overrides
from council.backends.records import repairs as sql_repairs
from council.backends.records import snapshots as sql_snapshots
from council.backends.records import sql
from council.backends.records import uses as sql_uses
from council.backends.tracer import nowhere
from council.domain import access, config, gates, patches, providers
from council.gateway import application, auth, guests, limits, parts, spans, trial, used
from council.kit import clock
from council.serving import overrides, pipeline
from council.serving.ledger import unkept, writer
from council.serving.memory import use
from council.serving.providers import calls, keyring
from council.serving.router import learning
from council.serving.router import router as routers
from council.testing import dashboard as scripted_dashboard
from council.testing import faults, local, memory, model, upstream
from council.testing import guides as scripted_guides
from council.testing import watch as scripted_watch
from fake_sandbox import FakeSandbox

GUIDE = "# Opening hours\n\nThe harbour office opens at seven and closes at noon.\n"
TIDES = "# Tide tables\n\nThe tide tables hang beside the quay lantern.\n"
LABEL = patches.Label("0" * 40)
TRIAL_KEY = "key-of-trials"
# A query in other words than the guide's, and what is near to it.
NEAREST = {"When may captains come in?": "hours.md"}
WATCHED = (
    scripted_watch.line("error_rate", gates.Verdict.GREEN, 0.5),
    scripted_watch.line("network_errors", gates.Verdict.UNKNOWN),
)
PROMPTS = Path(__file__).parents[1] / "config" / "prompts"


class MemoryStore:
    """A store that always allows; rate limits themselves are tested against real servers."""

    async def ping(self) -> None: ...

    async def take(self, key: str, limit: int, window_s: float, permits: int = 1):

        return access.Allowance(True, limit, limit - 1, 0.0)

    async def close(self) -> None: ...


@dataclasses.dataclass
class Rig:
    """The parts that tests reach for."""

    client: httpx.AsyncClient
    app: object
    records: faults.Switch
    store: faults.Switch
    compute: faults.Switch
    recall: faults.Switch
    sandbox: faults.Switch
    memories: faults.Switch
    fake_sandbox: FakeSandbox
    model: model.ScriptedModel
    admin: str
    viewer: str
    settings: config.Config
    doorkeeper: auth.Doorkeeper
    watch: scripted_watch.ScriptedWatch
    guidebook: scripted_guides.InlineGuidebook
    in_force: overrides.InForce
    overrides: sql_overrides.SqlOverrides
    made: parts.Parts
    turn_log: scripted_dashboard.InlineTurnLog
    changes: scripted_dashboard.ScriptedChanges
    library: scripted_dashboard.InlineLibrary
    blueprint: scripted_dashboard.PlainBlueprint

    def headers(self, secret: str | None = None) -> dict[str, str]:
        return {"authorization": f"Bearer {secret or self.admin}"}


@contextlib.asynccontextmanager
async def open_rig(
    folder: Path,
    settings: config.Config,
    scripted: model.ScriptedModel,
    client_host: str,
    catalogue: dict[str, Any] | None = None,
    local_url: str = "http://127.0.0.1:9/v1",
    *,
    supervised: bool = True,
    tracer: ports.Tracer | None = None,
) -> AsyncIterator[Rig]:
    """`supervised`: the server at `local_url` says at /readyz whether it is there, as ours does.

    `tracer` gets the spans of requests, where the settings have them followed.
    """
    real_records = sql.SqlRecords(f"sqlite:///{folder / 'council.db'}")
    real_records.migrate()
    secrets = {}
    for role in (access.Role.ADMIN, access.Role.VIEWER, access.Role.OPERATOR, access.Role.BOT):
        secrets[role] = f"secret-{role}"
        real_records.add_token(access.Token(f"id-{role}", "someone", role, "", access.digest(secrets[role]), 1))
    records, store = faults.Switch(real_records), faults.Switch(MemoryStore())
    compute, recall = (
        faults.Switch(local.InlineCompute()),
        faults.Switch(local.InlineRetriever({"hours.md": GUIDE, "guidebook/tides.md": TIDES}, NEAREST)),
    )
    fake_sandbox = FakeSandbox(settings.sandbox)
    sandbox = faults.Switch(fake_sandbox)
    ledger_writer = writer.LedgerWriter(records, 64, 1000)
    specialists = app.specialists(scripted, compute, recall, sandbox, PROMPTS, settings)
    found = providers.build(catalogue or {}, settings)
    servers = {name: openai.OpenAIProvider(one, "key", settings.calls) for name, one in found.providers.items()}
    # The scripted model speaks to the specialists; at its port nobody is.
    local_kind = openai.LocalModel if supervised else openai.OpenAIProvider
    servers[providers.LOCAL] = local_kind(providers.Provider(providers.LOCAL, url=local_url), "key", settings.calls)
    in_force = overrides.InForce(clock.SystemClock(), random.Random(1))
    made_calls = calls.Calls(
        found.models, servers, {}, ledger_writer, settings.calls, settings.budget, clock.SystemClock(), random.Random(1),
        in_force.order,
    )  # fmt: skip
    kept = memory.InlineMemories(memory.PlainRecords(), settings.memory, clock.SystemClock())
    memories = faults.Switch(kept)
    learned = learning.Learning(
        sql_learning.SqlLearning(f"sqlite:///{folder / 'council.db'}"), settings.learning_rows, clock.SystemClock(),
        on=settings.learning,
    )  # fmt: skip
    learned.start()
    kept_incidents = sql_incidents.SqlIncidents(f"sqlite:///{folder / 'council.db'}")
    kept_snapshots = sql_snapshots.SqlSnapshots(f"sqlite:///{folder / 'council.db'}")
    kept_overrides = sql_overrides.SqlOverrides(f"sqlite:///{folder / 'council.db'}")
    kept_repairs = sql_repairs.SqlRepairs(f"sqlite:///{folder / 'council.db'}")
    chain = pipeline.Pipeline(
        specialists, ledger_writer, made_calls, found.escalation, settings.prices, LABEL, clock.SystemClock(),
        use.Remembering(memories, settings.memory), None, routers.Router(settings.router), learned,
        refusal=in_force.route_refusal,
    )  # fmt: skip
    book = unkept.UnkeptLedger()
    unpaid = calls.Calls(
        found.models, servers, {}, book, settings.calls, settings.budget, clock.SystemClock(), random.Random(1)
    )
    tried = pipeline.Pipeline(
        specialists, book, unpaid, found.escalation, settings.prices, LABEL, clock.SystemClock(),
        router=routers.Router(settings.router), reserve=0.0,
    )  # fmt: skip
    trail = faults.Switch(sql_audits.SqlAudit(f"sqlite:///{folder / 'council.db'}"))
    known = guests.Guests(
        sql_logins.SqlLogins(f"sqlite:///{folder / 'council.db'}"), trail, settings, clock.SystemClock()
    )
    kept_chats = sql_chats.SqlChats(f"sqlite:///{folder / 'council.db'}")
    turn_log, changes = scripted_dashboard.InlineTurnLog(), scripted_dashboard.ScriptedChanges()
    library, blueprint = scripted_dashboard.InlineLibrary(), scripted_dashboard.PlainBlueprint({})
    lately = used.Used(sql_uses.SqlUses(f"sqlite:///{folder / 'council.db'}"), clock.SystemClock(), made_calls.seen)

    def keyed(one: providers.Provider) -> ports.ModelProvider | None:
        key = changes.keys.get(one.name)
        return openai.OpenAIProvider(one, key, settings.calls) if key else None

    changes.keys |= {name: "key" for name, one in found.providers.items() if one.key == "file"}
    keys = keyring.Keyring(found.providers, (made_calls,), changes.stamp, keyed)
    watch = scripted_watch.ScriptedWatch(*WATCHED)
    guidebook = scripted_guides.InlineGuidebook()
    made = parts.Parts(
        config=settings,
        records=records,
        incidents=kept_incidents,
        snapshots=kept_snapshots,
        repairs=kept_repairs,
        guidebook=guidebook,
        watch=watch,
        pipeline=chain,
        trials=trial.Trials(access.digest(TRIAL_KEY), tried),
        calls=made_calls,
        sandbox=sandbox,
        memories=memories,
        retriever=recall,
        learning=learned,
        doorkeeper=auth.Doorkeeper(records, settings.gateway, guests=known, used=lately.token),
        library=library,
        blueprint=blueprint,
        catalogue=found,
        keys=keys,
        used=lately,
        guests=known,
        chats=kept_chats,
        turn_log=turn_log,
        changes=changes,
        limiter=limits.RateLimiter(store, clock.SystemClock(), in_force.ceiling),
        overrides=kept_overrides,
        in_force=in_force,
        pings={"records": as_coroutine(records, "ping"), "store": store.ping, "worker": lambda: compute.ping()},
        tracing=spans.of(settings.tracing, tracer or nowhere.NoTracer()),
    )
    await made.doorkeeper.refresh()
    ledger_writer.start()
    built = application.build(made, dashboard=folder / "dashboard")
    transport = httpx.ASGITransport(app=built, client=(client_host, 1234), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield Rig(
            client, built, records, store, compute, recall, sandbox, memories, fake_sandbox, scripted,
            secrets[access.Role.ADMIN], secrets[access.Role.VIEWER], settings, made.doorkeeper, watch, guidebook,
            in_force, kept_overrides, made, turn_log, changes, library, blueprint,
        )  # fmt: skip
    await chain.close()
    for server in servers.values():
        await server.close()
    ledger_writer.close()
    await learned.close()
    kept_incidents.close()
    kept_snapshots.close()
    trail.error = None
    await keys.close()
    for one in (kept_overrides, kept_repairs, known.kept, trail, kept_chats, lately.kept):
        one.close()
    real_records.close()


def as_coroutine(target: object, name: str) -> Callable[[], Awaitable[None]]:
    async def call() -> None:
        getattr(target, name)()

    return call


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), "127.0.0.1") as made:
        yield made


@contextlib.contextmanager
def served_rig(folder: Path, settings: config.Config) -> Iterator[str]:
    """The same gateway on a real loopback port, served by a thread of its own; gives its URL.

    A scripted upstream is its model.
    """
    ready, url = threading.Event(), ""
    servers: list[uvicorn.Server] = []

    async def main() -> None:
        nonlocal url
        async with (
            upstream.serve(upstream.Script(any="ok")) as server,
            open_rig(
                folder, settings, model.ScriptedModel(), "127.0.0.1", local_url=f"{server.url}/v1", supervised=False
            ) as made,
        ):
            listener = socket.create_server(("127.0.0.1", 0))
            gateway = uvicorn.Server(uvicorn.Config(made.app, log_config=None, access_log=False, lifespan="off"))
            servers.append(gateway)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            ready.set()
            await gateway.serve([listener])

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert ready.wait(30)
        yield url
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(30)
