"""A problem as a clingo program, in two encodings that share as little as possible.

Programs are built from the syntax tree alone: no word of the user's text becomes program text. Names become e1, e2, ...,
predicates p1, ..., clauses q1, ...; a table leads back to the words. Each sentence and choice has a guard atom, so that
one grounding serves every query: `s(i)` asserts premise i, `yes(j)` and `no(j)` assert or deny choice j.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from council.serving.compute.logic import formulas, problems


@dataclass(frozen=True, slots=True)
class Program:
    """`text` with its guards left open; `asserted` is the same with every premise asserted, as shown to people."""

    text: str
    asserted: str
    names: Mapping[str, str]


def stated(problem: problems.Problem) -> Program:
    """Return the first encoding: quantified rules over a domain, or places that names take."""
    writer = _Writer(problem, pairwise=False)
    world = writer.places() if problem.ordered else writer.valuation()
    return writer.finish(world)


def restated(problem: problems.Problem) -> Program:
    """Return the second encoding: ground clauses as plain facts, or an order as a relation between pairs."""
    if problem.groups:
        return _clausal(_as_truths(problem), _frame(problem))
    if not problem.ordered:
        return _clausal(problem)
    writer = _Writer(problem, pairwise=True)
    return writer.finish(writer.pairs())


class _Writer:
    """Turns each formula node into a rule-defined atom f1, f2, ...; a premise then forbids that its atom is false."""

    def __init__(self, problem: problems.Problem, *, pairwise: bool):
        self._problem = problem
        self._pairwise = pairwise
        self._symbols = _symbols(problem)
        self._lines: list[str] = []
        self._numbers = itertools.count(1)

    def finish(self, world: list[str]) -> Program:
        premise_count = len(self._problem.premises)
        choice_count = len(self._problem.question.choices)
        for index, formula in enumerate(self._problem.formulas, start=1):
            truth = self._define(formula)
            if index <= premise_count:
                self._lines.append(f":- s({index}), not {truth}.")
            else:
                number = index - premise_count
                self._lines += [f":- yes({number}), not {truth}.", f":- no({number}), {truth}."]
        queries = f"{{ yes(1..{choice_count}); no(1..{choice_count}) }}."
        guards = f"{{ s(1..{premise_count}) }}." if premise_count else ""
        facts = f"s(1..{premise_count})." if premise_count else ""
        rest = "\n".join([*world, *self._lines, queries])
        table = {symbol: words for words, symbol in self._symbols.items()}
        return Program(f"{rest}\n{guards}\n", f"{rest}\n{facts}\n", {symbol: w[1] for symbol, w in table.items()})

    def valuation(self) -> list[str]:
        lines = [" ".join(f"dom({self._symbols['name', name]})." for name in self._problem.domain)]
        lines += [f"{{ {self._symbols['predicate', p]}(X) : dom(X) }}." for p in self._problem.predicates]
        lines += [f"{{ {self._symbols['clause', clause]} }}." for clause in self._problem.clauses]
        return lines

    def places(self) -> list[str]:
        groups = self._problem.groups or (self._problem.names,)
        return [
            " ".join(f"x({self._symbols['name', name]},{g})." for g, names in enumerate(groups) for name in names),
            f"1 {{ at(X,P) : P = 1..{self._problem.place_count} }} 1 :- x(X,_).",
            ":- at(X,P), at(Y,P), X < Y, x(X,G), x(Y,G).",
            *(f":- not at({self._symbols['name', name]},{place})." for name, place in self._problem.fixed.items()),
        ]

    def pairs(self) -> list[str]:
        return [
            " ".join(f"x({self._symbols['name', name]})." for name in self._problem.names),
            "1 { before(X,Y); before(Y,X) } 1 :- x(X), x(Y), X < Y.",
            ":- before(X,Y), before(Y,Z), not before(X,Z), X != Z.",
            ":- before(X,Y), before(Y,Z), before(Z,X).",
        ]

    def _define(self, formula: formulas.Formula) -> str:
        """Write the rules for a closed formula and return the atom that is true exactly when it holds."""
        return self._node(formula, bound=False)

    def _node(self, formula: formulas.Formula, *, bound: bool) -> str:
        match formula:
            case formulas.Atom(predicate, subject):
                return self._atom(predicate, subject)
            case formulas.Ahead() | formulas.Next() | formulas.At():
                return self._rule([self._place(formula)], bound=False)
            case formulas.Apart(first, second, distances):
                pair = f"at({self._symbols['name', first]},P), at({self._symbols['name', second]},P+({{}}))"
                return self._rule([pair.format(distance) for distance in distances], bound=False)
            case formulas.Not(part):
                return self._rule([f"not {self._node(part, bound=bound)}"], bound=bound)
            case formulas.And(parts):
                return self._rule([", ".join(self._node(part, bound=bound) for part in parts)], bound=bound)
            case formulas.Or(parts):
                return self._rule([self._node(part, bound=bound) for part in parts], bound=bound)
            case formulas.Implies(condition, consequence):
                first = self._node(condition, bound=bound)
                return self._rule([f"not {first}", self._node(consequence, bound=bound)], bound=bound)
            case formulas.Exactly(count, parts):
                counted = "; ".join(f"{i} : {self._node(part, bound=bound)}" for i, part in enumerate(parts))
                return self._rule([f"#count {{ {counted} }} = {count}"], bound=bound)
            case formulas.Every(body):
                return self._rule([f"{self._node(body, bound=True)} : dom(X)"], bound=False)
            case formulas.Some(body):
                return self._rule([f"{self._node(body, bound=True)}, dom(X)"], bound=False)
            case formulas.Ambiguous():
                raise AssertionError("ambiguity is resolved before solving")

    def _rule(self, bodies: list[str], *, bound: bool) -> str:
        head = f"f{next(self._numbers)}" + ("(X)" if bound else "")
        self._lines += [f"{head} :- {body}{', dom(X)' if bound else ''}." for body in bodies]
        return head

    def _atom(self, predicate: str, subject: str) -> str:
        if subject == formulas.CLAUSE:
            return self._symbols["clause", predicate]
        argument = "X" if subject == formulas.VARIABLE else self._symbols["name", subject]
        return f"{self._symbols['predicate', predicate]}({argument})"

    def _place(self, formula: formulas.Ahead | formulas.Next | formulas.At) -> str:
        if isinstance(formula, formulas.At):
            name = self._symbols["name", formula.name]
            if self._pairwise:
                return f"#count {{ X : before(X,{name}) }} = {formula.place - 1}"
            return f"at({name},{formula.place})"
        first, second = self._symbols["name", formula.first], self._symbols["name", formula.second]
        if isinstance(formula, formulas.Ahead):
            return f"before({first},{second})" if self._pairwise else f"at({first},P), at({second},Q), P < Q"
        if self._pairwise:
            return f"before({first},{second}), not before({first},X) : before(X,{second}), X != {first}"
        return f"at({first},P), at({second},P+1)"


def _symbols(problem: problems.Problem) -> dict[tuple[str, str], str]:
    individuals = problem.names if problem.ordered else problem.domain
    table = {("name", name): f"e{number}" for number, name in enumerate(individuals, start=1)}
    table |= {("predicate", words): f"p{number}" for number, words in enumerate(problem.predicates, start=1)}
    return table | {("clause", words): f"q{number}" for number, words in enumerate(problem.clauses, start=1)}


def _as_truths(problem: problems.Problem) -> problems.Problem:
    """Return the problem about places as one about what is true: an atom for each name and place."""
    places = range(1, problem.place_count + 1)

    def change(formula: formulas.Formula) -> formulas.Formula:
        match formula:
            case formulas.At(name, place):
                return _truth(name, place)
            case formulas.Ahead(first, second):
                pairs = [(p, q) for p in places for q in places if p < q]
            case formulas.Next(first, second):
                pairs = [(p, p + 1) for p in places if p + 1 in places]
            case formulas.Apart(first, second, distances):
                pairs = [(p, p + distance) for p in places for distance in distances if p + distance in places]
            case _:
                return formulas.rebuilt(formula, tuple(change(part) for part in formulas.children(formula)))
        return formulas.Or(tuple(formulas.And((_truth(first, p), _truth(second, q))) for p, q in pairs))

    premises = tuple(replace(p, formula=change(p.formula)) for p in problem.premises)
    choices = tuple(replace(choice, formula=change(choice.formula)) for choice in problem.question.choices)
    question = replace(problem.question, choices=choices)
    return replace(problem, premises=premises, question=question, ordered=False, groups=())


def _frame(problem: problems.Problem) -> list[formulas.Formula]:
    """Return: each name has one place, and each place one name of each group."""
    places = range(1, problem.place_count + 1)
    names = [formulas.Exactly(1, tuple(_truth(name, place) for place in places)) for name in problem.names]
    groups = [formulas.Exactly(1, tuple(_truth(n, p) for n in group)) for group in problem.groups for p in places]
    return [*names, *groups, *(_truth(name, place) for name, place in problem.fixed.items())]


def _truth(name: str, place: int) -> formulas.Atom:
    return formulas.Atom(f"is at {place}", name)


class _Clauses:
    """Ground clauses by the Tseitin transformation, over atoms numbered from 1."""

    def __init__(self, domain: list[str]):
        self._domain = domain
        self._numbers: dict[tuple[str, str], int] = {}
        self._fresh = itertools.count(1)
        self.clauses: list[list[int]] = []

    def literal(self, formula: formulas.Formula, individual: str) -> int:
        """Return a literal that is true exactly when the formula holds, adding the clauses that make it so."""
        match formula:
            case formulas.Atom(predicate, subject):
                return self._number(predicate, individual if subject == formulas.VARIABLE else subject)
            case formulas.Not(part):
                return -self.literal(part, individual)
            case formulas.And(parts):
                return -self._either([-self.literal(part, individual) for part in parts])
            case formulas.Or(parts):
                return self._either([self.literal(part, individual) for part in parts])
            case formulas.Implies(condition, consequence):
                return self._either([-self.literal(condition, individual), self.literal(consequence, individual)])
            case formulas.Every(body):
                return -self._either([-self.literal(body, one) for one in self._domain])
            case formulas.Some(body):
                return self._either([self.literal(body, one) for one in self._domain])
            case formulas.Exactly(count, parts):
                return self._exactly(count, [self.literal(part, individual) for part in parts])
            case _:
                raise AssertionError("not a formula about a valuation")

    def _number(self, predicate: str, subject: str) -> int:
        if (predicate, subject) not in self._numbers:
            self._numbers[predicate, subject] = next(self._fresh)
        return self._numbers[predicate, subject]

    def _either(self, literals: list[int]) -> int:
        whole = next(self._fresh)
        self.clauses.append([-whole, *literals])
        self.clauses += [[whole, -literal] for literal in literals]
        return whole

    def _exactly(self, count: int, literals: list[int]) -> int:
        chosen = itertools.combinations(range(len(literals)), count)
        cases = [[lit if i in picked else -lit for i, lit in enumerate(literals)] for picked in map(set, chosen)]
        return self._either([-self._either([-literal for literal in case]) for case in cases])


def _clausal(problem: problems.Problem, frame: Sequence[formulas.Formula] = ()) -> Program:
    """Write every ground clause as facts; a fixed handful of rules says what a clause means. The frame always holds."""
    clauses = _Clauses(problem.domain)
    clauses.clauses += [[clauses.literal(formula, "")] for formula in frame]
    tops = [clauses.literal(formula, "") for formula in problem.formulas]
    lines = [
        "{ t(A) : atom(A) }.",
        "held(C) :- pos(C,A), t(A).",
        "held(C) :- neg(C,A), not t(A).",
        ":- clause(C), not held(C).",
    ]
    for number, clause in enumerate(clauses.clauses, start=1):
        lines.append(f"clause({number}).")
        lines += [f"{'pos' if literal > 0 else 'neg'}({number},{abs(literal)})." for literal in clause]
    used = {abs(literal) for clause in clauses.clauses for literal in clause} | {abs(top) for top in tops}
    lines += [f"atom({number})." for number in sorted(used)]
    premise_count, choice_count = len(problem.premises), len(problem.question.choices)
    for index, top in enumerate(tops, start=1):
        false = f"not t({top})" if top > 0 else f"t({-top})"
        true = f"t({top})" if top > 0 else f"not t({-top})"
        if index <= premise_count:
            lines.append(f":- s({index}), {false}.")
        else:
            lines += [f":- yes({index - premise_count}), {false}.", f":- no({index - premise_count}), {true}."]
    lines.append(f"{{ yes(1..{choice_count}); no(1..{choice_count}) }}.")
    text = "\n".join(lines)
    return Program(f"{text}\n{{ s(1..{premise_count}) }}.\n", f"{text}\ns(1..{premise_count}).\n", {})
