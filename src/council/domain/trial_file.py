"""Reads `trial.yaml` into the questions that generations are tried with."""

from collections.abc import Mapping, Sequence
from typing import Any

from council.domain import baking, errors, sections

# A bake lasts seconds, and a model on a processor takes one or more for each of those that nobody else answers.
_QUESTIONS_MAX = 200
_UNKNOWN_MAX = 8
_KEYS = ("kind", "ask", "answer")


def build(file: Mapping[str, Any]) -> tuple[baking.Question, ...]:
    """Return the questions of a parsed `trial.yaml` in its order. Raises ConfigError."""
    if unknown := [key for key in file if key != baking.KEY]:
        raise errors.ConfigError(f"Unknown key `{unknown[0]}` in {baking.FILE}. It holds `{baking.KEY}`.")
    given = file.get(baking.KEY)
    if not isinstance(given, Sequence) or isinstance(given, str) or not 0 < len(given) <= _QUESTIONS_MAX:
        raise errors.ConfigError(
            f"`{baking.KEY}` in {baking.FILE} must be a list of 1 to {_QUESTIONS_MAX} questions, each with `kind` and `ask`."
        )
    questions = tuple(_question(f"{baking.KEY}[{place}]", one) for place, one in enumerate(given))
    _check_all(questions)
    return questions


def _question(where: str, given: Any) -> baking.Question:
    given = sections.section(given, where, baking.FILE)
    sections.only(given, _KEYS, where)
    answer = sections.text(given, "answer", where).strip() if "answer" in given else ""
    question = baking.Question(sections.text(given, "kind", where), sections.text(given, "ask", where).strip(), answer)
    if answer and baking.holds(question.text, answer):
        raise errors.ConfigError(
            f"`{where}.answer` stands in the question itself, so whoever repeats that would be right. Write more of the answer."
        )
    return question


def _check_all(questions: Sequence[baking.Question]) -> None:
    seen: set[str] = set()
    for question in questions:
        if question.text in seen:
            raise errors.ConfigError(f"{baking.FILE} asks {question.text[:80]!r} twice. Ask it once.")
        seen.add(question.text)
    unknown = sum(not question.answer for question in questions)
    if unknown > _UNKNOWN_MAX:
        raise errors.ConfigError(
            f"{unknown} questions in {baking.FILE} have no `answer`, and at most {_UNKNOWN_MAX} may: the model takes seconds "
            "for each. Give the others theirs."
        )
