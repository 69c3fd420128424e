"""Playbooks: which repair is allowed for what, when, and how anybody knows that it helped: `playbooks.yaml`.

A playbook names an *action*, which is in code; the file says for which alerts, under which needs, how often, and what comes
next. Gates and sentinels may name playbooks of their own, in the order in which they are tried. Record 0037.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from council.domain import alerting, errors, gates, overrides, sentinels

FILE = "playbooks.yaml"
KEY = "playbooks"
# Of a repair that touches everything, so that no other goes on beside it.
EVERYTHING = "*"


class Action(enum.StrEnum):
    """What can be done. Each is in `services/mending.py`.

    restart             the supervisor starts a service anew; what hangs is ended at once, for it cannot drain
    drain and restart   the same for a service that answers still: it finishes what it has begun
    rollback            patchctl takes back the patch on its way, or the newest
    put settings back   patchctl puts a council.yaml that cannot be read back as it was made; the service starts anew
    kill switch         the sandbox ends all jobs and takes none until a person lifts it
    rate limit, shed, scale, switch provider, shrink caches   an override, which ends by itself
    compact             the records give back what they no longer need
    rebuild index       recall reads everything anew
    re-create pool      the sandbox's processes are started anew, and with them all that wait for jobs
    raise a patch       a bot is to propose what lasts
    call a person       people are told, with the evidence
    """

    RESTART = "restart"
    DRAIN = "drain and restart"
    ROLLBACK = "rollback"
    PUT_BACK = "put settings back"
    KILL_SWITCH = "kill switch"
    RATE_LIMIT = "rate limit"
    SHED = "shed"
    SCALE = "scale"
    SWITCH_PROVIDER = "switch provider"
    SHRINK_CACHES = "shrink caches"
    COMPACT = "compact"
    REBUILD_INDEX = "rebuild index"
    RECREATE_POOL = "re-create pool"
    PATCH = "raise a patch"
    CALL = "call a person"


CALL = Action.CALL.value
# What each of these puts, and takes away again where it did not help.
KIND_BY_ACTION: Mapping[Action, overrides.Kind] = {
    Action.RATE_LIMIT: overrides.Kind.RATE,
    Action.SHED: overrides.Kind.SHED,
    Action.SCALE: overrides.Kind.WORKERS,
    Action.SWITCH_PROVIDER: overrides.Kind.PROVIDERS,
    Action.SHRINK_CACHES: overrides.Kind.CACHE,
}
# What is found out when it is done: how many run, which provider fails.
FOUND_OUT = frozenset({Action.SCALE, Action.SWITCH_PROVIDER})
# Whom each of these is done to, whatever the alert is about.
COMPONENTS: Mapping[Action, str] = {
    Action.ROLLBACK: EVERYTHING,
    Action.KILL_SWITCH: "sandboxd",
    Action.RATE_LIMIT: "gateway",
    Action.SHED: "gateway",
    Action.SCALE: "gateway",
    Action.SWITCH_PROVIDER: "providers",
    Action.SHRINK_CACHES: "recall",
    Action.COMPACT: "records",
    Action.REBUILD_INDEX: "recall",
    Action.RECREATE_POOL: "sandboxd",
}
# Parts that one of these touches beside the one that it is done to. The zygote makes the sandboxes that sandboxd hands jobs to.
POOL = ("zygote", "sandboxd")


def booked(action: str, component: str) -> frozenset[str]:
    """Return the parts at which nothing else may go on meanwhile, by an action and whom it is done to."""
    return frozenset({component, *(POOL if action == Action.RECREATE_POOL else ())})


class Proof(enum.StrEnum):
    """By what a repair is known to have helped.

    ready        every process of the component is ready, and at least one of them is another than before
    quiet        what the alert is about is no longer bad
    done         it was carried out: nothing else can be seen of it
    taken back   the patch is no longer in force
    """

    READY = "ready"
    QUIET = "quiet"
    DONE = "done"
    TAKEN_BACK = "taken back"


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be so before a playbook is used.

    `states`: one of the component's processes is in one of these, as the supervisor sees it; empty for any. `lasting_s`: the
    alert fires for so long. `amber`: it may be amber, and need not be red. `changed`: a patch that touches the component came
    to serve shortly before it began. `damaged`: the settings of the generation that serves cannot be read.
    """

    states: tuple[str, ...] = ()
    lasting_s: float = 0.0
    amber: bool = False
    changed: bool = False
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Playbook:
    """One allowed repair. `touches` says in words whom it reaches; `then` is the playbook after it, or `call a person`.

    `values` are the overrides that it puts, value by target, for `holds_s`. `component` is whom it repairs, "" for the service
    that the alert is about, or whom the action is for.
    """

    name: str
    action: Action
    triggers: tuple[str, ...]
    proof: Proof
    within_s: float
    touches: str
    cool_down_s: float
    hourly_max: int
    then: str = CALL
    needs: Needs = field(default_factory=Needs)
    values: tuple[tuple[str, str], ...] = ()
    holds_s: float = 0.0
    component: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """All playbooks, with what gates and sentinels name themselves, by the name of their alerts; a gate's has no labels.

    `components` say of a gate's alert which service it is about, where that is one.
    """

    playbooks: Mapping[str, Playbook]
    of_gates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    of_sentinels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    components: Mapping[str, str] = field(default_factory=dict)

    def chain(self, alert: str, *, labelled: bool) -> list[str]:
        """Return the playbooks for an alert in the order in which they are tried, each once; `call a person` ends it.

        Those that its gate or sentinel names, or else those that it triggers, in the file's order; then what follows the last.
        """
        found = self.own(alert, labelled=labelled)
        while found and found[-1] != CALL:
            then = self.playbooks[found[-1]].then
            found.append(CALL if then in found else then)
        return found

    def own(self, alert: str, *, labelled: bool) -> list[str]:
        """Return the playbooks that are for an alert by themselves, and not as what follows another."""
        found = list((self.of_sentinels if labelled else self.of_gates).get(alert, ()))
        return found or [one.name for one in self.playbooks.values() if alert in one.triggers]


