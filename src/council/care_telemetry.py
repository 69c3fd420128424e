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
