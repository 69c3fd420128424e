"""Every Prometheus instrument of the service, by name.

Both loops read and write these names; the twelve gates are computed from them. Latency buckets reach well above a second,
since a local model on a CPU takes seconds. Labels come from closed sets only, never from what a caller sent.

In a process with several workers `PROMETHEUS_MULTIPROC_DIR` must be set before this module is imported; `render` then
sums over all of them.
"""

import contextlib
import contextvars
import functools
import os
from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

import prometheus_client
from prometheus_client import multiprocess

from council.domain import answers, errors
from council.kit import unheard

_Metric = TypeVar("_Metric", prometheus_client.Counter, prometheus_client.Histogram, prometheus_client.Gauge)

_LATENCY_BUCKETS_S = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75),
    *(1, 1.5, 2.5, 5, 10, 20, 40, 80, 160),
)
_SIZE_BUCKETS_BYTES = (256, 1024, 2048, 4096, 8192, 10_240, 16_384, 32_768, 65_536, 262_144, 1_048_576)

HTTP_RESPONSES = prometheus_client.Counter(
    "council_http_responses_total",
    "HTTP responses, by route template, method and status.",
    ["path", "method", "status"],
)
HTTP_SECONDS = prometheus_client.Histogram(
    "council_http_seconds", "Whole HTTP exchange, by route template.", ["path"], buckets=_LATENCY_BUCKETS_S
)
HTTP_RESPONSE_BYTES = prometheus_client.Histogram(
    "council_http_response_bytes", "Size of response bodies.", ["path"], buckets=_SIZE_BUCKETS_BYTES
)
HTTP_IN_FLIGHT = prometheus_client.Gauge(
    "council_http_in_flight", "Requests being answered now.", multiprocess_mode="livesum"
)
EXCHANGES = prometheus_client.Counter(
    "council_exchanges_total",
    "HTTP exchanges that ask for something, by how they ended (ok, error, timeout); streams by their end.",
    ["outcome"],
)
USERS_IN_FLIGHT = prometheus_client.Gauge(
    "council_users_in_flight",
    "Different users who wait for an answer now; a caller without a token counts by address.",
    multiprocess_mode="livesum",
)
REQUESTS = prometheus_client.Counter(
    "council_requests_total",
    "Questions, by specialist that answered and outcome (answered, refused, wrong, failed, invalid, cancelled, shed).",
    ["specialist", "outcome"],
)
MARKED_WRONG = prometheus_client.Counter(
    "council_marked_wrong_total", "Answers that their users marked as wrong, each once while the mark stands."
)
ANSWERS = prometheus_client.Counter("council_answers_total", "Answers, by evidence level.", ["level"])
LOCAL = prometheus_client.Counter(
    "council_local_answers_total", "Answers, by whether this machine alone made them.", ["local"]
)
ANSWER_BYTES = prometheus_client.Histogram(
    "council_answer_bytes",
    "Text of an answer in UTF-8, its wrapping left out; answers without text are not in it.",
    buckets=_SIZE_BUCKETS_BYTES,
)
GATE_SECONDS = prometheus_client.Histogram(
    "council_latency_seconds",
    "The latency that the gate judges: to the first content token of model answers, to the last byte of computed ones.",
    ["specialist"],
    buckets=_LATENCY_BUCKETS_S,
)
WHOLE_SECONDS = prometheus_client.Histogram(
    "council_answer_seconds", "To the last byte of every answer.", ["specialist"], buckets=_LATENCY_BUCKETS_S
)
STAGE_SECONDS = prometheus_client.Histogram(
    "council_stage_seconds", "Time in one stage of the pipeline.", ["stage"], buckets=_LATENCY_BUCKETS_S
)
PASSED_ON = prometheus_client.Counter(
    "council_passed_on_total", "Specialists that declined a question, by specialist.", ["specialist"]
)
TOKENS = prometheus_client.Counter(
    "council_tokens_total", "Model tokens, by model and direction.", ["model", "direction"]
)
COST_USD_MICROS = prometheus_client.Counter(
    "council_cost_usd_micros_total", "Money spent, micro-dollars, on questions that came to nothing, too.", ["model"]
)
RATE_LIMITED = prometheus_client.Counter("council_rate_limited_total", "Requests turned away by a rate limit.")
UNAUTHORISED = prometheus_client.Counter(
    "council_unauthorised_total", "Requests turned away at the door, by reason.", ["reason"]
)
CALLS = prometheus_client.Counter(
    "council_calls_total", "Calls to other parts, by part and outcome (ok, error).", ["part", "outcome"]
)
NETWORK_CALLS = prometheus_client.Counter(
    "council_network_calls_total",
    "Calls to other parts and providers, by whether a reply came; one not made after failures is an error, pings are left out.",
    ["outcome"],
)
LEDGER_SECONDS = prometheus_client.Histogram(
    "council_ledger_commit_seconds", "Wait for a ledger row's commit.", buckets=_LATENCY_BUCKETS_S
)

