import dataclasses
import random
import string

import hypothesis
from hypothesis import strategies as st

from council.domain import answers, learning
from council.serving.router import features, lessons

ROW = learning.Row("r", "ada", 1, b"", answers.Route.MATH, answers.Level.COMPUTED, 1.0, escalated=False)
UP = learning.Thumb("r", "ada", 2, learning.Verdict.UP)
DOWN = dataclasses.replace(UP, verdict=learning.Verdict.DOWN)
UNCHECKED = dataclasses.replace(ROW, level=answers.Level.NONE, specialist=answers.Route.GENERAL)


def of_text(row: learning.Row, text: str, user: str = "ada") -> learning.Row:
    return dataclasses.replace(row, user_id=user, features=lessons.packed(features.of(text)) or b"")


@hypothesis.given(st.text(max_size=300))
def test_features_come_back_as_they_were_but_for_the_order_of_the_words(text: str) -> None:
    seen = features.of(text)
    found = lessons.unpacked(lessons.packed(seen) or b"")
    assert found is not None
    assert (found.words, found.pieces) == (tuple(sorted(seen.words)), tuple(sorted(seen.pieces)))
    assert all(abs(one - other) < 1e-6 for one, other in zip(found.numbers, seen.numbers, strict=True))


@hypothesis.given(st.binary(max_size=200))
def test_bytes_that_are_no_features_are_none(raw: bytes) -> None:
    assert lessons.unpacked(raw) is None


def test_features_of_another_form_or_length_are_none() -> None:
    whole = lessons.packed(features.of("What is 2 + 2?")) or b""
    assert lessons.unpacked(bytes([whole[0] ^ 1]) + whole[1:]) is None
    assert lessons.unpacked(whole[:-1]) is None and lessons.unpacked(whole + b"\0") is None


def test_no_word_of_the_text_is_kept() -> None:
    raw = lessons.packed(features.of("My secret word is Rumpelstilzchen")) or b""
    assert b"Rumpel" not in raw and b"secret" not in raw


def test_a_text_with_more_features_than_are_kept_is_left_out() -> None:
    chance = random.Random(1)
    words = ["".join(chance.choices(string.ascii_lowercase, k=22)) for _ in range(200)]
    assert lessons.packed(features.of(" ".join(words))) is None


def test_a_verified_answer_tells_its_specialist() -> None:
    assert lessons.lesson(ROW, None) == (answers.Route.MATH, "verified")


def test_what_nobody_checked_or_liked_tells_nothing() -> None:
    assert lessons.lesson(UNCHECKED, None) is None
    quoted = dataclasses.replace(ROW, level=answers.Level.QUOTED, specialist=answers.Route.KNOWLEDGE)
    assert lessons.lesson(quoted, None) is None
    assert lessons.lesson(UNCHECKED, UP) == (answers.Route.GENERAL, "liked")


def test_an_answer_that_was_not_liked_tells_nothing_even_where_it_was_verified() -> None:
    assert lessons.lesson(ROW, DOWN) is None


def test_where_its_asker_says_that_a_question_belonged_counts_most() -> None:
    assert lessons.lesson(ROW, dataclasses.replace(DOWN, route=answers.Route.LOGIC)) == (answers.Route.LOGIC, "told")


def test_the_same_text_of_one_user_counts_once_by_its_newest_row() -> None:
    row = of_text(ROW, "a riddle")
    told = dataclasses.replace(UP, route=answers.Route.LOGIC)
    [one] = lessons.lessons([(row, None), (dataclasses.replace(row, request_id="s"), told)])
    assert (one.route, one.why) == (answers.Route.LOGIC, "told")


def test_one_user_weighs_no_more_than_the_bound_however_many_lessons_come() -> None:
    many = [(of_text(ROW, f"compute {chr(97 + n % 26)}{chr(97 + n // 26)}x squared"), None) for n in range(600)]
    other = [(of_text(ROW, "what is two and two", "bob"), None)]
    found = lessons.lessons([*many, *other])
    assert len(found) == 601
    assert abs(sum(one.weight for one in found[:600]) - lessons.USER_LESSONS_MAX) < 1e-6
    assert found[600].weight == 1.0


def test_what_is_said_of_rows_counts_thumbs_by_level_and_tries_in_vain() -> None:
    vain = dataclasses.replace(UNCHECKED, escalated=True, passed_on=(answers.Route.MATH,))
    told = lessons.told([(of_text(ROW, "x"), UP), (of_text(vain, "y"), DOWN), (vain, UP)])
    assert (told.rows, told.unread, told.escalated) == (3, 1, 2)
    assert told.judged == {"computed": (1, 1), "none": (1, 2)}
    assert told.in_vain == {"math": 2} and told.why == {"liked": 2}
