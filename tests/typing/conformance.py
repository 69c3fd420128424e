"""Every back end fills its Protocol, and so does every public fake: checked by mypy, never run."""

import random
from pathlib import Path

from council import care_ports, dashboard_ports, kept_ports, ports
from council.backends.advisor import http as http_advisor
from council.backends.blueprint import folder as blueprint_folder
from council.backends.compute import unix as compute_unix
from council.backends.embedder import onnx
from council.backends.forge import github as forge_github
from council.backends.forge import github_calls
from council.backends.forge import local as forge_local
from council.backends.memories import unix as memories_unix
from council.backends.model_provider import openai
from council.backends.notifier import apprise, file, log, slack
from council.backends.patch_service import http as http_patches
from council.backends.proposals import http as http_proposals
from council.backends.records import bot_runs as sql_bot_runs
from council.backends.records import incidents as sql_incidents
from council.backends.records import memories as sql_memories
from council.backends.records import overrides as sql_overrides
from council.backends.records import repairs as sql_repairs
from council.backends.records import sql
from council.backends.records import uses as sql_uses
from council.backends.retriever import unix as retriever_unix
from council.backends.runtime import local as runtime_local
from council.backends.sandbox_runner import unix as sandbox_unix
from council.backends.sighting import http as sighting_http
from council.backends.store import guides as store_guides
from council.backends.store import valkey
from council.backends.vector_index import faiss
from council.domain import answering, answers, config, home, providers, sandbox_wire
from council.kit import clock
from council.serving import pipeline, relay
from council.serving.ledger import writer
from council.serving.providers import calls, speaker
from council.serving.specialists import code, computed, general, knowledge, programs, speech, staged, tools, translated
from council.testing import alerts as fake_alerts
from council.testing import clock as fake_clock
from council.testing import dashboard as fake_dashboard
from council.testing import guides as fake_guides
from council.testing import local as fake_local
from council.testing import memory as fake_memory
from council.testing import model as fake_model
from council.testing import provider as fake_provider
from council.upkeep.guides import loading

_PATH = Path()

