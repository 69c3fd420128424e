"""Solver, second encoding and plain evaluation agree; where they do not, nothing is answered."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.serving.compute import logic, results
from council.serving.compute.logic import findings, formulas, problems, programs

NAMES = ("Ann", "Bob", "Cem")


def valuations(*, bound: bool) -> st.SearchStrategy[formulas.Formula]:
    subjects = (*NAMES[:2], formulas.VARIABLE) if bound else NAMES[:2]
    atoms = st.builds(formulas.Atom, st.sampled_from(["is red", "is blue"]), st.sampled_from(subjects))
    return _connected(atoms)


def _connected(atoms: st.SearchStrategy[formulas.Formula]) -> st.SearchStrategy[formulas.Formula]:
    def grown(parts: st.SearchStrategy[formulas.Formula]) -> st.SearchStrategy[formulas.Formula]:
        several = st.lists(parts, min_size=1, max_size=3).map(tuple)
        return st.one_of(
            st.builds(formulas.Not, parts),
            st.builds(formulas.And, several),
            st.builds(formulas.Or, several),
            st.builds(formulas.Implies, parts, parts),
            st.builds(formulas.Exactly, st.integers(0, 2), several),
        )

    return st.recursive(atoms, grown, max_leaves=5)


closed = st.one_of(
    valuations(bound=False),
    st.builds(formulas.Every, valuations(bound=True)),
    st.builds(formulas.Some, valuations(bound=True)),
    st.builds(formulas.Atom, st.sampled_from(["it rains"]), st.just(formulas.CLAUSE)),
)
names = st.permutations(NAMES)
orders = _connected(
    st.one_of(
        names.map(lambda n: formulas.Ahead(n[0], n[1])),
        names.map(lambda n: formulas.Next(n[0], n[1])),
        st.builds(formulas.At, st.sampled_from(NAMES), st.integers(1, 3)),
    )
)


def problem(premises: list[formulas.Formula], goal: formulas.Formula, *, ordered: bool) -> problems.Problem:
    question = problems.Question(problems.Ask.WHETHER, problems.Style.YES_NO, (problems.Choice("", goal),))
    given_premises = tuple(problems.Premise(f"sentence {n}", formula) for n, formula in enumerate(premises))
    return problems.Problem("test", given_premises, question, NAMES if ordered else NAMES[:2], ordered=ordered)


def three_ways(one: problems.Problem) -> list[findings.Findings]:
    first = findings.by_clingo(one, findings.Solver(one, programs.stated(one)))
    second = findings.by_clingo(one, findings.Solver(one, programs.restated(one)))
    return [first, second, findings.by_trying(one)]


@settings(max_examples=100, deadline=None)
@given(st.lists(closed, max_size=3), closed)
def test_three_evaluations_of_a_valuation_problem_agree(
    premises: list[formulas.Formula], goal: formulas.Formula
) -> None:
    one = problem(premises, goal, ordered=False)
    if findings.world_count(one) is not None:
        first, second, third = three_ways(one)
        assert first == second == third


@settings(max_examples=100, deadline=None)
@given(st.lists(orders, max_size=3), orders)
def test_three_evaluations_of_an_order_agree(premises: list[formulas.Formula], goal: formulas.Formula) -> None:
    first, second, third = three_ways(problem(premises, goal, ordered=True))
    assert first == second == third


@settings(max_examples=60, deadline=None)
@given(st.lists(closed, min_size=1, max_size=4))
def test_a_core_contradicts_and_no_smaller_one_does(premises: list[formulas.Formula]) -> None:
    one = problem(premises, formulas.Atom("is red", "Ann"), ordered=False)
    solver = findings.Solver(one, programs.stated(one))
    if solver.satisfiable(list(range(len(premises)))):
        return
    core = solver.core()
    assert not solver.satisfiable(core)
    assert all(solver.satisfiable([index for index in core if index != left_out]) for left_out in core)


def test_a_disagreeing_check_withholds_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = findings.Findings(True, (True,), (True,))
    monkeypatch.setattr(findings, "by_trying", lambda _: wrong)
    result = logic.solve("All men are mortal. Socrates is a man. Is Socrates mortal?")
    assert isinstance(result, results.PassedOn)
    assert "disagree" in result.reason


def test_a_model_that_does_not_fit_withholds_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        findings.Solver, "world", lambda *_: {("is mortal", "Socrates"): False, ("is a man", "Socrates"): True}
    )
    result = logic.solve("All men are mortal. Socrates is a man. Is Socrates mortal?")
    assert isinstance(result, results.PassedOn)


def test_a_large_problem_is_checked_by_a_second_program() -> None:
    chain = [f"All w{'u' * n}g are w{'u' * (n + 1)}g" for n in range(1, 20)]
    result = logic.solve(". ".join(chain) + f". Max is a wug. Is Max a w{'u' * 20}g?")
    assert isinstance(result, results.Solved)
    assert "second, differently encoded program" in result.check


def test_meeting_the_solvers_limit_is_a_clear_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> bool:
        raise findings.SearchLimitError

    monkeypatch.setattr(findings.Solver, "satisfiable", exhausted)
    result = logic.solve("All men are mortal. Socrates is a man. Is Socrates mortal?")
    assert isinstance(result, results.Refused)
    assert result.reason.endswith("Ask with fewer names or sentences.")
