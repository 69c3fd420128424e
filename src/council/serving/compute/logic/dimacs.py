"""CNF in the DIMACS form: is it satisfiable? A model is checked clause by clause; that there is none, by a second search.

The second search is plain branching with unit propagation, written here; where it meets its limit, there is no answer.
"""

import re
from collections.abc import Sequence

import clingo

from council.domain import answers, ways
from council.serving.compute import results
from council.serving.compute.logic import findings, problems

TEXT_CHARS_MAX = 60_000
VARIABLES_MAX = 300
CLAUSES_MAX = 2_000
# Clauses looked at by the second search, not branches: one branch of a large CNF costs more than one of a small one.
WORK_MAX = 2_000_000
_HEAD = re.compile(r"^[ \t]*p[ \t]+cnf[ \t]+(\d{1,6})[ \t]+(\d{1,6})[ \t]*$", re.MULTILINE)
_NUMBERS = re.compile(r"\s*(?:-?\d{1,6}\s+){0,400}-?\d{1,6}\s*|\s*")
_ASKED = re.compile(
    r"(?:is|decide (?:if|whether)|determine (?:if|whether)|check (?:if|whether)|solve|here is)?"
    r"(?: ?\b(?:the|this|a|following|cnf|sat|dimacs|formula|instance|problem|file|in|format|boolean|is|it))*"
    r" ?(?:satisfiable)?(?: or (?:not|unsatisfiable))?[?:. ]*",
    re.IGNORECASE,
)

Clause = tuple[int, ...]


def solve(text: str) -> results.Result | None:
    """Answer a question about a CNF; None where the text holds none. Raises NotUnderstoodError."""
    head = _HEAD.search(text[:TEXT_CHARS_MAX])
    if head is None:
        return None
    if len(text) > TEXT_CHARS_MAX:
        raise problems.NotUnderstoodError(f"it is longer than {TEXT_CHARS_MAX} characters")
    variables, clauses = _read(text, head)
    reading = f"I read:\na CNF of {variables} variables and {len(clauses)} clauses\nQuestion: is it satisfiable?"
    if variables > VARIABLES_MAX or len(clauses) > CLAUSES_MAX:
        most = f"at most {VARIABLES_MAX} variables and {CLAUSES_MAX} clauses are tried"
        return results.Refused(f"The CNF is too large: {most}. Give it to a SAT solver.", reading)
    model = _by_clingo(variables, clauses)
    if model is None:
        return results.Refused(
            "The CNF was understood, but is too hard to settle within the limits. Give it to a SAT solver.", reading
        )
    detail = {"family": "cnf", "model": sorted(model or (), key=abs)}
    if model:
        if not all(model.intersection(clause) for clause in clauses):
            return results.PassedOn("the model that was found does not hold", ways.Why.UNDECIDED)
        shown = " ".join(map(str, detail["model"]))
        check = "the model was checked clause by clause"
        return results.Solved(f"Yes. Satisfiable, with {shown}.", reading, answers.Level.PROVED, check, (), detail)
    second = _branched(clauses)
    if second is None:
        return results.Refused(
            "A solver found no model, but a second search could not confirm that. Ask about fewer clauses.", reading
        )
    if second:
        return results.PassedOn("two independent solutions disagree", ways.Why.UNDECIDED)
    check = "a second search without the solver finds none either"
    return results.Solved("No. Unsatisfiable.", reading, answers.Level.PROVED, check, (), detail)


def _read(text: str, head: re.Match[str]) -> tuple[int, list[Clause]]:
    """Read the numbers after the head; the words before and after may only ask whether it is satisfiable."""
    lines = text[head.end() :].split("\n")
    numbers: list[int] = []
    used = 0
    for line in lines:
        if _NUMBERS.fullmatch(line):
            numbers += map(int, line.split())
        elif not re.match(r"\s*c\b", line):
            break
        used += 1
    before = re.sub(r"(?m)^\s*c\b.*$", "", text[: head.start()])
    words = re.sub(r"```\w*|\s+", " ", f"{before} {' '.join(lines[used:])}")
    if not all(_ASKED.fullmatch(piece.strip()) for piece in re.split(r"(?<=[?:.]) ", words)):
        raise problems.NotUnderstoodError("I do not read the words around the CNF")
    clauses: list[Clause] = []
    current: list[int] = []
    for number in numbers:
        if number:
            current.append(number)
        else:
            clauses.append(tuple(current))
            current = []
    variables = int(head[1])
    if current or not variables > 0 or len(clauses) != int(head[2]) or any(abs(n) > variables for n in numbers):
        raise problems.NotUnderstoodError("the CNF does not hold what its head says")
    return variables, clauses


def _by_clingo(variables: int, clauses: Sequence[Clause]) -> frozenset[int] | None:
    """Return the literals of a model, an empty set where there is none, None at the limit."""
    limit = f"--solve-limit={findings.CONFLICTS_PER_QUERY_MAX},{findings.RESTARTS_PER_QUERY_MAX}"
    control = clingo.Control(["--warn=none", limit], logger=lambda *_: None)
    lines = [f"{{ t(1..{variables}) }}."]
    lines += [
        f":- {', '.join(f'not t({n})' if n > 0 else f't({-n})' for n in clause)}." for clause in clauses if clause
    ]
    if not all(clauses):
        lines.append(":- not t(1). :- t(1).")
    control.add("base", [], "\n".join(lines))
    control.ground([("base", [])])
    true: list[set[int]] = []
    result = control.solve(
        on_model=lambda model: true.append({symbol.arguments[0].number for symbol in model.symbols(atoms=True)})
    )
    if true:
        return frozenset(n if n in true[0] else -n for n in range(1, variables + 1))
    return None if result.unknown else frozenset()


def _branched(clauses: Sequence[Clause]) -> bool | None:
    """Say whether the clauses can hold, by branching and unit propagation; None at the limit."""
    pending: list[list[Clause]] = [list(clauses)]
    work = 0
    while pending:
        left: list[Clause] | None = pending.pop()
        while left and (unit := _unit(left)):
            work += len(left)
            left = _with(left, unit)
        if left is None or not all(left):
            continue
        if not left:
            return True
        if work > WORK_MAX:
            return None
        work += len(left)
        literal = min(left, key=len)[0]
        pending += [[*left, (-literal,)], [*left, (literal,)]]
    return False


def _unit(clauses: Sequence[Clause]) -> int:
    """Return the literal of a clause that holds only that one, or 0."""
    return next((clause[0] for clause in clauses if len(clause) == 1), 0)


def _with(clauses: Sequence[Clause], literal: int) -> list[Clause]:
    """Return what is left of the clauses where the literal is true."""
    return [tuple(n for n in clause if n != -literal) for clause in clauses if literal not in clause]