SPANS = prometheus_client.Counter(
    "council_spans_total",
    "Spans of traces for a collector, by what became of them (sent, failed, dropped); dropped were beyond `tracing.queue_max`.",
    ["result"],
)
CACHE = prometheus_client.Counter(
    "council_answer_cache_total", "Questions looked up in the answer cache, by result.", ["result"]
)
LEARNING_ROWS = prometheus_client.Counter(
    "council_learning_rows_total",
    "How questions went, for the router, by whether it was kept (kept, lost).",
    ["result"],
)
PROVIDER_CALLS = prometheus_client.Counter(
    "council_provider_calls_total", "Calls to models' servers, by provider and outcome.", ["provider", "outcome"]
)
PROVIDER_SENT_BYTES = prometheus_client.Counter(
    "council_provider_sent_bytes_total",
    "Bytes of questions sent to models' servers that are not on this machine, by provider.",
    ["provider"],
)
PROVIDER_SECONDS = prometheus_client.Histogram(
    "council_provider_seconds", "Whole calls to models' servers.", ["provider"], buckets=_LATENCY_BUCKETS_S
)
PROVIDER_STATE = prometheus_client.Gauge(
    "council_provider_up",
    "1 while a provider is called, 0 while it is left alone or off.",
    ["provider"],
    multiprocess_mode="livemin",
)

