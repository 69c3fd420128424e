"""All alerts at once: takes observations as they come and says what fires and what ends. Decides nothing about people.

What was tracked and is not among the observations is unknown. One that fires and was not seen for a day ends as that, in so
many words; the number of tracks is bounded, and what no longer fits is counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from council.domain import alerting, gates, incidents
from council.upkeep.alerts import track as tracks

UNSEEN_S = 86_400.0

Key = tuple[str, incidents.Labels]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person may want to know. `at_us` is when it is known, `since_us` when it was so first.

    For what ended, `since_us` is when it turned green, or when it was known to have ended otherwise.
    """

    change: tracks.Change
    alert: incidents.Alert
    at_us: int
    since_us: int
    ending: incidents.Ending = incidents.Ending.NOT_YET


@dataclass(frozen=True, slots=True)
class Bad:
    """Something that is or lately was bad, whether it has become an alert or not. `until_us` is 0 where it still is."""

    name: str
    labels: incidents.Labels
    since_us: int
    until_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Kept:
    track: tracks.Track
    seen_us: int
    # The newest observation that was bad: what is wrong, in words.
    bad: incidents.Observation


class Board:
    """Every track that is not simply well. Not safe to share between threads."""

    def __init__(self, settings: alerting.AlertsConfig):
        self._settings = settings
        self._kept: dict[Key, _Kept] = {}
        # How many bad observations found no room.
        self.left_out = 0

    def take_up(self, alert: incidents.Alert, at_us: int) -> None:
        """Go on with an alert that was firing when the process before this one ended."""
        track = tracks.Track(
            tracks.State.FIRING, alert.severity, since_us=alert.since_us, bad_us=alert.since_us, read_us=at_us
        )
        seen = incidents.Observation(alert.name, gates.Verdict.RED, at_us, alert.summary, alert.next_step, alert.labels)
        self._kept[alert.key] = _Kept(track, at_us, seen)

    def observe(self, observations: Sequence[incidents.Observation], at_us: int) -> list[Event]:
        """Take in one round of observations; return what changed, in their order. The last one of a key counts."""
        events: list[Event] = []
        seen: Mapping[Key, incidents.Observation] = {one.key: one for one in map(_cut, observations)}
        for one in seen.values():
            events += self._take(one)
        for key in [key for key in self._kept if key not in seen]:
            events += self._miss(key, at_us)
        return events

    @property
    def is_undecided(self) -> bool:
        """Whether something is bad that may become an alert with the next readings."""
        return any(
            kept.track.state is tracks.State.PENDING
            and tracks.is_bad(kept.track.last, alerting.rule_of(kept.bad.name, self._settings))
            for kept in self._kept.values()
        )

    def bad_since(self, at_us: int) -> list[Bad]:
        """Return what was bad at that moment or later, in the order in which it began."""
        found = []
        for kept in self._kept.values():
            if kept.track.bad_us >= at_us:
                still = tracks.is_bad(kept.track.last, alerting.rule_of(kept.bad.name, self._settings))
                until_us = 0 if still else kept.track.bad_us
                found.append(Bad(kept.bad.name, kept.bad.labels, kept.track.since_us, until_us, kept.bad.reason))
        return sorted(found, key=lambda one: (one.since_us, one.name, one.labels))

    def _take(self, one: incidents.Observation) -> Iterator[Event]:
        rule = alerting.rule_of(one.name, self._settings, one.page_after_s, one.held_s)
        kept = self._kept.get(one.key)
        bad = tracks.is_bad(one.verdict, rule)
        if kept is None and not bad:
            return
        if kept is None and len(self._kept) >= self._settings.tracked_max:
            self.left_out += 1
            return
        before = kept.track if kept else tracks.Track()
        after, change = tracks.step(before, one.verdict, one.at_us, rule)
        told = one if bad or kept is None else kept.bad
        self._keep(one.key, _Kept(after, one.at_us, told))
        if change is tracks.Change.ENDED:
            yield _ended(told, before, change, one.at_us, one.at_us, incidents.Ending.NOT_APPLICABLE)
        elif change is tracks.Change.RESOLVED:
            yield _ended(told, before, change, one.at_us, after.green_us, incidents.Ending.RESOLVED)
        elif change is not None:
            yield Event(change, _alert(told, after), one.at_us, after.since_us)

    def _miss(self, key: Key, at_us: int) -> Iterator[Event]:
        kept = self._kept[key]
        silent = at_us - kept.seen_us > UNSEEN_S * 1_000_000
        if kept.track.state is tracks.State.WELL or silent:
            if silent and kept.track.state is tracks.State.FIRING:
                yield _ended(kept.bad, kept.track, tracks.Change.ENDED, at_us, kept.seen_us, incidents.Ending.UNSEEN)
            if silent or self._is_forgotten(kept.track, at_us):
                del self._kept[key]
            return
        rule = alerting.rule_of(key[0], self._settings)
        after, _ = tracks.step(kept.track, gates.Verdict.UNKNOWN, at_us, rule)
        self._kept[key] = replace(kept, track=after)

    def _keep(self, key: Key, kept: _Kept) -> None:
        if kept.track.state is tracks.State.WELL and self._is_forgotten(kept.track, kept.seen_us):
            self._kept.pop(key, None)
        else:
            self._kept[key] = kept

    def _is_forgotten(self, track: tracks.Track, at_us: int) -> bool:
        """Whether nothing is left to remember of a track that is well: neither that it flaps nor that it was bad just now."""
        last_us = max(track.ended_us, track.bad_us)
        kept_s = self._settings.flap_s if track.ended_us else self._settings.join_s
        return at_us - last_us > kept_s * 1_000_000


def _alert(seen: incidents.Observation, track: tracks.Track) -> incidents.Alert:
    assert track.severity is not None, "what fires has a severity"
    return incidents.Alert(seen.name, seen.labels, track.severity, seen.reason, track.since_us, seen.next_step)


def _ended(
    seen: incidents.Observation,
    before: tracks.Track,
    change: tracks.Change,
    at_us: int,
    since_us: int,
    ending: incidents.Ending,
) -> Event:
    return Event(change, _alert(seen, before), at_us, since_us, ending)


def _cut(one: incidents.Observation) -> incidents.Observation:
    """Return the observation with its texts cut: some of them name what others have made."""
    labels = tuple(
        (key[: incidents.NAME_CHARS_MAX], incidents.one_line(value, incidents.NAME_CHARS_MAX))
        for key, value in one.labels
    )
    return replace(
        one,
        name=incidents.one_line(one.name, incidents.NAME_CHARS_MAX),
        labels=labels[:10],
        reason=incidents.one_line(one.reason, incidents.TEXT_CHARS_MAX),
        next_step=incidents.one_line(one.next_step, incidents.TEXT_CHARS_MAX),
    )
