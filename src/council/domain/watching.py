"""The settings of what watches Council: where verdicts come from, and where the monitoring programs beside it listen."""

from dataclasses import dataclass

from council.domain.options import option

SOURCES = ("embedded", "prometheus")


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """Where verdicts come from, and the programs that the files in `<home>/monitoring` are for."""

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