# What decision 8 has each service report about itself, since other processes may not look.
PROCESS_START_SECONDS = prometheus_client.Gauge(
    "council_process_start_seconds",
    "When the process began, seconds of Unix time.",
    ["svc"],
    multiprocess_mode="liveall",
)
PROCESS_RESIDENT_BYTES = prometheus_client.Gauge(
    "council_process_resident_bytes", "Resident memory.", ["svc"], multiprocess_mode="liveall"
)
PROCESS_THREADS = prometheus_client.Gauge("council_process_threads", "Threads.", ["svc"], multiprocess_mode="liveall")
PROCESS_MEMORY_BYTES = prometheus_client.Gauge(
    "council_process_memory_bytes",
    "Resident memory, with what the process has set aside for stores of a bounded size and has not filled yet.",
    ["svc"],
    multiprocess_mode="liveall",
)
PROCESS_PRIVATE_BYTES = prometheus_client.Gauge(
    "council_process_private_bytes", "Memory of this process alone (USS).", ["svc"], multiprocess_mode="liveall"
)
PROCESS_NATIVE_BYTES = prometheus_client.Gauge(
    "council_process_native_bytes",
    "What malloc has given out. Python's small objects are not in it, but in the blocks.",
    ["svc"],
    multiprocess_mode="liveall",
)
PROCESS_PYTHON_BLOCKS = prometheus_client.Gauge(
    "council_process_python_blocks", "Memory blocks that Python objects hold.", ["svc"], multiprocess_mode="liveall"
)
PROCESS_SOCKETS = prometheus_client.Gauge(
    "council_process_sockets", "Open sockets.", ["svc"], multiprocess_mode="liveall"
)
PROCESS_TEMP_FILES = prometheus_client.Gauge(
    "council_process_temp_files",
    "Open files without a name, or in a folder for temporary files.",
    ["svc"],
    multiprocess_mode="liveall",
)
PROCESS_CHILDREN = prometheus_client.Gauge(
    "council_process_children", "Children.", ["svc"], multiprocess_mode="liveall"
)
PROCESS_ZOMBIES = prometheus_client.Gauge(
    "council_process_zombies", "Children that ended and that nobody collected.", ["svc"], multiprocess_mode="liveall"
)
PROCESS_TASKS = prometheus_client.Gauge(
    "council_process_tasks", "Tasks of the event loop.", ["svc"], multiprocess_mode="liveall"
)
# As `council sentinel` names them for any process.
HEAP_MB = prometheus_client.Gauge(
    "heap_mb",
    "Anonymous memory, swapped out or not, in millions of bytes, with what is set aside as in council_process_memory_bytes.",
    ["svc"],
    multiprocess_mode="liveall",
)
CUDA_ALLOC_MB = prometheus_client.Gauge(
    "cuda_alloc_mb",
    "GPU memory, in millions of bytes; absent without an NVIDIA driver.",
    ["svc"],
    multiprocess_mode="liveall",
)
OPEN_FDS = prometheus_client.Gauge("open_fds_total", "Open descriptors.", ["svc"], multiprocess_mode="liveall")
FD_SOFT_LIMIT = prometheus_client.Gauge(
    "fd_soft_limit", "Soft limit of open descriptors.", ["svc"], multiprocess_mode="liveall"
)
# What the watcher's sentinels say, also as `council sentinel` names it.
SENTINEL_VERDICT = prometheus_client.Gauge(
    "sentinel_verdict",
    "0 green, 1 amber, 2 red, 3 unknown; absent where it does not apply.",
    ["svc", "sentinel"],
    multiprocess_mode="livemax",
)
SENTINEL_VALUE = prometheus_client.Gauge(
    "sentinel_value",
    "What the sentinel judges by, in its unit; absent where it has none.",
    ["svc", "sentinel"],
    multiprocess_mode="livemax",
)
SERVICE_VERDICT = prometheus_client.Gauge(
    "council_service_verdict",
    "0 runs, 1 starts or stops, 2 does not run or hangs; absent while it is stopped. What the supervisor says, and of itself.",
    ["svc", "replica"],
    multiprocess_mode="livemax",
)
SERVICE_CRASHES = prometheus_client.Gauge(
    "council_service_crashes",
    "Ends of a service within the last hour that nobody asked for; absent while it is stopped.",
    ["svc"],
    multiprocess_mode="livemax",
)
# What the watcher measures of the machine.
DISK_USED_BYTES = prometheus_client.Gauge(
    "council_disk_used_bytes", "Used on the disk that holds the home.", ["svc"], multiprocess_mode="livemax"
)
DISK_SIZE_BYTES = prometheus_client.Gauge(
    "council_disk_size_bytes",
    "Used and free to us on the disk that holds the home.",
    ["svc"],
    multiprocess_mode="livemax",
)
GPU_USED_BYTES = prometheus_client.Gauge(
    "council_gpu_memory_used_bytes",
    "Memory in use on an NVIDIA card, by its number.",
    ["svc", "gpu"],
    multiprocess_mode="livemax",
)
GPU_TOTAL_BYTES = prometheus_client.Gauge(
    "council_gpu_memory_total_bytes", "Memory of an NVIDIA card.", ["svc", "gpu"], multiprocess_mode="livemax"
)
SPENT_TODAY_USD_MICROS = prometheus_client.Gauge(
    "council_spent_today_usd_micros",
    "Spent and held since midnight UTC, micro-dollars.",
    ["svc"],
    multiprocess_mode="livemax",
)
QUOTA_TODAY_USD_MICROS = prometheus_client.Gauge(
    "council_quota_today_usd_micros",
    "The day's budget of all, micro-dollars; 0 for none.",
    ["svc"],
    multiprocess_mode="livemax",
)
GENERATION = prometheus_client.Gauge(
    "council_generation_info",
    "1 for the generation this service runs.",
    ["svc", "generation"],
    multiprocess_mode="liveall",
)
INPUTS = prometheus_client.Gauge(
    "council_inputs_info",
    "1 for the digest of the files that this service began with; absent where they could not be read.",
    ["svc", "digest"],
    multiprocess_mode="liveall",
)

# Patches.
PATCHES = prometheus_client.Counter(
    "patchctl_patches_total",
    "Patches that ended, by outcome, reason (a refusal's word, or the step that failed) and kind of the proven key.",
    ["outcome", "reason", "author_kind"],
)
PATCHES_ROLLED_BACK = prometheus_client.Counter("patchctl_rollbacks_total", "Patches that were rolled back.")
PATCHES_BY_PEOPLE = prometheus_client.Counter(
    "patchctl_human_merges_total", "Patches that were applied and that a person's key signed."
)
PATCHES_LAST_APPLY = prometheus_client.Gauge(
    "patchctl_last_apply_ts",
    "When a patch was applied last, seconds of Unix time; absent where none was.",
    ["svc"],
    multiprocess_mode="livemax",
)
PATCHES_QUOTA_USED = prometheus_client.Gauge(
    "patchctl_quota_used", "Patches of bots that count today.", ["svc"], multiprocess_mode="livemax"
)
PATCHES_QUOTA_LIMIT = prometheus_client.Gauge(
    "patchctl_quota_limit", "Patches that bots may have applied today.", ["svc"], multiprocess_mode="livemax"
)
PATCHES_FROZEN = prometheus_client.Gauge(
    "patchctl_frozen", "1 while nothing is applied.", ["svc"], multiprocess_mode="livemax"
)

