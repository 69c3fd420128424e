"""All sentinels of all services: what was read of one service in, a finding of each of its sentinels out.

Pure: time comes with each reading, and there is no other state than what the readings made. So the state after a restart of
who watches is made again by giving it what was read before, the oldest first; readings of two days back may be ten minutes
apart. Each process is judged by itself: one that was started anew begins anew, while disks, quotas and destinations go on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from council.domain import gates, sentinels, watching
from council.upkeep.sentinels import counts, egress, findings, fresh_leak, leak, levels, pace

# More services than Council has, live and staged; the one that was not read for longest makes room.
SERVICES_MAX = 64
# What is above nought once a service has read what it reads as it begins; "" for one that reads nothing large. Of the others
# nobody knows: the model reads itself, and those that look after others read much now and then.
_SETTLED_BY = {"gateway": "", "sandboxd": "", "worker": "", "recall": "council_memory_rebuild_seconds"}
SETTLED_BY = frozenset(_SETTLED_BY.values()) - {""}
# How often memory is worth reading; the rest changes too little for it.
GLANCE_S = 3.0
# A start is told in seconds, from a clock that is set now and then.
_SAME_START_S = 5.0
_REPLACED = "The process that was watched has ended, and of the one in its place nothing is known yet."

_Judge = Callable[[float, float, float], findings.Said]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was read of one service at `at_s`, epoch seconds; `began_s` is when its process began, None if nobody knows.

    `values` are figures by signal, `parts` counters by destination by signal. `unknown` says why a signal is missing, and
    `reason` why all are. Of several processes `began_s` is of the newest, and `oldest_s` when the first of them began.
    """

    service: str
    at_s: float
    began_s: float | None
    values: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    oldest_s: float | None = None


class House:
    """Takes sightings in order of time and returns what every sentinel says of the service that was seen."""

    def __init__(self, rules: Sequence[sentinels.Sentinel]):
        self._rules = rules
        self._services: dict[str, list[_Post]] = {}

    def take(self, seen: Sighting, *, glanced: bool = False) -> list[findings.Finding]:
        """Return one finding for each sentinel of the service.

        `glanced`: nobody will look at what is returned, so the first sight of another process is left to whoever looks: what
        was wrong with the one before ends by that alone.
        """
        posts = self._services.pop(seen.service, None)
        if posts is None:
            posts = [_Post(rule, seen.service) for rule in self._rules if _is_about(rule, seen.service)]
        # Put back as the newest.
        self._services[seen.service] = posts
        if glanced and any(post.is_another_process(seen) for post in posts):
            return []
        if len(self._services) > SERVICES_MAX:
            del self._services[next(iter(self._services))]
        return [post.take(seen) for post in posts]

    def glance(self, service: str, at_s: float, values: Mapping[str, float]) -> list[findings.Finding]:
        """Take figures that were read between two sightings, and return what sentinels of leaks say of them.

        A leak of 100 MB an hour is told within three minutes where memory is read each `GLANCE_S`, and often later where it
        is not. Nothing happens for a service that was not seen yet.
        """
        return [
            post.glance(at_s, values[post.rule.signal])
            for post in self._services.get(service, [])
            if isinstance(post.rule.rule, sentinels.Leak) and post.rule.signal in values
        ]

    def forget(self, service: str) -> None:
        """Drop what is known of a service that is no more."""
        self._services.pop(service, None)


def _is_about(rule: sentinels.Sentinel, service: str) -> bool:
    # The staged generation is judged as the live one is.
    return not rule.services or service in rule.services or service.removesuffix(watching.CANARY) in rule.services


