"""The way of one patch as a pure state machine: `step(state, event) -> (state, record, action)`.

    idle --Submitted--> staging -> launching -> examining -> checking -> switching -> baking --Done--> idle (applied)
                           |           |            |           |            |           |
                           +-----------+-- undoing -+-----------+            +-----------+-- returning
                                             |                                                  |
                                           idle (refused)                                 idle (rolled back)

Where memory lacks to run both generations of a service, as of the model, what serves stops before the other starts:

    launching --Crowded--> pausing -> examining ...          returning --Crowded--> yielding -> idle (rolled back)

Where a patch pins another release of Council, that is installed first:

    staging --Done(installs=True)--> installing -> launching ...

A patch that is only to be tried goes no further than checking, and is undone from there. One that was applied goes from idle to
returning when a person wants it.

Each state but idle has one action, which brings about what the state is named for, and an event `Done` or `Failed` that ends
it. The record is on disk, synced, before the action begins: `replay` of the records gives the state back after a crash, and
`Restarted` says how to go on. So every action must bear being done twice, and `Discard` and `Promote` being done after
they were done in part.

The one moment at which the new generation takes over lies in the supervisor, within `Promote`. Until `switching` what serves
is the base alone, at worst without what paused, so the patch is undone, and that comes back; and so it is where the switch is
refused before it begins. From then on it is finished or taken back, whichever the generation that is live then calls for.

Nothing here reads a clock, a file or a socket.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

# After so many starts in the middle of one bake the new generation is held to be what ends them.
# Why a patch ended that a crash met before it served. It may be taken another time.
INTERRUPTED = "interrupted"
RESTARTS_MAX = 3


class Phase(enum.StrEnum):
    """Where a patch stands. The word is also the name of the record that begins it: a new one is a new `journal.FORM`."""

    IDLE = "idle"
    STAGING = "staging"
    INSTALLING = "installing"
    LAUNCHING = "launching"
    PAUSING = "pausing"
    EXAMINING = "examining"
    CHECKING = "checking"
    SWITCHING = "switching"
    BAKING = "baking"
    UNDOING = "undoing"
    RETURNING = "returning"
    YIELDING = "yielding"


class Outcome(enum.StrEnum):
    """How the way of a patch ended."""

    APPLIED = "applied"
    REFUSED = "refused"
    ROLLED_BACK = "rolled back"
    TRIED = "tried"


@dataclass(frozen=True, slots=True)
class State:
    """The patch at work, if any. `digest` names it, `base` and `target` the generations before and after it.

    `trial` says that it is to be tried and not to serve.
    """

    phase: Phase = Phase.IDLE
    digest: str = ""
    base: str = ""
    target: str = ""
    reason: str = ""
    restarts: int = 0
    trial: bool = False
    last: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A patch was found to be signed, allowed and within its quota. Only where none is at work."""

    digest: str
    base: str
    trial: bool = False


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A patch that was applied is to go. `target` is live, and made from `base`. Only where none is at work."""

    digest: str
    base: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """The action of the phase has been carried out. `target` is the generation that staging made.

    `installs` says of it that it is of another release.
    """

    target: str = ""
    installs: bool = False


@dataclass(frozen=True, slots=True)
class Crowded:
    """There is no memory to run it beside what serves, and that may stop first. Nothing was begun."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not carried out, or what it looked at was not good enough.

    `untouched` says of a switch that it was not begun, so that there is nothing to take back.
    """

    reason: str
    untouched: bool = False


@dataclass(frozen=True, slots=True)
class Restarted:
    """This process began anew; `live` is the generation that serves now."""

    live: str


Event = Submitted | Unwanted | Done | Crowded | Failed | Restarted
# What comes of an action.
Ended = Done | Crowded | Failed


class Action(enum.StrEnum):
    """What to do next, about the patch of the state.

    STAGE writes the target; INSTALL makes the release ready that it pins; LAUNCH starts it beside the live one; PAUSE starts it
    after what it has no room beside was stopped; EXAMINE compares both; CHECK looks at signature, policy, freeze and base once
    more; PROMOTE has the target serve; BAKE watches it serve; DISCARD ends and removes the target; RETURN has the base serve
    again, then ends and removes the target; YIELD does so after what serves was stopped.
    """

    STAGE = "stage"
    INSTALL = "install"
    LAUNCH = "launch"
    PAUSE = "pause"
    EXAMINE = "examine"
    CHECK = "check"
    PROMOTE = "promote"
    BAKE = "bake"
    DISCARD = "discard"
    RETURN = "return"
    YIELD = "yield"


ACTIONS: Mapping[Phase, Action] = {
    Phase.STAGING: Action.STAGE,
    Phase.INSTALLING: Action.INSTALL,
    Phase.LAUNCHING: Action.LAUNCH,
    Phase.PAUSING: Action.PAUSE,
    Phase.EXAMINING: Action.EXAMINE,
    Phase.CHECKING: Action.CHECK,
    Phase.SWITCHING: Action.PROMOTE,
    Phase.BAKING: Action.BAKE,
    Phase.UNDOING: Action.DISCARD,
    Phase.RETURNING: Action.RETURN,
    Phase.YIELDING: Action.YIELD,
}
_NEXT: Mapping[Phase, Phase] = {
    Phase.STAGING: Phase.LAUNCHING,
    Phase.INSTALLING: Phase.LAUNCHING,
    Phase.LAUNCHING: Phase.EXAMINING,
    Phase.PAUSING: Phase.EXAMINING,
    Phase.EXAMINING: Phase.CHECKING,
    Phase.CHECKING: Phase.SWITCHING,
    Phase.SWITCHING: Phase.BAKING,
}
_ENDS: Mapping[Phase, Outcome] = {
    Phase.BAKING: Outcome.APPLIED,
    Phase.UNDOING: Outcome.REFUSED,
    Phase.RETURNING: Outcome.ROLLED_BACK,
    Phase.YIELDING: Outcome.ROLLED_BACK,
}
# There is no other way out of these: whoever carries them out tries again.
_BACK = frozenset({Phase.UNDOING, Phase.RETURNING, Phase.YIELDING})
# The target may serve, in whole or in part.
_TOUCHED = frozenset({Phase.SWITCHING, Phase.BAKING, Phase.RETURNING, Phase.YIELDING})


def step(state: State, event: Event) -> tuple[State, dict[str, Any], Action | None]:
    """Return the next state, the record to sync before anything else is done, and what to do then.

    None is for idle. Raises ValueError for an event that cannot come in this state: it would be a bug, and nothing is changed.
    """
    after = _after(state, event)
    if after is None:
        raise ValueError(f"{type(event).__name__} cannot come while {state.phase}")
    return after, record(after), ACTIONS.get(after.phase)


def _after(state: State, event: Event) -> State | None:
    match event:
        case Submitted(digest, base, trial) if state.phase is Phase.IDLE:
            return State(Phase.STAGING, digest, base, trial=trial)
        case Unwanted(digest, base, target, reason) if state.phase is Phase.IDLE:
            return State(Phase.RETURNING, digest, base, target, reason)
        case Done() if state.phase is Phase.CHECKING and state.trial:
            return replace(state, phase=Phase.UNDOING)
        case Done(target, installs=True) if state.phase is Phase.STAGING:
            return replace(state, phase=Phase.INSTALLING, target=target)
        case Done(target) if state.phase in _NEXT:
            return replace(state, phase=_NEXT[state.phase], target=target or state.target)
        case Done() if state.phase in _ENDS:
            tried = state.trial and not state.reason
            last = Outcome.TRIED if tried else _ENDS[state.phase]
            return State(digest=state.digest, reason=state.reason, trial=state.trial, last=last)
        case Crowded() if state.phase is Phase.LAUNCHING and not state.trial:
            return replace(state, phase=Phase.PAUSING)
        case Crowded() if state.phase is Phase.RETURNING:
            return replace(state, phase=Phase.YIELDING)
        case Failed() if state.phase in _BACK:
            return state
        case Failed(reason, untouched) if state.phase is not Phase.IDLE:
            return _back(state, reason, touched=not (untouched and state.phase is Phase.SWITCHING))
        case Restarted(live):
            return _restarted(state, live)
    return None


def may_fail(state: State) -> bool:
    """Whether the patch at work can still turn out to be unwanted: its way leads on, and not back already."""
    return state.phase in _NEXT or state.phase is Phase.BAKING


def _back(state: State, reason: str, *, touched: bool = True) -> State:
    returns = touched and state.phase in _TOUCHED
    return replace(state, phase=Phase.RETURNING if returns else Phase.UNDOING, reason=reason)


def _restarted(state: State, live: str) -> State | None:
    if state.phase in _BACK:
        return state
    if state.phase is Phase.IDLE:
        return None
    if state.phase not in _TOUCHED or live != state.target:
        return _back(state, INTERRUPTED)
    if state.restarts >= RESTARTS_MAX:
        return _back(state, f"interrupted {state.restarts + 1} times while baking")
    return replace(state, phase=Phase.BAKING, restarts=state.restarts + 1)


def record(state: State) -> dict[str, Any]:
    """Return what the journal keeps of a state."""
    kept: dict[str, Any] = {"phase": state.phase.value, "patch": state.digest}
    if state.phase is Phase.IDLE:
        assert state.last is not None
        kept["outcome"] = state.last.value
    else:
        kept |= {"base": state.base, "target": state.target, "restarts": state.restarts}
    return kept | {"reason": state.reason} | ({"trial": True} if state.trial else {})


def replay(records: Iterable[Mapping[str, Any]]) -> State:
    """Return the state that the records lead to: that of the last step among them. Raises ValueError for what is none."""
    state = State()
    for one in records:
        if "phase" not in one:
            continue
        phase = Phase(one["phase"])
        if phase is Phase.IDLE:
            state = State(digest=str(one["patch"]), reason=str(one["reason"]), last=Outcome(one["outcome"]))
        else:
            state = State(
                phase, str(one["patch"]), str(one["base"]), str(one["target"]), str(one["reason"]), int(one["restarts"])
            )
        state = replace(state, trial=one.get("trial") is True)
    return state
