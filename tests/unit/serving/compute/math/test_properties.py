"""Properties over generated formulas and over any text at all."""

from fractions import Fraction

import hypothesis
import pytest
from hypothesis import strategies

from council.serving.compute import math, results
from council.serving.compute.math import arithmetic, check, formulas, grammar, lexer, limits, tree


def _numbers() -> strategies.SearchStrategy[tree.Node]:
    whole = strategies.integers(0, 999).map(tree.integer)
    decimal = strategies.tuples(strategies.integers(0, 99), strategies.integers(0, 9)).map(
        lambda pair: tree.Number(Fraction(pair[0] * 10 + pair[1], 10), f"{pair[0]}.{pair[1]}")
    )
    return whole | decimal


def _grown(inner: strategies.SearchStrategy[tree.Node]) -> strategies.SearchStrategy[tree.Node]:
    signs = strategies.sampled_from(["+", "-", "*", "/"])
    powers = strategies.integers(0, 3).map(tree.integer)
    return (
        strategies.builds(tree.Binary, signs, inner, inner)
        | strategies.builds(tree.Negation, inner)
        | strategies.builds(lambda base, exponent: tree.Binary("^", base, exponent), inner, powers)
        | strategies.builds(lambda operand: tree.Call("abs", (operand,)), inner)
    )


FORMULAS = strategies.recursive(_numbers(), _grown, max_leaves=8).filter(lambda node: not isinstance(node, tree.Number))
_STYLES = (
    lambda text: text,
    lambda text: text.replace(" ", ""),
    lambda text: text.replace("*", " × ").replace("/", " ÷ ").replace("-", "\N{MINUS SIGN}"),
    lambda text: text.replace("^", "**"),
    lambda text: text.replace("+", "plus").replace("*", " times ").replace("/", " divided by "),
    lambda text: text.replace("^2", "²").replace("^3", "³"),
    lambda text: text.replace("(", "( ").replace(")", " )"),
)
_FRAMES = ("{}", "What is {}?", "calculate {}", "please compute {}.", "{} =", "How much is {}", "evaluate {} please")


def _expected(node: tree.Node) -> Fraction:
    """The value by Python's own operators, straight from the tree."""
    match node:
        case tree.Number(value):
            return value
        case tree.Negation(operand):
            return -_expected(operand)
        case tree.Call("abs", (operand,)):
            return abs(_expected(operand))
        case tree.Binary("^", left, right):
            base, exponent = _expected(left), _expected(right)
            if not base and not exponent:
                raise ZeroDivisionError
            return Fraction(base ** int(exponent))
        case tree.Binary(operator, left, right):
            one, other = _expected(left), _expected(right)
            return {"+": one.__add__, "-": one.__sub__, "*": one.__mul__, "/": one.__truediv__}[operator](other)
    raise AssertionError(node)


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(FORMULAS, strategies.sampled_from(_STYLES), strategies.sampled_from(_FRAMES))
def test_a_formula_in_any_style_has_the_value_of_its_tree(node: tree.Node, style, frame: str) -> None:
    prompt = frame.format(style(tree.text(node)))
    result = math.solve(prompt)
    if isinstance(result, results.PassedOn):
        # Only what the rules on dates, bare numbers and products in words turn away, whatever its value would be.
        assert any(word in result.reason for word in ("bare", "date", "words")), (prompt, result)
        return
    try:
        expected = _expected(node)
    except ZeroDivisionError:
        assert isinstance(result, results.Refused), (prompt, result)
        return
    assert isinstance(result, results.Solved), (prompt, result)
    assert result.reading == tree.text(node)
    assert result.detail["exact"] == formulas.fraction_text(expected)


@hypothesis.given(FORMULAS)
def test_the_reading_reads_back_as_the_same_tree(node: tree.Node) -> None:
    assert grammar.parse(lexer.tokens(tree.text(node))) == node


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(strategies.text(max_size=200))
def test_any_text_gets_a_result(text: str) -> None:
    assert isinstance(math.solve(text), results.Solved | results.PassedOn | results.Refused)


_PIECES = (
    "1 2 3 17 0 0.5 1,000 1e3 x y e pi + - * / ^ ** ( ) ! % , = < > <= ² √ ° ? . of and mod sqrt sin ln log log_2 abs gcd "
    "solve for derivative integrate from to dx factor expand simplify is prime half third a the sum product what plus minus "
    "times squared percent which larger or x x ( ) ( )"
)
PIECES = _PIECES.split()


