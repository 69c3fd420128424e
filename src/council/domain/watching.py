"""The watch over the service itself: its settings, and what it tells."""

import math
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from council.domain import errors, gates, incidents, states
from council.domain.options import option

SOURCES = ("embedded", "prometheus")
# The year 5138: no time that is told or asked for lies after it.
LATEST_S = 1e11
_INDEX = re.compile(
    r"(https://|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?/)[^\s{}]*\{name\}[^\s{}]*\{version\}[^\s{}]*"
)
# The name of a process beside Council: none of Council's own, whether that tells of itself or not, also while it is tried.
OWN = frozenset(
    {
        "backup", "bots", "gateway", "messenger", "migrator", "model", "patchctl", "recall", "sandboxd", "steward", "store",
        "supervisor", "watcher", "worker", "zygote",
    }
)  # fmt: skip
GUEST = re.compile(rf"(?!(?:{'|'.join(sorted(OWN))})(?:-canary)?$)[A-Za-z0-9._-]{{1,64}}")
# A whole address, which is put into files for other programs as it is.
_ADDRESS = re.compile(r"https?://[^\s/\"'\\]+(/[^\s\"'\\]*)?")


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """How the service watches itself."""

    interval_s: float = option(
        5.0, "How often every service is read and the gates are judged, seconds.", low=1, high=60
    )
    read_s: float = option(2.0, "Longest wait for the metrics of one service, seconds.", low=0.1, high=30)
    read_bytes_max: int = option(4 << 20, "Most metrics read of one service, bytes.", low=4096, high=1 << 28)
    series_max: int = option(
        20_000, "Most series kept; what is beyond is not read and is named.", low=100, high=1_000_000
    )
    crashes_per_hour: int = option(
        3, "A service that ends unasked this often within an hour is an alert, `crash_loop`.", low=1, high=20
    )
    keep_days: float = option(
        8.0, "Readings, verdicts and values of gates are kept for this long, days.", low=1, high=400
    )
    prometheus_url: str = option("http://127.0.0.1:9090", "Where Prometheus listens.")
    alertmanager_url: str = option("http://127.0.0.1:9093", "Where Alertmanager listens.")
    loki_url: str = option("http://127.0.0.1:3100", "Where Loki listens.")
    source: str = option(
        "embedded",
        "Where the numbers of gates come from: `embedded`, our own samples, or `prometheus` at `prometheus_url`.",
    )
    answer_s: float = option(4.0, "Longest wait for Prometheus' answers of one turn, seconds.", low=0.1, high=60)
    webhook_url: str = option(
        "", "Where Alertmanager sends notices as JSON; empty for nowhere. Never one that holds a secret."
    )
    advisories_url: str = option(
        "",
        "Where an index tells of one version in JSON with its `vulnerabilities`, holding `{name}` and `{version}`; empty for "
        "nowhere. Only `council security check --fetch` asks there.",
    )


def check(config: WatchConfig) -> None:
    """Raise ConfigError for a source that there is none of, and for addresses that are none of HTTP."""
    if config.source not in SOURCES:
        raise errors.ConfigError(f"`watch.source` must be one of {', '.join(SOURCES)}, not {config.source!r}.")
    for name in ("prometheus_url", "alertmanager_url", "loki_url", "webhook_url"):
        url = getattr(config, name)
        if not _ADDRESS.fullmatch(url) and (url or name != "webhook_url"):
            raise errors.ConfigError(f"`watch.{name}` must be an address such as http://127.0.0.1:9090, not {url!r}.")
    if config.advisories_url and not _INDEX.fullmatch(config.advisories_url):
        raise errors.ConfigError(
            "`watch.advisories_url` must be an address with https that holds `{name}` and then `{version}`, as "
            f"https://index.example/{{name}}/{{version}}/json, not {config.advisories_url!r}."
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """One sample: `labels` are pairs, sorted by name."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a service said at a moment, epoch seconds. `problem` says why nothing could be read; then there are no readings."""

    service: str
    at_s: float
    readings: Sequence[Reading] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A service that tells metrics, and where."""

    service: str
    url: str


# What the name of a service ends in while its next generation is tried beside it.
CANARY = "-canary"


def above(target: Target, ports: int) -> Target:
    """Return where a service is met that is tried beside the live one, so many ports above it."""
    parts = urllib.parse.urlsplit(target.url)
    assert parts.hostname is not None and parts.port is not None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Target(target.service, parts._replace(netloc=f"{host}:{parts.port + ports}").geturl())


def read_targets(listed: object) -> list[Target]:
    """Return who tells metrics, of a parsed list as Prometheus' file_sd has it. Raises ValueError."""
    if not isinstance(listed, list):
        raise ValueError("the targets are not a list")  # noqa: TRY004 - what is in a file, not an argument
    found = []
    for one in listed:
        try:
            labels, address = one["labels"], str(one["targets"][0])
            service, scheme = str(labels["svc"]), str(labels.get("__scheme__", "http"))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"a target is not of the form of file_sd: {error}") from error
        found.append(Target(service, f"{scheme}://{address}/metrics"))
    return found


