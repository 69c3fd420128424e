"""What the healer knows at a moment, and what can be read off it. Pure.

What nobody can tell is None or missing, and nothing is done by it: a verdict that is not known is no reason to repair anything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from council.domain import evidence, gates, playbooks, states
from council.domain import incidents as incidents_module
from council.domain import repairs as repairs_module

Key = tuple[str, incidents_module.Labels]

# Phases of a patch from which on what serves is its generation, as the lineage tells of them.
SERVING = ("baking", "idle")
_HOUR_US, _DAY_US = 3_600_000_000, 86_400_000_000
_WELL = frozenset({gates.Verdict.GREEN, gates.Verdict.NOT_APPLICABLE})
# Nobody but the supervisor can repair these: the first is the healer itself.
OWN = frozenset({"steward", "supervisor"})
_STATES_WELL = frozenset({"ready", "stopped"})
# Alerts about a service of which the supervisor knows best: one that ended often is well while it runs.
_OF_SERVICES = frozenset({"service_down", "crash_loop", "watcher_down"})


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch that serves or did. `served_us` is when it came to serve, `touches` whom it started anew; None if unknown."""

    cid: str
    served_us: int
    touches: frozenset[str] | None = None
    is_over: bool = False
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """`incidents` are those that are open, `repairs` those of the last day at least and all under way, newest first.

    `services` None: the supervisor does not answer. `verdicts` are what the watcher's own sources say now, by alert: gates,
    sentinels; None where the watcher does not answer. `at_work` are repairs that this process is
    carrying out at the moment. `paused` says why nothing may begin, "" where it may. `can_scale`: one more gateway may run.
    `can_switch`: some model has another provider. `can_propose`: a bot that proposes what lasts is listed and not paused.
    `damaged` says what is wrong with the settings of the generation that serves, "" where they can be read. `ages_s` is how
    long ago repairs began by a clock that nobody sets, where that is known.

    `since_us` is since when a source's verdict is as it is. `unseen` are alerts of whose gate nothing was known from the newest
    patch on until it turned red. `unproven` are those that are bad of a time that began before what was repaired, and of
    which too little was seen since then.
    """

    now_us: int
    book: playbooks.Book
    settings: repairs_module.HealingConfig
    incidents: Sequence[incidents_module.Incident] = ()
    repairs: Sequence[repairs_module.Repair] = ()
    services: Sequence[states.ServiceStatus] | None = None
    verdicts: Mapping[Key, gates.Verdict] | None = None
    patches: Sequence[Patch] | None = None
    at_work: Collection[str] = field(default_factory=frozenset)
    paused: str = ""
    can_scale: bool = True
    can_switch: bool = True
    can_propose: bool = True
    damaged: str = ""
    since_us: Mapping[Key, int] = field(default_factory=dict)
    unseen: Collection[Key] = field(default_factory=frozenset)
    unproven: Collection[Key] = field(default_factory=frozenset)
    ages_s: Mapping[str, float] = field(default_factory=dict)

    def age_us(self, one: repairs_module.Repair) -> int:
        """Return how long ago a repair began: no clock that is set gives back what limits have used up."""
        age_s = self.ages_s.get(one.id)
        return self.now_us - one.began_us if age_s is None else round(age_s * 1e6)

    def is_late(self, one: repairs_module.Repair) -> bool:
        """Return whether the time is over within which a repair must have helped."""
        return (
            self.now_us >= one.until_us
            if one.id not in self.ages_s
            else self.age_us(one) >= one.until_us - one.began_us
        )

    def rows(self, component: str) -> list[states.ServiceStatus]:
        """Return the processes of a component, none where nobody knows."""
        return [one for one in self.services or () if one.name.partition(":")[0] == component]

    def pids(self, component: str) -> tuple[int, ...]:
        """Return the PIDs of a component's processes."""
        return tuple(one.pid for one in self.rows(component) if one.pid is not None)

    def verdict(self, alert: incidents_module.Alert) -> gates.Verdict:
        """Return how what an alert is about is now. What its own source does not tell is bad as long as the alert fires."""
        service = dict(alert.labels).get("svc", "watcher" if alert.name == "watcher_down" else "")
        if alert.name in _OF_SERVICES and service not in OWN:
            rows = self.rows(service)
            if not rows:
                return gates.Verdict.UNKNOWN
            number = dict(alert.labels).get("replica")
            named = [one for one in rows if number is None or one.name == f"{service}:{number}"]
            bad = any(one.state not in _STATES_WELL for one in named)
            return gates.Verdict.RED if bad else gates.Verdict.GREEN
        if self.verdicts is None:
            return gates.Verdict.UNKNOWN
        if not self._fires(alert):
            return gates.Verdict.GREEN
        return self.verdicts.get(alert.key, gates.Verdict.RED)

    def _fires(self, alert: incidents_module.Alert) -> bool:
        return any(one.fires and one.alert.key == alert.key for each in self.incidents for one in each.members)

    def component(self, playbook: playbooks.Playbook, alert: incidents_module.Alert) -> str:
        """Return whom a playbook would repair for an alert, "" where nobody can tell."""
        if playbook.component:
            return playbook.component
        if playbook.action in playbooks.COMPONENTS:
            return playbooks.COMPONENTS[playbook.action]
        labels = dict(alert.labels)
        if alert.name == "watcher_down":
            return "watcher"
        return labels.get("svc", "") or self.book.components.get(alert.name, "")

    def began_us(self, alert: incidents_module.Alert) -> int:
        """Return since when what an alert is about is as it is now; of what its source does not tell, when it was bad first."""
        return self.since_us.get(alert.key, alert.since_us)

    def blamed(self, alert: incidents_module.Alert, component: str) -> Patch | None:
        """Return the patch that an alert is blamed on: the newest that serves, where it touches the component, and what is bad
        now has been so since soon after it came to serve, or nobody could see any earlier what it does.
        """
        newest = next((one for one in self.patches or ()), None)
        if newest is None or newest.is_over:
            return None
        after_us = self.began_us(alert) - newest.served_us
        touches = newest.touches is None or component in newest.touches or (not component and bool(newest.touches))
        within_s = self.settings.blame_s
        if alert.key in self.unseen:
            within_s = max(within_s, self.settings.blame_unseen_s)
        return newest if touches and 0 <= after_us <= within_s * 1e6 else None

    def helped(self, one: repairs_module.Repair) -> bool | None:
        """Return whether a repair has helped, None where nobody can tell."""
        match playbooks.Proof(one.proof):
            case playbooks.Proof.DONE:
                return bool(one.acted_us)
            case playbooks.Proof.READY:
                rows = self.rows(one.component)
                if not rows:
                    return None
                is_ready = all(row.state == "ready" for row in rows)
                is_anew = bool(one.before) and any(row.pid not in one.before for row in rows)
                return is_ready and (is_anew or (bool(one.acted_us) and not one.before))
            case playbooks.Proof.TAKEN_BACK:
                if self.patches is None:
                    return None
                return any(patch.cid == one.cid and patch.is_over for patch in self.patches)
            case playbooks.Proof.QUIET:
                alert = incidents_module.Alert(one.alert, one.labels, incidents_module.Severity.PAGE, "", 0, "")
                verdict = self.verdict(alert)
                if verdict is gates.Verdict.UNKNOWN:
                    return None
                # A gate is green for a moment at times; what is green still once the time is over has become so.
                is_settled = bool(one.labels) or not self._fires(alert) or self.is_late(one)
                return bool(one.acted_us) and is_settled and verdict in _WELL

    def begun_within(self, span_us: int, playbook: str = "", component: str = "") -> int:
        """Return how many repairs began so shortly ago, of one playbook and component if they are given."""
        return sum(
            one.counts
            and self.age_us(one) < span_us
            and playbook in ("", one.playbook)
            and component in ("", one.component)
            for one in self.repairs
        )

    def spent(self, more: int = 0) -> str:
        """Return why no repair may begin any more for a while, "" where one may; `more` have just been decided on."""
        hour, day = self.begun_within(_HOUR_US) + more, self.begun_within(_DAY_US) + more
        if hour >= self.settings.repairs_per_hour:
            return f"{hour} repairs began within the last hour, and `healing.repairs_per_hour` allows no more"
        if day >= self.settings.repairs_per_day:
            return f"{day} repairs began within the last 24 hours, and `healing.repairs_per_day` allows no more"
        return ""

    def hourly(self, playbook: playbooks.Playbook, component: str) -> int:
        """Return how often a playbook was used on a component within the last hour."""
        return self.begun_within(_HOUR_US, playbook.name, component)


class Ages:
    """How long ago repairs began, by the monotonic clock from the moment at which this process first saw each."""

    def __init__(self) -> None:
        self._began_s: dict[tuple[str, int], float] = {}

    def of(self, rows: Sequence[repairs_module.Repair], now_us: int, monotonic_s: float) -> dict[str, float]:
        """Return the age of each, seconds, by its id. Those that are not among `rows` are forgotten."""
        # What a person asked for begins anew once it is carried out.
        keys = [(one.id, one.began_us) for one in rows]
        self._began_s = {key: self._began_s.get(key, monotonic_s - max(0.0, (now_us - key[1]) / 1e6)) for key in keys}
        return {name: monotonic_s - began_s for (name, _), began_s in self._began_s.items()}


def patch(row: evidence.PatchRow, touches: frozenset[str] | None) -> Patch | None:
    """Return a patch as the healer sees it, None for one that never came to serve."""
    if row.trial or row.outcome in ("refused", "tried"):
        return None
    served_s = next((at_s for name, at_s in row.times if name in SERVING), None)
    if row.began("baking") is None or served_s is None:
        return None
    return Patch(row.cid, round(served_s * 1e6), touches, row.outcome not in ("", "applied"), row.outcome)
