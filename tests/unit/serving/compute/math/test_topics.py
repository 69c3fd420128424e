"""Each topic's sentences are answered exactly, with the reading shown back and a check by other code."""

import pytest

from council.domain import answers
from council.serving.compute import math, results

INTEGERS = {
    'How many divisors does 360 have?': '24',
    'What is the sum of the whole-number factors of 24?': '60',
    'Find the product of the divisors of $50$.': '125000',
    'What are the factors of 12?': '1, 2, 3, 4, 6, 12',
    'list the divisors of 28': '1, 2, 4, 7, 14, 28',
    'What is the greatest prime factor of 221?': '17',
    'What is the largest prime factor of $5! + 6!$?': '7',
    'What is the sum of the prime factors of 91?': '20',
    'What is the largest perfect square factor of 1512?': '36',
    "Euler's totient of 36": '12',
    'phi(36)': '12',
    'φ(10)': '4',
    'modular inverse of 3 mod 11': '4',
    'inverse of 2 modulo 4': 'none',
    '3^-1 mod 7': '5',
    'Solve the congruence $11n \\equiv 7 \\pmod{43}$, as a residue modulo 43.  (Give an answer between 0 and 42.)':
        'n = 28 mod 43',
    'solve 3x ≡ 1 (mod 7)': 'x = 5 mod 7',
    'solve 2x ≡ 1 (mod 4)': 'none',
    '3^1000000 mod 7': '4',
    'remainder when 2^1000 is divided by 7': '2',
    'units digit of 7^100': '1',
    'what is the last digit of 3^2024': '1',
    'sum of the digits of 2^100': '115',
    'digit sum of 9875': '29',
    'how many digits does 2^100 have': '31',
    'is 1001 divisible by 7?': 'yes',
    'is 144 a perfect square': 'yes',
    'is 145 a perfect square?': 'no',
    'is 28 even': 'yes',
    'is 7 + 4 an odd number?': 'yes',
    'quotient and remainder when 17 is divided by 5': '3 remainder 2',
    'the 100th prime': '541',
    'how many primes are there below 100': '25',
    'How many prime numbers are between 30 and 40?': '2',
    'primes less than 20': '2, 3, 5, 7, 11, 13, 17, 19',
    'sum of the first 10 primes': '129',
    'next prime after 100': '101',
    'largest prime less than 100': '97',
    '10th Fibonacci number': '55',
    'What is the smallest four-digit number that is divisible by $33$?': '1023',
    'What is the greatest three-digit number which is a multiple of 13?': '988',
    'convert 255 to binary': '11111111',
    'convert 255 to hex': 'FF',
    '255 in base 16': 'FF',
    'What is the base-10 integer 515 when expressed in base 6?': '2215',
    'convert 1011 from binary to decimal': '11',
    'binary 1011 in decimal': '11',
    '$1011_2$ in base 10': '11',
    '0xFF in decimal': '255',
    'convert FF from hexadecimal to binary': '11111111',
    'what is 10 in binary': '1010',
    'express 100 in octal': '144',
}  # fmt: skip

