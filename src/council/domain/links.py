"""What the parts of this project do to each other: a written table of which alert may bring about which. Pure.

It is no statistics. What stands here somebody has seen or read in the code; what does not is not known to be linked.
"""

from dataclasses import dataclass


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


def is_linked(cause: str, effect: str) -> bool:
    """Whether the table has `cause` bring about `effect`, of whatever service."""
    return any(link.cause == cause and effect in link.effects for link in LINKS)


def effects_of(cause: str, service: str = "") -> frozenset[str]:
    """Return every alert that the table has `cause` of this service bring about, at once."""
    found = (link.effects for link in LINKS if link.cause == cause and link.service in ("", service))
    return frozenset().union(*found)
