"""The Prometheus instruments of what looks after Council: the care loop's, as `telemetry.py` has those of the request loop.

As there: labels from closed sets only, and the environment of several workers must be set before this module is imported.
"""

import prometheus_client

OVERRIDES = prometheus_client.Gauge(
    "council_overrides",
    "Overrides in force, by kind, as this service has read them.",
    ["kind"],
    multiprocess_mode="livemax",
)
SHED = prometheus_client.Counter(
    "council_shed_total", "Requests refused since an override sheds them, by what it is for.", ["target"]
)
CACHE_ENTRIES = prometheus_client.Gauge(
    "council_cache_entries", "What a cache holds, by its name.", ["cache"], multiprocess_mode="liveall"
)
CACHE_BYTES = prometheus_client.Gauge(
    "council_cache_bytes",
    "Bytes of what a cache holds, without Python's own, by its name.",
    ["cache"],
    multiprocess_mode="liveall",
)

# The sandbox.
SANDBOX_WALLS_BROKEN = prometheus_client.Gauge(
    "council_sandbox_walls_broken",
    "Walls of the sandbox that the last self-test got through.",
    multiprocess_mode="livemax",
)
SANDBOX_WALLS_UNTRIED = prometheus_client.Gauge(
    "council_sandbox_walls_untried_seconds",
    "Time since an isolation self-test told whether the sandbox's walls hold, or since the start; 0 while every job is refused "
    "for another reason.",
    multiprocess_mode="livemax",
)
SANDBOX_SELF_TESTS = prometheus_client.Counter(
    "council_sandbox_self_tests_total", "Isolation self-tests, by what came of it (held, broken, unknown).", ["outcome"]
)

# Memory.
MEMORY_MISSED = prometheus_client.Gauge(
    "council_memory_missed_share",
    "Share, 0 to 1, of planted texts and users' newest memories that searches did not find at the last look; above 0 every "
    "index is filled anew, and absent before the first look.",
    ["svc"],
    multiprocess_mode="livemax",
)

# How safe it is.
SECURITY_FINDINGS = prometheus_client.Gauge(
    "council_security_findings",
    "What the steward's last look at packages, settings, keys, signers and blueprint found, by severity; unknown is what it "
    "could not look at.",
    ["severity"],
    multiprocess_mode="livemax",
)
EXPIRES = prometheus_client.Gauge(
    "council_expires_ts",
    "When the first key of a kind (tls, signer) ends, seconds of Unix time; absent where none does.",
    ["kind"],
    multiprocess_mode="livemax",
)

BACKUP_LAST_SUCCESS = prometheus_client.Gauge(
    "council_backup_last_success_ts",
    "When the last good snapshot, or the last good drill, began, Unix seconds, by kind (run, drill).",
    ["kind"],
)
BACKUPS = prometheus_client.Counter(
    "council_backups_total",
    "Backups and drills that ended, by kind (run, drill) and outcome (ok, failed).",
    ["kind", "outcome"],
)

# The healer.
REPAIRS = prometheus_client.Counter(
    "council_repairs_total", "Repairs that ended, by action and outcome.", ["action", "outcome"]
)
REPAIR_SECONDS = prometheus_client.Histogram(
    "council_repair_seconds",
    "From the beginning of a repair to its end.",
    buckets=(1, 2.5, 5, 10, 20, 30, 45, 60, 90, 180, 600),
)
HEALER_ERRORS = prometheus_client.Counter("council_healer_errors_total", "Looks that failed and are taken again.")
INTERVENTIONS = prometheus_client.Counter(
    "human_interventions_total",
    "What people had to do themselves, by kind: an alert acted on, a rollback, an override, an unfreeze, a restart.",
    ["kind"],
)
_interventions: dict[str, int] = {}


def tell_interventions(kind: str, count: int) -> None:
    """Show how many interventions of a kind there were, ever; a count that fell, as with records made anew, is not shown."""
    more = count - _interventions.get(kind, 0)
    INTERVENTIONS.labels(kind).inc(max(0, more))
    _interventions[kind] = max(count, _interventions.get(kind, 0))
