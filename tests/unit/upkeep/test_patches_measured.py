"""How the soak of patches draws its parts, reads answers, and tells when the old generation serves again."""

import random

import pytest

import patch_councils
import patch_load
import soak_patches_live

WORDS = " ".join(f"w{number}" for number in range(1, 9))
STREAMED = next(one for one in patch_load.KINDS if one.stream and one.model == patch_load.NEAR)
WHOLE = next(one for one in patch_load.KINDS if not one.stream and one.model == patch_load.NEAR)
COMPUTED = next(one for one in patch_load.KINDS if one.name == "computed")


def test_the_parts_of_a_campaign_are_all_of_it_and_each_patch_once() -> None:
    whole = soak_patches_live.plan(7, 25, 1, 1)
    parts = [one for part in range(1, 5) for one in soak_patches_live.plan(7, 25, part, 4)]
    assert sorted(one.name for one in parts) == sorted(one.name for one in whole)
    assert sum(one.good for one in whole) == 25 and len(whole) == 50
    assert whole == soak_patches_live.plan(7, 25, 1, 1)
    assert whole != soak_patches_live.plan(8, 25, 1, 1)
    assert {one.name for one in whole} == {one.name for one in (*soak_patches_live.GOOD, *soak_patches_live.BAD)}


def _whole(text: str) -> bytes:
    return b'{"choices":[{"message":{"content":"' + text.encode() + b'"}}]}'


def _stream(text: str, end: str = "data: [DONE]\n\n") -> bytes:
    pieces = (f'data: {{"choices":[{{"delta":{{"content":"{word} "}}}}]}}\n\n' for word in text.split())
    return ("".join(pieces) + end).encode()


@pytest.mark.parametrize(
    ("kind", "status", "body", "problem"),
    [
        (WHOLE, 200, _whole(WORDS), ""),
        (WHOLE, 200, _whole(WORDS[:-3]), "its words"),
        (WHOLE, 503, b"{}", "status 503"),
        (WHOLE, 200, b'{"choi', "cannot be read"),
        (STREAMED, 200, _stream(WORDS), ""),
        (STREAMED, 200, _stream(WORDS, end=""), "ended before its end"),
        (
            STREAMED,
            200,
            _stream(WORDS, end='data: {"error": {"code": "x"}}\n\ndata: [DONE]\n\n'),
            "ended before its end",
        ),
        (COMPUTED, 200, _whole("It is 1,296."), ""),
        (COMPUTED, 200, _whole("It is 1,297."), "is not 1296"),
    ],
)
def test_an_answer_is_good_only_whole_and_right(kind: patch_load.Kind, status: int, body: bytes, problem: str) -> None:
    found = patch_load.problem(kind, status, body, "1296")
    assert problem in found and bool(found) == bool(problem)


def _seen(*asked: tuple[float, float, str]) -> patch_load.Load:
    load = patch_load.Load(1, "token", random.Random(1), 1.0)
    load.seen = [patch_load.Asked(at_s, took_s, "whole", problem) for at_s, took_s, problem in asked]
    return load


def test_a_repair_lasts_from_the_first_bad_response_to_the_first_good_one_of_the_old_generation() -> None:
    way = patch_councils.Way(0.0, [("switching", 9.0), ("baking", 9.1), ("rolled back", 21.0)], {}, 9.1, 20.0)
    load = _seen((8.0, 0.1, ""), (12.0, 0.1, "status 502"), (15.0, 0.1, ""), (19.0, 7.0, ""), (20.5, 0.25, ""))
    assert soak_patches_live.repaired(way, 11.0, load) == {"repair_s": 8.75, "from_fault_s": 9.75}


def test_a_fault_that_nobody_met_has_a_time_of_its_own_alone() -> None:
    way = patch_councils.Way(0.0, [("baking", 9.1), ("rolled back", 21.0)], {}, 9.1, 20.0)
    assert soak_patches_live.repaired(way, 11.0, _seen((20.5, 0.5, "")))["repair_s"] is None
    assert soak_patches_live.repaired(way, None, _seen((20.5, 0.5, "")))["from_fault_s"] is None


def test_a_phase_lasts_until_the_next_one_is_told_of() -> None:
    way = patch_councils.Way(0.0, [("staging", 1.0), ("switching", 9.0), ("baking", 9.25), ("applied", 15.0)])
    assert way.lasted_s == {"staging": 8.0, "switching": 0.25, "baking": 5.75}
    assert way.lasted("returning") is None and way.ended_s == 15.0