MATRICES = {
    'determinant of [[1,2],[3,4]]': '-2',
    'What is the determinant of the matrix [1 2; 3 4]?': '-2',
    'det([[2,0],[0,3]])': '6',
    'inverse of [[1,2],[3,4]]': '[[-2, 1], [3/2, -1/2]]',
    'inverse of [[1,2],[2,4]]': 'none',
    'Find the inverse of $\\begin{pmatrix} 9 & 18 \\\\ -6 & -12 \\end{pmatrix}$': 'none',
    'rank of [[1,2],[2,4]]': '1',
    'trace of [[1,2],[3,4]]': '5',
    'transpose of [[1,2,3],[4,5,6]]': '[[1, 4], [2, 5], [3, 6]]',
    'eigenvalues of [[2,0],[0,3]]': '2, 3',
    'eigenvalues of [[1,1],[1,0]]': '1/2 - sqrt(5)/2, 1/2 + sqrt(5)/2',
    'eigenvalues of [[2,0],[0,2]]': '2',
    '[[1,2],[3,4]] * [[5,6],[7,8]]': '[[19, 22], [43, 50]]',
    '[[1,2],[3,4]] + [[5,6],[7,8]]': '[[6, 8], [10, 12]]',
    '[[1,2],[3,4]]^5': '[[1069, 1558], [2337, 3406]]',
    '2 * [[1,2],[3,4]]': '[[2, 4], [6, 8]]',
    '[[1,2],[3,4]]^-1': '[[-2, 1], [3/2, -1/2]]',
    'Find $\\begin{pmatrix} -5 \\\\ 1 \\\\ -4 \\end{pmatrix} + \\begin{pmatrix} 0 \\\\ 8 \\\\ -4 \\end{pmatrix}.$':
        '[[-5], [9], [-8]]',
    'Compute $\\begin{pmatrix} 2 & 0 \\\\ 5 & -3 \\end{pmatrix} \\begin{pmatrix} 8 & -2 \\\\ 1 & 1 \\end{pmatrix}.$':
        '[[16, -4], [37, -13]]',
    'Compute $\\begin{vmatrix} 1 & 2 \\\\ 3 & 4 \\end{vmatrix}$': '-2',
    'solve [[1,2],[3,4]] x = [5,6]': '[[-4], [9/2]]',
    'Solve A x = b where A = [[2,1],[1,3]] and b = [1, 2]': '[[1/5], [3/5]]',
}  # fmt: skip

POLYNOMIALS_AND_POINTS = {
    'If f(x) = 2x^2 - 3, what is f(4)?': '29',
    'If $f(x)=\\dfrac{x+1}{3x-4}$, what is the value of $f(5)$?': '6/11',
    'Suppose $f(x) = 6x - 9$ and $g(x) = \\frac{x}{3} + 2$. Find $f(g(x)) - g(f(x))$.': '4',
    'If $f(x) = 5x-4$, what is $f(f(f(2)))$?': '126',
    'Let f(x) = x^2 and g(x) = x + 1. Find f(g(x)).': 'x^2 + 2*x + 1',
    'What is f(3) if f(x) = x^3 - 1?': '26',
    "If f(x) = x^3, find f'(2)": '12',
    'If f(x) = 2x + 3 and g(x) = x^2, find f(2) + g(3)': '16',
    'evaluate x^2 + 3x when x = 4': '28',
    'What is the value of 2x + y when x = 3 and y = 5?': '11',
    'If x = 3, what is 2x + 1?': '7',
    'If x = 2 and y = 3, find x^2 + y^2': '13',
    'x^2 at x = 3': '9',
    'What is the sum of the roots of $x^2 - 4x + 3 = 0$?': '4',
    'Compute the product of the roots of the equation   x^3 - 12x^2 + 48x + 28 = 0.': '-28',
    'discriminant of 3x^2 - 2x + 1': '-8',
    'degree of (x^2+1)(x^3-2)': '5',
    'leading coefficient of 3x^4 - x': '3',
    'coefficient of x^2 in (x+1)^5': '10',
    'constant term of (x+2)^3': '8',
    'remainder when x^3 - 2x + 1 is divided by x - 1': '0',
    'quotient when x^3 - 1 is divided by x - 1': 'x^2 + x + 1',
    'remainder when x^3 is divided by x^2 + 1': '-x',
    'complete the square: x^2 + 6x + 5': '(x + 3)^2 - 4',
    'complete the square 2x^2 - 8x + 3': '2*(x - 2)^2 - 5',
    'vertex of y = x^2 - 4x + 1': '(2, -3)',
    'axis of symmetry of y = 2x^2 + 4x': 'x = -1',
    'minimum value of x^2 - 6x + 10': '1',
    'slope of the line through (1,2) and (3,8)': '3',
    'What is the slope of the line $2y = -3x + 6$?': '-3/2',
    'distance between (2,3) and (7,15)': '13',
    'distance from (0,0,0) to (1,2,2)': '3',
    'midpoint of (1,2) and (3,8)': '(2, 5)',
    'equation of the line through (1,2) and (3,8)': 'y = 3*x - 1',
    'area of the triangle with vertices (0,0), (4,0) and (0,3)': '6',
    'y-intercept of y = 2x + 3': '3',
    'what is y if 3y = 1': 'y = 1/3',
}  # fmt: skip

