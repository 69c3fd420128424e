"""All files of a folder `monitoring`: what the watcher writes into the home, and `tools/monitoring.py` into `deploy/`."""

from collections.abc import Mapping, Sequence

from council.domain import alerting, gates, sentinels, watching
from council.upkeep.monitoring import dashboard, documents, guide, rules, servers


def build(
    listed: Sequence[gates.Gate],
    watched: Sequence[sentinels.Sentinel],
    settings: alerting.AlertsConfig,
    watch: watching.WatchConfig,
) -> Mapping[str, str]:
    """Return each file's text by its path in the folder. Gates that do not apply have no rules."""
    rule_files = {
        "rules/gates.yml": documents.yaml_text(rules.gate_groups(listed, settings)),
        "rules/services.yml": documents.yaml_text(
            rules.service_groups(listed, watched, settings, watch.crashes_per_hour)
        ),
    }
    return {
        "README.md": guide.TEXT,
        "prometheus.yml": documents.yaml_text(servers.prometheus(list(rule_files), watch)),
        "alertmanager.yml": documents.yaml_text(servers.alertmanager(settings, watch)),
        **rule_files,
        "loki.yml": documents.yaml_text(servers.loki(watch)),
        "logs.alloy": servers.alloy(watch),
        "grafana/spiral-ops-dashboard.json": documents.json_text(dashboard.spiral_ops(listed, watched)),
        "grafana/provisioning/datasources/council.yaml": documents.yaml_text(servers.grafana_sources(watch)),
        "grafana/provisioning/dashboards/council.yaml": documents.yaml_text(servers.grafana_dashboards()),
    }
