"""The signer's answers, and the little that the parent decides itself: which way a draft goes, and what is seen to."""

import socket
from pathlib import Path
from typing import Any

import pytest

from council.domain import bots, errors, home
from council.kit import frames
from council.patching import vouching
from council.services import bot_evidence, bot_runs, signer

DRAFT = bots.Draft("x", "Set", "So.", {"sandbox.pool": 4})


@pytest.mark.parametrize(
    "answer", [None, {"nonce": "another's", "refused": "quota", "message": "No."}, {"failed": "x"}]
)
def test_an_answer_that_is_late_or_anothers_closes_the_way_for_good(
    tmp_path: Path, answer: dict[str, Any] | None
) -> None:
    keys = signer.Signer(home.Home(tmp_path))
    ours, theirs = socket.socketpair()
    try:
        ours.settimeout(0.01)
        keys._connection.close()
        keys._connection = ours
        if answer is not None:
            theirs.sendall(frames.encode(answer))
        for _ in range(2):
            with pytest.raises(signer.SignError):
                keys.sign(DRAFT, "docs", bots.Base("0" * 40, "0" * 40, ""))
        assert not keys.is_alive
    finally:
        keys.close()
        theirs.close()


@pytest.mark.parametrize(
    ("bot", "subject", "way"),
    [
        ("remediation", "pages", bots.Way.STRAIGHT),
        ("remediation", "warns", bots.Way.FORGE),
        ("remediation", "made up", bots.Way.FORGE),
        ("author", "pages", bots.Way.FORGE),
    ],
)
def test_only_what_remediation_drafts_about_an_incident_that_pages_goes_straight(
    bot: str, subject: str, way: bots.Way
) -> None:
    rows = [{"id": "pages", "pages": True}, {"id": "warns", "pages": False}]
    assert bot_runs.way_of(bot, {"incidents": rows}, subject) is way


def test_what_lineage_keeps_of_a_draft_is_a_name_and_a_digest_or_it_is_not_signed() -> None:
    digest = "ab" * 32
    assert vouching.provenance("author", "near/small-1", digest).told == (
        f"bot=author model=near/small-1 prompt_sha256={digest}"
    )
    assert vouching.provenance("docs", "", "").told == "bot=docs"
    for model, prompt in (
        ("near\nbot=ann", digest), ("near bot=ann", digest), ("near", "ab"), ("near", ""), ("", digest), (None, None),
    ):  # fmt: skip
        with pytest.raises(errors.PatchRefusedError):
            vouching.provenance("author", model, prompt)


@pytest.mark.parametrize(
    ("outcome", "reason", "settled"),
    [
        (bots.Outcome.PROPOSED, "", True),
        (bots.Outcome.REFUSED, "protected", True),
        (bots.Outcome.REFUSED, "draft_invalid", True),
        (bots.Outcome.REFUSED, "stale_base", False),
        (bots.Outcome.REFUSED, "frozen", False),
        (bots.Outcome.REFUSED, "quota", False),
        (bots.Outcome.REFUSED, "no_room", False),
        (bots.Outcome.FAILED, "", False),
    ],
)
def test_a_refusal_of_the_moment_settles_nothing(outcome: bots.Outcome, reason: str, settled: bool) -> None:
    assert bot_evidence.is_settled(bots.Run("1", "author", 0, 0, outcome, subject="x", reason=reason), 0) is settled