# The forge.
FORGE_STEPS = prometheus_client.Counter(
    "council_forge_steps_total", "Looks at the forge's main and at what serves, by what was done.", ["step"]
)
FORGE_ERRORS = prometheus_client.Counter("council_forge_errors_total", "Looks that failed and are taken again.")
FORGE_IN_STEP = prometheus_client.Gauge(
    "council_forge_in_step", "1 while the forge's main holds what serves.", ["svc"], multiprocess_mode="livemax"
)

# The observer.
OBSERVER_SNAPSHOTS = prometheus_client.Counter("council_observer_snapshots_total", "Snapshots kept.", ["occasion"])
OBSERVER_MISSED = prometheus_client.Counter("council_observer_missed_total", "Ticks of which there is no snapshot.")
OBSERVER_SECONDS = prometheus_client.Histogram(
    "council_observer_seconds", "Time from what is due to a snapshot that is kept.", buckets=_LATENCY_BUCKETS_S
)
OBSERVER_ERRORS = prometheus_client.Counter("council_observer_errors_total", "Looks that failed and are taken again.")
OBSERVER_DIGESTS = prometheus_client.Counter("council_observer_digests_total", "Digests of a day that people are told.")
BOT_RUNS = prometheus_client.Counter("council_bot_runs_total", "Runs of bots, by how they ended.", ["bot", "outcome"])
OBSERVER_ESCALATIONS = prometheus_client.Counter("council_observer_escalations_total", "Gates told of for staying red.")

# The guides.
GUIDES_LOADED = prometheus_client.Counter("docs_loaded_total", "Guides put into the store, new ones and changed ones.")
GUIDES_ERRORS = prometheus_client.Counter("docs_errors_total", "Documents at fault, each once for each of its faults.")
GUIDES_SECONDS = prometheus_client.Histogram(
    "loader_duration_seconds", "One sync of guides that found something new.", buckets=_LATENCY_BUCKETS_S
)

# The model process.
MODEL_SLOTS_BUSY = prometheus_client.Gauge(
    "council_model_slots_busy", "Generations running.", multiprocess_mode="livesum"
)
MODEL_WAITING = prometheus_client.Gauge(
    "council_model_waiting", "Requests that wait for a slot.", multiprocess_mode="livesum"
)
MODEL_FIRST_TOKEN_SECONDS = prometheus_client.Histogram(
    "council_model_first_token_seconds", "From slot to first token.", buckets=_LATENCY_BUCKETS_S
)

# Recall.
RECALL_PASSAGES = prometheus_client.Gauge(
    "council_recall_passages", "Passages in the index, by root.", ["root"], multiprocess_mode="livemax"
)
RECALL_LEFT_OUT = prometheus_client.Gauge(
    "council_recall_left_out", "Documents that could not be indexed, by root.", ["root"], multiprocess_mode="livemax"
)

RECALL_MEANINGS = prometheus_client.Gauge(
    "council_recall_meanings", "Passages whose meaning is ready to be searched.", multiprocess_mode="livemax"
)

# Memory, kept by recall.
MEMORY_MEMORIES = prometheus_client.Gauge(
    "council_memory_memories", "Memories of all users in the records.", multiprocess_mode="livemax"
)
MEMORY_LOADED = prometheus_client.Gauge(
    "council_memory_loaded", "Memories that are ready to be searched.", multiprocess_mode="livemax"
)
MEMORY_REBUILD_SECONDS = prometheus_client.Gauge(
    "council_memory_rebuild_seconds", "How long reading all memories took at the start.", multiprocess_mode="livemax"
)
MEMORY_SEARCHES = prometheus_client.Counter(
    "council_memory_searches_total", "Searches of a user's memories, by whether any fitted (hit, miss).", ["result"]
)
MEMORY_SEARCH_SECONDS = prometheus_client.Histogram(
    "council_memory_search_seconds", "One search, with its embedding.", buckets=_LATENCY_BUCKETS_S
)
MEMORY_EMBED_SECONDS = prometheus_client.Histogram(
    "council_memory_embed_seconds", "One text into a vector, or out of the cache.", buckets=_LATENCY_BUCKETS_S
)
MEMORY_KEPT = prometheus_client.Counter("council_memory_kept_total", "Memories kept, by kind.", ["kind"])
MEMORY_FORGOTTEN = prometheus_client.Counter("council_memory_forgotten_total", "Memories deleted.")

