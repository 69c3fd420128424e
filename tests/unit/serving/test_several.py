import pytest

from council.domain import answers
from council.serving import several


def part(level: answers.Level, route: answers.Route = answers.Route.MATH, text: str = "4") -> several.Part:
    return several.Part(route, answers.Finding(text, 0.9, answers.Evidence(level, "s")), "What is it?")


def test_the_whole_is_verified_only_if_every_part_is() -> None:
    good, bad = part(answers.Level.COMPUTED), part(answers.Level.QUOTED, answers.Route.KNOWLEDGE)
    assert several.joined([good, good]).evidence.level.verified
    assert not several.joined([good, bad]).evidence.level.verified
    assert not several.joined([bad, good]).evidence.level.verified


@pytest.mark.parametrize("level", list(answers.Level))
def test_the_level_of_the_whole_is_the_lowest(level: answers.Level) -> None:
    assert several.joined([part(answers.Level.PROVED), part(level)]).evidence.level is level


def test_each_part_keeps_its_own_level_and_question() -> None:
    made = several.joined([part(answers.Level.PROVED), part(answers.Level.NONE, answers.Route.GENERAL)])
    assert [one["level"] for one in made.evidence.detail["parts"]] == ["proved", "none"]
    assert made.text == "**What is it?**\n\n4\n\n**What is it?**\n\n4"


def test_parts_of_several_specialists_count_as_general() -> None:
    assert several.route_of([part(answers.Level.PROVED)]) is answers.Route.MATH
    assert (
        several.route_of([part(answers.Level.PROVED), part(answers.Level.NONE, answers.Route.CODE)])
        is answers.Route.GENERAL
    )
