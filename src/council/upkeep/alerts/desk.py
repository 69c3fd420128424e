"""Makes incidents of what the board says, and decides what people are told and when. Pure: no I/O, ids and time come in.

What starts together is one incident and one notice: alerts that begin within `join_s` of each other, or that the causal table
links to one that fires, join the incident that is open. A notice waits for what is bad and no alert yet, up to `group_s`. A
person is told when an incident begins, when it gains an alert or one of its alerts gets more urgent, again every `repeat_s`,
and when it is over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from council.domain import alerting, incidents, links
from council.upkeep.alerts import board as boards
from council.upkeep.alerts import causes, notices
from council.upkeep.alerts import track as tracks

OPEN_MAX = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round changed: incidents as they are now, and what people are told."""

    changed: tuple[incidents.Incident, ...] = ()
    notices: tuple[incidents.Notice, ...] = ()


class Desk:
    """The open incidents, over one board. Not safe to share between threads."""

    def __init__(self, settings: alerting.AlertsConfig, new_id: Callable[[int], str]):
        self._settings = settings
        self._new_id = new_id
        self.board = boards.Board(settings)
        self._open: dict[str, incidents.Incident] = {}

    @property
    def open(self) -> list[incidents.Incident]:
        """The incidents that go on, oldest first."""
        return list(self._open.values())

    def take_up(self, found: Sequence[incidents.Incident], at_us: int) -> list[incidents.Incident]:
        """Go on with incidents that were open when the process before this one ended; return them as they are now.

        Where the records come back late, an alert may fire in an incident of this process already: it goes on there.
        """
        held = {member.alert.key for one in self._open.values() for member in one.members if member.fires}
        taken = []
        for one in sorted(found, key=lambda one: one.id):
            if one.standing is not incidents.Standing.OPEN or one.id in self._open:
                continue
            now = _noted(one, at_us, "the watch began anew and goes on with this incident")
            for member in [member for member in one.members if member.fires]:
                if member.alert.key in held:
                    now = _closed(_ended(now, member.alert, at_us, at_us, incidents.Ending.ELSEWHERE), at_us)
                else:
                    self.board.take_up(member.alert, at_us)
                    held.add(member.alert.key)
            self._open[one.id] = now
            taken.append(now)
        return taken

    def observe(
        self, observations: Sequence[incidents.Observation], silences: Sequence[incidents.Silence], at_us: int
    ) -> Outcome:
        """Take in one round of observations."""
        before = dict(self._open)
        now = dict(self._open)
        for event in self.board.observe(observations, at_us):
            self._enter(now, event)
        told = []
        for key, one in now.items():
            after, notice = self._tell(one, silences, at_us)
            now[key] = after
            if notice is not None:
                told.append(notice)
        self._open = {key: one for key, one in now.items() if one.standing is incidents.Standing.OPEN}
        return Outcome(tuple(one for key, one in now.items() if one is not before.get(key)), tuple(told))

    def _enter(self, now: dict[str, incidents.Incident], event: boards.Event) -> None:
        holder = next((one for one in reversed(now.values()) if _member(one, event.alert.key) is not None), None)
        if event.change in (tracks.Change.FIRED, tracks.Change.WORSENED):
            found = holder or self._joined(now, event)
            entered = self._begun(event) if found is None else _fired(found, event)
            bad = self.board.bad_since(entered.began_us - round(self._settings.join_s * 1_000_000))
            now[entered.id] = replace(entered, causes=causes.candidates(entered.members, bad))
        elif holder is not None:
            ended = _ended(holder, event.alert, event.at_us, event.since_us, event.ending)
            now[holder.id] = _closed(ended, event.at_us)

    def _joined(self, now: dict[str, incidents.Incident], event: boards.Event) -> incidents.Incident | None:
        """Return the newest incident that an alert belongs to: it began with it, or the table links them.

        One of `alerting.ALONE` shares none as long as there is room.
        """
        for one in reversed(now.values()):
            firing = [member for member in one.members if member.fires]
            if one.standing is not incidents.Standing.OPEN or len(one.members) >= incidents.MEMBERS_MAX:
                continue
            alone = event.alert.name in alerting.ALONE or any(
                member.alert.name in alerting.ALONE for member in one.members
            )
            if alone and len(now) < OPEN_MAX:
                continue
            apart_us = min(abs(event.since_us - member.alert.since_us) for member in one.members)
            linked = any(links.is_linked(member.alert.name, event.alert.name) for member in firing)
            if apart_us <= self._settings.join_s * 1_000_000 or linked or len(now) >= OPEN_MAX:
                return one
        return None

    def _begun(self, event: boards.Event) -> incidents.Incident:
        made = incidents.Incident(
            id=self._new_id(event.at_us),
            standing=incidents.Standing.OPEN,
            severity=event.alert.severity,
            began_us=event.since_us,
            detected_us=event.at_us,
            timeline=(incidents.Moment(event.since_us, f"{event.alert.title}: first bad reading"),),
        )
        return _fired(made, event)

    def _tell(
        self, one: incidents.Incident, silences: Sequence[incidents.Silence], at_us: int
    ) -> tuple[incidents.Incident, incidents.Notice | None]:
        """Return the incident and what people are told of it now, if anything."""
        kind = self._kind(one, silences, at_us)
        if kind is None:
            return one, None
        heard = {member.alert.key for member in _heard(one, silences, at_us)}
        notice = notices.notice(self._new_id(at_us), at_us, kind, one, heard)
        members = tuple(
            replace(member, told=_worse(member.told, member.alert.severity)) if member.alert.key in heard else member
            for member in one.members
        )
        return _noted(replace(one, members=members, told_us=at_us), at_us, f"told: {notice.title}"), notice

    def _kind(
        self, one: incidents.Incident, silences: Sequence[incidents.Silence], at_us: int
    ) -> incidents.NoticeKind | None:
        if one.standing is not incidents.Standing.OPEN:
            return incidents.NoticeKind.OVER if one.told_us else None
        heard = _heard(one, silences, at_us)
        fresh = [
            member.fired_us for member in heard if member.told is None or member.told.rank < member.alert.severity.rank
        ]
        waited = fresh and at_us - min(fresh) >= tracks.nearly_s(self._settings.group_s) * 1_000_000
        if waited or (fresh and not self.board.is_undecided):
            return incidents.NoticeKind.GREW if one.told_us else incidents.NoticeKind.BEGAN
        if heard and one.told_us and at_us - one.told_us >= self._settings.repeat_s * 1_000_000:
            return incidents.NoticeKind.STILL
        return None


