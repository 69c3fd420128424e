import dataclasses
import json
from importlib import resources

import pytest

from council.domain import answers
from council.serving.router import features, head, lessons, refit

FOLDER = resources.files("council.serving.router")


def example(text: str, route: answers.Route) -> refit.Example:
    return refit.Example(features.of(text), route)


# Of a kind that no shipped text resembles, so that the head in force has no idea of them.
NEW = [
    example(f"zorble the {colour} glimwick {place}", answers.Route.LOGIC)
    for colour in ("red", "blue", "grey", "pink", "dark")
    for place in ("quickly", "upstairs", "at sea", "by noon")
]


@pytest.fixture(scope="module")
def texts() -> refit.Texts:
    return refit.shipped()


def test_every_kind_has_texts_to_rehearse_and_others_to_measure_on(texts: refit.Texts) -> None:
    for part in (texts.rehearsed, texts.held_back):
        assert {one.route for one in part} == set(features.route_names())
        assert all(sum(one.route is route for one in part) >= 100 for route in features.route_names())
    seen, rehearsed = (
        {(frozenset(one.seen.words), frozenset(one.seen.pieces)) for one in part}
        for part in (texts.held_back, texts.rehearsed)
    )
    assert not seen & rehearsed


def test_the_head_in_force_is_right_about_the_texts_that_it_never_saw(texts: refit.Texts) -> None:
    found = refit.measured(head.packaged(), texts.held_back)
    assert found.macro_f1 >= 0.9 and found.recall(answers.Route.GENERAL) >= 0.9


@pytest.mark.long
def test_lessons_are_learned_and_what_was_known_is_kept(texts: refit.Texts) -> None:
    live = head.packaged()
    learned, asked = NEW[::2], NEW[1::2]
    candidate = refit.fitted(live, [*texts.rehearsed, *learned])
    before, after = refit.measured(live, asked), refit.measured(candidate, asked)
    assert before.right < 0.5 and after.right > 0.9
    shipped = [refit.measured(one, texts.held_back) for one in (live, candidate)]
    assert shipped[1].macro_f1 > shipped[0].macro_f1 - 0.01
    assert refit.worse((shipped[0], before), (shipped[1], after)) == ""


def test_the_same_lessons_give_the_same_head() -> None:
    one, other = (refit.fitted(head.packaged(), NEW) for _ in range(2))
    assert (one.words, one.pieces, one.scale) == (other.words, other.pieces, other.scale)


def test_a_lesson_of_weight_nought_moves_nothing() -> None:
    live, seen = head.packaged(), NEW[0].seen
    moved = refit.fitted(live, [dataclasses.replace(NEW[0], weight=0.0)])
    assert moved.probabilities(seen)[answers.Route.LOGIC] == pytest.approx(
        live.probabilities(seen)[answers.Route.LOGIC]
    )


@pytest.mark.long
def test_lessons_that_are_all_wrong_make_a_candidate_that_is_worse(texts: refit.Texts) -> None:
    live = head.packaged()
    wrong = [dataclasses.replace(one, route=answers.Route.CODE) for one in texts.held_back[:400]]
    candidate = refit.fitted(live, wrong)
    before, after = (
        (refit.measured(one, texts.held_back), refit.measured(one, wrong[:50])) for one in (live, candidate)
    )
    assert "macro-F1 on the shipped texts falls" in refit.worse(before, after)


def _measured(
    general: int = 100, right: int = 9, log_loss: float = 0.5, macro_f1: float = 0.95, spread: float = 0.1
) -> refit.Measured:
    counts = dict.fromkeys(features.route_names(), (0, 0, 0))
    counts[answers.Route.GENERAL] = (general, 100, 100)
    counts[answers.Route.MATH] = (right, 10, 10)
    each = [
        refit.Outcome(answers.Route.GENERAL, place < general, log_loss + spread * (1 if place % 4 < 2 else -1))
        for place in range(100)
    ]
    each += [refit.Outcome(answers.Route.MATH, place < right, log_loss) for place in range(10)]
    return refit.Measured(counts, macro_f1, each)


@pytest.mark.parametrize(
    ("texts_after", "lessons_after", "why"),
    [
        (_measured(), _measured(log_loss=0.4), ""),
        (_measured(macro_f1=0.94), _measured(log_loss=0.4), "macro-F1"),
        (_measured(general=97), _measured(log_loss=0.4), "belong to no specialist"),
        (_measured(), _measured(right=8, log_loss=0.4), "lessons held back"),
        (_measured(), _measured(), "no better"),
        (_measured(), _measured(log_loss=0.499, spread=0.2), "no better than chance"),
        (_measured(), _measured(log_loss=0.49, spread=0.15), ""),
        (_measured(general=98), _measured(general=99, right=10, log_loss=0.4), "loses more than chance"),
    ],
)
def test_a_candidate_must_be_better_on_lessons_and_no_worse_on_texts(
    texts_after: refit.Measured, lessons_after: refit.Measured, why: str
) -> None:
    assert why in refit.worse((_measured(), _measured()), (texts_after, lessons_after))
    assert bool(why) == bool(refit.worse((_measured(), _measured()), (texts_after, lessons_after)))


def test_too_little_to_fit_is_said() -> None:
    assert "there are 20 lessons" in refit.too_few(NEW[:15], NEW[15:])
    assert "held back" in refit.too_few(NEW * 3, NEW[:2])
    assert "one kind" in refit.too_few(NEW * 3, NEW)
    other = example("x", answers.Route.MATH)
    assert refit.too_few([*NEW * 3, other], NEW) == ""


def test_a_text_is_always_on_the_same_side() -> None:
    made = [lessons.Lesson(NEW[0].seen, answers.Route.MATH, 1.0, "told", digest) for digest in range(8)]
    fit, held_back = refit.parted(made)
    assert (len(fit), len(held_back)) == (6, 2)


def test_written_weights_are_read_back_the_same() -> None:
    candidate = refit.fitted(head.packaged(), NEW)
    description = json.loads((FOLDER / "weights.json").read_bytes())
    read = head.read(*refit.files(candidate, description, {"reason": "a test"}))
    assert read.probabilities(NEW[0].seen) == pytest.approx(candidate.probabilities(NEW[0].seen), abs=1e-6)
    assert read.digest != head.packaged().digest
