"""Random theories, written out in English, are answered as brute force over all their models answers them.

The truth is worked out here from the drawn theory itself, by code that knows nothing of the syntax tree.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from council.serving.compute import logic, results

KINDS = ("wug", "dax", "blick")
PEOPLE = ("Tom", "Ann")
LETTERS = ("P", "Q", "R")
RACERS = ("Ann", "Bob", "Cem", "Dan")
relaxed = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Said:
    """A sentence, and whether it holds in a world."""

    text: str
    holds: Callable[[Any], bool]


def verdict(worlds: Iterable[Any], premises: list[Said], goal: Said) -> str:
    """Return contradiction, yes, no or open."""
    truths = {goal.holds(world) for world in worlds if all(premise.holds(world) for premise in premises)}
    return {frozenset(): "contradiction", frozenset({True}): "yes", frozenset({False}): "no"}.get(
        frozenset(truths), "open"
    )


def verdict_of(result: results.Result) -> str:
    """Return the same of a result."""
    if isinstance(result, results.Refused):
        assert "contradict" in result.reason
        return "contradiction"
    assert isinstance(result, results.Solved), result
    if "cannot be determined" in result.answer or result.answer.startswith("No, it does not follow"):
        return "open"
    return "yes" if result.answer.startswith("Yes") else "no"


# Kinds: a world is which sets of kinds are found on somebody, and what Tom and Ann are.


def kind_worlds() -> list[tuple[frozenset[frozenset[str]], dict[str, frozenset[str]]]]:
    types = [frozenset(c) for n in range(len(KINDS) + 1) for c in itertools.combinations(KINDS, n)]
    worlds = []
    for tom, ann in itertools.product(types, repeat=2):
        others = [one for one in types if one not in (tom, ann)]
        for size in range(len(others) + 1):
            found = itertools.combinations(others, size)
            worlds.extend((frozenset({tom, ann, *extra}), {"Tom": tom, "Ann": ann}) for extra in found)
    return worlds


KIND_WORLDS = kind_worlds()


@st.composite
def kind_sentence(draw: st.DrawFn) -> Said:
    first, second = draw(st.permutations(KINDS))[:2]
    person = draw(st.sampled_from(PEOPLE))
    return draw(
        st.sampled_from(
            [
                Said(f"All {first}s are {second}s", lambda w: all(second in t for t in w[0] if first in t)),
                Said(f"Every {first} is a {second}", lambda w: all(second in t for t in w[0] if first in t)),
                Said(f"No {first}s are {second}s", lambda w: not any(second in t for t in w[0] if first in t)),
                Said(f"Some {first}s are {second}s", lambda w: any(second in t for t in w[0] if first in t)),
                Said(f"Some {first}s are not {second}s", lambda w: any(second not in t for t in w[0] if first in t)),
                Said(f"Not all {first}s are {second}s", lambda w: any(second not in t for t in w[0] if first in t)),
                Said(f"{person} is a {first}", lambda w: first in w[1][person]),
                Said(f"{person} is not a {first}", lambda w: first not in w[1][person]),
                Said(
                    f"If something is a {first} and not a {second} then it is a {KINDS[0]}",
                    lambda w: all(KINDS[0] in t for t in w[0] if first in t and second not in t),
                ),
                Said(
                    f"If {person} is a {first} then Ann is a {second}",
                    lambda w: first not in w[1][person] or second in w[1]["Ann"],
                ),
            ]
        )
    )


@relaxed
@given(st.lists(kind_sentence(), min_size=1, max_size=5), kind_sentence())
def test_random_kinds_are_answered_as_their_models_say(premises: list[Said], goal: Said) -> None:
    premises = [*premises, Said("If something is a wug then it is a wug", lambda _: True)]
    text = ". ".join(premise.text for premise in premises) + f". Does it follow that {goal.text}?"
    result = logic.solve(text)
    expected = verdict(KIND_WORLDS, premises, goal)
    assert verdict_of(result) == expected, text
    if expected in ("no", "open"):
        assert isinstance(result, results.Solved)
        assert result.answer.startswith("No, the opposite" if expected == "no" else "No, it does not follow")


# Orders: a world is a permutation.


@st.composite
def order_sentence(draw: st.DrawFn) -> Said:
    first, second = draw(st.permutations(RACERS))[:2]
    return draw(
        st.sampled_from(
            [
                Said(f"{first} is taller than {second}", lambda w: w.index(first) < w.index(second)),
                Said(f"{first} is shorter than {second}", lambda w: w.index(first) > w.index(second)),
                Said(f"{first} is the tallest", lambda w: w[0] == first),
                Said(f"{first} is not the shortest", lambda w: w[-1] != first),
                Said(f"{first} is the second tallest", lambda w: w[1] == first),
            ]
        )
    )


@relaxed
@given(st.lists(order_sentence(), min_size=1, max_size=4), order_sentence(), st.integers(0, 3))
def test_random_orders_are_answered_as_their_permutations_say(premises: list[Said], goal: Said, place: int) -> None:
    worlds = list(itertools.permutations(RACERS))
    head = "There are four people: Ann, Bob, Cem, and Dan. "
    text = head + ". ".join(premise.text for premise in premises)
    assert verdict_of(logic.solve(f"{text}. Is it true that {goal.text}?")) == verdict(worlds, premises, goal), text
    fitting = [world for world in worlds if all(premise.holds(world) for premise in premises)]
    asked = ("tallest", "second tallest", "third tallest", "shortest")[place]
    result = logic.solve(f"{text}. Who is the {asked}?")
    found = {world[place] for world in fitting}
    if not fitting:
        assert isinstance(result, results.Refused)
    elif len(found) == 1:
        assert isinstance(result, results.Solved)
        assert result.answer.startswith(f"{found.pop()}. ")
    else:
        assert isinstance(result, results.Solved)
        assert "cannot be determined" in result.answer
        assert all(name in result.answer for name in found)
    _check_whole_order(f"{text}. What is the order?", fitting)


def _check_whole_order(text: str, fitting: list[tuple[str, ...]]) -> None:
    result = logic.solve(text)
    if len(fitting) == 1:
        assert isinstance(result, results.Solved)
        assert result.answer.startswith(f"From tallest to shortest: {', '.join(fitting[0])}.")
    elif fitting:
        assert isinstance(result, results.Solved)
        assert f"{len(fitting)} orders fit" in result.answer


# Clauses: a world is the set of true letters.


def letter(name: str) -> Said:
    return Said(name, lambda w: name in w)


@st.composite
def literal(draw: st.DrawFn) -> Said:
    one = letter(draw(st.sampled_from(LETTERS)))
    denied = [Said(f"{word} {one.text}", lambda w: not one.holds(w)) for word in ("not", "it is not the case that")]
    return draw(st.sampled_from([one, one, *denied]))


@st.composite
def clause_sentence(draw: st.DrawFn) -> Said:
    first, second, third = draw(literal()), draw(literal()), draw(literal())
    a, b = letter(draw(st.sampled_from(LETTERS))), letter(draw(st.sampled_from(LETTERS)))
    return draw(
        st.sampled_from(
            [
                Said(f"If {first.text} then {second.text}", lambda w: not first.holds(w) or second.holds(w)),
                Said(f"If {first.text}, {second.text}", lambda w: not first.holds(w) or second.holds(w)),
                Said(f"{first.text} if {second.text}", lambda w: not second.holds(w) or first.holds(w)),
                Said(f"{first.text} if and only if {second.text}", lambda w: first.holds(w) == second.holds(w)),
                Said(f"{a.text} or {b.text}", lambda w: a.holds(w) or b.holds(w)),
                Said(f"{a.text} and {third.text}", lambda w: a.holds(w) and third.holds(w)),
                Said(
                    f"If {a.text} and {b.text} then {third.text}",
                    lambda w: not (a.holds(w) and b.holds(w)) or third.holds(w),
                ),
                Said(
                    f"If {a.text} or {b.text} then {third.text}",
                    lambda w: not (a.holds(w) or b.holds(w)) or third.holds(w),
                ),
                first,
            ]
        )
    )


@relaxed
@given(st.lists(clause_sentence(), min_size=1, max_size=5), clause_sentence())
def test_random_clauses_are_answered_as_their_truth_table_says(premises: list[Said], goal: Said) -> None:
    everything = Said("P or Q or R or not P", lambda _: True)
    text = ". ".join(premise.text for premise in [everything, *premises]) + f". Is it true that {goal.text}?"
    worlds = [{x for x, true in zip(LETTERS, row, strict=True) if true} for row in itertools.product((0, 1), repeat=3)]
    result = logic.solve(text)
    if isinstance(result, results.PassedOn):
        assert "it is not the case that" in text
        return
    assert verdict_of(result) == verdict(worlds, premises, goal), text


# Knights: a world is the set of knights.


@st.composite
def claim(draw: st.DrawFn, speaker: str) -> Said:
    other, third = draw(st.permutations("ABC"))[:2]
    kinds = [("knight", True), ("knave", False)]
    word, good = draw(st.sampled_from(kinds))
    return draw(
        st.sampled_from(
            [
                Said(f"{other} is a {word}", lambda w: (other in w) is good),
                Said(f"I am a {word}", lambda w: (speaker in w) is good),
                Said("exactly one of us is a knight", lambda w: len(w) == 1),
                Said("at least one of us is a knave", lambda w: len(w) < 3),
                Said("all of us are knaves", lambda w: not w),
                Said(f"{other} and {third} are the same kind", lambda w: (other in w) == (third in w)),
                Said(
                    f"if {other} is a {word} then {third} is a knave",
                    lambda w: (other in w) is not good or third not in w,
                ),
                Said(f"neither {other} nor {third} is a {word}", lambda w: (other in w) is (third in w) is not good),
            ]
        )
    )


@relaxed
@given(st.data(), st.lists(st.sampled_from("ABC"), min_size=1, max_size=4))
def test_random_islands_are_answered_as_their_cases_say(data: st.DataObject, speakers: list[str]) -> None:
    claims = [(speaker, data.draw(claim(speaker))) for speaker in speakers]
    head = "Knights always tell the truth and knaves always lie. You meet three people: A, B, and C. "
    text = head + " ".join(f'{who} says "{said.text}".' for who, said in claims)
    worlds = [set(c) for n in range(4) for c in itertools.combinations("ABC", n)]
    fitting = [w for w in worlds if all((who in w) == said.holds(w) for who, said in claims)]
    result = logic.solve(f"{text} Who is what?")
    if not fitting:
        assert isinstance(result, results.Refused)
        return
    assert isinstance(result, results.Solved), text
    for name in "ABC":
        kinds = {name in w for w in fitting}
        word = "may be either" if len(kinds) > 1 else "is a knight" if True in kinds else "is a knave"
        assert f"{name} {word}" in result.answer, text
    assert ("cannot be determined" in result.answer) == (len(fitting) > 1)


# Anything else


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_at_all_gets_a_result(text: str) -> None:
    assert isinstance(logic.solve(text), results.PassedOn | results.Refused | results.Solved)


WORDS = (
    "all some no not if then and or either is are a the who taller than says knight knave P Q Tom . , ? : ' \"".split()
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_heap_of_the_grammars_own_words_gets_a_result(heap: list[str]) -> None:
    assert isinstance(logic.solve(" ".join(heap)), results.PassedOn | results.Refused | results.Solved)


BOMBS = {
    "steps": " ".join(f"If P{chr(97 + n % 26)} then Q." for n in range(10_000)) + " Q?",
    "long": "All men are mortal. " * 100_000 + "Is Tom mortal?",
    "chain": ". ".join(f"All w{'u' * n}g are w{'u' * (n + 1)}g" for n in range(75))
    + ". Max is a wg. Is Max a "
    + f"w{'u' * 75}g?",
    "nested": "If " + "not " * 500 + "P then Q. P. Q?",
    "deep": "(" * 500 + "P" + ")" * 500 + ". P?",
    "spaces": "All " + "a " * 190 + "are b. Is a b?",
    "names": ". ".join(f"Tom likes w{'o' * n}g" for n in range(60))
    + ". If something likes Tom then it is red. Is Tom red?",
    "either": " ".join(f"Either {c} or Q." for c in "ABCDEFGH") + " Q?",
    "somes": ". ".join(f"Some w{'u' * n}gs are b{'u' * n}gs" for n in range(38)) + ". Is Tom red?",
    "digits": "P. " * 79 + "1" * 100_000 + "?",
    "nul": "All men are\x00 mortal. Is Tom mortal?",
    "nor": "A says " + "neither nor is " * 25 + ". Who is what?",
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_is_declined_or_answered_within_the_limits(name: str) -> None:
    assert isinstance(logic.solve(BOMBS[name]), results.PassedOn | results.Refused | results.Solved)
