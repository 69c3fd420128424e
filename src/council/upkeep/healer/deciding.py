"""What is to be done about what is wrong: `decide(world) -> decisions`. Pure, and the same however often it is asked.

First what is under way is looked at: a repair that has helped ends, and one whose time is over did not help, is undone where
that can be, and the next one is tried. Then each alert that fires is looked at, and its playbooks in their order:

- Nothing begins while the healer is paused, or where nobody knows what is so now.
- Never two repairs of one component, nor anything beside one that touches everything.
- A patch that came to serve just before, or whose effects nobody could see until now, is taken back before all else.
- Nothing begins about what is green, nor about what is amber but where a playbook says so.
- What did not help is not tried again while what it was tried for goes on; what helped may be, after its cool-down, and so
  often an hour. An incident can stay open for hours in which one thing after another goes wrong: each is looked at anew.
- What comes after a playbook comes only once that was tried; one that is for something else leaves what follows it alone.
- Once no playbook is left or there is none, or all repairs of an hour or a day are used up, a person is called, once for a
  part while what it was about goes on, and with every kill switch. What gets better after something was done is given its
  time first, and what else goes bad later in the incident is repaired all the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from council.domain import gates, incidents, playbooks, repairs
from council.upkeep.healer import world as world_module

# How long an alert has fired before a person is called about it: much that ends is back by then, whoever started it again.
PATIENCE_S = 60.0
# How long a repair may take to show before a person is called: a rate limit, which gates and quotas see by the minute; another
# after which what was red is amber, for the longest window of a gate; and one that helped, in whatever part.
LIMITED_S, EASING_S, SETTLING_S = 900.0, 330.0, 90.0
# Nobody is called about a part of an incident again sooner, whatever else goes wrong with it.
CALLED_AGAIN_S = 600.0
_BAD = frozenset({gates.Verdict.RED, gates.Verdict.AMBER})
_WANTED_US = round(repairs.WANTED_S * 1e6)
_NARROWING = frozenset({playbooks.Action.RATE_LIMIT, playbooks.Action.SHED, playbooks.Action.SWITCH_PROVIDER})
_PUTS = frozenset(action.value for action in playbooks.KIND_BY_ACTION)


@dataclass(frozen=True, slots=True)
class Begin:
    """A repair is to be carried out. `wanted` is the id of what a person asked for, "" where the healer chose it."""

    playbook: playbooks.Playbook
    component: str
    why: str
    incident: incidents.Incident | None = None
    alert: incidents.Alert | None = None
    cid: str = ""
    wanted: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """A repair has come to its end; `undo` says that what it put is to be taken away."""

    repair: repairs.Repair
    outcome: repairs.Outcome
    told: str
    undo: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A person is to be told that Council cannot repair this by itself."""

    incident: incidents.Incident
    alert: incidents.Alert
    component: str
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing is done about an alert now, and why."""

    incident: incidents.Incident
    alert: incidents.Alert
    component: str
    why: str


Decision = Begin | Settle | Call | Held


@dataclass(slots=True)
class _Busy:
    """What is under repair: which parts, and by how many repairs."""

    parts: set[str] = field(default_factory=set)
    count: int = 0

    def add(self, action: str, component: str) -> None:
        self.parts |= playbooks.booked(action, component)
        self.count += 1

    def conflict(self, parts: Iterable[str]) -> str:
        """Return why none of these may be repaired now, "" where they may."""
        if playbooks.EVERYTHING in self.parts:
            return "a repair that touches everything is under way"
        if playbooks.EVERYTHING in parts and self.parts:
            return f"it touches everything, and {', '.join(sorted(self.parts))} is under repair"
        both = self.parts.intersection(parts)
        return f"{', '.join(sorted(both))} is under repair" if both else ""


def decide(world: world_module.World) -> list[Decision]:
    """Return what is to be done now, in order."""
    # What ends now is busy until the next look, which sees what came of it.
    busy = _Busy()
    for one in world.repairs:
        if one.is_under_way:
            busy.add(one.action, one.component)
    asked = list(_wanted(world, busy))
    return [*_settled(world), *asked, *_of_alerts(world, busy, sum(isinstance(one, Begin) for one in asked))]


def _settled(world: world_module.World) -> Iterator[Decision]:
    for one in world.repairs:
        if not one.is_under_way or one.id in world.at_work:
            continue
        helped = world.helped(one)
        late = world.is_late(one)
        if helped:
            yield Settle(one, repairs.Outcome.HELPED, _SEEN[playbooks.Proof(one.proof)])
        elif late:
            # What is put is undone while paused, too: that widens nothing, and later nobody would.
            undo = bool(one.overrides) or one.action in _PUTS
            if not one.acted_us:
                yield Settle(one, repairs.Outcome.FAILED, "it was not carried out to its end", undo=undo)
                continue
            told = "nobody could tell whether it helped" if helped is None else f"it was not {one.proof} in time"
            yield Settle(one, repairs.Outcome.DID_NOT_HELP, told, undo=undo)


_SEEN = {
    playbooks.Proof.READY: "every process of it is ready, and another than before",
    playbooks.Proof.QUIET: "what the alert is about is no longer bad",
    playbooks.Proof.DONE: "it was carried out",
    playbooks.Proof.TAKEN_BACK: "the patch is no longer in force",
}


def _wanted(world: world_module.World, busy: _Busy) -> Iterator[Decision]:
    """Yield what the owner asked for, within the limits, where nothing else goes on at the same place."""
    begun = 0
    for one in sorted(world.repairs, key=lambda each: each.id):
        if one.outcome is not repairs.Outcome.WANTED:
            continue
        playbook = world.book.playbooks.get(one.playbook)
        if playbook is None:
            yield Settle(one, repairs.Outcome.FAILED, "there is no such playbook any more")
        elif world.now_us - one.began_us > _WANTED_US:
            yield Settle(one, repairs.Outcome.FAILED, "nobody took it up in time")
        elif playbook.action is playbooks.Action.ROLLBACK or one.component == playbooks.EVERYTHING:
            yield Settle(one, repairs.Outcome.FAILED, "a patch is taken back by whoever may: `council patch rollback`")
        elif one.component != (fixed := playbook.component or playbooks.COMPONENTS.get(playbook.action, one.component)):
            yield Settle(one, repairs.Outcome.FAILED, f"{playbook.name} is for {fixed} alone")
        elif one.component in world_module.OWN:
            yield Settle(one, repairs.Outcome.FAILED, "the supervisor alone can repair it")
        elif why := world.spent(begun):
            yield Settle(one, repairs.Outcome.FAILED, why)
        elif (
            world.paused
            or busy.conflict(playbooks.booked(playbook.action, one.component))
            or busy.count >= world.settings.at_once_max
        ):
            continue
        else:
            busy.add(playbook.action, one.component)
            begun += 1
            yield Begin(playbook, one.component, one.why, wanted=one.id)


def _of_alerts(world: world_module.World, busy: _Busy, begun: int) -> Iterator[Decision]:
    called: set[tuple[str, str]] = set()
    for incident, member in _firing(world.incidents):
        decision = _about(world, incident, member, busy, begun)
        if isinstance(decision, Begin):
            busy.add(decision.playbook.action, decision.component)
            begun += 1
        elif isinstance(decision, Call):
            if (incident.id, decision.component) in called:
                decision = Held(incident, decision.alert, decision.component, "a person is called")
            called.add((incident.id, decision.component))
        yield decision
        place = _about_whom(world, member.alert)
        if (
            isinstance(decision, Begin)
            and decision.playbook.action is playbooks.Action.KILL_SWITCH
            and (incident.id, place) not in called
        ):
            called.add((incident.id, place))
            yield Call(incident, member.alert, place, _THROWN)


_THROWN = "the sandbox's kill switch was thrown, and only a person may lift it: `council sandbox lift`"


def _firing(found: Sequence[incidents.Incident]) -> Iterator[tuple[incidents.Incident, incidents.Member]]:
    """Yield the alerts that fire, those of the oldest incident first, and of each the pages first."""
    for incident in sorted(found, key=lambda one: one.id):
        members = [one for one in incident.members if one.fires]
        members.sort(key=lambda one: (-one.alert.severity.rank, one.fired_us))
        yield from ((incident, member) for member in members)


def _about(
    world: world_module.World, incident: incidents.Incident, member: incidents.Member, busy: _Busy, begun: int
) -> Decision:
    alert = member.alert
    place = _about_whom(world, alert)

    def held(why: str, component: str = place) -> Held:
        return Held(incident, alert, component, why)

    if world.paused:
        return held(world.paused)
    if place in world_module.OWN:
        return held("the supervisor alone can repair it")
    called = [one for one in _of(world, incident, place) if one.outcome is repairs.Outcome.CALLED]
    about_it = [one for one in called if _stands(one, incident, member)]
    is_called = bool(about_it) or any(_ago_s(world, one) < CALLED_AGAIN_S for one in called)
    if not is_called and any(_threw(one, incident, member) for one in world.repairs):
        return Call(incident, alert, place, _THROWN)
    if world.services is None:
        return held("the supervisor does not answer, so nobody knows what runs")
    if place in busy.parts or playbooks.EVERYTHING in busy.parts:
        return held(f"{place or 'it'} is under repair")
    verdict = world.verdict(alert)
    if verdict not in _BAD:
        return held(f"it is {verdict} now")
    chain = _ordered(world, alert, place) or [playbooks.CALL]
    if any((one.alert, one.labels) == alert.key for one in about_it):
        return held("a person was called")
    first = _first(world, incident, member, chain, busy, begun)
    return held("a person was called") if is_called and isinstance(first, Call) else first


def _stands(one: repairs.Repair, incident: incidents.Incident, member: incidents.Member) -> bool:
    """Return whether what was done is still of what is wrong now: done since, or for an alert that has fired ever since."""
    same = [
        other.alert.since_us for other in incident.members if other.fires and other.alert.key == (one.alert, one.labels)
    ]
    return any(since_us <= one.began_us for since_us in (member.alert.since_us, *same))


def _threw(one: repairs.Repair, incident: incidents.Incident, member: incidents.Member) -> bool:
    """Return whether a repair threw the kill switch for an alert as it fires now."""
    about = (one.incident_id, one.alert, one.labels) == (incident.id, *member.alert.key)
    return about and one.action == playbooks.Action.KILL_SWITCH.value and one.counts and _stands(one, incident, member)


def _first(
    world: world_module.World,
    incident: incidents.Incident,
    member: incidents.Member,
    chain: Sequence[str],
    busy: _Busy,
    begun: int,
) -> Decision:
    """Return the first playbook of a chain that may be used, or why it waits, or that none is left.

    One that cools down is passed over for now; what waits for anything else has the others wait, too.
    """
    alert, place = member.alert, _about_whom(world, member.alert)
    passed: list[str] = []
    own = set(world.book.own(alert.name, labelled=bool(alert.labels)))
    before, soon = "", False
    for name in chain:
        if name == playbooks.CALL:
            if soon:
                return Held(incident, alert, place, "; ".join(passed))
            return _called(world, incident, member, place, passed)
        playbook = world.book.playbooks[name]
        follows, before = before, name
        if (
            name not in own
            and playbook.action is not playbooks.Action.ROLLBACK
            and not _tried(world, incident, member, follows)
        ):
            passed.append(f"{name}: it comes after {follows}, which was not tried")
            continue
        component = world.component(playbook, alert)
        if why := _never(world, incident, member, playbook, component):
            passed.append(f"{name}: {why}")
            continue
        left_s, why = _cools_down(world, playbook, component, alert)
        if left_s > 0:
            passed.append(f"{name}: {why}")
            soon = soon or left_s <= PATIENCE_S
            continue
        if why := _not_now(world, incident, member, playbook, component, busy):
            return Held(incident, alert, component, f"{name}: {why}")
        if why := world.spent(begun):
            return _called(world, incident, member, place, [why], spent=True)
        blamed = world.blamed(alert, place) if playbook.action is playbooks.Action.ROLLBACK else None
        why = f"{alert.title}: {alert.summary or 'bad'}"
        if blamed is not None:
            why = f"it began after patch {blamed.cid} came to serve: {why}"
        if playbook.needs.damaged:
            why = f"{why}; the settings that serve cannot be read: {world.damaged}"
        return Begin(playbook, component, why, incident, alert, blamed.cid if blamed else "")
    raise AssertionError("a chain ends with a call")


def _called(
    world: world_module.World,
    incident: incidents.Incident,
    member: incidents.Member,
    place: str,
    passed: Sequence[str],
    *,
    spent: bool = False,
) -> Decision:
    """Return that a person is called about what has lasted.

    A warning about which nothing was tried is told of as it is, but where it may be tried no more for now (`spent`).
    """
    is_own = world.book.chain(member.alert.name, labelled=bool(member.alert.labels))
    why = "; ".join(passed) or ("its playbooks say so" if is_own else "no playbook is for it")
    if (left_s := _settles(world, incident, member.alert, place)) > 0:
        told = f"a person is called if it is no better {left_s:.0f} s from now"
        return Held(incident, member.alert, place, f"what was done last has time to show: {told}")
    tried = [one for one in world.repairs if one.incident_id == incident.id and one.counts]
    was_tried = any(_stands(one, incident, member) for one in tried)
    if member.alert.severity is not incidents.Severity.PAGE and not was_tried and not spent:
        return Held(incident, member.alert, place, why)
    if world.now_us - member.fired_us < PATIENCE_S * 1e6:
        return Held(incident, member.alert, place, f"{why}; a person is called after {PATIENCE_S:g} s")
    return Call(incident, member.alert, place, why)


def _settles(world: world_module.World, incident: incidents.Incident, alert: incidents.Alert, component: str) -> float:
    """Return for how long what was done has time to show, seconds: a gate goes on seeing what it looks back on."""
    eases = world.verdict(alert) is gates.Verdict.AMBER
    done = [one for one in world.repairs if one.incident_id == incident.id and one.counts]
    return max((_left_s(world, one, alert, component, eases=eases) for one in done), default=0.0)


def _left_s(
    world: world_module.World, one: repairs.Repair, alert: incidents.Alert, component: str, *, eases: bool
) -> float:
    helped = one.outcome is repairs.Outcome.HELPED
    # What is about one service alone does not come from how many ask.
    may_be_of_it = not alert.labels or (one.alert, one.labels) == (alert.name, alert.labels)
    if may_be_of_it and one.action == playbooks.Action.RATE_LIMIT.value and (helped or one.is_under_way):
        return LIMITED_S - world.age_us(one) / 1e6
    if (eases and one.component == component) or (helped and alert.key in world.unproven):
        return EASING_S - _ago_s(world, one)
    return SETTLING_S - _ago_s(world, one) if helped else 0.0


def _ago_s(world: world_module.World, one: repairs.Repair) -> float:
    """Return how long ago a repair ended, seconds. It began before, so its age bounds that, whatever the clock says now."""
    return min(world.now_us - max(one.ended_us, one.began_us), world.age_us(one)) / 1e6


def _ordered(world: world_module.World, alert: incidents.Alert, place: str) -> list[str]:
    """Return the playbooks for an alert; those that take back a patch come first where there is one to blame."""
    chain = world.book.chain(alert.name, labelled=bool(alert.labels))
    if not chain or world.damaged or world.blamed(alert, place) is None:
        return chain
    backs = [one.name for one in world.book.playbooks.values() if one.action is playbooks.Action.ROLLBACK]
    first = [name for name in chain if name in backs] or [
        name for name in backs if alert.name in _triggers(world, name)
    ]
    return [*first, *(name for name in chain if name not in first)]


def _triggers(world: world_module.World, name: str) -> Sequence[str]:
    return world.book.playbooks[name].triggers


def _never(
    world: world_module.World,
    incident: incidents.Incident,
    member: incidents.Member,
    playbook: playbooks.Playbook,
    component: str,
) -> str:
    """Return why a playbook is passed over for an alert, "" where it is not."""
    alert = member.alert
    if not component:
        return "nobody can tell which part it is"
    if component in world_module.OWN:
        return "the supervisor alone can repair it"
    tried = [one for one in _of(world, incident, component) if one.playbook == playbook.name]
    tried = [one for one in tried if _stands(one, incident, member)]
    if any(one.outcome in (repairs.Outcome.DID_NOT_HELP, repairs.Outcome.FAILED) for one in tried):
        return "it was tried"
    if any(one.outcome is repairs.Outcome.HANDED_ON for one in tried):
        return "it was handed on"
    if playbook.needs.damaged and not world.damaged:
        return "the settings that serve can be read"
    back = playbook.action is playbooks.Action.ROLLBACK
    if back and world.damaged:
        return "settings that cannot be read come from no patch"
    if (playbook.needs.changed or back) and world.blamed(alert, _about_whom(world, alert)) is None:
        return "no patch came to serve shortly before it began"
    if why := _cannot(world, playbook.action):
        return why
    if not playbook.needs.amber and world.verdict(alert) is not gates.Verdict.RED:
        return "it is not red"
    states = playbook.needs.states
    if states and not any(row.state in states for row in world.rows(component)):
        seen = ", ".join(sorted({row.state for row in world.rows(component)})) or "not known"
        return f"{component} is {seen}"
    if world.hourly(playbook, component) >= playbook.hourly_max:
        return f"it was used {world.hourly(playbook, component)} times within the hour"
    return ""


def _cannot(world: world_module.World, action: playbooks.Action) -> str:
    """Return why an action would do nothing here, "" where it would do something."""
    if action is playbooks.Action.SCALE and not world.can_scale:
        return "as many run as may"
    if action is playbooks.Action.SWITCH_PROVIDER and not world.can_switch:
        return "no model has another provider"
    if action is playbooks.Action.PATCH and not world.can_propose:
        return "no bot is at work that would propose one"
    return ""


def _about_whom(world: world_module.World, alert: incidents.Alert) -> str:
    """Return which service an alert is about, "" where that is none or unknown."""
    if alert.name == "watcher_down":
        return "watcher"
    return dict(alert.labels).get("svc", "") or world.book.components.get(alert.name, "")


def _not_now(
    world: world_module.World,
    incident: incidents.Incident,
    member: incidents.Member,
    playbook: playbooks.Playbook,
    component: str,
    busy: _Busy,
) -> str:
    """Return what a playbook waits for, "" where it may be used now."""
    if conflict := busy.conflict(playbooks.booked(playbook.action, component)):
        return conflict
    lasted_s = (world.now_us - member.fired_us) / 1e6
    if lasted_s < playbook.needs.lasting_s:
        return f"it waits until the alert has fired for {playbook.needs.lasting_s:g} s"
    if busy.count >= world.settings.at_once_max:
        return f"{busy.count} other repairs are under way"
    # What narrows it for everybody does not come just after the cause was repaired, while a gate still looks back on that.
    if playbook.action in _NARROWING and not member.alert.labels:
        helped = [one for one in world.repairs if one.incident_id == incident.id]
        ago_s = [_ago_s(world, one) for one in helped if one.outcome is repairs.Outcome.HELPED]
        if ago_s and min(ago_s) < EASING_S:
            return f"what helped {min(ago_s):.0f} s ago has {EASING_S:g} s to show"
    return ""


def _cools_down(
    world: world_module.World, playbook: playbooks.Playbook, component: str, alert: incidents.Alert
) -> tuple[float, str]:
    """Return for how long a playbook may not be used again, seconds, and why.

    What a new process does wrong is not what the one before it did: something else that began after a new start had helped
    is kept from another by the limit of an hour alone.
    """

    def is_other(one: repairs.Repair) -> bool:
        by_new_start = one.outcome is repairs.Outcome.HELPED and one.proof == playbooks.Proof.READY.value
        was_for_another = bool(one.alert) and (one.alert, one.labels) != alert.key
        return by_new_start and was_for_another and world.began_us(alert) > one.ended_us

    used = [one for one in world.repairs if _is_use(one, playbook, component) and not is_other(one)]
    if not used:
        return 0.0, ""
    ago_s = min(_ago_s(world, one) for one in used)
    return playbook.cool_down_s - ago_s, f"it was used {ago_s:.0f} s ago, and cools down for {playbook.cool_down_s:g} s"


def _tried(world: world_module.World, incident: incidents.Incident, member: incidents.Member, name: str) -> bool:
    """Return whether a playbook was used in an incident for what goes on, and has come to its end."""
    return any(
        one.incident_id == incident.id
        and one.playbook == name
        and _stands(one, incident, member)
        and one.ended_us
        and one.outcome is not repairs.Outcome.CALLED
        for one in world.repairs
    )


def _is_use(one: repairs.Repair, playbook: playbooks.Playbook, component: str) -> bool:
    return (one.playbook, one.component) == (playbook.name, component) and one.outcome is not repairs.Outcome.WANTED


def _of(world: world_module.World, incident: incidents.Incident, component: str) -> list[repairs.Repair]:
    return [one for one in world.repairs if one.incident_id == incident.id and one.component == component]