def _heard(one: incidents.Incident, silences: Sequence[incidents.Silence], at_us: int) -> list[incidents.Member]:
    """Return the members that fire and that no silence covers."""
    return [
        member
        for member in one.members
        if member.fires and not any(silence.covers(member.alert.name, at_us) for silence in silences)
    ]


def _member(one: incidents.Incident, key: boards.Key) -> incidents.Member | None:
    if one.standing is not incidents.Standing.OPEN:
        return None
    return next((member for member in one.members if member.alert.key == key), None)


def _fired(one: incidents.Incident, event: boards.Event) -> incidents.Incident:
    """Return the incident with an alert that fired, or fired again, or got more urgent."""
    held = _member(one, event.alert.key)
    if held is None:
        members = (*one.members, incidents.Member(event.alert, event.at_us))
    else:
        again = replace(held, alert=event.alert, fired_us=event.at_us, ended_us=0, ending=incidents.Ending.NOT_YET)
        if not held.fires:
            # It was over and has come back, while others keep the incident open: that is news. Its track damps how often.
            again = replace(again, told=None)
        members = tuple(again if member is held else member for member in one.members)
    severity = _worse(one.severity, event.alert.severity)
    text = f"{event.alert.title}: {event.alert.severity}, {event.alert.summary or 'bad'}"
    began_us = min(one.began_us, event.since_us)
    return _noted(replace(one, members=members, severity=severity, began_us=began_us), event.at_us, text)


def _worse(one: incidents.Severity | None, other: incidents.Severity) -> incidents.Severity:
    return one if one is not None and one.rank > other.rank else other


def _ended(
    one: incidents.Incident, alert: incidents.Alert, at_us: int, since_us: int, ending: incidents.Ending
) -> incidents.Incident:
    members = tuple(
        replace(member, ended_us=max(since_us, 1), ending=ending) if member.alert.key == alert.key else member
        for member in one.members
    )
    return _noted(replace(one, members=members), at_us, f"{alert.title}: {ending}")


def _closed(one: incidents.Incident, at_us: int) -> incidents.Incident:
    """Return the incident closed if its last alert has ended."""
    if any(member.fires for member in one.members):
        return one
    resolved = all(member.ending is incidents.Ending.RESOLVED for member in one.members)
    standing = incidents.Standing.REPAIRED if resolved else incidents.Standing.ENDED
    repaired_us = max(member.ended_us for member in one.members)
    return _noted(replace(one, standing=standing, repaired_us=repaired_us), at_us, f"the incident is {standing}")


def _noted(one: incidents.Incident, at_us: int, text: str) -> incidents.Incident:
    """Return the incident with one more moment; of too many the first and the newest half stay."""
    moments = (*one.timeline, incidents.Moment(at_us, text[: incidents.TEXT_CHARS_MAX]))
    if len(moments) <= incidents.MOMENTS_MAX:
        return replace(one, timeline=moments)
    half = incidents.MOMENTS_MAX // 2
    kept = (*moments[:half], *moments[half + 1 :])
    return replace(one, timeline=kept, moments_left_out=one.moments_left_out + 1)
