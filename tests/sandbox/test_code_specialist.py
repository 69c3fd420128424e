"""The code specialist from question to finding, in real sandboxes, with a model that says what it is told or is away."""

from typing import Any

import pytest

import code_rig
from council.domain import answering, answers, errors
from council.testing.questions import campaign, code_runs

pytestmark = pytest.mark.alone

TESTS = "assert power(2) == 8\nassert power(3) == 27\nassert power(-1) == -1"
NO_SEARCH = answering.CodeConfig(search=False)


async def ask(runs: Any, text: str, *said: str, settings: answering.CodeConfig | None = None) -> answers.Finding:
    return await code_rig.ask(code_rig.specialist(runs, code_rig.Speaker(*said), settings), text)


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


async def test_programs_of_every_family_are_run_and_right(runs: Any) -> None:
    for family in code_runs.FAMILIES:
        for asked in campaign.draw(family, 4, seed=5):
            finding = await ask(runs, asked.text)
            assert finding.evidence.level is answers.Level.COMPUTED and family.agrees(finding.text, asked.key)


async def test_what_a_run_must_refuse_is_never_verified(runs: Any) -> None:
    for text in code_runs.FAMILIES[0].refuse:
        finding = await ask(runs, text, "I do not know.")
        assert not finding.evidence.level.verified, text


async def test_a_run_with_input_uses_it(runs: Any) -> None:
    finding = await ask(runs, "What does this print with input 5?\n" + fenced("print(int(input()) + 1)"))
    assert "\n6\n" in finding.text and finding.evidence.level is answers.Level.COMPUTED


async def test_shell_commands_are_run_and_not_verified(runs: Any) -> None:
    finding = await ask(runs, "Run this:\n```bash\nprintf 'b\\na\\n' | sort\n```")
    assert "\na\nb\n" in finding.text and finding.evidence.level is answers.Level.AGREED


async def test_an_order_of_words_in_a_set_is_seen_to_differ_or_not_verified(runs: Any) -> None:
    finding = await ask(runs, "Run this\n" + fenced("print(set('abcdefgh'))"))
    assert not finding.evidence.level.verified


async def test_a_function_of_the_textbook_needs_no_model(runs: Any) -> None:
    for wish, name in (
        ("Write a Python function that reverses a string.", "reverse_string"),
        ("Write a function called total_of that sums a list of numbers", "total_of"),
        ("Implement merge sort in Python", "merge_sort"),
    ):
        finding = await ask(runs, wish)
        assert finding.evidence.level is answers.Level.SELF_TESTED
        assert f"def {name}(" in finding.text and f"assert {name}(" in finding.text
    off = await ask(runs, "Implement merge sort in Python", "No.", settings=answering.CodeConfig(textbook=False))
    assert off.text == "No."


async def test_a_users_function_is_checked(runs: Any) -> None:
    good = await ask(runs, "Does this pass?\n" + fenced(f"def power(n):\n    return n ** 3\n\n{TESTS}"))
    assert good.evidence.level is answers.Level.USER_TESTED and good.text.startswith("Yes")
    bad = await ask(runs, "Does this pass?\n" + fenced(f"def power(n):\n    return n * 4\n\n{TESTS}"))
    assert not bad.evidence.level.verified and bad.text.startswith("No") and "got `12`" in bad.text


async def test_a_traceback_with_its_code_is_reproduced(runs: Any) -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    [][1]\n'
    text += "IndexError: list index out of range\n"
    finding = await ask(runs, f"What is wrong?\n{text}\n" + fenced("[][1]"))
    assert "gives the same error" in finding.text and finding.evidence.level is answers.Level.NONE


async def test_a_function_is_found_while_the_model_is_away(runs: Any) -> None:
    finding = await ask(runs, "Write this function: sq(3) -> 9\nsq(5) -> 25\nsq(-4) -> 16\nsq(11) -> 121")
    assert finding.evidence.level is answers.Level.USER_TESTED and finding.model is None
    with pytest.raises(errors.ModelUnavailableError):
        await ask(runs, "Write a function that passes: assert odd(3) == 'hm'")


async def test_a_models_function_that_passes_is_user_tested(runs: Any) -> None:
    finding = await ask(runs, f"Write power.\n{TESTS}", fenced("def power(n):\n    return n ** 3"), settings=NO_SEARCH)
    assert finding.evidence.level is answers.Level.USER_TESTED and finding.usage == answers.Usage(3, 2)


async def test_a_failing_draft_is_repaired_with_the_failure_shown(runs: Any) -> None:
    speaker = code_rig.Speaker(fenced("def power(n):\n    return n * 4"), fenced("def power(n):\n    return n ** 3"))
    finding = await code_rig.ask(code_rig.specialist(runs, speaker, NO_SEARCH), f"Write power.\n{TESTS}")
    assert finding.evidence.level is answers.Level.USER_TESTED and finding.usage == answers.Usage(6, 4)
    assert "got `12`" in speaker.asked[1][-1].text


@pytest.mark.parametrize(
    ("tests", "code", "why"),
    [
        ("assert power(2) == 8", "def power(n):\n    return n ** 3", "one example"),
        ("assert power(2) == 8\nassert power(9) == 8", "def power(n):\n    return 8", "constant"),
        (TESTS, "def power(n):\n    return {2: 8, 3: 27, -1: -1}[n]", "results of your tests"),
        (TESTS, "import os\ndef power(n):\n    return n ** 3", "module os"),
        (f"{TESTS}\nassert power(x) == x ** 3", "def power(n):\n    return n ** 3", "could be read"),
    ],
)
async def test_what_passes_without_showing_enough_is_only_self_tested(
    runs: Any, tests: str, code: str, why: str
) -> None:
    finding = await ask(runs, f"Write power.\n{tests}", fenced(code), settings=NO_SEARCH)
    assert finding.evidence.level is answers.Level.SELF_TESTED and why in finding.text


async def test_what_does_not_pass_is_said_plainly(runs: Any) -> None:
    speaker = code_rig.Speaker(fenced("def power(n):\n    return 1"))
    finding = await code_rig.ask(code_rig.specialist(runs, speaker, NO_SEARCH), f"Write power.\n{TESTS}")
    assert "does not pass your tests: 0 of 3" in finding.text and finding.confidence <= 0.1
    assert finding.evidence.level is answers.Level.NONE and len(speaker.asked) == 4
    assert finding.wrong, "the gates count it as no answer that stands"


async def test_what_does_not_define_what_was_asked_for_does_not_pass_either(runs: Any) -> None:
    finding = await ask(runs, f"Write power.\n{TESTS}", "I had rather not.", settings=NO_SEARCH)
    assert "does not pass your tests: 0 of 3" in finding.text and finding.wrong


async def test_a_models_own_tests_count_only_where_a_constant_fails_them(runs: Any) -> None:
    code = fenced("def power(n):\n    return n ** 3")
    told = await ask(runs, "Write a cube function.", code, TESTS)
    assert told.evidence.level is answers.Level.SELF_TESTED
    empty = await ask(runs, "Write a cube function.", code, "assert power(1) == 1")
    assert empty.evidence.level is answers.Level.NONE
