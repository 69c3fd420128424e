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
