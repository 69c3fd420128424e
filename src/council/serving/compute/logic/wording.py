"""Formulas and worlds in words: the reading that is shown back, and the sentences of an answer."""

import json
import re

from council.serving.compute.logic import findings, formulas, problems
from council.serving.wording import number_words

_PLACES = tuple(number_words.ordinals(1, 9))


def said(formula: formulas.Formula, problem: problems.Problem, *, deny: bool = False) -> str:
    """Return the formula (or its negation) as a clause without a full stop."""
    match formula:
        case formulas.Not(part):
            return said(part, problem, deny=not deny)
        case formulas.Atom(predicate, subject):
            return _atom(predicate, subject, deny=deny)
        case formulas.Apart():
            return _apart(formula, problem, deny=deny)
        case formulas.Ahead() | formulas.Next() | formulas.At():
            return _placed(formula, problem, deny=deny)
        case formulas.Every() | formulas.Some():
            return _quantified(formula, problem, deny=deny)
        case formulas.And() | formulas.Or():
            return _joined(formula, problem, deny=deny)
        case _ if deny:
            return f"it is not the case that {said(formula, problem)}"
        case formulas.Implies(condition, consequence):
            return f"if {said(condition, problem)} then {said(consequence, problem)}"
        case formulas.Exactly(count, parts):
            return f"exactly {count} of these: " + "; ".join(said(part, problem) for part in parts)
        case _:
            raise AssertionError("ambiguity is resolved before wording")


def _joined(formula: formulas.And | formulas.Or, problem: problems.Problem, *, deny: bool) -> str:
    """Join the parts; to deny "and" is to deny one part or the other, to deny "or" is to deny both."""
    match formula:
        case formulas.Or((formulas.Next(first, second), formulas.Next(third, fourth))) if (first, second) == (
            fourth,
            third,
        ):
            return f"{first} is {'not ' if deny else ''}next to {second}"
    if isinstance(formula, formulas.Or) and (counted := _counted(formula.parts, problem)):
        return f"it is not the case that {counted}" if deny else counted
    parts = [_grouped(part, problem, deny=deny) for part in formula.parts]
    if isinstance(formula, formulas.And) != deny:
        return " and ".join(parts)
    return " or ".join(parts) + " (or both)"


def _counted(parts: tuple[formulas.Formula, ...], problem: problems.Problem) -> str:
    """Return several counts of the same things in one clause: 0 or 1 of these."""
    counts = [part for part in parts if isinstance(part, formulas.Exactly)]
    if len(counts) < len(parts) or len({count.parts for count in counts}) != 1:
        return ""
    numbers = " or ".join(str(count.count) for count in counts)
    return f"{numbers} of these: " + "; ".join(said(part, problem) for part in counts[0].parts)


def sentence(clause: str) -> str:
    """Return a clause as a sentence."""
    return clause[0].upper() + clause[1:] + "."


def world(found: findings.World, problem: problems.Problem) -> str:
    """Return a world as one line."""
    if problem.groups:
        return "; ".join(table(found, problem))
    if problem.ordered:
        names = sorted(problem.names, key=lambda name: _place_of(found, name))
        return f"{', '.join(names)} (from {problem.ends[0]} to {problem.ends[1]})"
    true = [_atom(key[0], key[1], deny=False) for key, value in _items(found) if value]
    false = [_atom(key[0], key[1], deny=True) for key, value in _items(found) if not value]
    return "; ".join(true + false)


def table(found: findings.World, problem: problems.Problem) -> list[str]:
    """Return what shares each place, a line a place."""
    rows = []
    for place in range(1, problem.place_count + 1):
        here = [name for group in problem.groups for name in group if _place_of(found, name) == place]
        rows.append(f"{here[0]}: {', '.join(here[1:])}" if problem.placeless else f"{place}: {', '.join(here)}")
    return rows


def json_table(found: findings.World, problem: problems.Problem) -> str:
    """Return the same as a JSON list of objects, under the labels of the text."""
    rows = []
    for place in range(1, problem.place_count + 1):
        row: dict[str, int | str] = {} if problem.placeless else {problem.labels[0]: place}
        for label, group in zip(problem.labels[1:], problem.groups, strict=True):
            name = next(name for name in group if _place_of(found, name) == place)
            row[label] = name.removeprefix(f"{label} ")
        rows.append(row)
    return json.dumps(rows, ensure_ascii=False)


def order(found: findings.World, problem: problems.Problem) -> str:
    """Return an order in the direction that is asked, with both of its ends named."""
    backward = problem.question.backward
    names = sorted(problem.names, key=lambda name: _place_of(found, name), reverse=backward)
    start, end = reversed(problem.ends) if backward else problem.ends
    return f"From {start} to {end}: {', '.join(names)}."


def _items(found: findings.World) -> list[tuple[tuple[str, str], bool]]:
    return [(key, bool(value)) for key, value in found.items() if isinstance(key, tuple)]


def _place_of(found: findings.World, name: str) -> int:
    places = {key: place for key, place in found.items() if isinstance(key, str)}
    return int(places[name])


