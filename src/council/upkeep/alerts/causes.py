"""What may have brought an incident about: what else went bad about then, and a written table of what follows from what.

The table knows what this project's parts do to each other, no more. What it links comes first, in order of time; what merely
went bad at the same time follows, and says so. Nobody has shown that a candidate is the cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from council.domain import incidents
from council.upkeep.alerts import board


@dataclass(frozen=True, slots=True)
class Link:
    """`cause` may bring about each of `effects`. `service`: only where the cause is of that service; "" for any."""

    cause: str
    effects: frozenset[str]
    because: str
    service: str = ""


def _link(cause: str, effects: str, because: str, service: str = "") -> Link:
    return Link(cause, frozenset(effects.split()), because, service)


LINKS: tuple[Link, ...] = (
    _link("service_down", "http_5xx success_rate latency", "no gateway, no answers", "gateway"),
    _link("service_down", "http_5xx success_rate latency local_processing spend", "without the model, general "
          "questions fail or go to paid models", "model"),
    _link("service_down", "success_rate latency", "math and logic are computed there", "worker"),
    _link("service_down", "success_rate latency", "knowledge and memory are found there", "recall"),
    _link("service_down", "success_rate http_5xx", "code runs there", "sandboxd"),
    _link("crash_loop", "service_down http_5xx success_rate latency metrics_stale", "what ends again and again answers "
          "nothing meanwhile"),
    _link("disk_usage", "http_5xx success_rate service_down crash_loop", "no ledger row can be written to a full disk, and no "
          "answer ends without one"),
    _link("fd_usage", "http_5xx network_errors success_rate service_down", "without descriptors no connection opens"),
    _link("descriptors", "http_5xx network_errors success_rate service_down fd_usage", "without descriptors no "
          "connection opens"),
    _link("memory", "service_down crash_loop latency memory_growth http_5xx", "a process that grows is slowed and then ended "
          "by the kernel"),
    _link("memory_growth", "service_down crash_loop latency http_5xx", "a process that grows is slowed and then ended "
          "by the kernel"),
    _link("gpu_memory", "service_down latency http_5xx", "a model without memory on its card fails"),
    _link("concurrent_users", "latency http_5xx success_rate network_errors", "more questions at once wait longer, and "
          "those beyond the queue are turned away"),
    _link("network_errors", "http_5xx success_rate latency spend", "providers that cannot be reached are tried again or "
          "left out"),
    _link("latency", "http_5xx success_rate", "answers that take too long are timeouts"),
    _link("response_size", "latency spend", "longer answers take longer and cost more"),
    _link("local_processing", "spend latency", "what is not answered here is paid for elsewhere"),
    _link("sockets", "descriptors fd_usage", "each socket is a descriptor"),
)  # fmt: skip


def candidates(members: Sequence[incidents.Member], bad: Sequence[board.Bad]) -> tuple[incidents.Cause, ...]:
    """Return the candidates for an incident of these members among what was bad, linked ones first, each in order of time.

    Only what began no later than the last alert can have caused one. A member can be the cause of another.
    """
    began = [member.alert.since_us for member in members]
    found = []
    for one in bad:
        if one.since_us > max(began):
            continue
        others = {
            member.alert.name
            for member in members
            if member.alert.key != (one.name, one.labels)
            and member.alert.since_us >= one.since_us
            and _may_be_of_one_service(one, member)
        }
        because = _because(one, others)
        is_member = any(member.alert.key == (one.name, one.labels) for member in members)
        if because or not is_member:
            title = incidents.label_of(one.name, one.labels)
            found.append(incidents.Cause(title, one.since_us, one.reason, because, one.until_us))
    found.sort(key=lambda cause: (not cause.because, cause.at_us, cause.title))
    return tuple(found[: incidents.CAUSES_MAX])


def is_linked(cause: str, effect: str) -> bool:
    """Whether the table has `cause` bring about `effect`, of whatever service."""
    return any(link.cause == cause and effect in link.effects for link in LINKS)


def _may_be_of_one_service(one: board.Bad, member: incidents.Member) -> bool:
    """Whether what is told of one service is not set beside what is told of another, as of a process beside Council."""
    services = {dict(labels).get("svc", "") for labels in (one.labels, member.alert.labels)} - {""}
    return len(services) < 2


def _because(one: board.Bad, others: set[str]) -> str:
    service = dict(one.labels).get("svc", "")
    for link in LINKS:
        reached = sorted(link.effects & others)
        if link.cause == one.name and link.service in ("", service) and reached:
            return f"{link.because} ({', '.join(reached)})"
    return ""
