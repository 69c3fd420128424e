"""The benchmark's judge of answers: what is right in another spelling is right, and what cannot be read is wrong."""

import pytest

import judging

CHOICES = "Which is true?\nA) The owl is first.\nB) The crow is first.\nC) Unclear"
TRUTHS = "Is it true?\nA) True\nB) False\nC) Unknown"


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("8", "8"),
        ("8", "k = 8"),
        ("8", "The answer is 8."),
        ("1200", "That makes $1,200"),
        ("3420", "570 * 2 * 3 = 3420\nChecked by other code."),
        ("\\frac{1}{2}", "1/2"),
        ("\\dfrac{1}{2}", "x = 0.5"),
        ("\\frac12", "\\boxed{\\frac{1}{2}}"),
        ("5\\sqrt{2}", "5*sqrt(2)"),
        ("-3", "x = −3"),
        ("45^\\circ", "45"),
        ("12\\text{ cm}", "12"),
        ("1,234", "1234"),
        ("50\\%", "50%"),
        ("\\dfrac{6}{11}", "f(5) = 6/11 (about 0.545455)"),
        ("28", "n = 28 modulo 43: n is 28 plus any multiple of 43"),
        ("2215_6", "515 in base 10 is 2215 in base 6"),
        ("2", "There are 2 primes between 30 and 40"),
        ("\\frac{\\sqrt{6} - \\sqrt{2}}{4}", "cos(75 degrees) = (-sqrt(2) + sqrt(6))/4 (about 0.258819)"),
        ("2 \\sec x", "cos(x)/(1 + sin(x)) = 2/cos(x), wherever the left side has a value"),
        ("\\begin{pmatrix} 1 & -4 \\\\ 3 & -1 \\end{pmatrix}", "A + B = [[1, -4], [3, -1]]"),
    ],
)
def test_a_value_is_right_however_it_is_written(expected: str, text: str) -> None:
    assert judging.right("number", "", expected, text)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("8", "80"),
        ("8", "18"),
        ("8", "7 + 1 = 9"),
        ("8", ""),
        ("\\frac{1}{2}", "2/1"),
        ("-3", "3"),
        ("5\\sqrt{2}", "5"),
        ("\\frac{\\sqrt{6} - \\sqrt{2}}{4}", "(sqrt(2) + sqrt(6))/4"),
        ("2 \\sec x", "2*cos(x)"),
        ("30", "There are 2 primes between 30 and 40"),
        ("2215_7", "515 in base 10 is 2215 in base 6"),
        ("\\begin{pmatrix} 1 & -4 \\\\ 3 & -1 \\end{pmatrix}", "A + B = [[1, -4], [3, 1]]"),
    ],
)
def test_another_value_is_wrong(expected: str, text: str) -> None:
    assert not judging.right("number", "", expected, text)


@pytest.mark.parametrize(
    ("prompt", "text", "letter"),
    [
        (CHOICES, "B", "B"),
        (CHOICES, "B) The crow is first.", "B"),
        (CHOICES, "The answer is (B).", "B"),
        (CHOICES, "The crow is first.\nBecause: it says so.", "B"),
        (TRUTHS, "Yes. Tom is a cat.", "A"),
        (TRUTHS, "No. Tom is no cat.", "B"),
        (TRUTHS, "Unknown. Neither follows.", "C"),
        (CHOICES, "Birds are nice.", ""),
        (CHOICES, "A) or B)\nB) maybe\nA) maybe", ""),
        (CHOICES, "Yes.", ""),
    ],
)
def test_a_choice_is_read_only_where_it_is_plain(prompt: str, text: str, letter: str) -> None:
    assert judging.letter(prompt, text) == letter


@pytest.mark.parametrize(("text", "truth"), [("Yes.", "true"), ("No, never.", "false"), ("Perhaps", ""), ("", "")])
def test_truth_is_read_from_the_first_sentence(text: str, truth: str) -> None:
    assert judging.truth(text) == truth


def test_a_table_is_compared_as_data() -> None:
    expected = '[{"Position": 1, "Name": "Aiko"}]'
    assert judging.right("table", "", expected, 'Here: [{"name": "aiko", "position": "1"}] as asked')
    assert not judging.right("table", "", expected, '[{"name": "Bo", "position": 1}]')
    assert not judging.right("table", "", expected, "Aiko stands first.")


def test_a_program_runs_all_the_tests_of_its_row() -> None:
    row = '{"test_list": ["assert f(1) == 2", "assert f(2) == 3"], "setup": ""}'
    code = judging.program("", row, "```python\ndef f(x):\n    return x + 1\n```")
    assert code is not None and code.count("assert") == 2
    exec(compile(code, "row", "exec"), {})
    wrong = judging.program("", row, "def f(x):\n    return 2")
    with pytest.raises(AssertionError):
        exec(compile(wrong or "", "row", "exec"), {})


def test_each_form_of_answer_is_known() -> None:
    forms = {
        "B": "choice",
        "yes": "truth",
        "True": "truth",
        "12": "number",
        '[{"a": 1}]': "table",
        '{"test": 1}': "code",
    }
    assert {answer: judging.form_of("any", "", answer) for answer in forms} == forms
    assert judging.form_of("clinc_other_train", "", "oos") == "none"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2 34", True),
        ("It prints:\n\n```text\n2 34\n```", True),
        ("The output is\n2 34", True),
        ("23 4", False),
        ("```\n2 34\n```\nor\n```\n2 35\n```", False),
        ("It prints 2 34 and more", False),
    ],
)
def test_printed_text_is_compared_to_the_letter(text: str, right: bool) -> None:
    prompt = "What does this Python program print?\n```python\nprint(2, 34)\n```"
    assert judging.form_of("any", prompt, "2 34") == "printed"
    assert judging.right("printed", prompt, "2 34", text) is right
