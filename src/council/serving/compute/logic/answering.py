"""From a problem to a result: solve, check, word.

An answer is given only when clingo's findings and an independent check agree; where they differ, the text is passed on.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from council.domain import answers, ways
from council.serving.compute import results
from council.serving.compute.logic import clashes, findings, formulas, placing, problems, programs, wording

STEPS_MAX = 12
UNKNOWN = "It cannot be determined from what was given."
Result = results.Solved | results.PassedOn | results.Refused


def answer(problem: problems.Problem) -> Result:
    """Solve one problem that has no ambiguity left."""
    too_large = _too_large(problem)
    if too_large:
        return results.Refused(too_large, reading(problem))
    if _impossible_question(problem):
        return results.PassedOn("the question cannot be answered from these sentences", ways.Why.UNDECIDED)
    try:
        program = programs.stated(problem)
        solver = findings.Solver(problem, program)
        found = findings.by_clingo(problem, solver)
        check = checked(problem, solver, found)
        if check is None:
            return results.PassedOn("two independent solutions of the problem disagree", ways.Why.UNDECIDED)
        if not found.consistent:
            return _contradiction(problem, solver)
        if _clashes(problem):
            return results.PassedOn("it says two things of one subject that exclude each other", ways.Why.UNDECIDED)
        return _Answer(problem, solver, found, check, program).result()
    except findings.SearchLimitError:
        return results.Refused(
            "The problem was understood, but it is too hard to settle within the limits. Ask with fewer names or sentences.",
            reading(problem),
        )


def reading(problem: problems.Problem) -> str:
    """Return the problem as understood."""
    lines = [f"{number}. {wording.said(p.formula, problem)}" for number, p in enumerate(problem.premises, start=1)]
    asked = problem.question
    goals = [wording.said(choice.formula, problem) for choice in asked.choices[:STEPS_MAX]]
    goal = "; ".join(goals) + "?"
    if problem.ordered and asked.ask is problems.Ask.ALL:
        goal = "Who has what?" if problem.groups else "Who has which place?"
    notes = [f"Assumed: {note}." for note in problem.notes]
    return "\n".join(["I read:", *lines, f"Question: {goal}", *notes])


def _too_large(problem: problems.Problem) -> str:
    if problem.ordered:
        return ""
    atoms = len(problem.predicates) * len(problem.domain) + len(problem.clauses)
    nodes = sum(1 for formula in problem.formulas for _ in formulas.walk(formula))
    if len(problem.names) > problems.NAMES_MAX or atoms > problems.ATOMS_MAX or nodes > problems.FORMULA_NODES_MAX:
        size = f"{len(problem.domain)} individuals, {atoms} possible facts"
        return f"The problem was understood, but it is too large: {size}. Leave out what the question does not need."
    return ""


def _clashes(problem: problems.Problem) -> bool:
    """Say whether the sentences fit only if something is rich and poor, or the like."""
    excluded = clashes.exclusions(problem)
    if problem.ordered or not excluded:
        return False
    widened = replace(problem, premises=problem.premises + excluded)
    return not findings.by_clingo(widened, findings.Solver(widened, programs.stated(widened))).consistent


def _denies(formula: formulas.Formula) -> bool:
    return any(isinstance(node, formulas.Not) for node in formulas.walk(formula))


def _impossible_question(problem: problems.Problem) -> bool:
    return not problem.question.choices


def checked(problem: problems.Problem, solver: findings.Solver, found: findings.Findings) -> str | None:
    """Return which independent check held, or None where one did not."""
    choices = range(len(problem.question.choices))
    queries: list[tuple[int | None, int | None]] = [(j, None) for j in choices if found.possible[j]]
    queries += [(None, j) for j in choices if found.avoidable[j]]
    for yes, no in queries:
        world = solver.world(yes, no)
        if world is None or not _fits(problem, world, yes, no):
            return None
    count = findings.world_count(problem)
    if count is not None:
        agreed = findings.by_trying(problem) == found
        kind = "orders" if problem.ordered else "assignments"
        return f"all {count} {kind} were tried one by one without the solver, and agree" if agreed else None
    placings = placing.fitting(problem) if problem.groups else None
    if placings is not None:
        agreed = findings.among(problem, placings) == found
        return "a search without the solver finds the same, and each model was evaluated" if agreed else None
    second = findings.Solver(problem, programs.restated(problem))
    agreed = findings.by_clingo(problem, second) == found
    return (
        "a second, differently encoded program agrees, and each model was evaluated without the solver"
        if agreed
        else None
    )


def _fits(problem: problems.Problem, world: findings.World, yes: int | None, no: int | None) -> bool:
    domain = problem.domain
    held = [findings.holds(premise.formula, world, domain) for premise in problem.premises]
    choices = problem.question.choices
    wanted = yes is None or findings.holds(choices[yes].formula, world, domain)
    return all(held) and wanted and (no is None or not findings.holds(choices[no].formula, world, domain))


def _contradiction(problem: problems.Problem, solver: findings.Solver) -> Result:
    core = solver.core()
    placed = any(
        isinstance(n, formulas.At | formulas.Next) for i in core for n in formulas.walk(problem.premises[i].formula)
    )
    if placed and not problem.closed:
        return results.PassedOn("the places fit only if there are others who are not named", ways.Why.UNDECIDED)
    quoted = " / ".join(f'"{problem.premises[index].text}"' for index in core)
    alone = "This sentence contradicts itself" if len(core) == 1 else "These sentences contradict each other"
    return results.Refused(f"{alone}, so anything would follow: {quoted}. Change one and ask again.", reading(problem))


class _Answer:
    """Words for one set of checked findings."""

    def __init__(
        self,
        problem: problems.Problem,
        solver: findings.Solver,
        found: findings.Findings,
        check: str,
        program: programs.Program,
    ):
        self._problem = problem
        self._solver = solver
        self._found = found
        self._check = check
        self._program = program
        self._detail: dict[str, Any] = {}

    def result(self) -> Result:
        """Return the result for the kind of question."""
        match self._problem.question.ask:
            case problems.Ask.WHETHER:
                return self._whether()
            case problems.Ask.WHICH:
                return self._which()
            case problems.Ask.ALL:
                return self._all()

    def _whether(self) -> Result:
        choice = self._problem.question.choices[0]
        settled = self._found.settled(0)
        if settled is None:
            if self._problem.guarded:
                return results.PassedOn(self._problem.guarded)
            if self._problem.question.options and "unknown" not in self._problem.question.options:
                return results.PassedOn("neither of the lettered options is certain", ways.Why.UNDECIDED)
            return self._undetermined(choice)
        core = self._solver.core(no=0) if settled else self._solver.core(yes=0)
        claim = wording.sentence(wording.said(choice.formula, self._problem, deny=not settled))
        return self._solved(f"{self._opening(settled)} {claim}", core)

    def _opening(self, settled: bool | None) -> str:
        question = self._problem.question
        truth = {True: "true", False: "false", None: "unknown"}[settled]
        letter = f"{question.options[truth]}) " if question.options else ""
        if question.style is problems.Style.TRUTH:
            return f"{letter}{truth.capitalize()}."
        if question.style is problems.Style.FOLLOWS:
            return {True: "Yes, it follows.", False: "No, the opposite follows.", None: "No, it does not follow."}[
                settled
            ]
        return {True: "Yes.", False: "No.", None: ""}[settled]

    def _undetermined(self, choice: problems.Choice) -> Result:
        """Both are possible; that is proved by a world each way."""
        positive, negative = self._solver.world(yes=0), self._solver.world(no=0)
        assert positive is not None and negative is not None
        worlds = [wording.world(positive, self._problem), wording.world(negative, self._problem)]
        self._detail["answer_sets"] = {"where it is true": worlds[0], "where it is false": worlds[1]}
        clause = wording.said(choice.formula, self._problem)
        steps = (f"Possible with: {worlds[0]}.", f"Impossible with: {worlds[1]}.")
        imported = self._imported()
        both = f"Both are possible: that {clause}, and that it is not so."
        if self._problem.question.style is problems.Style.FOLLOWS and imported is not None:
            then = "it follows" if imported else "the opposite follows"
            opening = f"No, it does not follow, unless every kind spoken of has a member: then {then}."
            return self._solved(f"{opening} That they have members is not assumed here. {both}", None, steps)
        verdict = {True: "yes", False: "no"}
        note = (
            f" (That every kind spoken of has a member is not assumed; if it were, the answer would be {verdict[imported]}.)"
            if imported is not None
            else ""
        )
        opening = f"{self._opening(None)} {UNKNOWN}".strip()
        return self._solved(f"{opening} {both}{note}", None, steps)

    def _imported(self) -> bool | None:
        """Return what would follow if the kinds spoken of had members, which is not assumed; None if nothing more would."""
        problem = self._problem
        kinds: list[formulas.Formula] = []
        for formula in problem.formulas:
            match formula:
                case formulas.Every(formulas.Implies(condition, _)) if not _denies(condition):
                    kinds.append(condition)
                case formulas.Every(formulas.Not(formulas.And(parts))):
                    kinds += parts
        members = tuple(problems.Premise("", formulas.Some(kind)) for kind in dict.fromkeys(kinds))
        if not members:
            return None
        widened = problems.Problem(problem.family, problem.premises + members, problem.question, problem.names)
        if _too_large(widened):
            return None
        found = findings.by_clingo(widened, findings.Solver(widened, programs.stated(widened)))
        return found.settled(0) if found.consistent else None

    def _which(self) -> Result:
        choices = self._problem.question.choices
        certain = [j for j in range(len(choices)) if self._found.settled(j) is True]
        possible = [j for j in range(len(choices)) if self._found.possible[j]]
        if len(certain) == 1:
            return self._solved(self._chosen(choices[certain[0]]), self._solver.core(no=certain[0]))
        if certain or len(possible) < 2 or self._problem.question.lettered:
            return results.PassedOn("the choices do not single out one answer", ways.Why.UNDECIDED)
        if self._problem.guarded:
            return results.PassedOn(self._problem.guarded)
        named = " or ".join(choices[j].answer.rstrip(".") for j in possible)
        worlds = [self._solver.world(yes=j) for j in possible[:2]]
        shown = [wording.world(world, self._problem) for world in worlds if world is not None]
        self._detail["answer_sets"] = shown
        return self._solved(f"{UNKNOWN} It could be {named}.", None, tuple(f"Possible: {one}." for one in shown))

    def _chosen(self, choice: problems.Choice) -> str:
        if self._problem.question.lettered:
            return choice.answer
        return f"{choice.answer}. {wording.sentence(wording.said(choice.formula, self._problem))}"

    def _all(self) -> Result:
        world = self._solver.world()
        assert world is not None, "a consistent problem has a world"
        choices = self._problem.question.choices
        settled = [self._found.settled(j) for j in range(len(choices))]
        if None not in settled and self._problem.groups:
            return self._table(world)
        if None not in settled:
            core = sorted({i for j in range(len(choices)) for i in self._core_of(j, settled=bool(settled[j]))})
            self._detail["answer_sets"] = [wording.world(world, self._problem)]
            return self._solved(
                wording.order(world, self._problem) if self._problem.ordered else self._listed(settled), core
            )
        if self._problem.guarded:
            return results.PassedOn(self._problem.guarded)
        self._detail["answer_sets"] = self._some_worlds(settled)
        known = self._known() if self._problem.ordered else self._listed(settled)
        return self._solved(
            f"{UNKNOWN} {known}", None, tuple(f"Possible: {one}." for one in self._detail["answer_sets"])
        )

    def _table(self, world: findings.World) -> Result:
        self._detail["answer_sets"] = [wording.world(world, self._problem)]
        rows = wording.table(world, self._problem)
        if self._problem.question.style is problems.Style.JSON:
            return self._solved(wording.json_table(world, self._problem), None, tuple(rows))
        return self._solved("\n".join(f"{row}." for row in rows) + "\nNothing else fits the clues.", None)

    def _some_worlds(self, settled: list[bool | None]) -> list[str]:
        open_choice = settled.index(None)
        worlds = [self._solver.world(yes=open_choice), self._solver.world(no=open_choice)]
        return [wording.world(world, self._problem) for world in worlds if world is not None]

    def _core_of(self, choice: int, *, settled: bool) -> list[int]:
        return self._solver.core(no=choice) if settled else self._solver.core(yes=choice)

    def _listed(self, settled: list[bool | None]) -> str:
        shown = {True: "is a knight", False: "is a knave", None: "may be either"}
        pairs = zip(self._problem.question.choices, settled, strict=True)
        return ", ".join(f"{choice.answer} {shown[truth]}" for choice, truth in pairs) + "."

    def _known(self) -> str:
        count = findings.world_count(self._problem)
        fitting = (
            f"{findings.fitting_count(self._problem)} orders fit"
            if count is not None
            else "More than one way to place them fits"
        )
        return f"{fitting} what was given."

    def _solved(self, text: str, core: list[int] | None, steps: tuple[str, ...] = ()) -> results.Solved:
        problem = self._problem
        if core is not None:
            steps = tuple(f"Used: {problem.premises[index].text}." for index in core)
            used = " ".join(f"{problem.premises[index].text}." for index in core[:STEPS_MAX])
            used += f" And {len(core) - STEPS_MAX} more." if len(core) > STEPS_MAX else ""
            text += f"\nBecause: {used}" if core else "\nThis holds whatever else is so."
        facts = [{"sentence": p.text, "reading": wording.said(p.formula, problem)} for p in problem.premises]
        detail: Mapping[str, Any] = {
            "program": self._program.asserted, "names": dict(self._program.names), "facts": facts, "family": problem.family,
        } | self._detail  # fmt: skip
        return results.Solved(text, reading(problem), answers.Level.PROVED, self._check, steps[:STEPS_MAX], detail)
