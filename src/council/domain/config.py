"""Every setting with its default, its bounds and its reason.

Order: default < file (`council.yaml` of the blueprint) < environment (`COUNCIL_<SECTION>_<KEY>`) < flag. Unknown keys are
errors that name the nearest key. The reference page is generated from the `doc` of each option, and a test pins the
defaults.
"""

import dataclasses
import difflib
import math
import operator
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from council.domain import (
    alerting,
    answering,
    baking,
    caching,
    chats,
    errors,
    money,
    patches,
    repairs,
    states,
    storage,
    watching,
)
from council.domain import backup as backup_module
from council.domain import bots as bots_module
from council.domain import forge as forge_module
from council.domain import guides as guides_module
from council.domain import observe as observe_module
from council.domain import tracing as tracing_module
from council.domain.options import option as option  # noqa: PLC0414 - others declare settings by it

ENVIRONMENT_PREFIX = "COUNCIL_"

# After its drain the gateway may take this long to commit the ledger's last rows, seconds.
LAST_ROWS_S = 15.0

_CASCADE, _MIB = "council", 1024 * 1024


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """The HTTP edge."""

    host: str = option("127.0.0.1", "Address to listen on. Beyond loopback needs TLS files or `behind_proxy`.")
    workers: int = option(1, "Gateway processes that share the public socket.", low=1, high=64)
    workers_max: int = option(1, "Most of them that an override may have run, if more than `workers`.", low=1, high=64)
    allowed_hosts: tuple[str, ...] = option((), "Host names accepted beside loopback names (DNS rebinding).")
    allowed_origins: tuple[str, ...] = option((), "Browser origins that may change state beside the service's own.")
    tls_cert_file: str = option("", "PEM certificate chain; with `tls_key_file` the gateway speaks HTTPS.")
    tls_key_file: str = option("", "PEM private key of `tls_cert_file`.")
    behind_proxy: bool = option(False, "A TLS-ending proxy stands in front, so a bind beyond loopback is allowed.")
    anonymous_loopback: bool = option(True, "Callers on loopback may read and chat without a token.")
    mcp: bool = option(True, "Speak the Model Context Protocol at `/mcp`.")
    body_bytes_max: int = option(_MIB, "Largest request body, bytes.", low=1024, high=64 * _MIB)
    messages_max: int = option(512, "Most messages in one request.", low=1, high=100_000)
    requests_per_minute: int = option(600, "Rate limit of a token that names none.", low=1, high=10_000_000)
    concurrent_max: int = option(200, "Requests answered at once by one gateway process.", low=1, high=100_000)
    body_timeout_s: float = option(20.0, "Longest wait for the rest of a request body, seconds.", low=0.1, high=600)
    drain_s: float = option(20.0, "Longest wait for running answers at a stop, seconds.", low=0, high=600)
    tokens_refresh_s: float = option(2.0, "How often the token list is read again, seconds.", low=0.1, high=600)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The local language model."""

    name: str = option("smollm2-135m-instruct", "Name shown to callers; must have a price.")
    file: str = option("", "GGUF file to serve instead of the packaged model.")
    threads: int = option(0, "Compute threads; 0 means cores - 1, at least 1.", low=0, high=1024)
    context_tokens: int = option(8192, "Context of all slots together, tokens.", low=512, high=1_048_576)
    slots: int = option(2, "Answers generated at once; each has its share of the context.", low=1, high=64)
    queue_max: int = option(
        32, "Requests that may wait for a slot before new ones are turned away.", low=0, high=10_000
    )
    tokens_max_default: int = option(
        512, "Most tokens of an answer whose caller names no limit.", low=1, high=1_048_576
    )
    temperature: float = option(0.2, "Where a caller names none. Small models ramble when it is high.", low=0, high=2)
    top_p: float = option(0.9, "Where a caller names none.", low=0.01, high=1)
    repeat_penalty: float = option(
        1.1, "Penalty on tokens said lately; 1 is none. Small models loop without it.", low=1, high=2
    )
    stall_s: float = option(60.0, "Longest silence of a running generation, seconds.", low=0.1, high=3600)


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """The computing half of specialists."""

    processes: int = option(1, "Worker children; each runs one job at a time.", low=1, high=64)
    wall_s: float = option(5.0, "Longest a job may take, seconds.", low=0.1, high=600)
    memory_bytes: int = option(1024 * _MIB, "Address space of a child, bytes.", low=128 * _MIB, high=1 << 40)
    jobs_per_child: int = option(500, "Jobs after which a child is replaced by a fresh one.", low=1, high=1_000_000)
    queue_max: int = option(32, "Jobs that may wait before new ones are turned away.", low=1, high=10_000)
    message_bytes_max: int = option(_MIB, "Largest job or result, bytes.", low=4096, high=64 * _MIB)


@dataclass(frozen=True, slots=True)
class RecallConfig:
    """Retrieval over guidebook, knowledge and library."""

    files_max: int = option(10_000, "Most documents indexed per root.", low=1, high=1_000_000)
    file_bytes_max: int = option(
        8 * _MIB, "Largest document indexed, bytes; larger ones are named and left out.", low=1024
    )
    passages_max: int = option(
        100_000, "Most passages indexed per root; a document that goes beyond is named and left out.", low=100
    )
    passage_chars: int = option(900, "Passages are cut at about this many characters.", low=200, high=10_000)
    poll_s: float = option(
        2.0, "How often the library is looked at, where no event tells of a change, seconds.", low=0.1, high=3600
    )
    coverage_min: float = option(
        1.0, "Share of a question's content words a passage must hold to be quoted.", low=0, high=1
    )
    timeout_s: float = option(2.0, "Longest a search may take, seconds.", low=0.1, high=60)
    meanings: bool = option(True, "Search by meaning as well, where no passage holds the words of a search.")
    meanings_max: int = option(20_000, "Most passages whose meaning is kept ready.", low=0, high=1_000_000)
    meanings_s: float = option(0.3, "Longest a search waits for its query's meaning, seconds.", low=0.01, high=10)


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """What is remembered of users."""

    memories_max: int = option(200_000, "Most memories of one user; beyond it nothing new is kept.", low=1)
    text_chars_max: int = option(2000, "What a user says is kept up to this many characters.", low=100, high=100_000)
    found_max: int = option(5, "Most memories given to the model for one answer.", low=0, high=50)
    score_min: float = option(0.4, "Least score, 0 to 1, of a memory that is given to the model.", low=0, high=1)
    session_turns: int = option(6, "Earlier turns of the session given to the model.", low=0, high=100)
    texts_max: int = option(256, "Most texts embedded or memories imported in one call.", low=1, high=2048)
    cache_texts: int = option(4096, "Texts whose vectors are kept ready.", low=1, high=1_000_000)
    users_loaded: int = option(256, "Users whose memories are kept ready; others' are read when asked for.", low=1)
    lists_from: int = option(50_000, "From this many memories on the index is parted into lists.", low=1000)
    queue_max: int = option(64, "Calls that may wait before new ones are turned away.", low=1, high=10_000)
    timeout_s: float = option(10.0, "Longest wait of the gateway for recall, seconds.", low=0.1, high=600)
    recall_s: float = option(1.0, "Longest an answer waits for what is remembered, seconds.", low=0.05, high=60)


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Where untrusted code runs. The limits are for jobs that name none; each has a ceiling for those that do."""

    kind: str = option("namespaces", "What runs the code: `namespaces`, `firejail` or `gvisor`.")
    allow_missing: tuple[str, ...] = option(
        (), "Layers that may be missing; `self-test`: it may tell nothing. Jobs are refused for what is not here."
    )
    packages: tuple[str, ...] = option(
        ("numpy",), "Python packages shown to jobs and loaded ahead, where they are installed beside Council."
    )
    pool: int = option(8, "Sandboxes kept ready; each is used once.", low=0, high=256)
    concurrent_max: int = option(16, "Jobs that run at once.", low=1, high=1024)
    queue_max: int = option(64, "Jobs that may wait before new ones are turned away.", low=0, high=10_000)
    queue_wait_s: float = option(30.0, "Longest a job may wait for its turn, seconds.", low=0.1, high=600)
    cpu_s: float = option(5.0, "CPU time of all processes of a job, seconds.", low=0.1, high=3600)
    cpu_s_max: float = option(60.0, "Ceiling of `cpu_s`.", low=0.1, high=3600)
    wall_s: float = option(10.0, "Longest a job may take, seconds.", low=0.1, high=3600)
    wall_s_max: float = option(120.0, "Ceiling of `wall_s`.", low=0.1, high=3600)
    memory_bytes: int = option(1024 * _MIB, "Memory of all processes of a job, bytes.", low=64 * _MIB, high=1 << 40)
    memory_bytes_max: int = option(4096 * _MIB, "Ceiling of `memory_bytes`.", low=64 * _MIB, high=1 << 40)
    output_bytes: int = option(_MIB, "What a job may print on each of stdout and stderr, bytes.", low=1, high=1 << 30)
    output_bytes_max: int = option(16 * _MIB, "Ceiling of `output_bytes`.", low=1, high=1 << 30)
    files_bytes: int = option(32 * _MIB, "What a job may keep in files, bytes.", low=64 * 1024, high=1 << 32)
    files_bytes_max: int = option(256 * _MIB, "Ceiling of `files_bytes`.", low=64 * 1024, high=1 << 32)
    processes: int = option(32, "Processes and threads of a job.", low=1, high=4096)
    processes_max: int = option(256, "Ceiling of `processes`.", low=1, high=4096)
    job_bytes_max: int = option(16 * _MIB, "Code, files and stdin of one job together, bytes.", low=1024, high=1 << 30)
    sessions_max: int = option(8, "Sessions open at once.", low=0, high=1024)
    sessions_caller_max: int = option(4, "Sessions that one token may have open at once.", low=0, high=1024)
    session_idle_s: float = option(300.0, "A session without a call for this long is ended, seconds.", low=0.1)
    session_life_s: float = option(3600.0, "A session is ended after this long, seconds.", low=0.1)
    audit_file_bytes_max: int = option(
        64 * _MIB, "The audit trail begins a new file at this size, bytes.", low=4096, high=1 << 32
    )
    audit_files_max: int = option(16, "Files of the audit trail that are kept, the oldest removed.", low=2, high=10_000)


