"""Formulas in symbols and words, and CNFs: known laws, what needs brackets, and hard instances."""

import itertools
import time

import pytest

from council.serving.compute import logic, results


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Is (p or q) and not p satisfiable?", "Yes. It is true with p false, q true."),
        ("Is p & ~p satisfiable?", "No."),
        ("is p -> q equivalent to not p or q?", "Yes."),
        ("Is p -> q equivalent to q -> p?", "No. They differ with"),
        ("Are p -> q and ~q -> ~p equivalent?", "Yes."),
        ("Is `p || !p` a tautology?", "Yes."),
        ("Is \\neg (p \\land q) equivalent to \\neg p \\lor \\neg q?", "Yes."),
        ("Is ((p -> q) -> p) -> p a tautology, a contradiction or contingent?", "A tautology."),
        ("Does q follow from p -> q and p?", "Yes, it follows."),
        ("Does p follow from p -> q, q?", "No, it does not follow: it fails with p false, q true."),
        ("From p -> q, q -> r and p, does r follow?", "Yes, it follows."),
        ("Does q follow from p & ~p?", "Yes, it follows, because what is given can never be true."),
        ("How many assignments satisfy p | q | r?", "7."),
        ("Find all models of (a xor b) & c.", "a true; b false; c true.\na false; b true; c true."),
        (
            "Give the truth table of p if and only if q",
            "| p | q | p <-> q |\n|---|---|---|\n| T | T | T |\n| T | F | F |",
        ),
        ("Is p or q and r satisfiable?", None),
        ("Is p -> q -> r a tautology?", None),
        ("Is A or B valid?", None),
        ("Is x + 1 equivalent to 1 + x?", None),
    ],
)
def test_a_question_about_formulas_is_answered_or_left_alone(text: str, answer: str | None) -> None:
    result = logic.solve(text)
    if answer is None:
        assert isinstance(result, results.PassedOn), result
    else:
        assert isinstance(result, results.Solved), result
        assert result.answer.startswith(answer)


def test_nested_double_arrows_do_not_grow_and_deep_brackets_are_passed_on() -> None:
    nested = "p"
    for name in ("q", "r", "s", "t", "u", "w") * 5:
        nested = f"({nested} <-> {name})"
    started = time.process_time()
    assert isinstance(logic.solve(f"Is {nested} satisfiable?"), results.Solved)
    assert isinstance(logic.solve(f"Is {'(' * 500}p{')' * 500} satisfiable?"), results.PassedOn)
    assert isinstance(logic.solve(f"Is p & {'~' * 1_500}p satisfiable?"), results.PassedOn)
    assert time.process_time() - started < 5


def pigeons(holes: int) -> str:
    """Say in a CNF that one more pigeon than holes sit alone: false, and hard to show by branching."""
    place = {(p, h): p * holes + h + 1 for p in range(holes + 1) for h in range(holes)}
    clauses = [[place[p, h] for h in range(holes)] for p in range(holes + 1)]
    clauses += [
        [-place[p, h], -place[q, h]] for h in range(holes) for p, q in itertools.combinations(range(holes + 1), 2)
    ]
    lines = [f"p cnf {len(place)} {len(clauses)}", *(" ".join(map(str, [*clause, 0])) for clause in clauses)]
    return "Is this CNF satisfiable?\n" + "\n".join(lines)


def test_what_cannot_be_confirmed_within_the_limits_is_refused() -> None:
    small, large = logic.solve(pigeons(4)), logic.solve(pigeons(13))
    assert isinstance(small, results.Solved)
    assert small.answer == "No. Unsatisfiable."
    assert isinstance(large, results.Refused)


def test_a_large_cnf_takes_bounded_time() -> None:
    clauses = [f"{n % 300 + 1} -{(n * 7) % 300 + 1} {(n * 11) % 300 + 1} 0" for n in range(2_000)]
    started = time.process_time()
    logic.solve("p cnf 300 2000\n" + "\n".join(clauses))
    logic.solve("p cnf 300 2001\n" + "\n".join([*clauses, "0"]))
    assert time.process_time() - started < 20
