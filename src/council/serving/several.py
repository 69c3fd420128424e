"""One answer out of several: what the parts of a question came to, joined, each with its own evidence.

The whole is only as good as its weakest part: its level is the lowest among them, so it is verified only if every part is.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from council.domain import answers, ways

_STRENGTH = {level: place for place, level in enumerate(answers.Level)}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a question, who answered it, what was found, and who passed it on before."""

    route: answers.Route
    finding: answers.Finding
    question: str = ""
    passed: tuple[ways.Passed, ...] = ()


def heading(question: str, *, first: bool) -> str:
    """Return the line above a part's answer."""
    return f"{'' if first else chr(10) * 2}**{question}**\n\n"


def text_of(parts: Sequence[Part]) -> str:
    """Return the parts' answers, each under its question."""
    return "".join(heading(part.question, first=place == 0) + part.finding.text for place, part in enumerate(parts))


def unanswered(question: str, reason: str, passed: tuple[ways.Passed, ...]) -> Part:
    """Return a part that nobody could answer."""
    evidence = answers.Evidence(answers.Level.NONE, "No answer was given.", {"reason": reason})
    return Part(
        answers.Route.GENERAL, answers.Finding(f"No answer: {reason}", 0.0, evidence, refused=True), question, passed
    )


def route_of(parts: Sequence[Part]) -> answers.Route:
    """Return the route that the whole is counted under: that of all parts, or general where they differ."""
    routes = {part.route for part in parts}
    return routes.pop() if len(routes) == 1 else answers.Route.GENERAL


def joined(parts: Sequence[Part]) -> answers.Finding:
    """Return the whole: texts joined, evidence side by side, the lowest level and confidence."""
    level = max((part.finding.evidence.level for part in parts), key=lambda one: _STRENGTH[one])
    summary = " ".join(f"{part.question} {part.route}, level {part.finding.evidence.level}." for part in parts)
    detail = {
        "parts": [
            {
                "question": part.question,
                "specialist": str(part.route),
                "level": str(part.finding.evidence.level),
                "model": part.finding.model,
                "confidence": part.finding.confidence,
                "verified": part.finding.evidence.level.verified,
                "refused": part.finding.refused,
                "summary": part.finding.evidence.summary,
                "detail": dict(part.finding.evidence.detail),
                "passed_on": [ways.passed_form(one) for one in part.passed],
            }
            for part in parts
        ]
    }
    spoken = next((part.finding for part in parts if part.finding.model), parts[-1].finding)
    return dataclasses.replace(
        spoken,
        text=text_of(parts),
        confidence=min(part.finding.confidence for part in parts),
        evidence=answers.Evidence(level, summary, detail),
        refused=all(part.finding.refused for part in parts),
        wrong=any(part.finding.wrong for part in parts),
    )
