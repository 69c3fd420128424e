"""What is asked: the sentence around a formula, read as one of a few requests, or not at all.

A frame is matched on whole words at the beginning and the end of the text; what is between goes to the grammar, which
consumes every token or gives up. Word problems match no frame.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from council.serving.compute.math import clarity, grammar, lexer, limits, reach, runs, tree


@dataclass(frozen=True, slots=True)
class Calculate:
    """The value of an expression."""

    expression: tree.Node


@dataclass(frozen=True, slots=True)
class Percentage:
    """How many percent of `whole` `part` is."""

    part: tree.Node
    whole: tree.Node


@dataclass(frozen=True, slots=True)
class Compare:
    """Which of two is larger, or smaller."""

    left: tree.Node
    right: tree.Node
    larger: bool


@dataclass(frozen=True, slots=True)
class Prime:
    """Whether a number is prime."""

    expression: tree.Node


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`form` is simplify, expand or factor."""

    form: str
    expression: tree.Node


@dataclass(frozen=True, slots=True)
class Relation:
    """Two sides and one of = < > <= >=."""

    operator: str
    left: tree.Node
    right: tree.Node


@dataclass(frozen=True, slots=True)
class Solve:
    """Equations, or inequalities; `name` is the unknown that the user named, or empty. Only with a name are there others."""

    relations: tuple[Relation, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Derive:
    """The derivative by `name`; at a place, if one is given."""

    expression: tree.Node
    name: str
    place: tree.Node | None


@dataclass(frozen=True, slots=True)
class Integrate:
    """The integral by `name`; definite if bounds are given."""

    expression: tree.Node
    name: str
    bounds: tuple[tree.Node, tree.Node] | None


Request = Calculate | Percentage | Compare | Prime | Rewrite | Solve | Derive | Integrate


def read(text: str) -> Request:
    """Return what `text` asks. Raises UnreadableError or TooLargeError."""
    if len(text) > limits.TEXT_CHARS_MAX:
        raise limits.UnreadableError(f"The text is longer than the {limits.TEXT_CHARS_MAX} characters of a formula.")
    plain = re.sub("(?i)\\b(what|how)(?:'|\N{RIGHT SINGLE QUOTATION MARK})s\\b", r"\1 is", text.strip())
    plain = re.sub(r"(?i)^whats\b", "what is", plain)
    found = lexer.tokens(plain)
    if not found:
        raise limits.UnreadableError("There is no formula.")
    for frame in _FRAMES:
        request = frame(found)
        if request is not None:
            return request
    return _plain(found, plain)


def equations(text: str) -> Solve:
    """Return the equations that `text` consists of. Raises UnreadableError or TooLargeError."""
    request = _relations(lexer.tokens(text), "")
    if any(relation.operator != "=" for relation in request.relations):
        raise limits.UnreadableError("Only equations are read here.")
    return request


Tokens = list[lexer.Token]
_COMMANDS = ("calculate", "compute", "find", "evaluate", "work out", "give me")


def _asked(found: Tokens) -> Tokens:
    """Return `found` without `what is the`, `find` and the like."""
    for phrase in ("what is", "what are", *_COMMANDS):
        rest = runs.after(found, phrase)
        if rest is not None:
            found = rest
            break
    return found[1:] if runs.starts(found, "the") else found


def _name(found: Tokens) -> str | None:
    return found[0].text if len(found) == 1 and found[0].kind == "name" and found[0].text != "e" else None


def _formula(found: Tokens) -> tree.Node:
    """A formula in which x can only be an unknown."""
    if any(token.kind == "operator" and token.text == "x" for token in found):
        raise limits.UnreadableError("The letter x may be a times sign or an unknown.")
    return grammar.parse(found)


def _prime(found: Tokens) -> Request | None:
    rest = runs.after(found, "is")
    if rest is None:
        return None
    for words in (("a", "prime", "number"), ("a", "prime"), ("prime",), ("prime", "number")):
        if len(rest) > len(words) and runs.starts(rest[-len(words) :], *words):
            inner = rest[: -len(words)]
            inner = inner[2:] if runs.starts(inner, "the", "number") else inner
            return Prime(grammar.parse(inner))
    return None


def _compare(found: Tokens) -> Request | None:
    for word, larger in (("larger", True), ("bigger", True), ("greater", True), ("smaller", False), ("less", False)):
        rest = runs.after(found, f"which is {word}", f"what is {word}", f"which number is {word}")
        if rest is None:
            continue
        rest = rest[1:] if rest and rest[0].text in (",", ":") else rest
        sides = runs.split(rest, "or")
        if sides is None:
            raise limits.UnreadableError("A comparison needs two numbers with `or` between them.")
        left, right = sides
        left = left[:-1] if left and left[-1].text == "," else left
        return Compare(grammar.parse(left), grammar.parse(right), larger)
    return None


def _rewrite(found: Tokens) -> Request | None:
    for form, phrases in _FORMS:
        rest = runs.after(_asked(found), *phrases)
        if rest is not None:
            rest = runs.after(rest, *_OBJECTS) or rest
            return Rewrite(form, _formula(rest))
    return None


_OBJECTS = (
    "the following expression :", "the following expression", "the following polynomial :", "the following :",
    "the expression :", "the expression", "the polynomial", "the quadratic", "the number", "completely :", "completely", ":",
)  # fmt: skip
_FORMS = (
    ("simplify", ("simplify",)),
    ("expand", ("expand",)),
    (
        "factor",
        (
            "factor", "factorise", "factorize", "prime factorization of", "prime factorisation of", "prime factors of",
            "factorization of", "factorisation of",
        ),
    ),
)  # fmt: skip


def _derive(found: Tokens) -> Request | None:
    rest = runs.after(_asked(found), "derivative of", "differentiate")
    name, sign = "", rest is None
    if rest is None and len(found) > 4 and runs.starts(found[:2], "d", "/") and found[2].text in runs.DIFFERENTIALS:
        rest, name = found[3:], found[2].text[1:]
    if rest is None:
        return None
    place = None
    if at := runs.split(rest, "at"):
        rest, where = at
        named = len(where) > 2 and where[0].kind == "name" and where[1].text == "="
        if named:
            name, where = name or where[0].text, where[2:]
        reach.check_place(where, named)
        place = _formula(where)
    body, name = _respect(rest, name)
    if sign:
        reach.check_sign(body, "sign d/dx")
    else:
        reach.check_words(body, "word derivative", closed=body is not rest or place is not None)
    expression = _formula(body)
    if place is not None:
        _check_angle_places(expression, place)
    return Derive(expression, _only_name(name, expression), place)


def _respect(found: Tokens, name: str) -> tuple[Tokens, str]:
    if sides := runs.split(found, "with", "respect", "to"):
        named = _name(sides[1])
        if named is None or (name and named != name):
            raise limits.UnreadableError("It is not clear which letter is meant.")
        return sides[0], named
    return found, name


def _only_name(name: str, expression: tree.Node) -> str:
    names = tree.unknowns(expression)
    if name and set(names) <= {name}:
        return name
    if name or len(names) != 1:
        raise limits.UnreadableError("It is not clear which letter is meant.")
    return names[0]


def _integrate(found: Tokens) -> Request | None:
    asked = _asked(found)
    parts = runs.bounded_first(asked) or runs.bounded_last(asked)
    if parts is None:
        return None
    rest, ends, closed = parts
    bounds = None
    if ends is not None:
        low, high = ends
        if len(low) > 2 and low[0].kind == "name" and low[1].text == "=":
            low = low[2:]
        high, rest = (high[:-1], [*rest, high[-1]]) if high and high[-1].text in runs.DIFFERENTIALS else (high, rest)
        reach.check_place(high)
        bounds = (_formula(low), _formula(high))
    name = ""
    if rest and rest[-1].text in runs.DIFFERENTIALS:
        rest, name = rest[:-1], rest[-1].text[1:]
    body, name = _respect(rest, name)
    reach.check_words(body, "word integral", closed=bool(name) or closed)
    expression = _formula(body)
    if bounds is not None:
        _check_angle_places(expression, *bounds)
    return Integrate(expression, _only_name(name, expression), bounds)


def _check_angle_places(expression: tree.Node, *places: tree.Node) -> None:
    """Refuse sin(x) at 30, as the grammar refuses sin(30)."""
    angles = [part for part in tree.walk(expression) if isinstance(part, tree.Call)]
    angles = [part for part in angles if part.function in tree.ANGLE_FUNCTIONS and not _has_pi(part)]
    if any(tree.unknowns(part) for part in angles):
        for place in places:
            if not (place == tree.integer(0) or _has_pi(place)):
                raise limits.UnreadableError(f"The angle {tree.text(place)[:60]} may be in degrees or in radians.")


def _has_pi(node: tree.Node) -> bool:
    return any(part == tree.Constant("pi") for part in tree.walk(node))


def _percentage(found: Tokens) -> Request | None:
    for phrase in ("what percent of", "what percentage of", "what is the percentage of"):
        rest = runs.after(found, phrase)
        if rest is not None and (sides := runs.split(rest, "is")):
            return Percentage(grammar.parse(sides[1]), grammar.parse(sides[0]))
    for words in (("is", "what", "percent", "of"), ("is", "what", "percentage", "of")):
        if sides := runs.split(found, *words):
            return Percentage(grammar.parse(sides[0]), grammar.parse(sides[1]))
    return None


def _changed(found: Tokens) -> Request | None:
    for word, operator in (("increase", "+"), ("decrease", "-")):
        rest = runs.after(found, word)
        sides = runs.split(rest, "by") if rest is not None else None
        if sides is None:
            continue
        start, share = grammar.parse(sides[0]), grammar.parse(sides[1])
        if not (isinstance(share, tree.Postfix) and share.operator == "%" and isinstance(start, tree.Number)):
            raise limits.UnreadableError("A change is read as a percentage of a number.")
        part = tree.Binary("/", share.operand, tree.integer(100))
        return Calculate(tree.Binary("*", start, tree.Binary(operator, tree.integer(1), part)))
    return None


def _remainder(found: Tokens) -> Request | None:
    rest = runs.after(_asked(found), "remainder when", "remainder of")
    if rest is None:
        return None
    sides = runs.split(rest, "is", "divided", "by") or runs.split(rest, "divided", "by")
    if sides is None:
        raise limits.UnreadableError("A remainder needs `... divided by ...`.")
    number, divisor = grammar.parse(sides[0]), grammar.parse(sides[1])
    if isinstance(divisor, tree.Binary) and divisor.operator != "^":
        raise limits.UnreadableError("It is not clear where the divisor ends.")
    return Calculate(tree.Binary("mod", number, divisor))


def _solve(found: Tokens) -> Request | None:
    rest = runs.after(found, "solve")
    if rest is not None:
        return _solve_named(rest)
    rest = runs.after(_asked(found), "solutions of", "solutions to", "roots of", "zeros of", "zeroes of")
    if rest is not None:
        rest = runs.after(rest, "the equation", "the polynomial") or rest
        if any(token.text == "=" for token in rest):
            return _relations(rest, "")
        return Solve((Relation("=", _formula(rest), tree.integer(0)),), "")
    if (given := runs.after(found, "if")) is not None:
        return _asked_last(given)
    wanted = _asked(found)
    if len(wanted) > 3 and wanted is not found and wanted[0].kind == "name":
        for word in ("if", "when", "where", "given", ":"):
            rest = runs.after(wanted[1:], word)
            if rest is not None:
                return _relations(rest, wanted[0].text)
    if any(token.text in _RELATIONS and token.kind == "operator" for token in found[:-1]):
        return _asked_alone(_relations(found, ""))
    return None


def _asked_alone(request: Solve) -> Solve:
    """Refuse `x = 5` on its own: a value is given there, and nothing asked."""
    if all(isinstance(one.left, tree.Unknown) and isinstance(one.right, tree.Number) for one in request.relations):
        raise limits.UnreadableError("A letter with its value asks for nothing.")
    only = request.relations[0]
    if len(request.relations) == 1 and only.operator == "=" and len(tree.unknowns(only.left, only.right)) > 1:
        raise limits.UnreadableError(
            "One equation of several letters asks for nothing; say `solve`, and for which letter."
        )
    return request


def _asked_last(given: Tokens) -> Request | None:
    """`If 2x + 3 = 11, what is x?`"""
    for words in (("what", "is"), ("find",)):
        sides = runs.split(given, *words)
        if sides is not None and (name := _name(sides[1])):
            known = sides[0][:-1] if sides[0] and sides[0][-1].text == "," else sides[0]
            return _relations(known, name)
    return None


def _solve_named(rest: Tokens) -> Request:
    for phrase in ("the equation", "the equations", "the system", "the inequality", "equation", "system of equations"):
        rest = runs.after(rest, phrase) or rest
    rest = rest[1:] if rest and rest[0].text == ":" else rest
    if runs.starts(rest, "for") and len(rest) > 3 and rest[1].kind == "name" and rest[2].text in (":", "in", ","):
        return _relations(rest[3:], rest[1].text)
    if (sides := runs.split(rest, "for")) and sides[1]:
        names = {token.text for token in sides[1] if token.kind == "name"}
        if any(token.kind != "name" and token.text not in (",", "and") for token in sides[1]):
            raise limits.UnreadableError("It is not clear what to solve for.")
        request = _relations(sides[0][:-1] if sides[0] and sides[0][-1].text == "," else sides[0], "")
        found = {name for relation in request.relations for name in tree.unknowns(relation.left, relation.right)}
        if len(names) == 1 and names < found and len(request.relations) == 1:
            return Solve(request.relations, names.pop())
        if names != found:
            raise limits.UnreadableError("There are letters other than those to be solved for.")
        return request
    return _relations(rest, "")


_RELATIONS = frozenset({"=", "<", ">", "<=", ">="})


def _relations(found: Tokens, name: str) -> Solve:
    parts: list[Tokens] = [[]]
    for token in found:
        if token.text in (",", ";", "and") and token.kind in ("operator", "word"):
            parts.append([])
        else:
            parts[-1].append(token)
    parts = [part for part in parts if part]
    if len(parts) > 1 and any(token.grouped for token in found):
        raise limits.UnreadableError("A comma between equations may separate thousands or equations.")
    relations = tuple(relation for part in parts for relation in _chain(part))
    names = tree.unknowns(*(side for relation in relations for side in (relation.left, relation.right)))
    if name and names != [name]:
        raise limits.UnreadableError("There are letters other than the one to be solved for.")
    return Solve(relations, name)


def _chain(found: Tokens) -> tuple[Relation, ...]:
    """Return one relation, or the two of 1 < 2x + 1 < 7, whose signs point the same way."""
    places = _relation_places(found)
    if len(places) != 2 or {found[place].text for place in places} not in _CHAINS:
        return (_relation(found),)
    return _relation(found[: places[1]]), _relation(found[places[0] + 1 :])


_CHAINS = ({"<"}, {"<="}, {"<", "<="}, {">"}, {">="}, {">", ">="})


def _relation_places(found: Tokens) -> list[int]:
    return [index for index, token in enumerate(found) if token.kind == "operator" and token.text in _RELATIONS]


def _relation(found: Tokens) -> Relation:
    places = _relation_places(found)
    if len(places) != 1:
        raise limits.UnreadableError("An equation needs exactly one relation sign.")
    place = places[0]
    sides = _formula(found[:place]), _formula(found[place + 1 :])
    if any(isinstance(side, tree.Binary) and side.operator == "mod" for side in sides):
        raise limits.UnreadableError("With mod a relation may be one of remainders or a congruence.")
    return Relation(found[place].text, *sides)


_FRAMES: tuple[Callable[[Tokens], Request | None], ...] = (
    _prime, _compare, _percentage, _changed, _remainder, _rewrite, _derive, _integrate, _solve,
)  # fmt: skip


def _plain(found: Tokens, text: str) -> Request:
    rest = found
    for phrase in ("what is", "how much is", *_COMMANDS, "what does", ":"):
        rest = runs.after(rest, phrase) or rest
    commanded = runs.after(found, "calculate", "compute", "evaluate", "work out") is not None or found[-1].text == "="
    for phrase in ("the value of", "the result of", "value of"):
        rest = runs.after(rest, phrase) or rest
    for ending in ("=", "equals", "equal"):
        rest = rest[:-1] if len(rest) > 1 and rest[-1].text == ending else rest
    if not commanded and rest:
        clarity.refuse_labels(text[rest[0].start : rest[-1].end], bare=rest is found)
    expression = grammar.parse(rest)
    if tree.unknowns(expression):
        raise limits.UnreadableError("The formula has letters, and nothing says what to do with them.")
    clarity.refuse_bare(expression, asked=rest is not found)
    return Calculate(expression)


def text(request: Request) -> str:
    """Return the request as it was read, for a refusal."""
    match request:
        case Calculate(expression):
            return tree.text(expression)
        case Percentage(part, whole):
            return f"{tree.text(part)} as a percentage of {tree.text(whole)}"
        case Compare(left, right):
            return f"compare {tree.text(left)} and {tree.text(right)}"
        case Prime(expression):
            return f"is {tree.text(expression)} a prime number"
        case Rewrite(form, expression):
            return f"{form} {tree.text(expression)}"
        case Solve(relations):
            return " and ".join(f"{tree.text(one.left)} {one.operator} {tree.text(one.right)}" for one in relations)
        case Derive(expression, name):
            return f"the derivative of {tree.text(expression)} with respect to {name}"
        case Integrate(expression, name):
            return f"the integral of {tree.text(expression)} with respect to {name}"