records: ports.Records = sql.SqlRecords("sqlite://", 1.0)
store: ports.Store = valkey.ValkeyStore("unix://x", 1.0)
_PROVIDER = providers.Provider("fake", url="http://127.0.0.1/v1")
model: ports.ModelProvider = openai.OpenAIProvider(_PROVIDER, "key", config.CallsConfig())
local_model: ports.ModelProvider = openai.LocalModel(_PROVIDER, "key", config.CallsConfig())
compute: ports.Compute = compute_unix.UnixCompute(_PATH, config.WorkerConfig())
fake_compute: ports.Compute = fake_local.InlineCompute()
retriever: ports.Retriever = retriever_unix.UnixRetriever(_PATH, 1.0)
library: dashboard_ports.Library = retriever_unix.UnixRetriever(_PATH, 1.0)
fake_library: dashboard_ports.Library = fake_dashboard.InlineLibrary()
blueprint: dashboard_ports.Blueprint = blueprint_folder.FolderBlueprint(_PATH)
fake_blueprint: dashboard_ports.Blueprint = fake_dashboard.PlainBlueprint({})
changes: dashboard_ports.Changes = http_patches.HttpPatchService("http://127.0.0.1:8001", "key")
fake_changes: dashboard_ports.Changes = fake_dashboard.ScriptedChanges()
lately: dashboard_ports.Uses = sql_uses.SqlUses("sqlite://", 1.0)
fake_retriever: ports.Retriever = fake_local.InlineRetriever({})
sandbox: ports.Sandbox = sandbox_unix.UnixSandbox(_PATH, config.SandboxConfig())
runtime: ports.Runtime = runtime_local.LocalRuntime(home.Home(_PATH))
generations: care_ports.Generations = runtime_local.LocalRuntime(home.Home(_PATH))
memories: ports.Memories = memories_unix.UnixMemories(_PATH, config.MemoryConfig())
memory_records: kept_ports.MemoryRecords = sql_memories.SqlMemories("sqlite://", 1.0)
fake_memory_records: kept_ports.MemoryRecords = fake_memory.PlainRecords()
fake_memories: ports.Memories = fake_memory.InlineMemories(
    fake_memory.PlainRecords(), config.MemoryConfig(), clock.SystemClock()
)
incidents: kept_ports.Incidents = sql_incidents.SqlIncidents("sqlite://", 1.0)
overrides: kept_ports.Overrides = sql_overrides.SqlOverrides("sqlite://", 1.0)
bot_runs: kept_ports.BotRuns = sql_bot_runs.SqlBotRuns("sqlite://", 1.0)
proposals: care_ports.Proposals = http_proposals.HttpProposals(8003, "key")
advisor: care_ports.Advisor = http_advisor.HttpAdvisor("http://127.0.0.1:8000")
repairs: kept_ports.Repairs = sql_repairs.SqlRepairs("sqlite://", 1.0)
guidebook: care_ports.Guidebook = store_guides.ValkeyGuidebook("unix:///s", 1.0)
fake_guidebook: care_ports.Guidebook = fake_guides.InlineGuidebook()
no_guidebook: care_ports.Guidebook = loading.Nowhere()
fake_incidents: kept_ports.Incidents = fake_alerts.PlainIncidents()
log_notifier: care_ports.Notifier = log.LogNotifier()
file_notifier: care_ports.Notifier = file.FileNotifier(_PATH, 1, 1)
apprise_notifier: care_ports.Notifier = apprise.AppriseNotifier("x", "json://x", 1.0)
slack_notifier: care_ports.Notifier = slack.SlackNotifier("x", "https://x", 1.0, lambda _: [], clock.SystemClock())
fake_notifier: care_ports.Notifier = fake_alerts.ScriptedNotifier()
github_forge: care_ports.Forge = forge_github.GitHubForge(github_calls.Settings("acme/blueprint", "t"), lambda: 0)
local_forge: care_ports.Forge = forge_local.LocalForge(_PATH, "ann", lambda: 0)
sighting: care_ports.Sighting = sighting_http.HttpSighting("http://127.0.0.1:8000")
embedder: ports.Embedder = onnx.OnnxEmbedder(1)
fake_embedder: ports.Embedder = fake_memory.WordEmbedder()
vector_index: ports.VectorIndex = faiss.FaissIndex(384, 50_000)
fake_vector_index: ports.VectorIndex = fake_memory.PlainIndex()

system_clock: clock.Clock = clock.SystemClock()
manual_clock: clock.Clock = fake_clock.ManualClock()

ledger_writer: relay.LedgerWriter = writer.LedgerWriter(records, 1, 1)
fake_provider_: ports.ModelProvider = fake_provider.ScriptedProvider()
fake_holder: calls.Holder = fake_provider.Purse()
holder: calls.Holder = writer.LedgerWriter(records, 1, 1)
made_calls = calls.Calls(
    {}, {}, {}, holder, config.CallsConfig(), config.BudgetConfig(), clock.SystemClock(), random.Random()
)
made_speaker: speech.Speaker = speaker.Speaker(made_calls, "m")
fake_speaker: speech.Speaker = fake_model.ScriptedModel()
specialists: list[pipeline.Specialist] = [
    computed.ComputedSpecialist(answers.Route.MATH, "math.solve", compute),
    staged.StagedSpecialist(
        answers.Route.MATH,
        [
            computed.ComputedSpecialist(answers.Route.MATH, "math.solve", compute, manual_clock),
            programs.ProgramSpecialist(
                made_speaker,
                compute,
                sandbox,
                sandbox_wire.default_limits(config.SandboxConfig()),
                answering.ProgramsConfig(),
            ),
        ],
    ),
    translated.TranslatedSpecialist(made_speaker, compute, answering.LogicConfig()),
    knowledge.KnowledgeSpecialist(retriever, 0.5),
    code.CodeSpecialist(
        made_speaker, compute, sandbox, "", sandbox_wire.default_limits(config.SandboxConfig()), answering.CodeConfig()
    ),
    general.GeneralSpecialist(made_speaker, ""),
    tools.ToolUsingSpecialist(
        general.GeneralSpecialist(made_speaker, ""),
        made_speaker,
        {"search": knowledge.KnowledgeSpecialist(retriever, 0.5)},
        sandbox,
        sandbox_wire.default_limits(config.SandboxConfig()),
        answering.GeneralConfig(),
    ),
]