@hypothesis.settings(max_examples=1000, deadline=None)
@hypothesis.given(strategies.lists(strategies.sampled_from(PIECES), max_size=12), strategies.sampled_from(["", " "]))
def test_any_jumble_of_the_grammars_own_words_gets_a_result(pieces: list[str], between: str) -> None:
    result = math.solve(between.join(pieces))
    assert math.COMPUTING_FAILED not in getattr(result, "reason", "")


PROMPTS = ["what is 17% of 200?", "solve 2x + 3 = 11 for x", "integrate x^2 from 0 to 3", "half of a third of 90"]


@hypothesis.settings(max_examples=400, deadline=None)
@hypothesis.given(
    strategies.sampled_from(PROMPTS), strategies.integers(0, 30), strategies.integers(0, 3), strategies.characters()
)
def test_a_mutated_prompt_gets_a_result(prompt: str, place: int, removed: int, added: str) -> None:
    mutated = prompt[:place] + added + prompt[place + removed :]
    assert isinstance(math.solve(mutated), results.Solved | results.PassedOn | results.Refused)


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(strategies.lists(strategies.integers(-9, 9), min_size=1, max_size=4), strategies.integers(1, 5))
def test_the_roots_of_a_product_of_linear_factors_are_all_found(roots: list[int], scale: int) -> None:
    product = "*".join(f"(x - ({root}))" for root in roots)
    result = math.solve(f"solve {scale}*{product} = 0")
    assert isinstance(result, results.Solved), result
    assert result.answer == " or ".join(f"x = {root}" for root in sorted(set(roots)))


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(strategies.lists(strategies.integers(-6, 6), min_size=3, max_size=5), strategies.sampled_from("<>"))
def test_an_inequality_holds_exactly_inside_its_solution(row: list[int], sign: str) -> None:
    polynomial = " + ".join(f"({number})*x^{index}" for index, number in reversed(list(enumerate(row))) if index)
    result = math.solve(f"{polynomial} + ({row[0]}) {sign} 0")
    if not isinstance(result, results.Solved):
        return
    for place in [Fraction(number, 3) + Fraction(1, 1009) for number in range(-40, 41)]:
        value = sum(number * place**index for index, number in enumerate(row))
        inside = _inside(result.detail["exact"], place)
        assert inside == (value < 0 if sign == "<" else value > 0), (result.answer, place)


def _inside(solution: str, place: Fraction) -> bool:
    if solution in ("all", "none"):
        return solution == "all"
    return any(_inside_piece(piece.split(), place) for piece in solution.split(" or "))


def _inside_piece(words: list[str], place: Fraction) -> bool:
    signs = {"<": lambda low, high: low < high, ">": lambda low, high: low > high}
    joined = " ".join(words)
    parts = joined.replace("<", "|<|").replace(">", "|>|").split("|")
    values = [arithmetic.real(place) if part.strip() == "x" else _number(part) for part in parts[::2]]
    return all(signs[parts[2 * index + 1]](values[index], values[index + 1]) for index in range(len(values) - 1))


def _number(text: str):
    return arithmetic.real(arithmetic.value(grammar.parse_own(text)))


@hypothesis.given(strategies.integers(0, 20_000))
def test_the_own_primality_test_agrees_with_trial_division(number: int) -> None:
    divisible = any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1))
    assert check.is_prime(number) == (number > 1 and not divisible)


@hypothesis.given(strategies.integers(0, 10**9000))
def test_long_numbers_are_printed_digit_for_digit(number: int) -> None:
    shown = formulas.whole_text(number)
    assert shown.isdigit()
    total = 0
    for place in range(0, len(shown), 1000):
        piece = shown[place : place + 1000]
        total = total * 10 ** len(piece) + int(piece)
    assert total == number


@pytest.mark.parametrize("wrong", ["x^2 + 1", "2*x + 1", "x", "3*x^2"])
def test_the_check_of_a_derivative_fails_for_a_wrong_one(wrong: str) -> None:
    function = grammar.parse_own("x^2")
    check.derivative(function, grammar.parse_own("2*x"), "x")
    with pytest.raises(limits.UndecidedError):
        check.derivative(function, grammar.parse_own(wrong), "x")


def test_the_check_of_roots_fails_when_one_is_lost_or_wrong() -> None:
    row = [Fraction(1), Fraction(0), Fraction(-4)]
    check.all_real_roots(row, [Fraction(-2), Fraction(2)], 2)
    for found, count in (([Fraction(2)], 1), ([Fraction(2)], 2), ([Fraction(-2)], 2), ([Fraction(-2), Fraction(3)], 2)):
        with pytest.raises(limits.UndecidedError):
            check.all_real_roots(row, found, count)
