"""Propositional formulas in many spellings, keyed by evaluating the drawn tree under every assignment; and CNFs in DIMACS.

A drawn formula is a nested tuple: a name, ("not", part), or (joint, left, right).
"""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence

from council.domain import answers
from council.testing.questions import families

# A name, or a joint and its parts.
Tree = str | tuple["str | Tree", ...]

_SPELLINGS: Sequence[Mapping[str, str]] = (
    {"not": "not ", "and": " and ", "or": " or ", "implies": " -> ", "iff": " <-> ", "xor": " xor "},
    {"not": "~", "and": " & ", "or": " | ", "implies": " -> ", "iff": " <-> ", "xor": " xor "},
    {"not": "!", "and": " && ", "or": " || ", "implies": " => ", "iff": " <=> ", "xor": " xor "},
    {"not": "\u00ac", "and": " \u2227 ", "or": " \u2228 ", "implies": " \u2192 ", "iff": " \u2194 ", "xor": " \u2295 "},
    {
        "not": "\\neg ",
        "and": " \\land ",
        "or": " \\lor ",
        "implies": " \\to ",
        "iff": " \\leftrightarrow ",
        "xor": " \\oplus ",
    },
    {
        "not": "\\lnot ",
        "and": " \\wedge ",
        "or": " \\vee ",
        "implies": " \\rightarrow ",
        "iff": " \\iff ",
        "xor": " \\oplus ",
    },
)
_NAMES = (("p", "q", "r", "s"), ("A", "B", "C", "D"), ("x1", "x2", "x3", "x4"), ("a", "b", "c", "d"))


def holds(tree: Tree, world: Mapping[str, bool]) -> bool:
    """Evaluate a drawn formula."""
    if isinstance(tree, str):
        return world[tree]
    joint, *parts = tree
    values = [holds(part, world) for part in parts]
    match joint:
        case "not":
            return not values[0]
        case "and":
            return values[0] and values[1]
        case "or":
            return values[0] or values[1]
        case "implies":
            return values[1] or not values[0]
        case "iff":
            return values[0] == values[1]
        case _:
            return values[0] != values[1]


def _drawn(chance: random.Random, names: Sequence[str], depth: int, *, top: bool = False) -> Tree:
    if depth == 0 or (not top and chance.random() < 0.15):
        name = chance.choice(names)
        return ("not", name) if chance.random() < 0.3 else name
    joint = chance.choice(("and", "and", "or", "or", "implies", "implies", "iff", "xor", "not"))
    if joint == "not":
        return ("not", _drawn(chance, names, depth - 1))
    return (joint, _drawn(chance, names, depth - 1), _drawn(chance, names, depth - 1))


def _spelt(tree: Tree, spelling: Mapping[str, str], *, top: bool = True) -> str:
    if isinstance(tree, str):
        return tree
    joint, *parts = tree
    inner = [_spelt(part, spelling, top=False) for part in parts]
    if joint == "not":
        return f"{spelling['not']}{inner[0]}"
    text = spelling[str(joint)].join(inner)
    return text if top else f"({text})"


def _names_in(tree: Tree) -> set[str]:
    if isinstance(tree, str):
        return {tree}
    return set().union(*(_names_in(part) for part in tree[1:]))


def _rows(*trees: Tree) -> tuple[list[str], list[dict[str, bool]]]:
    names = sorted(set().union(*map(_names_in, trees)))
    rows = itertools.product((True, False), repeat=len(names))
    return names, [dict(zip(names, row, strict=True)) for row in rows]


def _truths(tree: Tree) -> list[bool]:
    return [holds(tree, row) for row in _rows(tree)[1]]


def _yes(*, truth: bool) -> str:
    return "Yes" if truth else "No"