class _Post:
    """One sentinel at one service."""

    def __init__(self, rule: sentinels.Sentinel, service: str):
        self.rule, self._service = rule, service
        self._since = findings.Since(rule.name, service, rule.unit, rule.look_next, rule.page_after_s)
        self._began_s: float | None = None
        self._reported = False
        self._judge: _Judge | None = None
        self._is_settled = False
        self._share: levels.ShareWatch | None = None
        what = rule.unit.partition("/")[0]
        self._pattern = egress.PatternWatch(rule.rule, what) if isinstance(rule.rule, sentinels.Pattern) else None

    def take(self, seen: Sighting) -> findings.Finding:
        is_anew = self.is_another_process(seen)
        # One of several that is new says nothing of the one that was bad.
        is_replaced = is_anew and (seen.oldest_s is None or seen.oldest_s > (self._began_s or 0.0))
        if is_anew:
            self._judge = self._share = None
            self._reported = False
        self._began_s = seen.began_s if seen.began_s is not None else self._began_s
        said = self._said(seen)
        if is_replaced and self._since.was_bad and said.verdict is gates.Verdict.UNKNOWN:
            # Else an alert about the process before would wait for hours, until something is known of this one.
            said = findings.Said(gates.Verdict.NOT_APPLICABLE, None, _REPLACED)
        return self._since.say(seen.at_s, said)

    def glance(self, at_s: float, value: float) -> findings.Finding:
        unseen = findings.Said(gates.Verdict.UNKNOWN, None, "Nothing was read yet.")
        return self._since.say(
            at_s, unseen if self._judge is None else self._judge(at_s, value, float(self._is_settled))
        )

    def is_another_process(self, seen: Sighting) -> bool:
        """Return whether it is not the process that was seen before."""
        if isinstance(self.rule.rule, sentinels.Fills | sentinels.Drift):
            return False  # a disk and a day outlive the process that tells of them
        return (
            seen.began_s is not None and self._began_s is not None and abs(seen.began_s - self._began_s) > _SAME_START_S
        )

    def _said(self, seen: Sighting) -> findings.Said:
        rule, signal = self.rule.rule, self.rule.signal
        if self._pattern is not None:
            counters = seen.parts.get(signal)
            return self._missing(seen, signal) if counters is None else self._pattern.judge(seen.at_s, counters)
        value = seen.values.get(signal)
        if value is None:
            return self._missing(seen, signal)
        whole = 0.0
        if isinstance(rule, sentinels.Share | sentinels.Fills | sentinels.Drift):
            if rule.by not in seen.values:
                return self._missing(seen, rule.by)
            whole = seen.values[rule.by]
        self._reported = True
        if isinstance(rule, sentinels.Leak):
            self._is_settled = _is_settled(seen)
            whole = float(self._is_settled)
        if isinstance(rule, sentinels.Share):
            self._share = self._share or levels.ShareWatch(rule, self.rule.name.replace("_", " "))
            uncounted = seen.values.get(rule.soon_but) if rule.soon_but else 0.0
            return self._share.judge(seen.at_s, value, whole, uncounted)
        if self._judge is None:
            self._judge = _judge_of(self.rule, seen)
        return self._judge(seen.at_s, value, whole)

    def _missing(self, seen: Sighting, signal: str) -> findings.Said:
        reason = seen.unknown.get(signal, seen.reason)
        told = f"Unknown: {reason}." if reason else f"{self._service} does not report {signal}."
        if self.rule.optional and not self._reported and not seen.reason:
            return findings.Said(gates.Verdict.NOT_APPLICABLE, None, told.replace("Unknown: ", "Not applicable: "))
        return findings.Said(gates.Verdict.UNKNOWN, None, told)


def _judge_of(sentinel: sentinels.Sentinel, seen: Sighting) -> _Judge:
    """Return the rule with a state of its own, which takes a time, a value and what it is a part of."""
    rule, what = sentinel.rule, sentinel.name.replace("_", " ")
    match rule:
        case sentinels.Leak():
            return _leak(rule, 0.0 if seen.began_s is None else max(0.0, seen.at_s - seen.began_s))
        case sentinels.Lasting():
            lasting = levels.LastingWatch(rule)
            return lambda at_s, value, _: lasting.judge(at_s, value)
        case sentinels.Pile():
            pile = counts.PileWatch(rule, what)
            return lambda at_s, value, _: pile.judge(at_s, value)
        case sentinels.Queue():
            queue = counts.QueueWatch(rule)
            return lambda at_s, value, _: queue.judge(at_s, value)
        case sentinels.Fills():
            return pace.FillsWatch(rule).judge
        case sentinels.Drift():
            return pace.DriftWatch(rule).judge
        case sentinels.Share() | sentinels.Pattern():
            raise AssertionError("it is judged of more than one value")


def _is_settled(seen: Sighting) -> bool:
    signal = _SETTLED_BY.get(seen.service.removesuffix(watching.CANARY))
    if signal is None or seen.began_s is None:
        return False
    return not signal or seen.values.get(signal, 0.0) > 0


def _leak(rule: sentinels.Leak, age_s: float) -> _Judge:
    watch = leak.LeakWatch(age_s, rule.slow_mb_per_hour, rule.fast_mb_per_hour)

    def judge(at_s: float, size_mb: float, is_settled: float) -> findings.Said:
        watch.add(at_s, round(size_mb * leak.MB), is_settled=bool(is_settled))
        judged = watch.judge()
        verdict = _VERDICTS[judged.verdict]
        # No verdict of a leak is one of a moment.
        held_s = fresh_leak.HELD_S if verdict in (gates.Verdict.AMBER, gates.Verdict.RED) else 0.0
        return findings.Said(verdict, judged.rate_mb_per_hour, judged.reason, held_s)

    return judge


_VERDICTS: Mapping[leak.Verdict, gates.Verdict] = {
    "unknown": gates.Verdict.UNKNOWN,
    "steady": gates.Verdict.GREEN,
    "leak": gates.Verdict.AMBER,
    "fast leak": gates.Verdict.RED,
}