CALCULUS = {
    '$\\sum_{k=1}^{10} k^2$': '385',
    '\\sum_{i=1}^{n} i': 'n*(n + 1)/2',
    '∑_{k=1}^{100} k': '5050',
    'sum of k^2 from k = 1 to 10': '385',
    'sum of 1/k for k = 1 to 5': '137/60',
    'Find $\\sum_{n=0}^{\\infty} \\frac{1}{2^n}$': '2',
    '$\\sum_{k=1}^{\\infty} \\frac{1}{k^2}$': 'pi^2/6',
    '$\\sum_{k=1}^{\\infty} \\frac{1}{k(k+1)}$': '1',
    '$\\sum_{k=1}^{n} k^3$': 'n^2*(n + 1)^2/4',
    '1 + 2 + 3 + ... + 100': '5050',
    '1 + 2 + ... + 100': '5050',
    '$1 + 3 + 5 + \\cdots + 99$': '2500',
    '1 + 2 + 4 + ... + 1024': '2047',
    'sum of the first 100 positive integers': '5050',
    'sum of the first 10 odd numbers': '100',
    'sum of the squares of the first 10 positive integers': '385',
    'sum of the integers from 1 to 100': '5050',
    '20th term of the arithmetic sequence 3, 7, 11, ...': '79',
    'the 5th term of the geometric sequence 2, 6, 18, ...': '162',
    'sum of the first 10 terms of the arithmetic sequence 3, 7, 11, ...': '210',
    'sum of the infinite geometric series with first term 1 and ratio 1/2': '2',
    'sum of the infinite geometric series with first term 3 and common ratio 1/4': '4',
    '10th term of an arithmetic sequence with first term 5 and common difference 3': '32',
    'second derivative of x^3': '6*x',
    'third derivative of sin(x)': '-cos(x)',
    'second derivative of x^4 at x = 2': '48',
    'd^2/dx^2 x^5': '20*x^3',
    '$\\frac{d^2}{dx^2} x^4$': '12*x^2',
    '$\\frac{\\partial}{\\partial y} x^2 y^3$': '3*x^2*y^2',
    'partial derivative of x^2*y with respect to x': '2*x*y',
    '$\\int x^2 \\, dx$': 'x^3/3',
    '$\\int_0^1 x^2 \\, dx$': '1/3',
    '$\\int_{0}^{\\pi} \\sin(x) dx$': '2',
    '∫ x^2 dx': 'x^3/3',
    '∫_0^3 x^2 dx': '9',
    '\\int_1^2 \\frac{1}{x} dx': 'ln(2)',
    'tangent line to y = x^2 at x = 3': 'y = 6*x - 9',
    'Find the equation of the tangent line to the curve y = x^3 - x at x = 1': 'y = 2*x - 2',
    'maclaurin polynomial of degree 4 of e^x': '1 + x + (1/2)*x^2 + (1/6)*x^3 + (1/24)*x^4',
    'taylor polynomial of degree 3 of ln(x) at x = 1': '(x - 1) + (-1/2)*(x - 1)^2 + (1/3)*(x - 1)^3',
    'Maclaurin polynomial of degree 5 for sin(x)': 'x + (-1/6)*x^3 + (1/120)*x^5',
    '$\\lim_{x\\to 0} \\frac{\\sin x}{x}$': '1',
    'limit of (x^2 - 1)/(x - 1) as x approaches 1': '2',
    'limit of 1/x as x approaches 0': 'does not exist',
    'limit of 1/x as x approaches 0 from the right': 'infinity',
    '$\\lim_{x \\to 0^+} \\frac{1}{x}$': 'infinity',
    'limit of (1 + 1/x)^x as x approaches infinity': 'e',
    '$\\lim_{x\\to\\infty} \\frac{2x^2+1}{3x^2-x}$': '2/3',
    'lim x->0 sin(x)/x': '1',
    'limit of abs(x)/x as x approaches 0': 'does not exist',
    'limit of e^(-x) as x approaches infinity': '0',
    'limit of x as x approaches 3': '3',
}  # fmt: skip

