"""What is said about tracebacks and shell errors."""

import pytest

from council.serving.compute.code import tracebacks

SIMPLE = """Traceback (most recent call last):
  File "shop.py", line 9, in <module>
    print(total(None))
          ^^^^^^^^^^^
  File "shop.py", line 4, in total
    return prices["a"]
           ~~~~~~^^^^^
TypeError: 'NoneType' object is not subscriptable
"""


def test_a_traceback_names_place_part_meaning_and_next_step() -> None:
    told = tracebacks.explain(f"Why?\n{SIMPLE}")
    assert told is not None
    for part in ("`TypeError`", "`shop.py`, line 4, in `total`", 'prices["a"]', "None was indexed", "Next step:"):
        assert part in told


def test_a_chain_is_told_in_order() -> None:
    text = (
        SIMPLE + "\nDuring handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n  File \"b.py\", line 2, in <module>\n    x\nKeyError: 'k'\n"
    )
    faults, links = tracebacks.parse(text)
    assert [fault.name for fault in faults] == ["TypeError", "KeyError"] and len(links) == 1


def test_folded_recursion_is_counted() -> None:
    text = (
        'Traceback (most recent call last):\n  File "a.py", line 2, in f\n    return f(n)\n'
        "  [Previous line repeated 996 more times]\nRecursionError: maximum recursion depth exceeded\n"
    )
    told = tracebacks.explain(text)
    assert told is not None and "996 more times" in told and "called itself" in told


def test_a_syntax_error_has_its_place() -> None:
    text = '  File "a.py", line 3\n    print("x"\n         ^\nSyntaxError: \'(\' was never closed\n'
    told = tracebacks.explain(text)
    assert told is not None and "`a.py`, line 3" in told and "bracket is opened" in told


def test_the_users_own_frame_is_shown_before_a_librarys() -> None:
    text = (
        'Traceback (most recent call last):\n  File "mine.py", line 5, in <module>\n    go()\n'
        '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode\n    raise X\n'
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n"
    )
    told = tracebacks.explain(text)
    assert told is not None and "`mine.py`, line 5" in told and "not JSON" in told


def test_a_shell_error_is_explained() -> None:
    told = tracebacks.explain("run.sh: line 7: foo: command not found")
    assert told is not None and "in line 7" in told and "PATH" in told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("KeyError: 'a'", "`KeyError`: 'a'\n"),
        ("\"KeyError: 'a'\"", "`KeyError`: 'a'\n"),
        ("`KeyError: 7`", "`KeyError`: 7\n"),
    ],
)
def test_quotes_that_belong_to_an_error_stay(text: str, shown: str) -> None:
    told = tracebacks.explain(text)
    assert told is not None and told.startswith(shown)


def test_text_without_an_error_is_no_error() -> None:
    assert tracebacks.explain("What is a TypeError?") is None
    assert tracebacks.explain("Traceback (most recent call last):\n" * 3_000) is None


@pytest.mark.parametrize(
    "text",
    [
        "Explain this error: NameError: name 'x' is not defined",
        "What does NameError: name 'x' is not defined mean?",
        "Why do I get `NameError: name 'x' is not defined`?",
        "how do i fix this python error NameError: name 'x' is not defined",
        "NameError: name 'x' is not defined",
    ],
)
def test_the_last_line_of_an_error_is_explained(text: str) -> None:
    told = tracebacks.explain(text)
    assert told is not None and told.startswith("`NameError`: name 'x' is not defined") and "Next step:" in told


@pytest.mark.parametrize(
    "text",
    [
        "Write a function that raises ValueError: no number",
        "What is the NameError of my life?",
        "Explain this error: MyOwnError: it broke",
        "What is an error?",
        "Should I catch KeyError or IndexError?",
        "error",
    ],
)
def test_a_question_that_names_an_error_in_passing_is_not_one(text: str) -> None:
    assert tracebacks.explain(text) is None
