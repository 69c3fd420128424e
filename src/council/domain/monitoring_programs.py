"""The settings of the monitoring programs beside Council, which the files in `<home>/monitoring` are for."""

from dataclasses import dataclass

from council.domain.options import option


@dataclass(frozen=True, slots=True)
class MonitoringConfig:
    """Prometheus, Alertmanager and Loki beside Council: where they listen. None of them is needed."""

    prometheus_url: str = option("http://127.0.0.1:9090", "Where Prometheus listens.")
    alertmanager_url: str = option("http://127.0.0.1:9093", "Where Alertmanager listens.")
    loki_url: str = option("http://127.0.0.1:3100", "Where Loki listens.")
    webhook_url: str = option(
        "", "Where Alertmanager sends notices as JSON; empty for nowhere. Never one that holds a secret."
    )
