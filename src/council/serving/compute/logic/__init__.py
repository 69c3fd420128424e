"""The computing half of the logic specialist: controlled English in, a proved answer or a clear decline out.

`script` cuts the text, one grammar a kind of puzzle reads every sentence or raises, `programs` and `findings` solve the syntax
tree with clingo and check the finding by other means, `wording` and `answering` say it. No word of the text reaches clingo.
Semantics are classical and open-world: what is not entailed either way cannot be determined.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace

from council.serving.compute import results
from council.serving.compute.logic import (
    answering,
    dimacs,
    formulas,
    grid,
    knights,
    ordering,
    overlaps,
    problems,
    propositional,
    rules,
    schedules,
    script,
    shuffles,
    truths,
    witnesses,
)
from council.serving.wording import manners

_Grammar = Callable[[script.Script], problems.Problem]
_KINDS = (dimacs, truths, shuffles, overlaps, schedules)
_KNIGHTLY = ("knight", "knave", "truth-teller", "truthteller", "truth teller")


def solve(text: str) -> results.Result:
    """Answer a logic question in controlled English; PassedOn names what was not understood."""
    text = manners.without(text, "")
    result, reason = _by_kind(text)
    if result:
        return result
    try:
        parts = script.cut(text)
        problem = _read(parts)
    except problems.NotUnderstoodError as error:
        return results.PassedOn(reason or error.reason)
    variants = _variants(problem)
    if variants is None:
        return results.PassedOn("too many of its sentences can be read in two ways")
    found = [answering.answer(variant) for variant in variants]
    return _agreed(found)


def _by_kind(text: str) -> tuple[results.Result | None, str]:
    """Return the result of a kind of puzzle with a solver of its own, or why the kind that it seems to be was not read."""
    reason = ""
    for kind in _KINDS:
        try:
            if result := kind.solve(text):
                return result, ""
        except problems.NotUnderstoodError as error:
            reason = reason or error.reason
    return None, reason


def _read(parts: script.Script) -> problems.Problem:
    """Return the reading of the first grammar that covers the whole text; else report the one that came furthest."""
    whole = " ".join((*parts.premises, parts.question)).lower()
    grammars: tuple[_Grammar, ...] = (ordering.read, grid.read, rules.read, propositional.read)
    if any(word in whole for word in _KNIGHTLY):
        grammars = (knights.read,)
    elif witnesses.about(whole):
        grammars = (witnesses.read, *grammars)
    if not parts.premises:
        raise problems.NotUnderstoodError("it gives nothing to reason from")
    furthest = problems.NotUnderstoodError("it is not in the controlled English that I read", -1)
    for grammar in grammars:
        try:
            return _with_options(grammar(parts), parts)
        except problems.NotUnderstoodError as error:
            furthest = error if error.position > furthest.position else furthest
    raise furthest


def _with_options(problem: problems.Problem, parts: script.Script) -> problems.Problem:
    """Attach lettered lines that read True, False and Unknown; any other lines must have been read as choices."""
    if not parts.options or problem.question.lettered:
        return problem
    if problem.question.ask is problems.Ask.WHICH:
        return _with_letters(problem, parts)
    letters = {words.lower(): letter for letter, words in parts.options}
    renamed = {"uncertain": "unknown", "undetermined": "unknown"}
    letters = {renamed.get(words, words): letter for words, letter in letters.items()}
    if parts.style is not problems.Style.TRUTH or not {"true", "false"} <= set(letters) <= {"true", "false", "unknown"}:
        raise problems.NotUnderstoodError("I do not read its lettered options", len(parts.premises))
    return replace(problem, question=replace(problem.question, options=letters))


def _with_letters(problem: problems.Problem, parts: script.Script) -> problems.Problem:
    """Put the letters before the choices that the lettered lines name; each line must name one."""
    letters = {words.lower().removeprefix("the "): letter for letter, words in parts.options}
    answers = {choice.answer.lower().removeprefix("the "): choice for choice in problem.question.choices}
    if len(letters) < len(parts.options) or not set(letters) <= set(answers):
        raise problems.NotUnderstoodError("I do not read its lettered options", len(parts.premises))
    choices = tuple(
        replace(choice, answer=f"{letters[key]}) {choice.answer}") if key in letters else choice
        for key, choice in answers.items()
    )
    return replace(problem, question=replace(problem.question, choices=choices))


def _variants(problem: problems.Problem) -> list[problems.Problem] | None:
    """Return the problem under every combination of its ambiguous readings, or None where they are too many."""
    count = 1
    for formula in problem.formulas:
        count *= formulas.meaning_count(formula)
    if count > problems.VARIANTS_MAX:
        return None
    found = []
    premise_count = len(problem.premises)
    for chosen in itertools.product(*(formulas.meanings(formula) for formula in problem.formulas)):
        premises = tuple(replace(p, formula=f) for p, f in zip(problem.premises, chosen[:premise_count], strict=True))
        pairs = zip(problem.question.choices, chosen[premise_count:], strict=True)
        choices = tuple(replace(choice, formula=formula) for choice, formula in pairs)
        found.append(replace(problem, premises=premises, question=replace(problem.question, choices=choices)))
    return found


def _agreed(found: list[results.Result]) -> results.Result:
    first = found[0]
    if len(found) == 1:
        return first
    if all(isinstance(one, results.Refused) for one in found):
        return first
    solved = [one for one in found if isinstance(one, results.Solved)]
    heads = {one.answer.split("\n")[0] for one in solved}
    if len(solved) < len(found) or len(heads) > 1 or not isinstance(first, results.Solved):
        return results.PassedOn("the answer depends on how an ambiguous sentence is meant")
    rest = len(found) - 1
    others = "other possible reading" if rest == 1 else f"other {rest} possible readings"
    note = f"\nThe {others} of its ambiguous sentences {'gives' if rest == 1 else 'give'} the same answer."
    return replace(first, reading=first.reading + note)