def book(
    found: Sequence[Playbook], watched: Iterable[gates.Gate] = (), rules: Iterable[sentinels.Sentinel] = ()
) -> Book:
    """Return the book of a generation. Raises ConfigError where a gate or a sentinel names a playbook that there is none of."""
    playbooks = {one.name: one for one in found}
    of_gates: dict[str, tuple[str, ...]] = {}
    of_sentinels: dict[str, tuple[str, ...]] = {}
    components: dict[str, str] = {}
    for gate in watched:
        alert = alerting.NAMED.get(gate.name, gate.name)
        check_named(gate.playbooks, playbooks, f"{gates.KEY}.{gate.name}.playbooks", gates.FILE)
        if gate.playbooks:
            of_gates[alert] = gate.playbooks
        # What the watcher measures is of the machine.
        if len(gate.services) == 1 and gate.services[0] != "watcher":
            components[alert] = gate.services[0]
    for rule in rules:
        check_named(rule.playbooks, playbooks, f"{sentinels.KEY}.{rule.name}.playbooks", sentinels.FILE)
        if rule.playbooks:
            of_sentinels[rule.name] = rule.playbooks
    return Book(playbooks, of_gates, of_sentinels, components)


def check_named(names: Iterable[str], known: Iterable[str], where: str, file: str) -> None:
    """Return if each name is that of a playbook, or `call a person`. Raises ConfigError, which lists those that there are."""
    listed = (*known, CALL)
    for name in names:
        if name not in listed:
            raise errors.ConfigError(
                f"`{where}` in {file} names the playbook {name[:80]!r}, and {FILE} has none of that name. Name one of "
                f"{', '.join(listed)}."
            )
