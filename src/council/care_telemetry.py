"""Instruments of backups, beside those in `telemetry`; the watcher tells them, from the records."""

import prometheus_client

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
