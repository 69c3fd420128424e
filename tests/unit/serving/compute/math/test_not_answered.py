"""What is not wholly in the grammar, or can be read in two ways, is passed on; what has no value is refused."""

import pytest

from council.serving.compute import math, results

AMBIGUOUS = [
    "6/2(1+2)", "1/2x", "1/2 x = 3", "200 + 10%", "10% + 20%", "50 - 10%", "17% of 200 + 5", "7 % 3", "17% 200",
    "half of 10 plus 3", "half of 10 squared", "square root of 16 + 9", "sum of 5 and 3 times 2", "sum of 3 and 4 squared",
    "the sum of the product of 2 and 3 and 4", "difference between 3 and 10", "minus 3 squared", "-3 squared", "sin 30",
    "sin(30)", "cos(0.5)", "log(100)", "log 5", "log(8, 2)", "sin^-1(1)", "sin x^2", "sin 2x", "e^2x", "2^3x", "√2x",
    "√x²", "2e", "2e-3", "2e+3", "3!!", "5 !", "7 + 5 mod 3", "-7 mod 3", "7.5 mod 2", "10 mod 4 * 3", "(-8)^(1/3)",
    "gcd(12,345)", "sum of 1,234 and 5", "gcd(1,234, 5)", "2x3 + 4x = 5", "2 x (3 + x)", "0x10", "f(3)", "007 + 1",
    "2 1/2", "x2", "1 234 + 1", "1.2.3", "1,23 + 1", "12,34,567 + 1", "2+-+3", "x^2%", "2 to the power of 3 plus 1",
    "2i", "sqrt(i)", "E^2", "X + x = 2", "[2+3]*4", "|3|", "10\N{EN DASH}20", "٣ + ٤",
    "\N{FULLWIDTH DIGIT ONE} + 1", "2 \N{FULLWIDTH PLUS SIGN} 2", "\N{MATHEMATICAL BOLD DIGIT TWO} + 2",
    "log base x of 8", "x(y", "x = 5 mod 3", "solve x = 5 mod 3", "a b = 3", "x^0 = 1",
]  # fmt: skip
NOT_ASKED = [
    "", " ", "?", "5", "-5", "42.", "What is 5?", "1,234", "50%", "100%", "pi", "what is e?", "what is pi", "x", "2x",
    "what is x + 1", "calculate 3y", "x + y = 5", "2 + 2 = 4", "9/11", "What is 9/11?", "24/7", "12/25/2024",
    "what is 12/25/24", "2024-01-15", "2024/1/5", "555-1234", "1-800-555-1234", "4x4", "1 < x < 3", "x = y = 2",
    "x < 5 and x > 2", "y = 2x + 3", "a^2 + b^2 = c^2",
]  # fmt: skip
OTHER_KINDS = [
    "hello", "Hi there, how are you?", "What is the capital of France?", "Who wrote Hamlet?", "What is C++?", "What is 5G?",
    "What is the meaning of life?", "Write a function that adds two numbers", "def f(x): return x + 1", "print(2+2)",
    "import os; os.system('ls')", "__import__('os')", "().__class__", "lambda x: x", "2 + 2; print(1)", "exit()",
    "If Anna has 3 apples and buys 2, how many has she?", "A train travels 60 km in 2 hours. How fast is it?",
    "All cats are animals. Tom is a cat. Is Tom an animal?", "Is the following statement true or false? 2 + 2 = 5",
    "What is 2+2? What is 3+3?", "2+2 and 3+3", "What is not 2+2?", "What is 2+2 in binary", "2+2 is not 5", "What is 7 up?",
    "convert 5 km to miles", "what time is it in UTC+2", "5 km + 3 m", "$5 + $3", "5€", "10:30", "192.168.0.1", "a@b.c",
    "http://example.com/1+1", "C:\\1\\2", "Call me at 555 1234", "Chapter 3.2", "iPhone 15", "COVID-19", "MP3", "H2O",
    "What is the sum of the solutions of x^2 - 4x + 4 = 0?", "- 3\n- 4",
    "12\n- 3\n- 4", "1. 2\n2. 3", "the sum of the first 100 integers", "2+2 lol",
    "Wie viel ist 2+2?", "¿Cuánto es 2+2?", "2 plus apple", "if", "find", "solve", "is prime", "derivative of",
    "integrate", "which is larger", "which is larger, 3", "factor", "what percent of", "increase 5 by", "of", "and", "%", "!",
]  # fmt: skip


@pytest.mark.parametrize("prompt", [*AMBIGUOUS, *NOT_ASKED, *OTHER_KINDS])
def test_what_is_not_clearly_a_question_of_the_grammar_is_passed_on(prompt: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.PassedOn), result
    assert result.reason
    assert math.COMPUTING_FAILED not in result.reason


BEYOND_THE_CHECK = [
    "x^3 - 3x + 1 = 0", "e^x = x", "2^x + 3^x = 5", "0^x = 0",
    "(-2)^x = 4", "1^x = 1", "2^(x^2) = 16",
    "sin(x) = 1/3", "x^2 = pi", "x*y = 2, x^2 + y^2 = 5",
    "integrate e^(x^2)", "integrate 1/x from -1 to 1", "factor x^4 + 1", "derivative of abs(x)", "integrate tan(x) from 0 to 3",
    f"is {2**89 - 1} prime", "sqrt(x) > 2",
]  # fmt: skip


@pytest.mark.parametrize("prompt", BEYOND_THE_CHECK)
def test_what_cannot_be_checked_is_passed_on(prompt: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.PassedOn), result
    assert math.COMPUTING_FAILED not in result.reason


@pytest.mark.parametrize(
    "prompt", ["integrate 1/x from -1 to 1", "integrate 1/x^3 from -1 to 1", "integral of tan(x) from 0 to pi"]
)
def test_a_gap_between_the_bounds_of_an_integral_is_noticed(prompt: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.PassedOn)
    assert "gap" in result.reason


UNDEFINED = {
    "1/0": "1/0",
    "1/(2-2)": "1/(2 - 2)",
    "0/0": "0/0",
    "0^0": "0^0",
    "0^-1": "0^(-1)",
    "5 mod 0": "5 mod 0",
    "sqrt(-4)": "sqrt(-4)",
    "(-4)^(1/2)": "(-4)^(1/2)",
    "ln(0)": "ln(0)",
    "ln(-1)": "ln(-1)",
    "log_1(5)": "log_1(5)",
    "tan(pi/2)": "tan(pi/2)",
    "tan(90°)": "tan(90 degrees)",
    "(-3)!": "(-3)!",
}


@pytest.mark.parametrize(("prompt", "reading"), UNDEFINED.items())
def test_what_has_no_value_is_refused_with_its_reading(prompt: str, reading: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.Refused), result
    assert result.reading == reading
    assert "undefined" in result.reason or "no real value" in result.reason
