"""What the rest of upkeep knows, as observations: gates, sentinels' findings, services, budgets, and whether metrics are fresh.

Three alerts go by the name that people look for, whatever gate they come from: `http_5xx`, `latency` and `spend`. Findings come
as plain values, since sentinels and alerts are strangers to each other.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from council.domain import alerting, budgets, gates, incidents, states

_SPEND_AMBER = 0.8
_SPEND_RED = 1.0
# States of a service that does as it was told, where it gives no reason for being in them.
_WANTED = frozenset({"starting", "stopping", "stopped"})


def of_gate(judged: gates.Judged, at_us: int) -> incidents.Observation:
    """Return what a gate said at a moment."""
    name = alerting.NAMED.get(judged.gate.name, judged.gate.name)
    return _observation(name, judged.verdict, at_us, judged.reason)


def of_finding(
    sentinel: str,
    service: str,
    verdict: str,
    reason: str,
    next_step: str,
    at_us: int,
    page_after_s: float | None = None,
    held_s: float = 0.0,
) -> incidents.Observation:
    """Return what a sentinel found about a service, and when its warning becomes a page, if it says so itself.

    `held_s`: for how long that has been so.
    """
    found = _observation(sentinel, gates.Verdict(verdict), at_us, reason, (("svc", service),), next_step)
    return dataclasses.replace(found, page_after_s=page_after_s, held_s=held_s)


def of_service(status: states.ServiceStatus, at_us: int) -> incidents.Observation:
    """Return whether a service runs. One that a person has stopped is none that should.

    One that is starting is on its way, but for one that ends again and again: that is no nearer to running.
    """
    service, _, replica = status.name.partition(":")
    labels = (("svc", service), *((("replica", replica),) if replica else ()))
    verdict = {
        "ready": gates.Verdict.GREEN,
        "starting": gates.Verdict.AMBER,
        "stopping": gates.Verdict.AMBER,
        "stopped": gates.Verdict.NOT_APPLICABLE,
    }.get(status.state, gates.Verdict.RED)
    if status.state == "starting" and status.reason and status.crashes > 1:
        verdict = gates.Verdict.RED
    reason = f"it is {status.state}" + (f": {status.reason}" if status.reason else "")
    return _observation("service_down", verdict, at_us, reason, labels)


def of_supervisor(problem: str, at_us: int) -> incidents.Observation:
    """Return whether the supervisor answers, without which nobody knows what runs, and nothing is started again."""
    verdict = gates.Verdict.RED if problem else gates.Verdict.GREEN
    labels = (("svc", "supervisor"),)
    return _observation("service_down", verdict, at_us, problem or "it answers", labels, alerting.SUPERVISOR_STEP)


def of_gone(name: str, labels: incidents.Labels, at_us: int) -> incidents.Observation:
    """Return that what an alert was about is no more, as a process of several after there were fewer."""
    return _observation(name, gates.Verdict.NOT_APPLICABLE, at_us, "it is no more", labels)


def of_crashes(services: Sequence[states.ServiceStatus], most: int, at_us: int) -> Iterator[incidents.Observation]:
    """Yield whether each service ends again and again: every time it is back too soon for `service_down`."""
    counted = crashes(services)
    for service, replicas in _by_service(services).items():
        count = counted.get(service, 0)
        verdict = gates.Verdict.RED if count >= most else gates.Verdict.GREEN
        if service not in counted:
            verdict = gates.Verdict.NOT_APPLICABLE
        last = ", ".join(one.crash_reasons for one in replicas if one.crash_reasons)
        reason = f"it ended {count} times unasked within an hour, last: {last}"
        yield _observation("crash_loop", verdict, at_us, reason if count else "it runs on", (("svc", service),))


def crashes(services: Iterable[states.ServiceStatus]) -> dict[str, int]:
    """Return how often each service that is not stopped ended unasked within the last hour."""
    return {
        service: sum(one.crashes for one in replicas)
        for service, replicas in _by_service(services).items()
        if any(one.state != "stopped" for one in replicas)
    }


def _by_service(services: Iterable[states.ServiceStatus]) -> dict[str, list[states.ServiceStatus]]:
    found: dict[str, list[states.ServiceStatus]] = {}
    for one in services:
        found.setdefault(one.name.partition(":")[0], []).append(one)
    return found


def of_watcher(verdict: gates.Verdict, reason: str, at_us: int) -> incidents.Observation:
    """Return whether the watcher watches: the supervisor sees that it does not, and it itself that it does."""
    return _observation(alerting.WATCHER_DOWN, verdict, at_us, reason)


def of_backups(late: str, at_us: int) -> incidents.Observation:
    """Return whether there is a good snapshot of late; `late` says why not, "" where there is one."""
    verdict = gates.Verdict.RED if late else gates.Verdict.GREEN
    return _observation(alerting.BACKUP_LATE, verdict, at_us, late or "there is a good snapshot")


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


def of_source(
    target: str, problem: str, silent_s: float, replicas: Sequence[states.ServiceStatus], at_us: int
) -> incidents.Observation:
    """Return whether a service tells its metrics: gates are silent about what they cannot see, and this is not.

    `problem` is why it told none the last time, "" where it did; one that fails once is bad once, and alerts wait for more.
    One that was stopped is not expected to tell any, nor is one while it is stopped or started because somebody wants it to.
    """
    reason = f"{problem}; it was last read {silent_s:.0f} s ago" if problem else "it tells its metrics"
    verdict = gates.Verdict.RED if problem else gates.Verdict.GREEN
    if problem and replicas and all(one.state == "stopped" for one in replicas):
        verdict, reason = gates.Verdict.NOT_APPLICABLE, "it is stopped"
    elif problem and replicas and all(one.state in _WANTED and not one.reason for one in replicas):
        verdict, reason = gates.Verdict.UNKNOWN, f"it is {replicas[0].state}"
    return _observation("metrics_stale", verdict, at_us, reason, (("svc", target),))


def of_guest(service: str, silent_s: float | None, is_silent: bool, at_us: int) -> incidents.Observation:
    """Return whether the sentinel of a process beside Council still tells of it; None for one that was ended."""
    labels = (("svc", service),)
    if silent_s is None:
        return _observation("metrics_stale", gates.Verdict.NOT_APPLICABLE, at_us, "it is watched no more", labels)
    verdict = gates.Verdict.RED if is_silent else gates.Verdict.GREEN
    reason = f"its sentinel told nothing for {silent_s:.0f} s" if is_silent else "its sentinel tells of it"
    return _observation("metrics_stale", verdict, at_us, reason, labels, alerting.GUEST_STEP)


def of_targets(problem: str, watched: int, at_us: int) -> incidents.Observation:
    """Return whether anybody is watched. With the list of before the watch goes on, though the new one cannot be read."""
    verdict = gates.Verdict.GREEN if watched else gates.Verdict.RED
    reason = (
        f"{watched} services are watched" if watched else f"no service is watched: {problem or 'the list is empty'}"
    )
    return _observation("metrics_stale", verdict, at_us, reason)


def _observation(
    name: str,
    verdict: gates.Verdict,
    at_us: int,
    reason: str,
    labels: incidents.Labels = (),
    next_step: str = "",
) -> incidents.Observation:
    return incidents.Observation(name, verdict, at_us, reason, next_step or alerting.NEXT_STEPS.get(name, ""), labels)
