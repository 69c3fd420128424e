"""What the code specialist says about runs, tests and errors: findings made of results, without a model."""

import platform
import re
from collections.abc import Mapping, Sequence
from typing import Any

from council.domain import answers, sandbox
from council.serving.specialists import code_runs

_SHOWN_BYTES = 4_000
_FAILURES_SHOWN = 5
_TESTS_SHOWN = 20
_ADDRESS = re.compile(rb"\bat 0x[0-9a-fA-F]{4,}")


def of_run(reading: Mapping[str, Any], ran: code_runs.Ran) -> answers.Finding:
    """Say what the user's own program did."""
    result = ran.result
    if result is None or result.status is sandbox.Status.REJECTED:
        reason = ran.reason if result is None else result.reason
        text = f"Your code was not run: {reason.rstrip('.')}. Ask again in a moment."
        return answers.Finding(text, 0.0, answers.Evidence(answers.Level.NONE, "Nothing was run."), refused=True)
    level, why = _level_of_run(reading, ran, result)
    text = _output(reading, result)
    if level is not answers.Level.COMPUTED:
        text += f"\n\nNot verified: {why}."
    times = (
        "twice, with the same result"
        if ran.again
        else "twice, and the results differ"
        if ran.again is False
        else "once"
    )
    # The sandbox runs the interpreter that runs this, and a few results differ from one version to the next.
    interpreter = "" if reading["language"] == "bash" else f" by Python {'.'.join(platform.python_version_tuple()[:2])}"
    summary = f"I read: run your {_named(reading)}. Ran it in the sandbox{interpreter} {times}."
    detail = {"code": reading["code"], "stdin": reading["stdin"], "run": code_runs.told(ran), "why_not_verified": why}
    confidence = {answers.Level.COMPUTED: 1.0, answers.Level.AGREED: 0.9}.get(level, 0.5)
    return answers.Finding(text, confidence, answers.Evidence(level, summary, detail))


def _named(reading: Mapping[str, Any]) -> str:
    return (
        "shell commands"
        if reading["language"] == "bash"
        else "Python expression"
        if reading["expression"]
        else "Python"
    )


def _level_of_run(reading: Mapping[str, Any], ran: code_runs.Ran, result: sandbox.Result) -> tuple[answers.Level, str]:
    """Return the level and why it is no higher. Computed is what gives the same on every machine, as far as can be told."""
    if result.limit or result.truncated or len(result.stdout) > _SHOWN_BYTES:
        return answers.Level.NONE, "the output is not whole"
    if ran.again is None:
        return answers.Level.NONE, "it was run only once"
    if not ran.again:
        return answers.Level.NONE, "two runs gave different results"
    if reading["language"] == "bash":
        return answers.Level.AGREED, "what a shell does depends on its machine"
    if result.status is not sandbox.Status.OK or result.stderr:
        return answers.Level.AGREED, "it failed or wrote messages, whose words depend on the version of Python"
    if reading["impure"]:
        return answers.Level.AGREED, str(reading["impure"])
    if _ADDRESS.search(result.stdout):
        return answers.Level.AGREED, "an address in memory stands in the output"
    return answers.Level.COMPUTED, ""


def _output(reading: Mapping[str, Any], result: sandbox.Result) -> str:
    parts = []
    printed = result.stdout[:_SHOWN_BYTES].decode(errors="replace")
    if printed.strip():
        parts.append(f"{'Its value is' if reading['expression'] else 'It prints'}:\n\n{fenced(printed)}")
    elif result.status is sandbox.Status.OK:
        parts.append("It prints nothing.")
    if result.limit:
        parts.append(f"It was ended by its limit `{result.limit}`, after {result.wall_s:.1f} s.")
    elif result.status is sandbox.Status.SIGNAL:
        parts.append(f"It was ended by signal {result.signal}.")
    elif result.status is sandbox.Status.ERROR:
        failed = result.stderr[-_SHOWN_BYTES:].decode(errors="replace").strip()
        parts.append(f"It fails with exit status {result.exit_code}" + (f":\n\n{fenced(failed)}" if failed else "."))
    elif result.stderr.strip():
        parts.append(f"On standard error:\n\n{fenced(result.stderr[:_SHOWN_BYTES].decode(errors='replace'))}")
    if len(result.stdout) > _SHOWN_BYTES:
        parts.append(f"The output goes on; its first {_SHOWN_BYTES} bytes are shown.")
    return "\n\n".join(parts)


