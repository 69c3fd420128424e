"""The page in the folder itself, for who finds it without the docs."""

TEXT = """# Files for the programs that watch Council

Written by Council from its gates, sentinels and settings. What you change here is overwritten: change `gates.yaml`,
`sentinels.yaml` or `council.yaml`, or work on a copy. In a home this folder is `monitoring`. Prometheus reads two more files:
`../run/targets.json`, which the supervisor keeps, and `../secrets/metrics.key`, which opens the gateway's metrics.

| file | for |
|---|---|
| `prometheus.yml`, `rules/` | Prometheus, 2.42 or later |
| `alertmanager.yml` | Alertmanager, 0.25 or later |
| `grafana/` | Grafana, 11 or later; in the repository beside this folder |
| `loki.yml`, `logs.alloy` | Loki 3, and Alloy, which sends it the logs |

Start each in a folder where its data may lie; `FILES` stands for this one.

```sh
prometheus --config.file=FILES/prometheus.yml --web.listen-address=127.0.0.1:9090 --web.enable-lifecycle
prometheus-alertmanager --config.file=FILES/alertmanager.yml --web.listen-address=127.0.0.1:9093
export COUNCIL_HOME=FILES/..
GF_PATHS_PROVISIONING=FILES/grafana/provisioning grafana server
loki -config.file=FILES/loki.yml
alloy run FILES/logs.alloy
```

Check a copy that you changed with `promtool check config prometheus.yml` and `amtool check-config alertmanager.yml`.
"""
