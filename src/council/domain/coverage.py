"""The coverage matrix: six components by four columns, each cell with what keeps it, what shows it, and what proves it. Pure.

A cell is proven by a run alone: by its test, once that has broken the part and watched it recover, or by a fault of a chaos
campaign. What this table claims of a cell proves nothing.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SCHEMA = "council.coverage/1"


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


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the 24. `test` is a node of pytest, "" while there is none; `fault` is one of a campaign that proves it, too."""

    component: Component
    column: Column
    title: str
    mechanism: str
    metric: str
    document: str
    test: str = ""
    fault: str = ""

    @property
    def name(self) -> str:
        """What tests and commands call it."""
        return f"{self.component}/{self.column}"


@dataclass(frozen=True, slots=True)
class Result:
    """How one run of what proves a cell ended. `run` says which: of tests with their commit, or a campaign."""

    cell: str
    test: str
    passed: bool
    at_s: float
    run: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A cell with its newest result; None where nothing has run."""

    cell: Cell
    result: Result | None

    @property
    def is_proven(self) -> bool:
        """Whether the newest run proved it."""
        return self.result is not None and self.result.passed


def standing(cells: Sequence[Cell], results: Iterable[Result]) -> list[Standing]:
    """Return each cell with the newest of its results: a failure takes an earlier proof back.

    Of the tests of one cell each counts by its newest result, and all of them must have passed.
    """
    newest: dict[tuple[str, str], Result] = {}
    for one in results:
        known = newest.get((one.cell, one.test))
        if known is None or one.at_s >= known.at_s:
            newest[one.cell, one.test] = one
    of_cell: dict[str, list[Result]] = {}
    for (name, _), one in newest.items():
        of_cell.setdefault(name, []).append(one)
    return [Standing(cell, _deciding(of_cell.get(cell.name, []))) for cell in cells]


def _deciding(results: Sequence[Result]) -> Result | None:
    failed = [one for one in results if not one.passed]
    return max(failed or results, key=lambda one: one.at_s, default=None)


def by_name(cells: Sequence[Cell]) -> Mapping[str, Cell]:
    """Return cells by their names."""
    return {one.name: one for one in cells}
