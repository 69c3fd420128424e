"""The configuration of Prometheus, Alertmanager, Loki, Alloy, which sends it the logs, and what Grafana loads at its start."""

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
_LOKI_PORT = 3100


def prometheus(rule_files: Sequence[str], watch: watching.WatchConfig) -> Mapping[str, Any]:
    """Return prometheus.yml. The supervisor keeps the list of targets, and says there who speaks HTTPS.

    The gateway alone is shown the key that opens its metrics. Its certificate names the public host and not loopback, so it
    is not checked, as the watcher does not.
    """
    interval = promql.duration(rules.INTERVAL_S)
    key = {
        "authorization": {"credentials_file": "../secrets/metrics.key"},
        "tls_config": {"insecure_skip_verify": True},
    }
    return {
        "global": {
            "scrape_interval": interval,
            "scrape_timeout": promql.duration(_SCRAPE_TIMEOUT_S),
            "evaluation_interval": interval,
        },
        "alerting": {"alertmanagers": [_static(watch.alertmanager_url)]},
        "rule_files": list(rule_files),
        "scrape_configs": [
            _scraped("council", interval, "drop"),
            {**_scraped("council-gateway", interval, "keep"), **key},
        ],
    }


def _scraped(job: str, interval: str, action: str) -> Mapping[str, Any]:
    """Return a job over the list of targets, without the gateway or with it alone."""
    gateway = f"gateway({watching.CANARY})?"
    return {
        "job_name": job,
        # The watcher tells of services that have no port; their own name must win over its own.
        "honor_labels": True,
        "file_sd_configs": [{"files": ["../run/targets.json"], "refresh_interval": interval}],
        "relabel_configs": [{"source_labels": ["svc"], "regex": gateway, "action": action}],
    }


def alertmanager(settings: alerting.AlertsConfig, watch: watching.WatchConfig) -> Mapping[str, Any]:
    """Return alertmanager.yml. A page goes before a warning of the same alert, a service that is down before its silence."""
    receiver: dict[str, Any] = {"name": "council"}
    if watch.webhook_url:
        receiver["webhook_configs"] = [{"url": watch.webhook_url, "send_resolved": True}]
    return {
        "route": {
            "receiver": "council",
            "group_by": ["alertname", "incident"],
            "group_wait": rules.span(min(settings.group_s, GROUP_WAIT_S_MAX)),
            "group_interval": promql.duration(GROUP_INTERVAL_S),
            "repeat_interval": rules.span(settings.repeat_s),
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
            # The one that names the service goes before the gate's.
            {
                "source_matchers": ['alertname="descriptors"'],
                "target_matchers": ['alertname="fd_usage"'],
                "equal": ["severity"],
            },
        ],
    }


def loki(watch: watching.WatchConfig) -> Mapping[str, Any]:
    """Return loki.yml: one process, its data in a folder beside where it is started, a week of logs."""
    address = urllib.parse.urlsplit(watch.loki_url)
    return {
        "auth_enabled": False,
        # Its parts talk by gRPC among themselves, on every address unless one is named.
        "server": {
            "http_listen_address": "127.0.0.1",
            "http_listen_port": address.port or _LOKI_PORT,
            "grpc_listen_address": "127.0.0.1",
        },
        "common": {
            "instance_addr": "127.0.0.1",
            "path_prefix": "loki-data",
            "storage": {
                "filesystem": {"chunks_directory": "loki-data/chunks", "rules_directory": "loki-data/rules"},
            },
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
        },
        "schema_config": {
            "configs": [
                {
                    "from": "2024-04-01",
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "limits_config": {"retention_period": promql.duration(_LOGS_KEPT_S)},
        "compactor": {
            "working_directory": "loki-data/compactor",
            "retention_enabled": True,
            "delete_request_store": "filesystem",
        },
        "analytics": {"reporting_enabled": False},
    }


def alloy(watch: watching.WatchConfig) -> str:
    """Return logs.alloy: each line of `<home>/logs` with its own time; level and service are labels, the request is not."""
    return _ALLOY.replace("LOKI", _open(watch.loki_url).rstrip("/"))


_ALLOY = """\
// Written by Council from its settings. What you change here is overwritten.
// COUNCIL_HOME in the environment names the home.

local.file_match "council" {
  path_targets = [{"__path__" = sys.env("COUNCIL_HOME") + "/logs/*.log", "job" = "council"}]
}

loki.source.file "council" {
  targets    = local.file_match.council.targets
  forward_to = [loki.process.council.receiver]
}

loki.process "council" {
  stage.json {
    expressions = {ts = "", level = "", svc = "service", request_id = ""}
  }

  stage.timestamp {
    source = "ts"
    format = "RFC3339Nano"
  }

  stage.labels {
    values = {level = "", svc = ""}
  }

  stage.structured_metadata {
    values = {request_id = ""}
  }

  forward_to = [loki.write.council.receiver]
}

loki.write "council" {
  endpoint {
    url = "LOKI/loki/api/v1/push"
  }
}
"""


def grafana_sources(watch: watching.WatchConfig) -> Mapping[str, Any]:
    """Return the data sources that Grafana makes at its start."""
    sources = [
        ("Council Prometheus", "prometheus", _open(watch.prometheus_url)),
        ("Council Loki", "loki", _open(watch.loki_url)),
    ]
    interval = {"timeInterval": promql.duration(rules.INTERVAL_S)}
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": name,
                "uid": f"council-{kind}",
                "type": kind,
                "access": "proxy",
                "url": url.replace("$", "$$"),  # Grafana puts variables in there
                **({"jsonData": interval} if kind == "prometheus" else {}),
            }
            for name, kind, url in sources
        ],
    }


def grafana_dashboards() -> Mapping[str, Any]:
    """Return where Grafana finds dashboards. COUNCIL_HOME in its environment names the home."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "council",
                "folder": "Council",
                "type": "file",
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": "$COUNCIL_HOME/monitoring/grafana"},
            }
        ],
    }


def _open(url: str) -> str:
    """Return an address without name and password: whoever runs these programs gives them to each where it keeps secrets."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _static(url: str) -> Mapping[str, Any]:
    parts = urllib.parse.urlsplit(_open(url))
    found: dict[str, Any] = {"static_configs": [{"targets": [parts.netloc]}]}
    if parts.path.strip("/"):
        found["path_prefix"] = parts.path
    return found if parts.scheme == "http" else {"scheme": parts.scheme, **found}