@dataclass(frozen=True, slots=True)
class BudgetConfig:
    """What paid models may cost. 0 means no limit of that kind; days and months are UTC."""

    day_usd_micros: int = option(1_000_000, "All paid calls of a day, micro-dollars.", low=0, high=10**15)
    month_usd_micros: int = option(10_000_000, "All paid calls of a month, micro-dollars.", low=0, high=10**15)
    token_day_usd_micros: int = option(0, "Each token's paid calls of a day, micro-dollars.", low=0, high=10**15)
    token_month_usd_micros: int = option(0, "Each token's paid calls of a month, micro-dollars.", low=0, high=10**15)


@dataclass(frozen=True, slots=True)
class CallsConfig:
    """Calls to the models' servers: tries, time, and when a server is left alone. The servers are in providers.yaml."""

    hops_max: int = option(3, "Deployments tried for one request, retries and fallbacks included.", low=1, high=10)
    retry_share: float = option(0.2, "Retries a process may make, as a share of its calls.", low=0, high=1)
    retries_spare: int = option(10, "Retries it may make beyond that share.", low=0, high=10_000)
    backoff_first_s: float = option(0.1, "Wait before the first retry, seconds; doubles.", low=0, high=10)
    retry_after_s_max: float = option(
        5.0, "A provider that asks for a longer wait is left for another, seconds.", low=0, high=600
    )
    call_s: float = option(600.0, "Longest one call may take, seconds.", low=1, high=86_400)
    settle_s: float = option(
        20.0, "A paid answer whose caller left is read on this long to learn its true cost, seconds.", low=0, high=600
    )
    failures_max: int = option(5, "Failures in a row after which a deployment is left alone.", low=1, high=1000)
    open_s: float = option(5.0, "For how long, seconds; doubles with each probe that fails.", low=0.05, high=3600)
    open_s_max: float = option(60.0, "Longest time that a deployment is left alone, seconds.", low=0.05, high=3600)
    event_bytes_max: int = option(_MIB, "Largest event of a stream, bytes.", low=4096, high=64 * _MIB)
    reply_bytes_max: int = option(16 * _MIB, "Largest whole answer, bytes.", low=4096, high=256 * _MIB)
    stream_bytes_max: int = option(64 * _MIB, "Largest streamed answer, bytes.", low=4096, high=1 << 32)


