"""What the rest of upkeep knows, as observations: gates, sentinels' findings, services, budgets, and whether metrics are fresh.

Three alerts go by the name that people look for, whatever gate they come from: `http_5xx`, `latency` and `spend`. Findings come
as plain values, since sentinels and alerts are strangers to each other.
"""

from collections.abc import Iterable, Iterator

from council.domain import alerting, budgets, gates, incidents, states

_SPEND_AMBER = 0.8
_SPEND_RED = 1.0

_NEXT = {
    "http_5xx": "See which part is away with `council status`, then its log under ~/.council/logs.",
    "latency": "See with `council status` whether a part is away or restarts, and with `council ledger report` who asks.",
    "spend": "See where it goes with `council ledger report --by model`; `budget.day_usd_micros` bounds it.",
    "success_rate": "See which questions end without an answer with `council ledger report --by route`.",
    "local_processing": "See which models are asked with `council ledger report --by model`.",
    "network_errors": "See which provider fails with `council providers test`.",
    "disk_usage": "Free space on the disk of the home; `council doctor` says how much is left.",
    "gpu_memory": "Serve a smaller model: `council models use`.",
    "memory_growth": "See with `council status` which service grows, and restart it when it suits.",
    "fd_usage": "See with `council status` which service it is, and restart it before it has none left.",
    "concurrent_users": "Bound how often each token asks: `council tokens add --requests-per-minute 60`.",
    "response_size": "See whose answers are long with `council ledger report --by token`.",
    "service_down": "The supervisor starts it again by itself; its log under ~/.council/logs says why it ended.",
    "metrics_stale": "Verdicts are unknown until it can be read again. See `council status`, and whether its port answers.",
}


def of_gate(judged: gates.Judged, at_us: int) -> incidents.Observation:
    """Return what a gate said at a moment."""
    name = alerting.NAMED.get(judged.gate.name, judged.gate.name)
    return _observation(name, judged.verdict, at_us, judged.reason)


def of_finding(
    sentinel: str, service: str, verdict: str, reason: str, next_step: str, at_us: int
) -> incidents.Observation:
    """Return what a sentinel found about a service."""
    return _observation(sentinel, gates.Verdict(verdict), at_us, reason, (("svc", service),), next_step)


def of_service(status: states.ServiceStatus, at_us: int) -> incidents.Observation:
    """Return whether a service runs. One that a person has stopped is none that should."""
    service, _, replica = status.name.partition(":")
    labels = (("svc", service), *((("replica", replica),) if replica else ()))
    verdict = {
        "ready": gates.Verdict.GREEN,
        "starting": gates.Verdict.AMBER,
        "stopping": gates.Verdict.AMBER,
        "stopped": gates.Verdict.NOT_APPLICABLE,
    }.get(status.state, gates.Verdict.RED)
    reason = f"it is {status.state}" + (f": {status.reason}" if status.reason else "")
    return _observation("service_down", verdict, at_us, reason, labels)


def of_budgets(lines: Iterable[budgets.Line], at_us: int) -> Iterator[incidents.Observation]:
    """Yield how near each budget that has a limit is to its end: amber from 80 %, red where nothing is left."""
    for line in lines:
        if not line.limit_usd_micros:
            continue
        share = (line.spent_usd_micros + line.held_usd_micros) / line.limit_usd_micros
        verdict = gates.Verdict.GREEN
        if share >= _SPEND_AMBER:
            verdict = gates.Verdict.RED if share >= _SPEND_RED else gates.Verdict.AMBER
        refused = "; paid calls are refused" if share >= _SPEND_RED else ""
        span = "month" if len(line.period) == len("2026-11") else "day"
        labels = (("scope", line.scope), ("span", span))
        yield _observation(
            "spend", verdict, at_us, f"{share:.0%} of the budget of {line.period} is spent{refused}", labels
        )


def of_source(target: str, problem: str, silent_s: float, at_us: int) -> incidents.Observation:
    """Return whether a service tells its metrics: gates are silent about what they cannot see, and this is not.

    `problem` is why it told none the last time, "" where it did; one that fails once is bad once, and alerts wait for more.
    """
    reason = f"{problem}; it was last read {silent_s:.0f} s ago" if problem else "it tells its metrics"
    verdict = gates.Verdict.RED if problem else gates.Verdict.GREEN
    return _observation("metrics_stale", verdict, at_us, reason, (("svc", target),))


def _observation(
    name: str,
    verdict: gates.Verdict,
    at_us: int,
    reason: str,
    labels: incidents.Labels = (),
    next_step: str = "",
) -> incidents.Observation:
    return incidents.Observation(name, verdict, at_us, reason, next_step or _NEXT.get(name, ""), labels)
