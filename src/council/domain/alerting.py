"""How alerts behave: the settings, and for each name which verdicts make an alert of which severity, and when.

The names are those of gates, except for the three that people look for by another name (`NAMED`), those of sentinels, and of
components. A name without a line in the table warns, and pages after `alerts.page_after_s`.
"""

import enum
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass

from council.domain.options import option

CHANNELS = ("log", "file", "apprise", "alertmanager")

# Where Slack's own incoming webhooks are. Any other place that takes its messages is marked as one in its address.
_SLACK_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_SLACK_MARK = "slack+"

# Sentinels of `sentinels.yaml`, whose amber is a warning: it names a service and what grows in it.
SENTINELS = (
    "memory", "descriptors", "zombies", "threads", "children", "sockets", "temp_files", "tasks", "gpu_drip", "model_queue",
    "sandbox_queue", "isolation", "isolation_untried", "memory_index", "disk_growth", "cost_drift", "egress",
)  # fmt: skip

# Gates whose alerts go by the name that people look for.
NAMED = {"error_rate": "http_5xx", "latency_p95": "latency", "cost_per_100": "spend"}


# What the supervisor has said by another process, since the watcher itself cannot.
WATCHER_DOWN = "watcher_down"

# No good snapshot for longer than `backup.late_h`.
BACKUP_LATE = "backup_late"

# Alerts that would hold an incident open for longer than what they came with lasts, or that another process began.
ALONE = frozenset({"crash_loop", WATCHER_DOWN, BACKUP_LATE})

# How people read each alert; `{who}` is the service that it is of.
WORDS = {
    "http_5xx": "requests fail or take too long to end",
    "latency": "answers are slow",
    "spend": "a budget is nearly or wholly spent",
    "success_rate": "many questions are not answered well",
    "local_processing": "few answers come from this machine",
    "memory_growth": "a service's memory grows",
    "fd_usage": "a service has most of the files and sockets open that it may",
    "gpu_memory": "the graphics processor's memory is nearly full",
    "response_size": "answers are long",
    "concurrent_users": "many ask at once",
    "disk_usage": "the disk of the home is nearly full",
    "network_errors": "calls to providers fail",
    "memory": "the memory of {who} grows",
    "descriptors": "{who} runs out of files and sockets that it may open",
    "zombies": "{who} does not collect its ended children",
    "threads": "threads of {who} pile up",
    "children": "children of {who} pile up",
    "sockets": "sockets of {who} pile up",
    "temp_files": "temporary files of {who} pile up",
    "tasks": "tasks of {who} pile up",
    "gpu_drip": "the memory of {who} on the graphics processor grows",
    "model_queue": "questions wait for the model",
    "sandbox_queue": "jobs wait for the sandbox",
    "isolation": "jobs can get out of the sandbox",
    "isolation_untried": "nobody knows whether the sandbox keeps jobs in",
    "memory_index": "searches miss what is remembered",
    "disk_growth": "the disk of the home fills up",
    "cost_drift": "money is spent faster than the day's budget allows",
    "egress": "something unusual is sent to providers",
    "service_down": "{who} does not work",
    "crash_loop": "{who} ends again and again",
    WATCHER_DOWN: "nothing is watched",
    BACKUP_LATE: "there is no good snapshot of late",
    "metrics_stale": "nobody can read how {who} does",
}

# What to do first, by the name of the alert. A sentinel says its own.
NEXT_STEPS = {
    "http_5xx": "See which part is away with `council status`, then its log under ~/.council/logs.",
    "latency": "See with `council status` whether a part is away or restarts, and with `council ledger report` who asks.",
    "spend": "See where it goes with `council ledger report --by model`; `budget.day_usd_micros` bounds it.",
    "success_rate": "See which questions end without an answer with `council ledger report --by route`.",
    "local_processing": "See which models are asked with `council ledger report --by model`.",
    "network_errors": "See which provider fails with `council providers test`.",
    "disk_usage": "Free space on the disk of the home; `council doctor` says how much is left.",
    "gpu_memory": "Serve a smaller model: `council models use`.",
    "memory_growth": "See with `council status` which service grows, and restart it when it suits.",
    "fd_usage": "See with `council status` which service it is, and restart it before it has none left.",
    "concurrent_users": "Bound how often each token asks: `council tokens add --requests-per-minute 60`.",
    "response_size": "See whose answers are long with `council ledger report --by token`.",
    "service_down": "The supervisor starts it again by itself; its log under ~/.council/logs says why it ended.",
    "crash_loop": "See in its log under ~/.council/logs why it ended; `council status` counts its restarts.",
    WATCHER_DOWN: "Nothing is watched until it runs again: `council doctor` says what is wrong in gates.yaml and "
    "sentinels.yaml, its log is ~/.council/logs/watcher.log, and one that hangs is ended with `kill -9` of its PID in "
    "`council status`.",
    BACKUP_LATE: "See why with `council backup list`, mend that, and make one: `council backup run`.",
    "metrics_stale": "Verdicts are unknown until it can be read again. See `council status`, and whether its port answers.",
}