def _atom(predicate: str, subject: str, *, deny: bool) -> str:
    if subject == formulas.CLAUSE:
        return f"it is not the case that {predicate}" if deny else predicate
    who = "it" if subject == formulas.VARIABLE else subject
    if not deny:
        return f"{who} {predicate}"
    if predicate.startswith("is "):
        return f"{who} is not {predicate[3:]}"
    verb, _, rest = predicate.partition(" ")
    return f"{who} does not {_base(verb)} {rest}"


def _base(verb: str) -> str:
    if re.search(r"(?:ch|sh|ss|x)es$", verb):
        return verb[:-2]
    return verb[:-3] + "y" if verb.endswith("ies") else verb[:-1]


def _quantified(formula: formulas.Every | formulas.Some, problem: problems.Problem, *, deny: bool) -> str:
    match formula:
        case formulas.Every(formulas.Implies(condition, consequence)):
            return ("not always: " if deny else "") + _rule(condition, consequence, problem)
        case formulas.Every(formulas.Not(formulas.And(parts))):
            kind, held = (_bare(said(part, problem)) for part in parts)
            return f"{'something' if deny else 'nothing'} that {kind} {held}"
        case formulas.Every(body):
            return ("not " if deny else "") + "everything " + _bare(said(body, problem))
        case formulas.Some(formulas.And(parts)):
            return ("nothing " if deny else "something ") + " and ".join(_bare(said(part, problem)) for part in parts)
        case formulas.Some(body):
            return ("nothing " if deny else "something ") + _bare(said(body, problem))


def _bare(clause: str) -> str:
    """Drop the pronoun, to go on after something, nothing or whatever."""
    return re.sub(r"(?:(?<=^)|(?<=and )|(?<=or ))it (?=is|[a-z]+s )", "", clause)


def _rule(condition: formulas.Formula, consequence: formulas.Formula, problem: problems.Problem) -> str:
    subjects = {atom.subject for part in (condition, consequence) for atom in formulas.atoms(part)}
    when, then = said(condition, problem), said(consequence, problem)
    counted = any(
        isinstance(node, formulas.Exactly) for part in (condition, consequence) for node in formulas.walk(part)
    )
    if subjects == {formulas.VARIABLE} and not counted:
        return f"whatever {_bare(when)} {_bare(then)}"
    return f"for anything: if {when} then {then}"


def _grouped(formula: formulas.Formula, problem: problems.Problem, *, deny: bool = False) -> str:
    text = said(formula, problem, deny=deny)
    return text if isinstance(formula, formulas.Atom | formulas.Not | formulas.Ahead | formulas.At) else f"({text})"


def _apart(formula: formulas.Apart, problem: problems.Problem, *, deny: bool) -> str:
    first, second, count = formula.first, formula.second, problem.place_count
    negation = "not " if deny else ""
    distances = set(formula.distances) & set(range(1 - count, count))
    if distances == {0}:
        return f"{first} does not go with {second}" if deny else f"{first} goes with {second}"
    if distances == set(range(1, count)):
        return f"{first} is {negation}somewhere left of {second}"
    if distances == {1}:
        return f"{first} is {negation}directly left of {second}"
    if distances == {-1, 1}:
        return f"{first} is {negation}next to {second}"
    if distances and max(distances) < 0:
        turned = formulas.Apart(second, first, tuple(-distance for distance in formula.distances))
        return _apart(turned, problem, deny=deny)
    if len(distances) == 1:
        return f"{first} is {negation}{min(distances)} places left of {second}"
    if distances != {-distance for distance in distances}:
        left = " or ".join(str(d) for d in sorted(distances) if d > 0)
        right = " or ".join(str(-d) for d in sorted(distances, reverse=True) if d < 0)
        return f"{first} is {negation}{left} places left or {right} places right of {second}"
    return f"{first} and {second} are {negation}{' or '.join(str(d) for d in sorted(distances) if d > 0)} places apart"


def _placed(formula: formulas.Ahead | formulas.Next | formulas.At, problem: problems.Problem, *, deny: bool) -> str:
    front, back = problem.ends
    if isinstance(formula, formulas.At) and problem.groups:
        return f"{formula.name} is {'not ' if deny else ''}at place {formula.place}"
    if isinstance(formula, formulas.At):
        count = len(problem.names)
        if front.endswith("est") and formula.place in (1, count):
            return f"{formula.name} is {'not ' if deny else ''}the {front if formula.place == 1 else back}"
        if front == "first":
            place = "last" if formula.place == count else f"{_PLACES[formula.place - 1]} of {count}"
        else:
            place = f"{_PLACES[formula.place - 1]} of {count}, counted from {front}"
        return f"{formula.name} is {'not ' if deny else ''}{place}"
    joint = "directly before" if isinstance(formula, formulas.Next) else "before"
    if deny and isinstance(formula, formulas.Ahead):
        return f"{formula.second} comes before {formula.first} (from {front} to {back})"
    return f"{formula.first} {'does not come' if deny else 'comes'} {joint} {formula.second} (from {front} to {back})"
