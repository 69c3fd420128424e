"""Places found again without the solver: a plain search that puts one name after the other.

It shares the syntax tree with the clingo programs and nothing else, and visits every placing that fits or says that it could
not within its limits.
"""

from collections.abc import Iterator

from council.serving.compute.logic import findings, formulas, problems

STEPS_MAX = 60_000
FITTING_MAX = 2_000

Placing = dict[str, int]


def fitting(problem: problems.Problem) -> list[Placing] | None:
    """Return every placing in which all premises hold, or None where finding them is too much work."""
    search = _Search(problem)
    found: list[Placing] = []
    try:
        for placing in search.run(_open_places(problem), {}):
            found.append(placing)
            if len(found) > FITTING_MAX:
                return None
    except _TooMuchWorkError:
        return None
    return found


def _open_places(problem: problems.Problem) -> dict[str, frozenset[int]]:
    anywhere = frozenset(range(1, problem.place_count + 1))
    return {name: frozenset({problem.fixed[name]}) if name in problem.fixed else anywhere for name in problem.names}


class _TooMuchWorkError(Exception):
    pass


class _Search:
    def __init__(self, problem: problems.Problem):
        self._group = {name: group for group in problem.groups or (problem.names,) for name in group}
        self._clues = [(premise.formula, frozenset(_names(premise.formula))) for premise in problem.premises]
        self._of_name = {name: [clue for clue in self._clues if name in clue[1]] for name in problem.names}
        self._steps = 0

    def run(self, left: dict[str, frozenset[int]], placed: Placing) -> Iterator[Placing]:
        """Yield every way to place the names in `left`, each with the places still open to it."""
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise _TooMuchWorkError
        if not left:
            if all(findings.holds(clue, placed, []) for clue, _ in self._clues):
                yield dict(placed)
            return
        name = min(left, key=lambda one: (len(left[one]), -len(self._of_name[one])))
        for place in sorted(left[name]):
            narrowed = self._after(name, place, left, {**placed, name: place})
            if narrowed is not None:
                yield from self.run(narrowed, {**placed, name: place})

    def _after(
        self, name: str, place: int, left: dict[str, frozenset[int]], placed: Placing
    ) -> dict[str, frozenset[int]] | None:
        """Return what stays open once the name is placed, or None where some name has no place any more."""
        rest = {other: places for other, places in left.items() if other != name}
        for other in self._group[name]:
            if other in rest:
                rest[other] -= {place}
        for clue, names in self._of_name[name]:
            open_names = [other for other in names if other in rest]
            if not open_names and not findings.holds(clue, placed, []):
                return None
            if len(open_names) == 1:
                other = open_names[0]
                rest[other] = frozenset(p for p in rest[other] if findings.holds(clue, {**placed, other: p}, []))
        return rest if all(rest.values()) else None


def _names(formula: formulas.Formula) -> Iterator[str]:
    for node in formulas.walk(formula):
        match node:
            case formulas.At(name, _):
                yield name
            case formulas.Ahead(first, second) | formulas.Next(first, second) | formulas.Apart(first, second, _):
                yield first
                yield second