def _property(chance: random.Random, tree: Tree, text: str) -> families.Asked:
    truths = _truths(tree)
    kinds = {
        "satisfiable": any(truths), "unsatisfiable": not any(truths), "a tautology": all(truths),
        "a contradiction": not any(truths), "contingent": len(set(truths)) == 2, "falsifiable": not all(truths),
    }  # fmt: skip
    kind = chance.choice(list(kinds))
    form = chance.choice(
        ("Is {f} {kind}?", "Is the formula {f} {kind}?", "is {f} {kind}?", "Decide whether {f} is {kind}.")
    )
    if isinstance(tree, str) or kind == "contingent":
        form = "Is the formula {f} {kind}?"
    return families.Asked(form.format(f=text, kind=kind), _yes(truth=kinds[kind]))


def _equivalence(chance: random.Random, names: Sequence[str], spelling: Mapping[str, str]) -> families.Asked:
    first = _drawn(chance, names, 2, top=True)
    second = _rewritten(chance, first) if chance.random() < 0.5 else _drawn(chance, names, 2)
    same = all(holds(first, row) == holds(second, row) for row in _rows(first, second)[1])
    form = chance.choice(
        ("Is {a} equivalent to {b}?", "Is {a} logically equivalent to {b}?", "is {a} equivalent to {b}")
    )
    return families.Asked(form.format(a=_spelt(first, spelling), b=_spelt(second, spelling)), _yes(truth=same))


def _rewritten(chance: random.Random, tree: Tree) -> Tree:
    """Return an equivalent formula by a law of logic; the key is evaluated all the same."""
    if isinstance(tree, str):
        return ("not", ("not", tree))
    match tree:
        case ("implies", a, b):
            return chance.choice((("or", ("not", a), b), ("implies", ("not", b), ("not", a))))
        case ("and", a, b):
            return chance.choice((("not", ("or", ("not", a), ("not", b))), ("and", b, a)))
        case ("or", a, b):
            return chance.choice((("implies", ("not", a), b), ("or", b, a)))
        case ("iff", a, b):
            return ("and", ("implies", a, b), ("implies", b, a))
        case ("xor", a, b):
            return ("not", ("iff", a, b))
        case (_, part):
            return ("not", ("and", part, part))
        case _:
            return tree


def _entailment(chance: random.Random, names: Sequence[str], spelling: Mapping[str, str]) -> families.Asked:
    premises = [_drawn(chance, names, 1, top=True) for _ in range(chance.randint(1, 3))]
    goal = _drawn(chance, names, 1)
    premises.append(("not", ("not", chance.choice(names))))
    rows = _rows(*premises, goal)[1]
    follows = all(holds(goal, row) for row in rows if all(holds(premise, row) for premise in premises))
    said = [_spelt(premise, spelling) for premise in premises]
    if chance.random() < 0.3:
        both = _spelt(("and", premises[0], premises[1]), spelling)
        follows = all(holds(goal, r) for r in rows if holds(premises[0], r) and holds(premises[1], r))
        text = f"Does {both} imply {_spelt(goal, spelling)}?"
    else:
        text = f"Does {_spelt(goal, spelling)} follow from {', '.join(said)}?"
    return families.Asked(text, _yes(truth=follows))


def _count(chance: random.Random, tree: Tree, text: str) -> families.Asked:
    form = chance.choice(("How many assignments satisfy {f}?", "How many models does {f} have?"))
    return families.Asked(form.format(f=text), f"{sum(_truths(tree))}.")


def _table(chance: random.Random, tree: Tree, text: str) -> families.Asked:
    names, rows = _rows(tree)
    cells = [["T" if row[name] else "F" for name in names] for row in rows]
    lines = [
        f"| {' | '.join([*row, 'T' if value else 'F'])} |" for row, value in zip(cells, _truths(tree), strict=True)
    ]
    form = chance.choice(
        ("Give the truth table of {f}.", "Write a truth table for {f}", "What is the truth table of {f}?")
    )
    return families.Asked(form.format(f=text), "\n".join(lines))