# Nobody starts the supervisor again, unlike every other process.
SUPERVISOR_STEP = (
    "Nothing that ends is started again, and nobody looks after the watcher. ~/.council/run/supervisor.lock holds its PID: one "
    "that was stopped goes on after `kill -CONT`; one that hangs is ended with `kill -9`, then `council up --detach`."
)


# Of a process that is none of Council's, whose sentinel was started by hand.
GUEST_STEP = "Start `council sentinel --service NAME --pid PID` again; Ctrl-C there ends the watch and this."


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """Alerts, incidents, and who is told of them."""

    channels: tuple[str, ...] = option(
        ("log", "file", "apprise"),
        "Where notices go: `log`, `file`, `apprise` for the addresses of `council notify`, Slack's webhooks among them, "
        "`alertmanager`.",
    )
    hold_up_s: float = option(5.0, "How long something is bad before it is an alert, seconds.", low=0, high=3600)
    page_after_s: float = option(300.0, "A warning that is red this long becomes a page, seconds.", low=0, high=86_400)
    hold_down_s: float = option(
        60.0,
        "How long something is green before its alert is resolved, seconds; doubles where it comes back.",
        low=1,
        high=3600,
    )
    watcher_away_s: float = option(
        30.0, "How long the watcher itself is away or hangs before people are told, seconds.", low=1, high=3600
    )
    flap_s: float = option(21_600.0, "What comes back within this time is flapping, seconds.", low=0, high=604_800)
    group_s: float = option(
        5.0, "Longest wait of a notice for what turned bad and is no alert yet, seconds.", low=0, high=600
    )
    join_s: float = option(120.0, "Alerts that begin within this time are one incident, seconds.", low=0, high=86_400)
    repeat_s: float = option(14_400.0, "How often an incident that lasts is told again, seconds.", low=60, high=604_800)
    tracked_max: int = option(1000, "Most alerts that are pending, firing or damped at once.", low=10, high=100_000)
    incidents_max: int = option(10_000, "Incidents kept, the oldest closed ones removed.", low=10, high=1_000_000)
    notices_max: int = option(1000, "Notices kept, and most that may wait to be delivered.", low=10, high=100_000)
    silences_max: int = option(100, "Most silences in force at once.", low=1, high=10_000)
    tries_max: int = option(8, "How often a channel is tried with one notice.", low=1, high=100)
    send_s: float = option(10.0, "Longest one delivery may take, seconds.", low=0.1, high=120)
    file_bytes_max: int = option(
        1 << 20, "The file of notices is turned over at this size, bytes.", low=4096, high=1 << 30
    )
    files_max: int = option(4, "Files of notices kept.", low=1, high=1000)


def slack_url(address: str) -> str:
    """Return the URL of an incoming webhook of Slack, "" where an address is none: then Apprise is to know it."""
    if address.startswith(_SLACK_MARK):
        return address.removeprefix(_SLACK_MARK)
    try:
        parts = urllib.parse.urlsplit(address)
        is_slacks = parts.scheme in ("http", "https") and parts.hostname in _SLACK_HOSTS
    except ValueError:
        return ""
    return address if is_slacks else ""


def needs_apprise(addresses: Iterable[str]) -> bool:
    """Return whether any of them is written to by Apprise."""
    return not all(map(slack_url, addresses))


class Kind(enum.Enum):
    """What becomes of something bad: a page at once, a warning that becomes a page, or a warning."""

    PAGE = "page"
    LATE = "late"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Rule:
    """When an alert fires, pages and is resolved, in seconds of being bad, red and green; None never pages.

    `amber_warns`: amber is bad too. Else amber neither fires an alert nor resolves one.
    """

    warn_after_s: float
    page_after_s: float | None
    resolve_after_s: float
    flap_s: float
    amber_warns: bool = False


_KINDS = {
    **dict.fromkeys(("http_5xx", "latency", "success_rate", "service_down", "metrics_stale", WATCHER_DOWN), Kind.PAGE),
    **dict.fromkeys(("disk_usage", "network_errors", "local_processing", "fd_usage", *SENTINELS), Kind.LATE),
    **dict.fromkeys(
        ("spend", "memory_growth", "response_size", "concurrent_users", "crash_loop", BACKUP_LATE), Kind.WARN
    ),
}
_AMBER_WARNS = frozenset({*SENTINELS, "spend"})


def rule_of(name: str, settings: AlertsConfig, late_s: float | None = None, held_s: float = 0.0) -> Rule:
    """Return the rule for alerts of this name; `late_s` is when a warning becomes a page, where the settings do not say.

    `held_s`: what was so for as long before it was first observed need not be so for `hold_up_s` once more.
    """
    hold_up_s = max(0.0, settings.hold_up_s - held_s)
    page_after_s: float | None = None
    match _KINDS.get(name, Kind.LATE):
        case Kind.PAGE:
            page_after_s = hold_up_s
        case Kind.LATE:
            page_after_s = settings.page_after_s if late_s is None else max(late_s, hold_up_s)
        case Kind.WARN:
            pass
    return Rule(hold_up_s, page_after_s, settings.hold_down_s, settings.flap_s, name in _AMBER_WARNS)
