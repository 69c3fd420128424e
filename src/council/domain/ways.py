"""How a question came to whoever answered it: who passed it on and why, and whether a paid model was asked and why.

Both whys are closed sets, so that programs may rely on them and people are always told in whole sentences. What a specialist
says itself of its own why stands beside, in its own words.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Why(enum.StrEnum):
    """Why a specialist passed a question on."""

    UNREAD = "unread"
    CONTEXT = "context"
    UNDECIDED = "undecided"
    UNQUOTABLE = "unquotable"
    NOT_FOUND = "not_found"
    UNSURE = "unsure"
    LATE = "late"
    AWAY = "away"
    SHED = "shed"


WHY: Mapping[Why, str] = {
    Why.UNREAD: "It does not read the whole question, or reads it in more than one way.",
    Why.CONTEXT: "The question may hang on what was said before it.",
    Why.UNDECIDED: "It read the question, and found no single answer that a second way confirms.",
    Why.UNQUOTABLE: "No quote can answer such a question.",
    Why.NOT_FOUND: "No document that it may quote answers the question.",
    Why.UNSURE: "The general model was not sure enough of its words.",
    Why.LATE: "It came to no answer in its time.",
    Why.AWAY: "It could not be asked.",
    Why.SHED: "It is not asked for the time being.",
}


class Escalating(enum.StrEnum):
    """Why a question was escalated to a paid model, or why it was not."""

    UNSURE = "unsure"
    AWAY = "away"
    ANSWERED = "answered"
    SURE = "sure"
    KNOWN = "known"
    NAMED = "named"
    UNSET = "unset"
    OFF = "off"
    SHARE = "share"
    REFUSED = "refused"


ESCALATING: Mapping[Escalating, str] = {
    Escalating.UNSURE: "The general model was not sure enough of its words.",
    Escalating.AWAY: "The general model could not be asked.",
    Escalating.ANSWERED: "Only what the general model would say by itself is ever escalated.",
    Escalating.SURE: "The general model was sure enough of its words.",
    Escalating.KNOWN: "The same was answered before, and that answer was given again.",
    Escalating.NAMED: "The model was asked for by its name.",
    Escalating.UNSET: "No paid model is set.",
    Escalating.OFF: "The paid model is switched off.",
    Escalating.SHARE: "The general model was in doubt, but no more of the questions may be escalated for now.",
    Escalating.REFUSED: "It was to be escalated, and the paid model could not be asked.",
}


@dataclass(frozen=True, slots=True)
class Passed:
    """That a specialist passed a question on. `by` is its route; `reason` says more, in its own words."""

    by: str
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whether a question was escalated and why. `model` is the paid one that was, or was to be, asked; "" where none."""

    escalated: bool
    why: Escalating
    model: str = ""
    reason: str = ""


NOT_ESCALATED = Escalation(escalated=False, why=Escalating.ANSWERED)


def passed_form(one: Passed) -> dict[str, Any]:
    """Return who passed a question on as JSON."""
    return {"by": one.by, "why": one.why.value, "words": WHY[one.why], "reason": one.reason}


def escalation_form(one: Escalation) -> dict[str, Any]:
    """Return an escalation, or that there was none, as JSON."""
    told = {"escalated": one.escalated, "why": one.why.value, "words": ESCALATING[one.why]}
    return {**told, "model": one.model or None, "reason": one.reason}
