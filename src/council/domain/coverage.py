"""The coverage matrix: six components by four columns, each cell with what keeps it, what shows it, and what proves it. Pure.

A cell is proven by a run alone: by its tests, once they have broken the part and watched it recover, or by a fault of a chaos
campaign, both of what is here now. What this table claims of a cell proves nothing.
"""

import datetime
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = "council.coverage/2"
# Where a checkout's tests note what they proved; tests/covering.py writes it.
NOTED = "build/coverage-cells.json"
# A variable of the environment that says which try a run is, where it is not the first.
TRY = "COVERAGE_TRY"


class Component(enum.StrEnum):
    """What is kept well."""

    GATEWAY = "gateway"
    ROUTER = "router"
    MEMORY = "memory"
    SANDBOX = "sandbox"
    COST = "cost"
    INFRASTRUCTURE = "infrastructure"


class Column(enum.StrEnum):
    """By what."""

    GATE = "gate"
    SENTINEL = "sentinel"
    HEALING = "healing"
    DOCUMENTATION = "documentation"


class State(enum.StrEnum):
    """How a cell stands: by runs of what is here now, by none, or by those of what was here before."""

    PROVEN = "proven"
    FAILED = "FAILED"
    STALE = "stale"
    NOT = "not proven"


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the 24. `tests` are nodes of pytest, which prove it together; `fault` is one of a campaign that does so alone."""

    component: Component
    column: Column
    title: str
    mechanism: str
    metric: str
    document: str
    tests: tuple[str, ...] = ()
    fault: str = ""

    @property
    def name(self) -> str:
        """What tests and commands call it."""
        return f"{self.component}/{self.column}"


@dataclass(frozen=True, slots=True)
class Result:
    """How one run of what proves a cell ended. `run` says which: of tests with their commit, or a campaign.

    `is_stale`: it was of other code than what is here now, so that it proves nothing of this.
    """

    cell: str
    test: str
    passed: bool
    at_s: float
    run: str
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A cell, how it stands, and the result that decides that; None where nothing has run."""

    cell: Cell
    state: State
    result: Result | None

    @property
    def is_proven(self) -> bool:
        """Whether the newest runs proved it."""
        return self.state is State.PROVEN


def standing(cells: Sequence[Cell], results: Iterable[Result]) -> list[Standing]:
    """Return how each cell stands by its newest results: a failure takes an earlier proof back.

    Of what proves one cell each counts by its newest result. All tests of a cell must have passed, or its fault ended well.
    """
    newest: dict[str, dict[str, Result]] = {}
    for one in results:
        known = newest.setdefault(one.cell, {})
        if one.test not in known or one.at_s >= known[one.test].at_s:
            known[one.test] = one
    return [_stands(cell, newest.get(cell.name, {})) for cell in cells]


def of_fault(fault: str) -> str:
    """Return what a result calls a fault of a campaign, in place of a test."""
    return f"fault {fault}"


def _stands(cell: Cell, found: Mapping[str, Result]) -> Standing:
    now = [one for one in found.values() if not one.is_stale]
    failed = [one for one in now if not one.passed]
    if failed:
        return Standing(cell, State.FAILED, _newest(failed))
    passed = {one.test for one in now}
    if (cell.tests and passed.issuperset(cell.tests)) or of_fault(cell.fault) in passed:
        return Standing(cell, State.PROVEN, _newest(now))
    if any(one.is_stale for one in found.values()):
        return Standing(cell, State.STALE, _newest([one for one in found.values() if one.is_stale]))
    return Standing(cell, State.NOT, _newest(now) if now else None)


def _newest(results: Sequence[Result]) -> Result:
    return max(results, key=lambda one: one.at_s)


def by_name(cells: Sequence[Cell]) -> Mapping[str, Cell]:
    """Return cells by their names."""
    return {one.name: one for one in cells}


def form(standing: Sequence[Standing]) -> dict[str, Any]:
    """Return the matrix as JSON holds it."""
    return {
        "schema": SCHEMA,
        "proven": sum(one.is_proven for one in standing),
        "cells": [
            {
                "component": one.cell.component,
                "column": one.cell.column,
                "title": one.cell.title,
                "mechanism": one.cell.mechanism,
                "metric": one.cell.metric,
                "document": one.cell.document,
                "tests": list(one.cell.tests),
                "fault": one.cell.fault or None,
                "state": one.state.lower(),
                "proven": one.is_proven,
                "proven_at": moment(one.result.at_s) if one.result is not None and one.is_proven else None,
                "by": one.result.run if one.result is not None else None,
            }
            for one in standing
        ],
    }


def seen_now(told: Mapping[str, Any] | None, cells: Sequence[Cell], code: str) -> dict[str, Any]:
    """Return a form that was kept, as it holds for the code that runs: `code` is its digest.

    What other code than this proved, or failed at, is stale, and a cell that nobody told of is not proven. None is no form.
    """
    known = {f"{one['component']}/{one['column']}": one for one in (told or {}).get("cells", ())}
    is_of_this = bool(code) and (told or {}).get("code") == code
    now = form([Standing(one, State.NOT, None) for one in cells])
    rows = []
    for cell, bare in zip(cells, now["cells"], strict=True):
        row = (
            {**bare, **{name: known[cell.name][name] for name in _TOLD if name in known[cell.name]}}
            if cell.name in known
            else bare
        )
        if not is_of_this and row["state"] != State.NOT.lower():
            row |= {"state": State.STALE.lower(), "proven": False, "proven_at": None}
        rows.append(row)
    return {**now, "proven": sum(bool(row["proven"]) for row in rows), "cells": rows}


# What a run says of a cell; the rest is as this release has it.
_TOLD = ("state", "proven", "proven_at", "by")


def moment(at_s: float) -> str:
    """Return a moment as the form holds it."""
    return datetime.datetime.fromtimestamp(int(at_s), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
