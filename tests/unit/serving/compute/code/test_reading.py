"""What a question is read as; a word too many outside of the code makes it no run."""

import pytest

from council.serving.compute.code import purity, reading

CODE = "```python\nprint(sum([1, 2]))\n```"


@pytest.mark.parametrize(
    "words",
    [
        "What does this Python program print?",
        "what does this code output",
        "What is the output of this program?",
        "Run this",
        "Please run this code.",
        "Could you tell me what this prints?",
        "Execute the following snippet and show me the output:",
        "What will the following code print when run?",
    ],
)
def test_a_run_is_read(words: str) -> None:
    read = reading.read(f"{words}\n{CODE}")
    assert (read.task, read.language, read.code, read.impure) == ("run", "python", "print(sum([1, 2]))", "")


@pytest.mark.parametrize(
    "words",
    [
        "What does this print if I change the 2 to a 3?",
        "What does this print in Python 2?",
        "Why does this program print 3?",
        "What does this program print on the second line?",
        "Rewrite this so that it prints 4.",
        "Run this after replacing sum by max.",
        "What does this not print?",
        "What would this print in JavaScript?",
    ],
)
def test_words_that_ask_for_more_make_it_no_run(words: str) -> None:
    assert reading.read(f"{words}\n{CODE}").task == "write"


def test_an_expression_between_backticks_is_run_for_its_value() -> None:
    read = reading.read("What does `len('abc') * 2` return?")
    assert (read.task, read.code, read.expression) == ("run", "len('abc') * 2", True)


def test_input_is_read() -> None:
    read = reading.read("What does this print with input 5?\n```python\nprint(int(input()) + 1)\n```")
    assert (read.task, read.stdin, read.impure) == ("run", "5\n", "")


def test_shell_commands_are_run_as_such() -> None:
    assert reading.read("Run this:\n```bash\necho hi\n```").language == "bash"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time\nprint(time.time())", "module time"),
        ("import random\nprint(random.random())", "module random"),
        ("print({'a', 'b'})", "order of a set"),
        ("print(sum([0.1] * 10))", "Python 3.12"),
        ("print(sum(n / 10 for n in range(9)))", "Python 3.12"),
        ("def total(xs):\n    return sum(xs)\nprint(total([float('0.1')] * 10))", "Python 3.12"),
        ("import math\nprint(sum(map(math.sqrt, range(9))))", "Python 3.12"),
        ("from math import sin\nprint(sum(map(sin, range(9))))", "Python 3.12"),
        ("import json\nprint(sum(json.loads('[0.1, 0.2]')))", "Python 3.12"),
        ("print(id(1))", "id"),
        ("print(open('/etc/passwd').read())", "open"),
        ("print(().__class__.__mro__)", "__"),
        ("import math\nmath.pi = 3\nprint(math.pi)", "sets an attribute"),
        ("class A:\n    pass\nprint({A(), A()})", "order of a set"),
        ("print([f(9) for f in {abs, hex}])", "order of a set"),
        ("def f():\n    return 1\ndef g():\n    return 2\nprint([h() for h in set([f, g])])", "order of a set"),
    ],
)
def test_what_may_come_out_otherwise_elsewhere_is_told(code: str, said: str) -> None:
    assert said in reading.read(f"Run this\n```python\n{code}\n```").impure


@pytest.mark.parametrize(
    "code",
    [
        "import json; print(json.codecs.sys.version)",
        "import collections; print(collections._sys.version_info)",
        "import json as j\nprint(j.codecs)",
        "from json import codecs",
        "from collections import _sys",
        "print(copyright)",
        "print(__file__)",
        "def f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        return n\nprint(f(0))",
        "def f(n):\n    try:\n        return f(n + 1)\n    except:\n        return n\nprint(f(0))",
        "try:\n    int('x')\nexcept ValueError as error:\n    print(error)",
    ],
)
def test_what_tells_of_this_python_is_no_result_of_the_code_alone(code: str) -> None:
    assert purity.impurity(code)


@pytest.mark.parametrize(
    "code",
    [
        "import collections.abc\nprint(isinstance([], collections.abc.Sequence))",
        "from collections import Counter\nprint(Counter('aab').most_common(1))",
        "import math\nprint(math.pi)",
        "print(0.1 + 0.2)",
        "class Bad(Exception):\n    pass\ntry:\n    raise Bad('x')\nexcept Bad as error:\n    print(error)",
        "try:\n    int('x')\nexcept ValueError:\n    print('no')",
        "if __name__ == '__main__':\n    print(1)",
    ],
)
def test_what_comes_out_the_same_everywhere_stays_so(code: str) -> None:
    assert not purity.impurity(code)


def test_a_sum_of_whole_numbers_is_the_same_in_every_version() -> None:
    code = "import math\nprint(sum(math.factorial(n) for n in range(5)), sum([1, 2]) // 2)"
    assert reading.read(f"Run this\n```python\n{code}\n```").impure == ""


def test_tests_of_a_mean_may_still_verify_it() -> None:
    read = reading.read(
        "Does this pass?\n```python\ndef mean(n):\n    return sum(n) / len(n)\n\nassert mean([1, 2]) == 1.5\n```"
    )
    assert (read.task, read.impure) == (reading.Task.CHECK, "")


def test_numbers_in_a_set_come_in_one_order() -> None:
    assert reading.read("Run this\n```python\nprint(sorted({3, 1}), len(set(map(abs, [1, -1]))))\n```").impure == ""


def test_a_check_is_read_with_its_tests_apart() -> None:
    read = reading.read(
        "Does this pass?\n```python\ndef f(n):\n    return n * n\n\nassert f(2) == 4\nassert f(3) == 9\n```"
    )
    assert read.task == "check" and "assert" not in read.code and len(read.given.tests) == 2


def test_tests_in_lines_around_the_code_are_its_tests() -> None:
    read = reading.read("Does this pass?\n```python\ndef f(x):\n    return x\n```\n- `f(1) -> 1`\nf(2) -> 3")
    assert (read.task, [test.expected for test in read.given.tests]) == (reading.Task.CHECK, ["1", "3"])


@pytest.mark.parametrize(
    "tests", ["assert f(1) in (1, 2)", "assert f(1) == float('nan')", "assert g(1) == 1", "assert C().m() == 1"]
)
def test_a_check_whose_tests_cannot_be_read_is_no_wish_for_a_models_opinion(tests: str) -> None:
    read = reading.read(f"Does this pass?\n```python\ndef f(x):\n    return x\n\n{tests}\n```")
    assert (read.task, read.given.tests, read.given.unread) == (reading.Task.CHECK, (), (tests,))


@pytest.mark.parametrize("text", ["", "\x00\x01", "```", "```python\n" + "(" * 5_000, "run " * 20_000, "a" * 200_000])
def test_odd_texts_are_read_to_an_end(text: str) -> None:
    assert reading.read(text).task == "write"