def _default_prices() -> dict[str, money.Price]:
    return {"smollm2-135m-instruct": money.Price(0, 0)}


# So far above a port of a service lies that of one tried beside it.
STAGING = 20


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    port: int = option(8000, "Base port; services count up from it (decision 6).", low=1024, high=65_000)
    learning: bool = option(
        False, "Keep how questions went, without their text, to fit the router anew; see `learning_rows`."
    )
    gateway: GatewayConfig = field(default_factory=GatewayConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    general: answering.GeneralConfig = field(default_factory=answering.GeneralConfig)
    worker: WorkerConfig = field(default_factory=WorkerConfig)
    code: answering.CodeConfig = field(default_factory=answering.CodeConfig)
    programs: answering.ProgramsConfig = field(default_factory=answering.ProgramsConfig)
    logic: answering.LogicConfig = field(default_factory=answering.LogicConfig)
    knowledge: answering.KnowledgeConfig = field(default_factory=answering.KnowledgeConfig)
    recall: RecallConfig = field(default_factory=RecallConfig)
    router: answering.RouterConfig = field(default_factory=answering.RouterConfig)
    learning_rows: answering.LearningRowsConfig = field(default_factory=answering.LearningRowsConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    cache: caching.CacheConfig = field(default_factory=caching.CacheConfig)
    records: storage.RecordsConfig = field(default_factory=storage.RecordsConfig)
    store: storage.StoreConfig = field(default_factory=storage.StoreConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    calls: CallsConfig = field(default_factory=CallsConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    supervisor: states.SupervisorConfig = field(default_factory=states.SupervisorConfig)
    watch: watching.WatchConfig = field(default_factory=watching.WatchConfig)
    alerts: alerting.AlertsConfig = field(default_factory=alerting.AlertsConfig)
    observe: observe_module.ObserveConfig = field(default_factory=observe_module.ObserveConfig)
    healing: repairs.HealingConfig = field(default_factory=repairs.HealingConfig)
    bake: baking.BakeConfig = field(default_factory=baking.BakeConfig)
    bots: bots_module.BotsConfig = field(default_factory=bots_module.BotsConfig)
    forge: forge_module.ForgeConfig = field(default_factory=forge_module.ForgeConfig)
    patch: patches.PatchConfig = field(default_factory=patches.PatchConfig)
    tracing: tracing_module.TracingConfig = field(default_factory=tracing_module.TracingConfig)
    guides: guides_module.GuidesConfig = field(default_factory=guides_module.GuidesConfig)
    backup: backup_module.BackupConfig = field(default_factory=backup_module.BackupConfig)
    dashboard: chats.DashboardConfig = field(default_factory=chats.DashboardConfig)
    prices: Mapping[str, money.Price] = field(
        default_factory=_default_prices,
        metadata={"doc": "Per model: `input_usd_micros` and `output_usd_micros` per million tokens. 0 for your own."},
    )

    @property
    def model_port(self) -> int:
        """The model process's port."""
        return self.port + 5

    @property
    def sandboxd_port(self) -> int:
        """The port of the sandbox service's health and metrics."""
        return self.port + 4

    @property
    def patchctl_port(self) -> int:
        """The port on which patches are taken in."""
        return self.port + 1

    @property
    def watcher_port(self) -> int:
        """The port of the watcher's health and metrics."""
        return self.port + 2

    @property
    def steward_port(self) -> int:
        """The port of the steward's health and metrics."""
        return self.port + 3

    @property
    def recall_port(self) -> int:
        """The port of recall's health and metrics."""
        return self.port + 6


def build(file: Mapping[str, Any], environment: Mapping[str, str], flags: Mapping[str, Any]) -> Config:
    """Return the config that file, environment and flags give, the later ones winning.

    `file` is the parsed council.yaml, and `flags` shaped like it; of `environment` only `COUNCIL_*` counts. Raises ConfigError.
    """
    merged: dict[str, Any] = {}
    for layer in (file, _from_environment(environment), flags):
        merged = _merged(merged, layer, "")
    config: Config = section(Config, merged, "")
    _check_combinations(config)
    forge_module.check_config(config.forge)
    observe_module.check(config.observe)
    backup_module.check(config.backup)
    return config


def _merged(under: Mapping[str, Any], over: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return both layers as one, in fresh mappings at every depth, so that no caller's mapping is ever written."""
    made = dict(under)
    for key, value in over.items():
        held = made.get(key, {})
        if not isinstance(value, Mapping):
            made[key] = value
        elif isinstance(held, Mapping):
            made[key] = _merged(held, value, f"{where}{key}.")
        else:
            raise errors.ConfigError(f"`{where}{key}` is {held!r} in one place and a section with keys in another.")
    return made


# Variables with the prefix that are not settings.
_RESERVED = frozenset(
    {"HOME", "TOKEN", "SOCKETS", "READY_FD", "GENERATION", "SUPERVISOR_PID", "SERVICE", "REPLICA"}
) | {*("PEERS", "WAITING", "ORDERS_FD", "OWN_PYTHON", "GONE_ON_AS")}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    known = {name.upper(): path for name, path in _paths().items()}
    layer: dict[str, Any] = {}
    for variable, value in environment.items():
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        if name == variable or name in _RESERVED:
            continue
        if name not in known:
            raise errors.ConfigError(f"{variable} is not a setting.{_nearest(name, known, ENVIRONMENT_PREFIX)}")
        target = layer
        *parents, leaf = known[name]
        for parent in parents:
            target = target.setdefault(parent, {})
        target[leaf] = value
    return layer


def _paths() -> dict[str, tuple[str, ...]]:
    """Map `section_key` to its path, for every setting that a variable may give."""
    paths: dict[str, tuple[str, ...]] = {}
    for item in dataclasses.fields(Config):
        if dataclasses.is_dataclass(item.type):
            for inner in dataclasses.fields(item.type):
                paths[f"{item.name}_{inner.name}"] = (item.name, inner.name)
        elif item.name != "prices":
            paths[item.name] = (item.name,)
    return paths


def section(kind: Any, values: Any, where: str) -> Any:
    """Return the dataclass `kind` made of a parsed mapping; `where` is the prefix of its keys. Raises ConfigError."""
    if not isinstance(values, Mapping):
        raise errors.ConfigError(f"`{where.rstrip('.')}` must be a section with keys, not {values!r}.")
    fields = {item.name: item for item in dataclasses.fields(kind)}
    for key in values:
        if key not in fields:
            raise errors.ConfigError(f"Unknown key `{where}{key}`.{_nearest(str(key), fields, where)}")
    arguments = {key: _value(fields[key], value, where + key) for key, value in values.items()}
    return kind(**arguments)


def _value(item: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(item.type):
        return section(item.type, value, where + ".")
    if item.name == "prices":
        return _prices(value, where)
    converted = _converted(item.type, value, where)
    low, high = item.metadata.get("low"), item.metadata.get("high")
    if low is not None and converted < low:
        raise errors.ConfigError(f"`{where}` is {converted}, below its least value {low:g}.")
    if high is not None and converted > high:
        raise errors.ConfigError(f"`{where}` is {converted}, above its greatest value {high:g}.")
    return converted


_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _converted(kind: Any, value: Any, where: str) -> Any:
    """Return `value` as `kind`. Text is converted, since variables and flags are text; other mismatches are errors."""
    wrong = errors.ConfigError(f"`{where}` must be {_KIND_NAMES.get(kind, 'a list of texts')}, not {value!r}.")
    if kind is bool:
        word = _WORDS.get(value.lower()) if isinstance(value, str) else value
        if not isinstance(word, bool):
            raise wrong
        return word
    if kind in (int, float):
        return _number(kind, value, wrong)
    if kind is str:
        if not isinstance(value, str):
            raise wrong
        return value
    assert isinstance(kind, types.GenericAlias) and typing.get_origin(kind) is tuple, kind
    entries = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(entries, list | tuple) or not all(isinstance(entry, str) for entry in entries):
        raise wrong
    return tuple(entries)


_KIND_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _number(kind: type[int] | type[float], value: Any, wrong: errors.ConfigError) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong
    if kind is int and isinstance(value, float):
        raise wrong
    try:
        number = kind(value)
    except (ValueError, OverflowError):
        raise wrong from None
    if not math.isfinite(number):
        raise wrong
    return number


def _prices(value: Any, where: str) -> dict[str, money.Price]:
    if not isinstance(value, Mapping):
        raise errors.ConfigError(f"`{where}` must map model names to prices, not {value!r}.")
    prices: dict[str, money.Price] = {}
    for model, price in value.items():
        made: money.Price = section(_PriceForm, price, f"{where}.{model}.").price()
        prices[str(model)] = made
    return prices


@dataclass(frozen=True, slots=True)
class _PriceForm:
    input_usd_micros: int = option(0, "", low=0, high=10**12)
    output_usd_micros: int = option(0, "", low=0, high=10**12)

    def price(self) -> money.Price:
        return money.Price(self.input_usd_micros, self.output_usd_micros)


def _nearest(name: str, known: Mapping[str, Any], prefix: str) -> str:
    close = difflib.get_close_matches(name, [str(key) for key in known], n=1, cutoff=0.5)
    return f" Did you mean `{prefix}{close[0]}`?" if close else " `council config show` lists every key."


SANDBOX_KINDS = ("namespaces", "firejail", "gvisor")

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _check_combinations(config: Config) -> None:
    gateway = config.gateway
    if bool(gateway.tls_cert_file) != bool(gateway.tls_key_file):
        raise errors.ConfigError("`gateway.tls_cert_file` and `gateway.tls_key_file` go together: give both or none.")
    if gateway.host not in _LOOPBACK and not (gateway.tls_cert_file or gateway.behind_proxy):
        raise errors.ConfigError(
            f"`gateway.host` {gateway.host!r} is beyond loopback, so tokens would cross the network in the clear. Give "
            "`gateway.tls_cert_file` and `gateway.tls_key_file`, or set `gateway.behind_proxy` if a proxy ends TLS."
        )
    if config.model.name not in config.prices:
        raise errors.ConfigError(
            f"The model {config.model.name!r} has no price. Add `prices.{config.model.name}` (0 and 0 for your own model)."
        )
    if config.supervisor.stop_s < gateway.drain_s + LAST_ROWS_S:
        raise errors.ConfigError(
            f"`supervisor.stop_s` must be at least {LAST_ROWS_S:g} s longer than `gateway.drain_s`, or answers are cut "
            "and their ledger rows lost at a stop."
        )
    lists = {"knowledge.corpora": answering.CORPORA, "alerts.channels": alerting.CHANNELS}
    for key, known in lists.items():
        if unknown := sorted(set(operator.attrgetter(key)(config)) - set(known)):
            raise errors.ConfigError(f"`{key}` may hold {', '.join(known)}, not {', '.join(unknown)}.")
    if config.cache.kind not in caching.KINDS:
        raise errors.ConfigError(f"`cache.kind` must be one of {', '.join(caching.KINDS)}, not {config.cache.kind!r}.")
    watching.check(config.watch)
    tracing_module.check(config.tracing)
    sandbox = config.sandbox
    if sandbox.kind not in SANDBOX_KINDS:
        raise errors.ConfigError(f"`sandbox.kind` must be one of {', '.join(SANDBOX_KINDS)}, not {sandbox.kind!r}.")
    for name in ("cpu_s", "wall_s", "memory_bytes", "output_bytes", "files_bytes", "processes"):
        if getattr(sandbox, name) > getattr(sandbox, f"{name}_max"):
            raise errors.ConfigError(
                f"`sandbox.{name}` is above its ceiling `sandbox.{name}_max`. Lower it, or raise that."
            )
    if config.model.name.partition("/")[0] == _CASCADE:
        raise errors.ConfigError(
            f"`model.name` may not be {config.model.name!r}: callers reach the specialists by such names."
        )