def _formula(chance: random.Random, *, plain: bool) -> families.Asked:
    spelling = _SPELLINGS[1] if plain else chance.choice(_SPELLINGS)
    names = chance.choice(_NAMES)[: chance.randint(2, 4)]
    kind = chance.choice(("property", "property", "equivalence", "entailment", "count", "table"))
    if kind == "equivalence":
        return _equivalence(chance, names, spelling)
    if kind == "entailment":
        return _entailment(chance, names, spelling)
    tree = _drawn(chance, names, chance.randint(1, 3), top=True)
    text = _spelt(tree, spelling)
    if spelling is _SPELLINGS[4] and chance.random() < 0.7:
        text = f"${text}$"
    return {"property": _property, "count": _count, "table": _table}[kind](chance, tree, text)


def _cnf(chance: random.Random, *, plain: bool) -> families.Asked:
    variables = chance.randint(1, 7)
    clauses = []
    for _ in range(chance.randint(1, 5 * variables)):
        chosen = chance.sample(range(1, variables + 1), min(variables, chance.randint(1, 3)))
        clauses.append([n if chance.random() < 0.5 else -n for n in chosen])
    worlds = itertools.product((False, True), repeat=variables)
    holds_ = any(all(any(world[abs(n) - 1] == (n > 0) for n in clause) for clause in clauses) for world in worlds)
    lines = [f"p cnf {variables} {len(clauses)}", *(" ".join(map(str, [*clause, 0])) for clause in clauses)]
    body = "\n".join(lines)
    if plain:
        return families.Asked(f"Is this CNF satisfiable?\n{body}", _yes(truth=holds_))
    forms = ("{b}\nIs this satisfiable?", "Is the following formula in DIMACS format satisfiable?\n```\nc made\n{b}\n```",
             "Is this SAT instance satisfiable or not?\n{b}\n")  # fmt: skip
    return families.Asked(chance.choice(forms).format(b=body), _yes(truth=holds_))


def agrees(answer: str, key: str) -> bool:
    """Say whether the answer opens with the key, or is the table of the key under its head."""
    if key.startswith("|"):
        return answer.split("\n", 2)[2] == key
    return answer.startswith(key)


_REFUSE = (
    "Is p or q and r satisfiable?",
    "Is p and q or r a tautology?",
    "Is p -> q -> r a tautology?",
    "Is p <-> q <-> r a tautology?",
    "Is p xor q xor r satisfiable?",
    "Is p -> q and p satisfiable?",
    "Is not p -> q and r a tautology?",
    "Is p + q satisfiable?",
    "Is p implies q or r a tautology?",
    "Is A or B valid?",
    "Are A and B consistent?",
    "Is A equivalent to B?",
    "Is x > 3 equivalent to 3 < x?",
    "Is (p or q satisfiable?",
    "Is p or q) satisfiable?",
    "Is p or satisfiable?",
    "Is p q satisfiable?",
    "Is P or p satisfiable?",
    "Does r follow from p or q and r?",
    "Is for all x P(x) -> Q(x) satisfiable?",
    "Is P(a) or not P(a) a tautology?",
    "Why is p or not p a tautology?",
    "Is p or not p a tautology in intuitionistic logic?",
    "Is p or not p satisfiable in 3-valued logic?",
    "Give a proof of p -> p.",
    "Give the truth table of p or q for p true.",
    "How many assignments satisfy p or q if p is true?",
    "Is p -> q almost equivalent to not p or q?",
    "Is this CNF satisfiable?\np cnf 2 3\n1 2 0\n-1 0",
    "Is this CNF satisfiable?\np cnf 2 1\n1 3 0",
    "Is this CNF satisfiable?\np cnf 2 1\n1 2",
    "Is this CNF satisfiable if variable 1 is true?\np cnf 2 1\n1 2 0",
    "How many models has this CNF?\np cnf 2 1\n1 2 0",
    "Is this DNF satisfiable?\np dnf 2 1\n1 2 0",
)


def _family(name: str, make: Callable[..., families.Asked]) -> families.Family:
    def paraphrase(chance: random.Random, _: families.Asked) -> families.Asked:
        return make(chance, plain=False)

    return families.Family(
        f"logic formulas: {name}",
        answers.Route.LOGIC,
        lambda chance: make(chance, plain=True),
        paraphrase,
        agrees,
        _REFUSE,
    )


FAMILIES = (_family("symbols", _formula), _family("DIMACS", _cnf))
