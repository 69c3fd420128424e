"""What two patches have in common, and what a document says."""

import dataclasses

from council.domain import patches

PUT = patches.Change("a.md", patches.Action.PUT, b"a\n", None)
DELETE = patches.Change("b.md", patches.Action.DELETE, None, "0" * 64)
PATCH = patches.Patch("Ann", 0, 1, "a" * 40, "Title", "Reason", (PUT, DELETE))


def test_the_same_content_is_the_same_whoever_signs_it_and_in_whatever_order() -> None:
    other = dataclasses.replace(PATCH, author="Bob", created=5, title="Other", changes=(DELETE, PUT), base="b" * 40)
    assert patches.content_digest(PATCH) == patches.content_digest(other)


def test_another_path_content_mode_or_action_is_another_content() -> None:
    others = [
        dataclasses.replace(PUT, path="c.md"),
        dataclasses.replace(PUT, content=b"b\n"),
        dataclasses.replace(PUT, content=b""),
        dataclasses.replace(PUT, mode=patches.Mode.EXECUTABLE),
        dataclasses.replace(PUT, action=patches.Action.DELETE, content=None),
    ]
    found = {patches.content_digest(dataclasses.replace(PATCH, changes=(one,))) for one in [PUT, *others]}
    assert len(found) == 6


def test_a_cid_is_the_first_sixteen_digits() -> None:
    assert patches.cid(patches.digest(b"")) == "e3b0c44298fc1c14"


def test_a_reason_is_a_word_that_others_may_rely_on() -> None:
    assert {reason.value for reason in patches.Reason} == {
        "too_large", "signature_too_large", "signature_malformed", "signature_not_one", "signature_not_binary",
        "signature_weak_digest", "signature_unlisted", "signature_revoked", "signature_key_expired", "signature_time",
        "signature_expired", "signature_wrong", "signature_disputed",
        "document_malformed", "document_invalid", "path_unsafe", "not_yet", "expired",
        "lasts_too_long", "replayed", "cid_taken", "quarantined", "stale_base", "cosignature", "path_not_allowed", "protected",
        "too_many", "quota", "frozen", "secret", "file_invalid", "needs_restart",
        "outside_window", "no_room", "not_installed",
    }  # fmt: skip
