from council.breaking import asking
from council.upkeep.chaos import catalogue


def _asked(kind: str, from_s: float, to_s: float, problem: str = "") -> asking.Asked:
    return asking.Asked(kind, from_s, to_s, problem)


def test_only_questions_that_were_open_meanwhile_count_and_those_of_a_faulted_part_apart() -> None:
    asked = [
        _asked("looked up", 0, 9, "before it"),
        _asked("looked up", 9, 11, "late"),
        _asked("looked up", 12, 13),
        _asked("computed", 15, 16, "status 500"),
        _asked("computed", 20, 21),
        _asked("computed", 21, 22, "after it"),
    ]
    recall = catalogue.BY_NAME["process-killed"]
    assert asking.lost(asked, 10, 20, recall, "recall") == (2, 1, 2, 1)


def test_what_a_home_cannot_answer_is_not_asked() -> None:
    assert asking.Asker("", "", "m", relayed=False, said=False).kinds == ["computed", "looked up", "run"]
    assert set(asking.Asker("", "", "m", relayed=True).kinds) == set(catalogue.ASKED_OF)