EQUATIONS = {
    '|x - 3| = 5': 'x = -2 or x = 8',
    'solve |2x + 1| = 7': 'x = -4 or x = 3',
    '|x| = -2': 'none',
    'Solve $|x+1| = 2x$': 'x = 1',
    '|x - 1| + |x + 1| = 4': 'x = -2 or x = 2',
    'sqrt(x + 1) = 3': 'x = 8',
    'sqrt(x) = x - 2': 'x = 4',
    'solve x + y = 3 and x*y = 2': 'x = 1 and y = 2, or x = 2 and y = 1',
    'x*y = 2, x + y = 3': 'x = 1 and y = 2, or x = 2 and y = 1',
    'x^2 + y^2 = 25 and y = x + 1': 'x = -4 and y = -3, or x = 3 and y = 4',
    'x^2 + y^2 = 1 and y = x + 5': 'none',
    'solve y = x^2 and y = 2x + 1': 'x = 1 - sqrt(2) and y = 3 - 2*sqrt(2), or x = 1 + sqrt(2) and y = 2*sqrt(2) + 3',
    '1 < 2x + 1 < 7': '0 < x < 3',
    'solve -3 <= 2x - 1 <= 5': '-1 <= x <= 3',
    '2x > 4 and x < 7': '2 < x < 7',
    '|x - 3| < 5': '-2 < x < 8',
    '|x - 3| >= 5': 'x <= -2 or x >= 8',
    '1/x > 2': '0 < x < 1/2',
    '(x-1)/(x+2) >= 0': 'x < -2 or x >= 1',
    'x^2 < 2 and x > 0': '0 < x < sqrt(2)',
    '|x| < -1': 'none',
    '|x| >= 0': 'all',
    'solve 3 > 2x > 1': '1/2 < x < 3/2',
    'solve x^2 - 4 > 0 and x^2 - 9 < 0': '-3 < x < -2 or 2 < x < 3',
    'solve x < 1 < 3': 'x < 1',
    'Solve the equation $-x^2 = \\frac{3x+1}{x+3}.$ Enter all solutions, separated by commas.': 'x = -1',
    'solve x + y = 5 and x - y = 1': 'x = 3 and y = 2',
}  # fmt: skip

ALL = {**INTEGERS, **MATRICES, **POLYNOMIALS_AND_POINTS, **CALCULUS, **EQUATIONS}


@pytest.mark.parametrize(("prompt", "exact"), ALL.items())
def test_a_sentence_of_a_topic_is_answered_exactly(prompt: str, exact: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.Solved), result
    assert result.detail["exact"] == exact
    assert result.level is answers.Level.COMPUTED
    assert "other code" in result.check
    assert result.steps[0] == f"I read: {result.reading}"


