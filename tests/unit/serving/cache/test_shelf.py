from collections.abc import Sequence

from council.domain import caching, overrides
from council.serving.cache import shelf

ANSWER = {"text": "an answer"}


def made(**settings: object) -> shelf.Shelf:
    def cosine(one: bytes, other: bytes) -> float:
        return 0.95 if one[:1] == other[:1] else 0.1

    return shelf.Shelf(caching.CacheConfig(**settings), cosine)  # type: ignore[arg-type]


def by_first_letter(texts: Sequence[str]) -> Sequence[bytes]:
    return [text.encode()[:1] for text in texts]


def test_the_same_words_are_found_exactly_and_others_of_the_gist_only_by_meaning() -> None:
    kept = made()
    kept.keep("ann", "s", "g", "what is x", ANSWER, 0.0)
    assert kept.find("ann", "s", "g", "what is x", 1.0, None) == ("exact", ANSWER)
    assert kept.find("ann", "s", "g", "well, x?", 1.0, None) is None
    assert kept.find("ann", "s", "g", "well, x?", 1.0, by_first_letter) == (
        "semantic",
        {**ANSWER, "question": "what is x"},
    )
    assert kept.find("ann", "s", "g", "now x?", 1.0, by_first_letter) is None


def test_users_scopes_and_gists_share_nothing() -> None:
    kept = made()
    kept.keep("ann", "s", "g", "q", ANSWER, 0.0)
    for user, scope, gist in (("bob", "s", "g"), ("ann", "t", "g"), ("ann", "s", "h")):
        assert kept.find(user, scope, gist, "q", 1.0, by_first_letter) is None


def test_an_answer_grows_old() -> None:
    kept = made(ttl_s=10.0)
    kept.keep("ann", "s", "g", "q", ANSWER, 0.0)
    assert kept.find("ann", "s", "g", "q", 9.9, None) is not None
    assert kept.find("ann", "s", "g", "q", 10.0, by_first_letter) is None


def test_the_least_used_question_goes_first_and_wordings_are_bounded() -> None:
    kept = made(questions_max=2, wordings_max=2)
    for gist in ("a", "b"):
        kept.keep("ann", "s", gist, "q", ANSWER, 0.0)
    kept.find("ann", "s", "a", "q", 1.0, None)
    kept.keep("ann", "s", "c", "q", ANSWER, 2.0)
    assert kept.find("ann", "s", "b", "q", 3.0, None) is None
    assert kept.find("ann", "s", "a", "q", 3.0, None) is not None
    for text in ("one", "two", "three"):
        kept.keep("ann", "s", "c", text, ANSWER, 4.0)
    assert [kept.find("ann", "s", "c", text, 5.0, None) is not None for text in ("one", "two", "three")] == [
        False,
        True,
        True,
    ]


def test_forgetting_a_user_leaves_the_others() -> None:
    kept = made()
    for user in ("ann", "bob"):
        kept.keep(user, "s", "g", "q", ANSWER, 0.0)
    assert kept.forget("ann") == 1
    assert kept.find("ann", "s", "g", "q", 1.0, None) is None
    assert kept.find("bob", "s", "g", "q", 1.0, None) is not None


def test_fewer_questions_are_kept_under_a_cap_and_as_many_as_are_configured_after_it() -> None:
    kept = made(questions_max=4)
    for number in range(4):
        kept.keep("ann", "s", f"g{number}", f"what is {number}", ANSWER, 0.0)
    size_bytes = kept.size[1]
    kept.cap(overrides.Cap(entries=1))
    assert kept.size == (1, size_bytes // 4)
    assert kept.find("ann", "s", "g3", "what is 3", 1.0, None) and not kept.find(
        "ann", "s", "g0", "what is 0", 1.0, None
    )
    kept.cap(overrides.Cap(entries=9))
    for number in range(6):
        kept.keep("ann", "s", f"g{number}", f"what is {number}", ANSWER, 0.0)
    assert kept.size[0] == 4


def test_a_cap_of_bytes_bounds_questions_and_answers_together() -> None:
    kept = made()
    kept.cap(overrides.Cap(bytes=100_000))
    for number in range(50):
        kept.keep("ann", "s", f"g{number}", f"what is {number}", {"text": "x" * 9_000}, 0.0)
    assert kept.size[0] == 11 and 90_000 < kept.size[1] <= 100_000
    kept.cap(overrides.Cap(bytes=0))
    assert kept.size == (0, 0)