def of_check(reading: Mapping[str, Any], judged: code_runs.Judged, telling: Mapping[str, Any]) -> answers.Finding:
    """Say whether the user's function passes the user's tests."""
    tests, unread = reading["given"]["tests"], reading["given"]["unread"]
    if tests and not judged.passed:
        text = f"Your tests were not run: {judged.reason.rstrip('.')}. Ask again in a moment."
        return answers.Finding(text, 0.0, answers.Evidence(answers.Level.NONE, "Nothing was run."), refused=True)
    passed = sum(judged.passed)
    if judged.any_failed:
        text = f"No. It passes {passed} of {counted(len(tests))}.\n\n{failures(tests, judged)}"
    elif judged.all_passed and not unread:
        text = f"Yes. It passes {counted(len(tests))}."
    else:
        text = (
            f"I cannot tell. It passes {counted(passed)}, and of the others I cannot say."
            if passed
            else "I cannot tell."
        )
        text += f"\n\n{failures(tests, judged)}" if any(judged.untold) else ""
    why = reading["impure"] or ("not every test could be read" if unread else "")
    if any(judged.untold):
        why = why or "what it gives has a way of its own to be equal"
    if judged.any_failed and judged.reason:
        why = why or judged.reason
    if unread:
        text += "\n\nNot read, so not run: " + "; ".join(f"`{each}`" for each in unread[:_FAILURES_SHOWN]) + "."
    # What was asked is answered by the tests themselves, however little they tell about the function.
    level = answers.Level.USER_TESTED if not why and judged.all_passed else answers.Level.AGREED
    if why:
        level = answers.Level.NONE
        text += f"\n\nNot verified: {why}."
    detail = {"code": reading["code"], "tests": tested(tests, judged), "telling": dict(telling)}
    summary = f"I read: run your {counted(len(tests))} of `{reading['given']['name']}`. Ran them in the sandbox."
    return answers.Finding(text, 1.0 if level.verified else 0.8, answers.Evidence(level, summary, detail))


def of_textbook(reading: Mapping[str, Any], judged: code_runs.Judged) -> answers.Finding:
    """Give a function of the textbook that passed the tests there are for it."""
    given, code = reading["given"], str(reading["code"])
    tests = given["tests"]
    shown = "\n".join(test["source"] for test in tests)
    text = (
        f"{fenced(code, 'python')}\n\nIt passes these tests, which are mine and not yours:\n\n{fenced(shown, 'python')}"
    )
    summary = (
        f"`{given['name']}` as textbooks have it. It passes {counted(len(tests))} of Council's own in the sandbox."
    )
    detail = {"code": code, "tests": tested(tests, judged), "from": "functions that come with Council"}
    return answers.Finding(text, 0.9, answers.Evidence(answers.Level.SELF_TESTED, summary, detail))


def of_error(reading: Mapping[str, Any], ran: code_runs.Ran | None) -> answers.Finding:
    """Explain an error message; where its code was given, say whether the sandbox shows the same error."""
    text = str(reading["explanation"])
    detail: dict[str, Any] = {"from": "the message and a catalogue of causes"}
    if ran is not None:
        detail["run"] = code_runs.told(ran)
        text += f"\n\n{_reproduced(text, ran)}"
    summary = "Read from the error message; the usual causes are from a catalogue, not checked against your program."
    return answers.Finding(text, 0.7, answers.Evidence(answers.Level.NONE, summary, detail))


def _reproduced(explanation: str, ran: code_runs.Ran) -> str:
    if ran.result is None:
        return f"Your code was not run to look for the error: {ran.reason.rstrip('.')}."
    lines = ran.result.stderr.decode(errors="replace").strip().splitlines()
    last = lines[-1].strip() if lines else ""
    name = last.split(":")[0].strip()
    if name and f"`{name}`" in explanation:
        return f"Your code gives the same error in the sandbox: `{last[:300]}`."
    if last and ran.result.status is sandbox.Status.ERROR:
        return f"In the sandbox your code gives another error: `{last[:300]}`."
    return "In the sandbox your code does not give this error; it may hang on input, files or versions."


def failures(tests: Sequence[Mapping[str, Any]], judged: code_runs.Judged) -> str:
    """Return the failed tests as lines."""
    lines = [
        f"- `{test['source']}`: got `{gave}`"
        for test, passed, gave in zip(tests, judged.passed, judged.gave, strict=True)
        if not passed
    ]
    more = len(lines) - _FAILURES_SHOWN
    return "\n".join(lines[:_FAILURES_SHOWN]) + (f"\n- and {more} more" if more > 0 else "")


def tested(tests: Sequence[Mapping[str, Any]], judged: code_runs.Judged) -> list[dict[str, Any]]:
    """Return tests with their outcomes as the detail of evidence."""
    return [
        {"test": test["source"], "passed": passed, "gave": gave}
        for test, passed, gave in zip(tests, judged.passed, judged.gave, strict=True)
    ][:_TESTS_SHOWN]


def counted(number: int) -> str:
    """Return so many tests in words."""
    return "1 test" if number == 1 else f"{number} tests"


def fenced(text: str, language: str = "text") -> str:
    """Return text in a fence that it does not end itself."""
    runs = re.findall(r"`{3,}", text)
    fence = "`" * max(3, *(len(run) + 1 for run in runs), 3)
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"
