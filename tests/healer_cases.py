"""What the healer sees, with the playbooks, gates and sentinels that Council ships, and what it decides on it."""

import dataclasses
from pathlib import Path

import yaml

from council.domain import gates_file, incidents, playbooks, playbooks_file, repairs, sentinels_file, states
from council.upkeep.healer import deciding, world

CONFIG = Path(__file__).parents[1] / "config"
S = 1_000_000
NOW = 1_790_000_000 * S


def shipped(name: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((CONFIG / name).read_text())
    return found


GATES = gates_file.build(shipped("gates.yaml"), shipped("gates.yaml"))
SENTINELS = sentinels_file.build(shipped("sentinels.yaml"))
BOOK = playbooks.book(playbooks_file.build(shipped("playbooks.yaml")), GATES, SENTINELS)


def alert(name: str, service: str = "", severity: incidents.Severity = incidents.Severity.PAGE) -> incidents.Alert:
    labels = (("svc", service),) if service else ()
    return incidents.Alert(name, labels, severity, "bad", NOW - 60 * S, "Look.")


def incident(*alerts: incidents.Alert, number: int = 1, since_s: float = 60.0) -> incidents.Incident:
    fired_us = NOW - round(since_s * S)
    members = tuple(incidents.Member(dataclasses.replace(one, since_us=fired_us), fired_us) for one in alerts)
    return incidents.Incident(
        f"incident-{number}", incidents.Standing.OPEN, incidents.Severity.PAGE, fired_us, fired_us, members=members
    )


def row(name: str, state: str = "ready", pid: int | None = 10) -> states.ServiceStatus:
    return states.ServiceStatus(name, state, pid, "g", 60.0, 0, 0)


HUNG = (row("recall", "hung", 7), row("gateway"), row("model"))
WELL = tuple(dataclasses.replace(one, state="ready") for one in HUNG)
DOWN = incident(alert("service_down", "recall"))


def seen(*found: incidents.Incident, **values: object) -> world.World:
    usual = world.World(NOW, BOOK, repairs.HealingConfig(), found, (), HUNG, {}, ())
    return dataclasses.replace(usual, **values)  # type: ignore[arg-type]


def repair(playbook: str, component: str, **values: object) -> repairs.Repair:
    found = BOOK.playbooks[playbook]
    usual = repairs.Repair(
        id="repair-1",
        playbook=playbook,
        action=found.action.value,
        component=component,
        proof=found.proof.value,
        by=repairs.HEALER,
        why="bad",
        began_us=NOW - 20 * S,
        until_us=NOW + 60 * S,
        incident_id="incident-1",
        alert="service_down",
        labels=(("svc", component),),
        before=(7, 10),
    )
    return dataclasses.replace(usual, **values)  # type: ignore[arg-type]


def only(at: world.World) -> deciding.Decision:
    (found,) = deciding.decide(at)
    return found


def held(at: world.World) -> str:
    found = only(at)
    assert isinstance(found, deciding.Held), found
    return found.why


def begun(at: world.World) -> tuple[str, str]:
    found = only(at)
    assert isinstance(found, deciding.Begin), found
    return found.playbook.name, found.component
