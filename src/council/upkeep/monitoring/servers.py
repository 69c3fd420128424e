"""The configuration of Prometheus, Alertmanager, Loki, and Alloy, which sends it the logs."""

import math
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from council.domain import alerting, watching
from council.upkeep.gates import promql
from council.upkeep.monitoring import rules

# Alertmanager's own default of 30 s would be a quarter of the time in which an alert must arrive.
GROUP_WAIT_S_MAX = 10.0
# Within it, what else begins joins the notice of its group.
GROUP_INTERVAL_S = 30
_SCRAPE_TIMEOUT_S = 10
_LOGS_KEPT_S = 7 * 86_400


def prometheus(rule_files: Sequence[str], watch: watching.WatchConfig) -> Mapping[str, Any]:
    """Return prometheus.yml. The supervisor keeps the list of targets; a name of a service in a sample stays as it is."""
    interval = promql.duration(rules.INTERVAL_S)
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": promql.duration(_SCRAPE_TIMEOUT_S),
            "evaluation_interval": interval,
        },
        "alerting": {"alertmanagers": [_static(watch.alertmanager_url)]},
        "rule_files": list(rule_files),
        "scrape_configs": [
            {
                "job_name": "council",
                # The watcher tells of services that have no port; their own name must win over its own.
                "honor_labels": True,
                "file_sd_configs": [{"files": ["../run/targets.json"], "refresh_interval": interval}],
            }
        ],
    }


def alertmanager(settings: alerting.AlertsConfig, watch: watching.WatchConfig) -> Mapping[str, Any]:
    """Return alertmanager.yml. A page goes before a warning of the same alert, a service that is down before its silence."""
    receiver: dict[str, Any] = {"name": "council"}
    if watch.webhook_url:
        receiver["webhook_configs"] = [{"url": watch.webhook_url, "send_resolved": True}]
    return {
        "route": {
            "receiver": "council",
            "group_by": ["alertname"],
            "group_wait": _span(min(settings.group_s, GROUP_WAIT_S_MAX)),
            "group_interval": promql.duration(GROUP_INTERVAL_S),
            "repeat_interval": _span(settings.repeat_s),
        },
        "receivers": [receiver],
        "inhibit_rules": [
            {
                "source_matchers": ['severity="page"'],
                "target_matchers": ['severity="warning"'],
                "equal": ["alertname", "svc"],
            },
            {
                "source_matchers": ['alertname="service_down"'],
                "target_matchers": ['alertname="metrics_stale"'],
                "equal": ["svc"],
            },
        ],
    }


def _static(url: str) -> Mapping[str, Any]:
    parts = urllib.parse.urlsplit(url)
    found: dict[str, Any] = {"static_configs": [{"targets": [parts.netloc]}]}
    if parts.path.strip("/"):
        found["path_prefix"] = parts.path
    return found if parts.scheme == "http" else {"scheme": parts.scheme, **found}


def _span(seconds: float) -> str:
    return promql.duration(math.ceil(seconds)) if seconds > 0 else "0s"
