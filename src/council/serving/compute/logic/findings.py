"""What holds in all worlds, in some, in none: found by clingo, and found again by other means.

`by_clingo` answers; `by_trying` (every world, in plain Python) or `by_clingo` on the second encoding checks. The two sides
share the syntax tree and nothing else.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import clingo

from council.serving.compute.logic import formulas, problems, programs

CONFLICTS_PER_QUERY_MAX = 20_000
RESTARTS_PER_QUERY_MAX = 200
ATOMS_TRIED_MAX = 12
NAMES_TRIED_MAX = 7

World = Mapping[tuple[str, str], bool] | Mapping[str, int]


class SearchLimitError(Exception):
    """The solver met its limit before it could say."""


@dataclass(frozen=True, slots=True)
class Findings:
    """`possible[j]` and `avoidable[j]`: some world that fits the premises makes choice j true, makes it false."""

    consistent: bool
    possible: tuple[bool, ...]
    avoidable: tuple[bool, ...]

    def settled(self, choice: int) -> bool | None:
        """Return whether the premises entail the choice, entail its negation, or neither (None)."""
        if self.possible[choice] == self.avoidable[choice]:
            return None
        return self.possible[choice]


class Solver:
    """One grounded program, asked many times."""

    def __init__(self, problem: problems.Problem, program: programs.Program):
        self._problem = problem
        self._names = program.names
        limit = f"--solve-limit={CONFLICTS_PER_QUERY_MAX},{RESTARTS_PER_QUERY_MAX}"
        self._control = clingo.Control(["--warn=none", limit], logger=lambda *_: None)
        self._control.add("base", [], program.text)
        self._control.ground([("base", [])])

    def satisfiable(self, premises: list[int], yes: int | None = None, no: int | None = None) -> bool:
        """Say whether the premises (by index from 0) can hold with one choice asserted or denied. Raises SearchLimitError."""
        result = self._control.solve(assumptions=self._assumptions(premises, yes, no))
        if result.unknown:
            raise SearchLimitError
        return bool(result.satisfiable)

    def world(self, yes: int | None = None, no: int | None = None) -> World | None:
        """Return a world in which every premise holds, or None."""
        found: list[World] = []
        everything = list(range(len(self._problem.premises)))
        result = self._control.solve(
            assumptions=self._assumptions(everything, yes, no),
            on_model=lambda model: found.append(self._read(model.symbols(atoms=True))),
        )
        if result.unknown and not found:
            raise SearchLimitError
        return found[0] if found else None

    def core(self, yes: int | None = None, no: int | None = None) -> list[int]:
        """Return a minimal set of premises that cannot hold together with the choice asserted or denied."""
        kept = list(range(len(self._problem.premises)))
        for premise in list(kept):
            fewer = [index for index in kept if index != premise]
            if not self.satisfiable(fewer, yes, no):
                kept = fewer
        return kept

    def _assumptions(self, premises: list[int], yes: int | None, no: int | None) -> list[tuple[Any, bool]]:
        chosen = [(clingo.Function("s", [clingo.Number(index + 1)]), True) for index in premises]
        if yes is not None:
            chosen.append((clingo.Function("yes", [clingo.Number(yes + 1)]), True))
        if no is not None:
            chosen.append((clingo.Function("no", [clingo.Number(no + 1)]), True))
        return chosen

    def _read(self, symbols: list[Any]) -> World:
        if self._problem.ordered:
            return {self._names[s.arguments[0].name]: s.arguments[1].number for s in symbols if s.name == "at"}
        valuation = {(p, name): False for p in self._problem.predicates for name in self._problem.domain}
        valuation |= {(clause, formulas.CLAUSE): False for clause in self._problem.clauses}
        for symbol in symbols:
            if symbol.name[0] == "p" and symbol.name in self._names:
                valuation[self._names[symbol.name], self._names[symbol.arguments[0].name]] = True
            elif symbol.name[0] == "q":
                valuation[self._names[symbol.name], formulas.CLAUSE] = True
        return valuation


def by_clingo(problem: problems.Problem, solver: Solver) -> Findings:
    """Ask the solver about the premises and each choice."""
    everything = list(range(len(problem.premises)))
    if not solver.satisfiable(everything):
        return _inconsistent(problem)
    choices = range(len(problem.question.choices))
    return Findings(
        True,
        tuple(solver.satisfiable(everything, yes=choice) for choice in choices),
        tuple(solver.satisfiable(everything, no=choice) for choice in choices),
    )


def by_trying(problem: problems.Problem) -> Findings:
    """Evaluate premises and choices in every world; only for problems of `world_count` small enough."""
    domain = problem.domain
    return among(problem, [w for w in _worlds(problem) if all(holds(p.formula, w, domain) for p in problem.premises)])


def among(problem: problems.Problem, fitting: Sequence[World]) -> Findings:
    """Evaluate the choices in the worlds that fit the premises, all of which are given."""
    if not fitting:
        return _inconsistent(problem)
    domain = problem.domain
    truths = [[holds(choice.formula, w, domain) for w in fitting] for choice in problem.question.choices]
    return Findings(True, tuple(any(truth) for truth in truths), tuple(not all(truth) for truth in truths))


def fitting_count(problem: problems.Problem) -> int:
    """Return how many worlds fit the premises."""
    domain = problem.domain
    return sum(all(holds(p.formula, w, domain) for p in problem.premises) for w in _worlds(problem))


def world_count(problem: problems.Problem) -> int | None:
    """Return how many worlds `by_trying` would visit, or None where that is too many."""
    if problem.groups:
        return None
    if problem.ordered:
        return math.factorial(len(problem.names)) if len(problem.names) <= NAMES_TRIED_MAX else None
    atoms = len(problem.predicates) * len(problem.domain) + len(problem.clauses)
    return 2**atoms if atoms <= ATOMS_TRIED_MAX else None


def holds(formula: formulas.Formula, world: Any, domain: list[str], individual: str = "") -> bool:
    """Say whether the formula is true in the world, with `individual` in place of the variable."""
    match formula:
        case formulas.Atom(predicate, subject):
            return bool(world[predicate, individual if subject == formulas.VARIABLE else subject])
        case formulas.Not(part):
            return not holds(part, world, domain, individual)
        case formulas.And(parts):
            return all(holds(part, world, domain, individual) for part in parts)
        case formulas.Or(parts):
            return any(holds(part, world, domain, individual) for part in parts)
        case formulas.Implies(condition, consequence):
            return not holds(condition, world, domain, individual) or holds(consequence, world, domain, individual)
        case formulas.Exactly(count, parts):
            return sum(holds(part, world, domain, individual) for part in parts) == count
        case formulas.Every(body):
            return all(holds(body, world, domain, one) for one in domain)
        case formulas.Some(body):
            return any(holds(body, world, domain, one) for one in domain)
        case formulas.Ahead() | formulas.Next() | formulas.At() | formulas.Apart():
            return _places_hold(formula, world)
        case formulas.Ambiguous():
            raise AssertionError("ambiguity is resolved before evaluation")


def _places_hold(
    formula: formulas.Ahead | formulas.Next | formulas.At | formulas.Apart, world: Mapping[str, int]
) -> bool:
    match formula:
        case formulas.Ahead(first, second):
            return world[first] < world[second]
        case formulas.Next(first, second):
            return world[first] + 1 == world[second]
        case formulas.At(name, place):
            return world[name] == place
        case formulas.Apart(first, second, distances):
            return world[second] - world[first] in distances


def _worlds(problem: problems.Problem) -> Iterator[World]:
    if problem.ordered:
        for order in itertools.permutations(problem.names):
            yield {name: place for place, name in enumerate(order, start=1)}
        return
    keys = [(predicate, name) for predicate in problem.predicates for name in problem.domain]
    keys += [(clause, formulas.CLAUSE) for clause in problem.clauses]
    for values in itertools.product((False, True), repeat=len(keys)):
        yield dict(zip(keys, values, strict=True))


def _inconsistent(problem: problems.Problem) -> Findings:
    none = tuple(False for _ in problem.question.choices)
    return Findings(False, none, none)