# The sandbox.
SANDBOX_RUN_SECONDS = prometheus_client.Histogram(
    "council_sandbox_run_seconds", "One job, waiting left out, by status.", ["status"], buckets=_LATENCY_BUCKETS_S
)
SANDBOX_JOBS = prometheus_client.Counter(
    "council_sandbox_jobs_total", "Jobs, by language and status.", ["language", "status"]
)
SANDBOX_KILLS = prometheus_client.Counter("council_sandbox_kills_total", "Jobs that met a limit, by limit.", ["limit"])
SANDBOX_REFUSED = prometheus_client.Counter(
    "council_sandbox_refused_total",
    "Jobs refused, by reason (layers, stopped, queue, invalid, unavailable).",
    ["reason"],
)
SANDBOX_BLOCKED = prometheus_client.Counter(
    "council_sandbox_blocked_total", "System calls refused to jobs, by class.", ["class"]
)
SANDBOX_POOL_READY = prometheus_client.Gauge(
    "council_sandbox_pool_ready", "Sandboxes that wait for a job.", multiprocess_mode="livesum"
)
SANDBOX_RUNNING = prometheus_client.Gauge("council_sandbox_running", "Jobs running.", multiprocess_mode="livesum")
SANDBOX_WAITING = prometheus_client.Gauge(
    "council_sandbox_waiting", "Jobs that wait for their turn.", multiprocess_mode="livesum"
)
SANDBOX_SESSIONS = prometheus_client.Gauge("council_sandbox_sessions", "Sessions open.", multiprocess_mode="livesum")

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST

# The closed sets of labels that gates select by.
EXCHANGE_OUTCOMES = ("ok", "error", "timeout")
NETWORK_OUTCOMES = ("ok", "error")
QUESTION_OUTCOMES = ("answered", "refused", "wrong", "failed", "invalid", "cancelled", "shed")


def names() -> frozenset[str]:
    """Return the names, in the text form, of all that a service can report."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return frozenset(
        family.name + suffix
        for family in prometheus_client.REGISTRY.collect()
        for suffix in suffixes.get(family.type, ("",))
    )


def begin(models: Iterable[str]) -> None:
    """Show at nought what gates read of a gateway with these models: a series that appears with its first event hides it."""
    for outcome in EXCHANGE_OUTCOMES:
        of(EXCHANGES, outcome)
    for outcome in NETWORK_OUTCOMES:
        of(NETWORK_CALLS, outcome)
    for route in answers.Route:
        of(GATE_SECONDS, route)
        of(WHOLE_SECONDS, route)
        for outcome in QUESTION_OUTCOMES:
            of(REQUESTS, route, outcome)
    for local in ("true", "false"):
        of(LOCAL, local)
    for model in models:
        of(COST_USD_MICROS, model)


Apart = unheard.Apart

# As the request's id in the log, it goes along with whatever is done for the request, in tasks and threads, too.
_APART: contextvars.ContextVar[Apart | None] = contextvars.ContextVar("apart", default=None)


@contextlib.contextmanager
def counting(apart: Apart | None) -> Iterator[None]:
    """Have everything that is asked of `of` inside counted apart, or with all the rest where that is None.

    A task that is begun inside and outlives it goes on counting apart: what serves several requests must not be begun there,
    or must not count.
    """
    token = _APART.set(apart)
    try:
        yield
    finally:
        _APART.reset(token)


def apart() -> Apart | None:
    """Return where what is counted now goes; None where that is the metrics."""
    return _APART.get()


def of(metric: _Metric, *labels: str) -> _Metric:
    """Return the child of a metric with these labels, the metric itself without any; in a trial what takes its place.

    Whatever counts for a request asks here, so that a marked one is in no metric.
    """
    counted = _APART.get()
    if counted is not None:
        return cast(_Metric, counted.take(metric, labels))
    child: _Metric = _child(metric, *labels)
    return child


@functools.lru_cache(maxsize=4096)
def _child(metric: _Metric, *labels: str) -> _Metric:
    """Look a child up once: `labels` takes a lock and checks each time."""
    return metric.labels(*labels) if labels else metric


@contextlib.contextmanager
def network_call() -> Iterator[None]:
    """Count the call to another part that happens inside.

    It is an error where the part is away, too slow, breaks off or says that it failed. A refusal is a reply; a call that its
    caller gave up says nothing of the network.
    """
    try:
        yield
    except errors.UnavailableError:
        of(NETWORK_CALLS, "error").inc()
        raise
    except errors.CouncilError:
        of(NETWORK_CALLS, "ok").inc()
        raise
    else:
        of(NETWORK_CALLS, "ok").inc()


def render() -> bytes:
    """Return the metrics of this service in Prometheus text form, all its workers summed."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return prometheus_client.generate_latest()
    registry = prometheus_client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return prometheus_client.generate_latest(registry)