UNCLEAR = [
    "number of divisors of 2 + 3", "sum of the divisors of 2*3", "sum of the prime factors of 12", "the 3th prime",
    "the 0th prime", "how many primes are between 31 and 40", "how many primes are between 7 and 7", "convert 101 to decimal",
    "convert 0.5 to binary", "convert 2 from binary to decimal", "convert 12 from base 1 to decimal", "convert 010 to hex",
    "convert ff to decimal", "convert 5 km to binary", "factors", "divisors of x", "is seven up even", "is it even",
    "number of digits of 2 + 3", "inverse of 3", "3x ≡ 1", "solve ex ≡ 1 (mod 7)",
    "remainder when 5 + 2^10 is divided by 7 or 8", "the first 10 Fibonacci numbers", "sum of the digits of pi",
    "last digit of pi", "last digit of 7", "how many digits does pi have", "is 2.5 even", "is -3 odd", "[[1, 2], [3, 4]]",
    "[1, 2, 3]", "determinant of [[1, 2], [3]]", "inverse of the 2x2 matrix", "eigenvalues of [[0, -1], [1, 0]]",
    "[[1, 2], [3, 4]] + 1", "[[1, 2], [3, 4]] / [[1, 0], [0, 1]]", "[[1, 2], [3, 4]] and [[5, 6], [7, 8]]", "det of A",
    "[[1, 2], [3, 4]] * [[1, 0], [0, 1]] + [[1, 1], [1, 1]]", "[[x, 2], [3, 4]] + [[1, 2], [3, 4]]", "sort [3, 1, 2]",
    "solve [[1, 2], [2, 4]] x = [5, 6]", "[[sqrt(2), 1], [1, 1]]^2", "f(4)", "If f(x) = 2x, what is g(4)?",
    "If f(x) = ax + 1, what is f(2)?", "If f(x) = x + 1 and f(x) = 2, what is f(1)?", "If f(x) = sin(x), what is f(30)?",
    "If f(x) = x^2, what is the inverse of f?", "If f(2) = 5, what is f(4)?", "If f(x) = 2x and x = 3, what is x?",
    "x + y when x = 3", "x^2 when y = 3", "x when x = 3", "2x + 1 when x = 3 and x = 4", "sin(x) when x = 30",
    "x + y when x = 1,234, y = 2", "the value of gold when x = 3", "If x = 3, what is the colour of the sky?",
    "sum of the roots of x^2 - 4x + 4 = 0", "sum of the solutions of x^2 + 1 = 0", "sum of the real roots of x^2 + 1 = 0",
    "sum of the roots of sin(x) = 0", "product of the roots of a plant", "discriminant of x^3 - 1", "degree of difficulty",
    "degree of x + y", "coefficient of y in (x+1)^5", "remainder of x^3 - 1 divided by x - 1", "vertex of x^3",
    "vertex of a cube", "complete the square", "minimum of x^3", "maximum of sin(x)", "constant term of 1/x",
    "remainder when x^2 is divided by y + 1", "slope of the line through (1,2)", "slope of (1,2) or (3,4)",
    "distance between (1,234,5) and (0,0,0)", "midpoint of 3 and 5", "distance between Paris and London",
    "distance between (1,2) and (1,2,3)", "slope of a hill", "slope of the line x + y + z = 1",
    "distance from (1,2) to (3,4) in km", "line through (1,2)", "slope of the line y = x^2",
    "area of the triangle with vertices (0,0)",
]  # fmt: skip


@pytest.mark.parametrize("prompt", UNCLEAR)
def test_what_a_topic_cannot_read_wholly_is_passed_on(prompt: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.PassedOn), result
    assert math.COMPUTING_FAILED not in result.reason


REFUSED = [
    "divisors of 9^9^9", f"how many divisors does {10**40 + 7} have", f"largest prime factor of {(10**9 + 7) * (10**9 + 9)}",
    "the 99999999th prime", "how many primes are below 10^12", "the 999999999th Fibonacci number",
    "sum of the first 100000 primes", "maximum of x^2", "minimum of -x^2", "slope of the line through (1,2) and (1,8)",
    "slope of the line x = 3 + 0y", "If f(x) = 1/x, what is f(0)?", "x^-1 when x = 0",
    "determinant of [[1, 2, 3], [4, 5, 6]]", "largest prime less than 2", "[[1, 2]] * [[3, 4]]", "[[1, 2]] + [[1], [2]]",
    "[[1, 2], [2, 4]]^-1", "next prime after 10^90", "smallest 2-digit multiple of 100",
]  # fmt: skip


@pytest.mark.parametrize("prompt", REFUSED)
def test_what_is_too_large_or_without_a_value_is_refused(prompt: str) -> None:
    result = math.solve(prompt)
    assert isinstance(result, results.Refused), result
    assert result.reason
