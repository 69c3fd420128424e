"""What the search finds, and when it dares to say that the examples single it out."""

import dataclasses
from typing import Any

import pytest

from council.serving.compute.code import examples, search


def found(text: str) -> dict[str, Any]:
    read = examples.read(text)
    tests = [dataclasses.asdict(test) for test in read.tests]
    return search.search({"tests": tests, "parameters": [], "name": read.name})


def test_a_small_function_is_found_and_single() -> None:
    reply = found("f(3) -> 9\nf(5) -> 25\nf(-4) -> 16\nf(11) -> 121")
    assert reply["code"] == "def f(value):\n    return value ** 2\n" and reply["sure"]


def test_two_programs_that_fit_are_told_with_an_input_on_which_they_differ() -> None:
    reply = found("g('abc') -> 'cba'\ng('hello world') -> 'dlrow olleh'\ng('Xy z') -> 'z yX'")
    assert not reply["sure"]
    _, one, other = reply["differ"]
    assert one != other


def test_truths_say_too_little() -> None:
    assert not found("f(2) -> True\nf(3) -> False\nf(4) -> True").get("sure", False)


def test_one_example_is_no_search() -> None:
    assert not found("f(2) -> 4")["found"]


@pytest.mark.long
@pytest.mark.no_cover
def test_large_numbers_end_within_the_bounds() -> None:
    assert not found("f(10**2) -> 1\nf(999999999999) -> 5").get("sure", False)
    found("f(999999999999) -> 7\nf(123456789012) -> 8")
