"""Which tests are read out of a user's text, and which are left unread rather than guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.serving.compute.code import examples


@pytest.mark.parametrize(
    ("text", "call", "compare", "expected"),
    [
        ("assert f(3) == 9", "f(3)", "equal", "9"),
        ("assert 9 == f(3)", "f(3)", "equal", "9"),
        ("It should pass: assert f([1, 2], 'a') == ('a', 1)", "f([1, 2], 'a')", "equal", "('a', 1)"),
        ("assert f(3)", "f(3)", "truth", "True"),
        ("assert not f(3)", "f(3)", "truth", "False"),
        ("assert math.isclose(f(2), 1.5, rel_tol=0.01)", "f(2)", "close", "1.5"),
        ("f(3) -> 9", "f(3)", "equal", "9"),
        ("f(3) => 9", "f(3)", "equal", "9"),
        ("For example f([1,2]) returns 3.", "f([1, 2])", "equal", "3"),
        ("`f(-1)` should return `[]`.", "f(-1)", "equal", "[]"),
        ("f('a b') gives 'b a', and so on", "f('a b')", "equal", "'b a'"),
        ("f(0) is true", "f(0)", "equal", "True"),
        ("f(-1) raises ValueError", "f(-1)", "raises", "ValueError"),
        (">>> f(13, 9)\nTrue\n", "f(13, 9)", "doctest", "True"),
        (">>> print(f(2))\n4\n", "print(f(2))", "doctest", "4"),
        (">>> sorted(f(2))\n[4]\n", "sorted(f(2))", "doctest", "[4]"),
        ("assert f(3) != 9", "f(3)", "unequal", "9"),
        ("assert not f(3) == 9", "f(3)", "unequal", "9"),
        ("assert f(3) is None", "f(3)", "same", "None"),
        ("assert f(3) is not None", "f(3)", "other", "None"),
        ("assert not f(3) is True", "f(3)", "other", "True"),
    ],
)
def test_a_test_is_read(text: str, call: str, compare: str, expected: str) -> None:
    read = examples.read(text)
    assert [(test.call, test.compare, test.expected) for test in read.tests] == [(call, compare, expected)]
    assert not read.unread


@pytest.mark.parametrize(
    "text",
    [
        "assert f(3) == g(3)",
        "assert f(x) == 9",
        "assert f(Pair(1, 2)) == 3",
        "assert f(3) > 2",
        "assert f(3) == 9 or True",
        "f(3) -> 9 + 1",
        "f(3) -> 9th",
        "f(3) returns roughly 9",
        "f(3) -> [1, 2",
        ">>> f(3)\nsomething else\n",
        '>>> f(3)\n"a"\n',
        ">>> f(3)\n[1,2]\n",
        ">>> f(3)\n{1, 2}\n",
        ">>> f(3) # doctest: +ELLIPSIS\n9\n",
        "assert f(3) is 9",
        "assert f(3) is []",
        "assert set(f(3)) is True",
        "assert f(3) in (1, 2)",
        ">>> f(3)\n[1,\n 2]\n",
        "assert f(3) == __import__('os').getpid()",
    ],
)
def test_what_is_not_certain_is_kept_as_unread(text: str) -> None:
    read = examples.read(text)
    assert not read.tests and read.unread


def test_tests_of_another_function_are_not_taken_for_those_of_the_one_wanted() -> None:
    read = examples.read("assert f(1) == 1\nassert f(2) == 4\nassert g(1) == 2")
    assert read.name == "f" and len(read.tests) == 2 and read.unread == ("assert g(1) == 2",)


def test_more_tests_than_the_bound_are_unread() -> None:
    read = examples.read("\n".join(f"assert f({n}) == {n}" for n in range(100)))
    assert len(read.tests) == examples.TESTS_MAX and read.unread


@given(st.text(max_size=300))
def test_any_text_is_read_to_an_end(text: str) -> None:
    examples.read(text)
    examples.read("assert f(" + text)


@given(
    st.lists(st.integers(), max_size=4),
    st.one_of(st.integers(), st.text(max_size=8), st.lists(st.integers(), max_size=3)),
)
def test_an_assert_of_literals_is_read_as_it_was_written(argument: list[int], expected: object) -> None:
    read = examples.read(f"Please pass this:\nassert work({argument!r}) == {expected!r}")
    assert [test.call for test in read.tests] == [f"work({argument!r})"]
    assert eval(read.tests[0].expected) == expected