@dataclass(frozen=True, slots=True)
class GateLine:
    """A judged gate as it is shown, flat. `value` is in `unit`; the verdict holds from `since_s` on, epoch seconds.

    `cid` is that of the patch that made the generation, None where none did.
    """

    name: str
    value: float | None
    unit: str
    comparator: str
    threshold: float
    amber: float
    verdict: gates.Verdict
    reason: str
    samples: float
    window_s: float
    source: str
    generation: str
    since_s: float
    protects: str
    no_data: str
    playbooks: tuple[str, ...]
    cid: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a sentinel says of a service; it holds since `since_s`, epoch seconds."""

    sentinel: str
    service: str
    verdict: gates.Verdict
    value: float | None
    unit: str
    reason: str
    since_s: float
    look_next: str


def read_finding(told: Mapping[str, Any], service: str) -> Finding:
    """Return what somebody else found about a service; its texts are shown to people, and cut. Raises ValueError, KeyError."""
    texts = {name: told[name] for name in ("sentinel", "unit", "reason", "look_next")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("a finding's texts are none")
    bounds = {"sentinel": incidents.NAME_CHARS_MAX, "unit": incidents.NAME_CHARS_MAX}
    plain = {name: incidents.one_line(text, bounds.get(name, incidents.TEXT_CHARS_MAX)) for name, text in texts.items()}
    value = None if told["value"] is None else float(told["value"])
    # In this order NaN is the least, too.
    since_s = min(LATEST_S, max(0.0, float(told["since_s"])))
    return Finding(
        service=service,
        verdict=gates.Verdict(told["verdict"]),
        value=value if value is None or math.isfinite(value) else None,
        since_s=since_s,
        **plain,
    )


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known at a moment. `turn` counts up; `problem` says why the services are not known."""

    turn: int
    at_s: float
    gates: Sequence[GateLine] = ()
    findings: Sequence[Finding] = ()
    services: Sequence[states.ServiceStatus] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What a gate said from a moment on, epoch seconds, until the next."""

    verdict: gates.Verdict
    since_s: float
    value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class History:
    """A gate over time: its verdicts, and its number about once a minute; both oldest first."""

    gate: str
    verdicts: Sequence[Past]
    values: Sequence[tuple[float, float]]


def line(judged: gates.Judged) -> GateLine:
    """Return a judged gate as it is shown."""
    gate = judged.gate
    return GateLine(
        name=gate.name,
        value=judged.value,
        unit=gate.unit,
        comparator=str(gate.comparator),
        threshold=gate.threshold,
        amber=gate.amber,
        verdict=judged.verdict,
        reason=judged.reason,
        samples=judged.samples,
        window_s=judged.window_s,
        source=judged.source,
        generation=judged.generation,
        since_s=judged.since_s,
        protects=gate.protects,
        no_data=gate.no_data,
        playbooks=gate.playbooks,
        cid=judged.cid,
    )


def outdated(sight: Sight, reason: str) -> Sight:
    """Return a sight that is too old to believe: of what it holds nothing is known any more."""
    unknown, away = gates.Verdict.UNKNOWN, gates.Verdict.NOT_APPLICABLE
    lines = [
        one if one.verdict is away else replace(one, verdict=unknown, value=None, reason=reason) for one in sight.gates
    ]
    found = [
        one if one.verdict is away else replace(one, verdict=unknown, value=None, reason=reason)
        for one in sight.findings
    ]
    return replace(sight, gates=lines, findings=found, services=(), problem=reason)


def is_counter(metric: str) -> bool:
    """Whether a metric only rises, by its name: then its newest value stands for a stretch of time, else its least."""
    return metric.endswith(("_total", "_bucket", "_count", "_sum"))
