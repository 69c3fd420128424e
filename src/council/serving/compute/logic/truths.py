"""Questions about formulas: satisfiable, tautology, equivalent, entailed, the truth table, the models.

clingo decides, and every row of the table or a second encoding confirms it. A table's columns are computed for all rows at
once as the bits of one number, and each row again by walking the tree.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from council.domain import answers, ways
from council.serving.compute import results
from council.serving.compute.logic import answering, findings, formulas, problems, programs, symbols

TEXT_CHARS_MAX = 4_000
TABLE_VARIABLES_MAX = 5
COUNTED_VARIABLES_MAX = 12
MODELS_SHOWN = 16
_TRIGGER = re.compile(
    r"satisf|falsif|tautolog|truth table|equivalent|contradict|entail|\bimply\b|\bfollow|conclude|infer|conting|\bvalid\b"
    r"|always (?:true|false)|consistent|\bmodels?\b|\bis .{1,200} true\b|classify",
    re.IGNORECASE,
)
_WHAT = r"(?:the )?(?:propositional )?(?:formula|statement|expression|proposition|sentence)?:? ?"
_PROPERTIES = {
    "satisfiable": "satisfiable", "consistent": "satisfiable",
    "unsatisfiable": "contradiction", "not satisfiable": "contradiction",
    "a contradiction": "contradiction", "contradictory": "contradiction", "inconsistent": "contradiction",
    "always false": "contradiction", "a tautology": "tautology", "tautological": "tautology", "valid": "tautology",
    "logically valid": "tautology", "always true": "tautology", "contingent": "contingent", "a contingency": "contingent",
    "falsifiable": "falsifiable",
}  # fmt: skip
_PROPERTY = "|".join(sorted(map(re.escape, _PROPERTIES), key=len, reverse=True))
_KIND = r"(?:a )?(?:tautology|contradiction|contingency|contingent|satisfiable)"


@dataclass(frozen=True, slots=True)
class _Asked:
    """`premises` are given, `goal` is judged. `task` is a property, follows, equivalent, classify, table, count or models."""

    task: str
    premises: tuple[formulas.Formula, ...]
    goal: formulas.Formula
    texts: tuple[str, ...]

    @property
    def variables(self) -> list[str]:
        found = [atom.predicate for f in (*self.premises, self.goal) for atom in formulas.atoms(f)]
        return sorted(set(found), key=lambda name: (name.lower(), name))


def solve(text: str) -> results.Result | None:
    """Answer a question about formulas; None where the text asks none. Raises NotUnderstoodError."""
    if len(text) > TEXT_CHARS_MAX or not _TRIGGER.search(text):
        return None
    plain = re.sub(r"\s+", " ", text.replace("`", " ").replace('"', " ")).strip().rstrip("?. ")
    for form, read in _FORMS:
        if match := form.fullmatch(plain):
            asked = read(match)
            if asked is not None:
                return _answered(asked)
    return None


# Reading


def _property(match: re.Match[str]) -> _Asked | None:
    formula = symbols.read(match["formula"])
    task = _PROPERTIES[match["property"].lower()]
    weak = match["property"].lower() in (
        "valid",
        "consistent",
        "inconsistent",
        "contingent",
        "always true",
        "always false",
    )
    return _worth(_Asked(task, (), formula, (match["formula"],)), weak=weak)


def _of_one(task: str) -> Callable[[re.Match[str]], _Asked | None]:
    return lambda match: _worth(_Asked(task, (), symbols.read(match["formula"]), (match["formula"],)))


def _of_two(task: str) -> Callable[[re.Match[str]], _Asked | None]:
    def read(match: re.Match[str]) -> _Asked | None:
        first, second = symbols.read(match["first"]), symbols.read(match["second"])
        return _two(task, first, second, (match["first"], match["second"]))

    return read


def _two(task: str, first: formulas.Formula, second: formulas.Formula, texts: tuple[str, ...]) -> _Asked | None:
    if task == "follows":
        return _worth(_Asked(task, (first,), second, texts), weak=True)
    return _worth(_Asked(task, (), formulas.Not(formulas.Exactly(1, (first, second))), texts), weak=True)


def _both_equivalent(match: re.Match[str]) -> _Asked | None:
    """Part "F and G" at the one "and" where both sides are formulas."""
    found = []
    for joint in re.finditer(r" and ", match["both"]):
        first, second = match["both"][: joint.start()], match["both"][joint.end() :]
        try:
            found.append(_two("equivalent", symbols.read(first), symbols.read(second), (first, second)))
        except problems.NotUnderstoodError:
            continue
    if len(found) != 1:
        raise problems.NotUnderstoodError("it is not clear which two formulas are compared")
    return found[0]


def _follows(match: re.Match[str]) -> _Asked | None:
    """Read premises listed with commas, the last after "and"."""
    listed = re.split(r"\s*[,;]\s*(?:and )?", match["premises"])
    last = listed.pop()
    try:
        parts = [symbols.read(piece) for piece in (*listed, last)]
    except problems.NotUnderstoodError:
        first, _, second = last.rpartition(" and ")
        if re.search(r" (?:or|xor) ", re.sub(r"\([^()]*\)", "", last)):
            raise
        parts = [symbols.read(piece) for piece in (*listed, first, second)]
    else:
        if re.search(r" and ", last) and listed:
            raise problems.NotUnderstoodError("it is not clear where the last premise begins")
    texts = (match["premises"], match["goal"])
    return _worth(_Asked("follows", tuple(parts), symbols.read(match["goal"]), texts), weak=True)


def _worth(asked: _Asked, *, weak: bool = False) -> _Asked | None:
    """Return the question if it is surely about formulas: "Is A or B valid?" may be about two options."""
    whole = (*asked.premises, asked.goal)
    nodes = [node for formula in whole for node in formulas.walk(formula)]
    joined = any(isinstance(node, formulas.And | formulas.Or | formulas.Implies | formulas.Not) for node in nodes)
    joined |= any(isinstance(node, formulas.Exactly) for node in nodes) and asked.task != "equivalent"
    signs = any(re.search(r"[^\w\s,;()]|\b(?:not|iff|xor|implies)\b|\\", text) for text in asked.texts)
    compound = asked.task != "equivalent" or any(re.search(r"[\s\W]", text.strip()) for text in asked.texts)
    return asked if joined and compound and (signs or not weak) else None


_DECIDE = r"(?:is|decide (?:if|whether)|determine (?:if|whether)|check (?:if|whether)|say whether)"
_GIVE = r"(?:give|show|write|construct|make|draw|build|print|find|list|what is|what are)(?: me)?"
_Form = tuple[str, Callable[[re.Match[str]], _Asked | None]]
_WRITTEN: Sequence[_Form] = (
    (
        rf"{_DECIDE} {_WHAT}(?P<formula>.+?)(?: is)? {_KIND}(?:, {_KIND})?,? or (?:{_KIND}|neither)",
        _of_one("classify"),
    ),
    (rf"classify {_WHAT}(?P<formula>.+)", _of_one("classify")),
    (rf"{_DECIDE} {_WHAT}(?P<formula>.+?)(?: is)? (?P<property>{_PROPERTY})", _property),
    (rf"is {_WHAT}(?P<first>.+?) (?:logically )?equivalent to {_WHAT}(?P<second>.+)", _of_two("equivalent")),
    (r"are (?:the formulas )?(?P<both>.+?) (?:logically )?equivalent", _both_equivalent),
    (rf"does {_WHAT}(?P<first>.+?) (?:logically )?(?:imply|entail) {_WHAT}(?P<second>.+)", _of_two("follows")),
    (r"does (?P<goal>.+?) (?:logically )?follow (?:logically )?from (?P<premises>.+)", _follows),
    (r"from (?P<premises>.+), (?:does|can we (?:conclude|infer)) (?P<goal>.+?)(?: (?:logically )?follow)?", _follows),
    (rf"{_GIVE}(?: the| a| its)? truth table (?:of|for) {_WHAT}(?P<formula>.+)", _of_one("table")),
    (
        r"how many (?:truth )?(?:assignments|models|interpretations|valuations|rows)(?: of (?:its|the) truth table)? "
        r"(?:satisfy|make) (?P<formula>.+?)(?: true)?",
        _of_one("count"),
    ),
    (r"how many (?:satisfying assignments|models) does (?P<formula>.+?) have", _of_one("count")),
    (
        rf"{_GIVE} (?:a|all|the|all the) (?:satisfying assignments?|models?) (?:of|for) {_WHAT}(?P<formula>.+)",
        _of_one("models"),
    ),
    (r"for (?:which|what) (?:truth )?values(?: of [a-z0-9_, ]+)? is (?P<formula>.+) true", _of_one("models")),
)
_FORMS = [(re.compile(pattern, re.IGNORECASE), read) for pattern, read in _WRITTEN]


# Answering


def _answered(asked: _Asked) -> results.Result:
    if asked.task in ("table", "count", "models"):
        return _tabled(asked)
    premises = tuple(problems.Premise(said(formula), formula) for formula in asked.premises)
    question = problems.Question(problems.Ask.WHETHER, problems.Style.FOLLOWS, (problems.Choice("", asked.goal),))
    problem = problems.Problem("formulas", premises, question, ())
    program = programs.stated(problem)
    solver = findings.Solver(problem, program)
    try:
        found = findings.by_clingo(problem, solver)
        check = answering.checked(problem, solver, found)
        models = [solver.world(yes=0), solver.world(no=0)]
    except findings.SearchLimitError:
        return results.Refused(
            "The formulas were understood, but are too hard to settle within the limits. Ask about fewer variables.",
            _reading(asked),
        )
    if check is None:
        return results.PassedOn("two independent solutions disagree", ways.Why.UNDECIDED)
    shown = [_assignment(model, asked.variables) if model is not None else "" for model in models]
    text = _verdict(asked, found, shown)
    detail = {
        "family": "formulas",
        "program": program.asserted,
        "names": dict(program.names),
        "models": [s for s in shown if s],
    }
    return results.Solved(text, _reading(asked), answers.Level.PROVED, check, (), detail)


def _verdict(asked: _Asked, found: findings.Findings, shown: Sequence[str]) -> str:
    can_hold, can_fail = (found.possible[0], found.avoidable[0]) if found.consistent else (False, False)
    true_where, false_where = (f"with {model}" for model in shown)
    match asked.task:
        case "satisfiable":
            return f"Yes. It is true {true_where}." if can_hold else "No. It is false under every assignment."
        case "contradiction":
            return "Yes. It is false under every assignment." if not can_hold else f"No. It is true {true_where}."
        case "tautology":
            return "Yes. It is true under every assignment." if not can_fail else f"No. It is false {false_where}."
        case "falsifiable":
            return f"Yes. It is false {false_where}." if can_fail else "No. It is true under every assignment."
        case "contingent":
            if can_hold and can_fail:
                return f"Yes. It is true {true_where}, and false {false_where}."
            return f"No. It is {'a contradiction' if not can_hold else 'a tautology'}."
        case "classify":
            if can_hold and can_fail:
                return f"Contingent. It is true {true_where}, and false {false_where}."
            return (
                "A tautology. It is true under every assignment." if can_hold else "A contradiction. It is never true."
            )
        case "equivalent":
            return "Yes. They agree under every assignment." if not can_fail else f"No. They differ {false_where}."
        case _:
            if not found.consistent:
                return "Yes, it follows, because what is given can never be true."
            return "Yes, it follows." if not can_fail else f"No, it does not follow: it fails {false_where}."


def _assignment(model: findings.World, variables: Sequence[str]) -> str:
    values = {key[0]: bool(value) for key, value in model.items() if isinstance(key, tuple)}
    return ", ".join(f"{name} {'true' if values[name] else 'false'}" for name in variables)


def _tabled(asked: _Asked) -> results.Result:
    """Answer from all rows."""
    variables, goal = asked.variables, asked.goal
    most = TABLE_VARIABLES_MAX if asked.task == "table" else COUNTED_VARIABLES_MAX
    if len(variables) > most:
        return results.Refused(
            f"A table of more than {most} variables is too large to show. Ask whether it is satisfiable.",
            _reading(asked),
        )
    rows = list(itertools.product((True, False), repeat=len(variables)))
    column = _column(goal, variables, len(rows))
    values = [bool(column >> number & 1) for number in range(len(rows))]
    for row, value in zip(rows, values, strict=True):
        world = {(name, formulas.CLAUSE): truth for name, truth in zip(variables, row, strict=True)}
        if findings.holds(goal, world, []) != value:
            return results.PassedOn("two ways to compute the table disagree", ways.Why.UNDECIDED)
    held = [row for row, value in zip(rows, values, strict=True) if value]
    models = ["; ".join(f"{n} {'true' if v else 'false'}" for n, v in zip(variables, row, strict=True)) for row in held]
    if asked.task == "table":
        text = _drawn(variables, rows, values, said(goal))
    elif asked.task == "count":
        text = f"{len(held)}. Of {len(rows)} assignments, {len(held)} make it true."
    elif not held:
        text = "None. It is false under every assignment."
    else:
        more = f"\nAnd {len(held) - MODELS_SHOWN} more." if len(held) > MODELS_SHOWN else ""
        text = "\n".join(f"{model}." for model in models[:MODELS_SHOWN]) + more
    detail = {"family": "formulas", "models": models[:MODELS_SHOWN], "models_count": len(held)}
    check = f"each of the {len(rows)} rows was computed in two ways"
    return results.Solved(text, _reading(asked), answers.Level.COMPUTED, check, (), detail)


def _column(formula: formulas.Formula, variables: Sequence[str], rows: int) -> int:
    """Return the truth of the formula in all rows, a bit a row, the first row lowest."""
    every = (1 << rows) - 1
    match formula:
        case formulas.Atom(name, _):
            half = rows >> (variables.index(name) + 1)
            block = (1 << half) - 1
            return sum(block << start for start in range(0, rows, 2 * half))
        case formulas.Not(part):
            return every ^ _column(part, variables, rows)
        case formulas.Implies(condition, consequence):
            return every ^ _column(condition, variables, rows) | _column(consequence, variables, rows)
        case formulas.Exactly(_, (first, second)):
            return _column(first, variables, rows) ^ _column(second, variables, rows)
        case formulas.And(parts):
            column = every
            for part in parts:
                column &= _column(part, variables, rows)
            return column
        case formulas.Or(parts):
            column = 0
            for part in parts:
                column |= _column(part, variables, rows)
            return column
        case _:
            raise AssertionError("not a formula that is read from symbols")


def _drawn(variables: Sequence[str], rows: Sequence[Sequence[bool]], values: Sequence[bool], head: str) -> str:
    lines = [f"| {' | '.join([*variables, head])} |", f"|{'---|' * (len(variables) + 1)}"]
    for row, value in zip(rows, values, strict=True):
        lines.append(f"| {' | '.join('T' if truth else 'F' for truth in (*row, value))} |")
    return "\n".join(lines)


def _reading(asked: _Asked) -> str:
    lines = [f"{number}. {said(formula)}" for number, formula in enumerate(asked.premises, start=1)]
    question = {"table": "the truth table", "count": "how many models", "models": "the models"}.get(
        asked.task, asked.task
    )
    return "\n".join(["I read:", *lines, f"Question: {question}: {said(asked.goal)}"])


def said(formula: formulas.Formula) -> str:
    """Return the formula in plain signs, with every bracket that could matter."""
    match formula:
        case formulas.Not(formulas.Exactly(_, (first, second))):
            return f"{_bracketed(first)} <-> {_bracketed(second)}"
        case formulas.Atom(name, _):
            return name
        case formulas.Not(part):
            return f"not {_bracketed(part)}"
        case formulas.And(parts):
            return " and ".join(map(_bracketed, parts))
        case formulas.Or(parts):
            return " or ".join(map(_bracketed, parts))
        case formulas.Implies(condition, consequence):
            return f"{_bracketed(condition)} -> {_bracketed(consequence)}"
        case formulas.Exactly(_, (first, second)):
            return f"{_bracketed(first)} xor {_bracketed(second)}"
        case _:
            raise AssertionError("not a formula that is read from symbols")


def _bracketed(formula: formulas.Formula) -> str:
    simple = isinstance(formula, formulas.Atom) or (
        isinstance(formula, formulas.Not) and not isinstance(formula.part, formulas.Exactly)
    )
    return said(formula) if simple else f"({said(formula)})"
