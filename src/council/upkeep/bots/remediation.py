"""The bot `remediation`: from an incident that goes on to one small change of settings that makes it less likely. Pure.

`REMEDIES` is the whole of its wit: which cause, or which alerts where no cause stands out, and which settings help. The first
remedy that fits and has room within `domain.tuning` is drafted, one setting a patch. What a restart or a return mends is not
its affair but the healer's, and of what no setting would have helped it says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from council.domain import bots, tuning
from council.upkeep.bots import situation

# As `upkeep/observer/advice.py` has it: below this a cause is only one of several.
_LIKELY = 0.4
SHARE_MAX = "escalation.share_max"
_SHARE_LEAST = 0.01
_PROVIDER = "PROVIDER"
_SLOW = frozenset({"latency", "http_5xx", "success_rate"})
_CROWD = frozenset({"concurrent_users", "model_queue", "sandbox_queue"})
_MONEY = frozenset({"spend", "local_processing", "cost_drift", "egress"})
_MEMORY = frozenset({"memory", "memory_growth"})

# Who mends what no setting does.
_LEFT = {
    "patch": "a patch came first, and taking it back is the healer's",
    "service": "a service ended or hung, and starting it again is the supervisor's and the healer's",
    "incident": "it follows another incident",
    "series": "nothing is known of it but that a figure moved",
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """Settings that help, each with the factor by which it goes, in the order in which they are tried.

    `kind` and `subject` are of the likeliest cause, "" for any; `alerts` are those of which the incident must have one;
    `service` is that of the alert, "" for any.
    """

    kind: str
    alerts: frozenset[str]
    moves: tuple[tuple[str, float], ...]
    because: str
    subject: str = ""
    service: str = ""


def _remedy(kind: str, alerts: frozenset[str], because: str, *moves: tuple[str, float], **more: str) -> Remedy:
    return Remedy(kind, alerts, moves, because, **more)


def _memory_of(service: str, *moves: tuple[str, float]) -> Remedy:
    return _remedy("", _MEMORY, f"{service} keeps less in memory", *moves, service=service)


REMEDIES: tuple[Remedy, ...] = (
    _remedy("upstream", frozenset(), "the provider is asked after the others", (_PROVIDER, 0)),
    _remedy("upstream", _MONEY, "fewer questions go to a paid model", (SHARE_MAX, 0.5)),
    _remedy("upstream", frozenset(), "a provider that fails is left alone sooner and for longer",
            ("calls.failures_max", 0.5), ("calls.open_s", 2)),
    _remedy("resource", frozenset(), "fewer questions go to a paid model", (SHARE_MAX, 0.5), subject="budget"),
    _remedy("traffic", _MONEY, "fewer questions go to a paid model", (SHARE_MAX, 0.5)),
    _remedy("traffic", frozenset({"sandbox_queue"}), "fewer jobs wait for a sandbox", ("sandbox.queue_max", 0.5)),
    # Half of the default is the gate's own limit, and its amber lies below that.
    _remedy("", frozenset({"concurrent_users"}), "fewer are let in at once", ("gateway.concurrent_max", 0.35)),
    _remedy("traffic", _SLOW | _CROWD, "fewer are let in at once, so that those who are get their answer",
            ("gateway.concurrent_max", 0.5), ("model.queue_max", 0.5)),
    _memory_of("recall", ("memory.cache_texts", 0.5), ("recall.meanings_max", 0.5), ("cache.questions_max", 0.5),
               ("memory.users_loaded", 0.5)),
    _memory_of("worker", ("worker.jobs_per_child", 0.5)),
    _memory_of("sandboxd", ("sandbox.pool", 0.5), ("sandbox.concurrent_max", 0.5)),
    _memory_of("model", ("model.queue_max", 0.5)),
    _memory_of("gateway", ("gateway.concurrent_max", 0.5)),
    _remedy("", frozenset({"sandbox_queue"}), "fewer jobs wait for a sandbox", ("sandbox.queue_max", 0.5)),
    _remedy("", frozenset({"model_queue"}), "fewer wait for the model, and shorter answers are the default",
            ("model.queue_max", 0.5), ("model.tokens_max_default", 0.5)),
    _remedy("", frozenset({"network_errors"}), "a provider that fails is left alone sooner and for longer",
            ("calls.failures_max", 0.5), ("calls.open_s", 2)),
    _remedy("", _MONEY, "fewer questions go to a paid model", (SHARE_MAX, 0.5)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remediation:
    """bots.Bot."""

    name: str = "remediation"
    does: str = "from an incident that goes on to one small change of limits, caches or the order of providers"
    offset_s: int = 300
    touches: tuple[str, ...] = ("council.yaml", "providers.yaml")

    def draft(self, evidence: Mapping[str, Any], _: bots.Ask) -> bots.Draft | bots.Nothing:
        """Return the first remedy for the newest incident that has one and that nothing was drafted for."""
        seen = situation.read(evidence)
        waiting = [one for one in seen.incidents if one.id not in seen.done]
        if not waiting:
            return bots.Nothing("no incident goes on" if not seen.incidents else "what goes on was seen to before")
        told = [(one, of_incident(one, seen)) for one in waiting]
        drafts = [made for _, made in told if isinstance(made, bots.Draft)]
        return drafts[0] if drafts else bots.Nothing(str(told[0][1]), told[0][0].id)


def of_incident(incident: situation.Incident, seen: situation.Situation) -> bots.Draft | str:
    """Return what is drafted for an incident, or why nothing is."""
    cause = incident.causes[0] if incident.causes and incident.causes[0].weight >= _LIKELY else None
    if cause is not None and cause.kind in _LEFT:
        return _LEFT[cause.kind]
    fits = [one for one in REMEDIES if _fits(one, incident, cause)]
    if not fits:
        return "no setting is known to help against it"
    for one in fits:
        for setting, factor in one.moves:
            made = _moved(incident, seen, cause, setting, factor)
            if made is not None:
                return bots.Draft(
                    subject=incident.id,
                    why=f"Incident {incident.id} goes on ({', '.join(sorted(_known(incident)))}), so that {one.because}.",
                    # What is red keeps a pull request from being merged.
                    way=bots.Way.STRAIGHT if incident.pages else bots.Way.FORGE,
                    **made,
                )
    return "each setting that helps is at its bound already"


def _fits(one: Remedy, incident: situation.Incident, cause: situation.Cause | None) -> bool:
    if one.kind and (cause is None or cause.kind != one.kind or (one.subject and cause.subject != one.subject)):
        return False
    hit = [alert for alert in incident.alerts if alert.name in one.alerts and one.service in ("", alert.service)]
    return bool(hit) or (bool(one.kind) and not one.alerts)


def _known(incident: situation.Incident) -> frozenset[str]:
    """Return the names of its alerts that stand in the table: no words from elsewhere get into a draft."""
    known = frozenset().union(*(one.alerts for one in REMEDIES))
    return (incident.names & known) or frozenset({"of another kind"})


def _moved(
    incident: situation.Incident,
    seen: situation.Situation,
    cause: situation.Cause | None,
    setting: str,
    factor: float,
) -> dict[str, Any] | None:
    """Return the fields of a draft that moves a setting, None where it has no room."""
    if setting == _PROVIDER:
        return None if cause is None else _after_the_others(cause.subject, seen)
    if setting == SHARE_MAX:
        if seen.share_max is None or seen.share_max < 2 * _SHARE_LEAST:
            return None
        share = round(seen.share_max * factor, 4)
        return {"title": f"Escalate {share:.2%} of the questions at most", "share_max": share}
    before = seen.settings[setting]
    after = _whole(before * factor, before)
    if after == before or tuning.why_not(setting, before, after):
        return None
    return {"title": f"Set {setting} to {after:g}", "settings": {setting: after}}


def _whole(after: float, before: float) -> float:
    """Return it as a whole number where the setting is one."""
    if before.is_integer() and before >= 2:
        # Rounded towards what it was, so that half of an odd number is no more than half.
        return int(after) if after > before else -int(-after // 1)
    return after


def _after_the_others(provider: str, seen: situation.Situation) -> dict[str, Any] | None:
    """Return the weights with which a provider is asked only when others have failed, None where there are none."""
    weights: dict[str, int] = {}
    for model, rows in seen.models.items():
        others = [one for one in rows if one.provider != provider and one.weight]
        if others and any(one.provider == provider and one.weight for one in rows):
            weights[f"{model}/{provider}"] = 0
    if not weights or len(weights) > bots.WEIGHTS_MAX:
        return None
    return {"title": f"Ask {provider} after the others", "weights": weights}


BOT = Remediation()
