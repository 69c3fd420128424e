"""The files by which Prometheus, Alertmanager, Grafana and Loki watch Council, made of its gates and settings. Pure."""
