"""One order of all checks: each reason is reached, by the change of one thing from a patch that is accepted."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import patch_cases as cases
import pgp
from council.domain import authz, errors, patches
from council.upkeep.patchctl.core import judging

NOW = cases.NOW
SECRET = b"sk-" + b"ant-" + b"a1b2c3d4e5f6" * 3


def judged(sent: patches.Submission | None = None, **changed: Any) -> judging.Verdict:
    return judging.judge(sent or cases.sent(), cases.situation(**changed))


def policy(**changed: Any) -> authz.Policy:
    return dataclasses.replace(cases.POLICY, **changed)


def applied(count: int) -> list[dict[str, Any]]:
    return [cases.begun(number, cases.TUNER) for number in range(count)]


def fail(_: object) -> None:
    raise errors.ConfigError("`prompts/general.md` is no prompt. Write one.")


def start_anew(_: object) -> None:
    raise errors.PatchRefusedError("Only a start puts `port` into force. Leave it out.", reason="needs_restart")


def resigned(**more: Any) -> patches.Submission:
    document = patches.dump(cases.PATCH)
    return patches.Submission(document, pgp.signature(cases.TUNER.primary, document, NOW - 30, **more))


def expired_key(**more: Any) -> judging.Verdict:
    old = pgp.Owner("tuner", cases.BORN, **more)
    certificate = judging.signature.read_certificate(old.fingerprint, old.certificate())
    return judged(certificates={**cases.CERTIFICATES, old.fingerprint: certificate})


DOCUMENT = patches.dump(cases.PATCH)
REASONS: dict[patches.Reason, Callable[[], judging.Verdict]] = {
    patches.Reason.TOO_LARGE: lambda: judged(policy=policy(sizes=authz.Sizes(patch_bytes=len(DOCUMENT) - 1))),
    patches.Reason.SIGNATURE_TOO_LARGE: lambda: judged(patches.Submission(DOCUMENT, b"")),
    patches.Reason.SIGNATURE_MALFORMED: lambda: judged(patches.Submission(DOCUMENT, b"signed, Ann")),
    patches.Reason.SIGNATURE_NOT_ONE: lambda: judged(patches.Submission(DOCUMENT, cases.signed(DOCUMENT) * 2)),
    patches.Reason.SIGNATURE_NOT_BINARY: lambda: judged(resigned(kind=pgp.TEXT)),
    patches.Reason.SIGNATURE_WEAK_DIGEST: lambda: judged(resigned(digest=pgp.SHA1)),
    patches.Reason.SIGNATURE_UNLISTED: lambda: judged(cases.sent(owner=cases.STRANGER)),
    patches.Reason.SIGNATURE_REVOKED: lambda: judged(policy=policy(revoked=frozenset({cases.TUNER.fingerprint}))),
    patches.Reason.SIGNATURE_KEY_EXPIRED: lambda: expired_key(lasts_s=NOW - cases.BORN - 1),
    patches.Reason.SIGNATURE_TIME: lambda: judged(now=NOW - 400),
    patches.Reason.SIGNATURE_EXPIRED: lambda: judged(resigned(lasts_s=20)),
    patches.Reason.SIGNATURE_WRONG: lambda: judged(patches.Submission(DOCUMENT + b" ", cases.signed(DOCUMENT))),
    patches.Reason.DOCUMENT_MALFORMED: lambda: judged(cases.sent(b"{")),
    patches.Reason.DOCUMENT_INVALID: lambda: judged(cases.sent(b"{}")),
    patches.Reason.PATH_UNSAFE: lambda: judged(cases.sent(cases.patch(cases.put("prompts/../gates.yaml")))),
    patches.Reason.TOO_MANY: lambda: judged(policy=policy(sizes=authz.Sizes(files=0))),
    patches.Reason.NOT_YET: lambda: judged(cases.sent(cases.patch(created=NOW + 301))),
    patches.Reason.EXPIRED: lambda: judged(cases.sent(cases.patch(expires=NOW))),
    patches.Reason.LASTS_TOO_LONG: lambda: judged(cases.sent(cases.patch(expires=NOW + 8 * 86_400))),
    patches.Reason.REPLAYED: lambda: judged(seen={patches.cid(patches.digest(DOCUMENT)): patches.digest(DOCUMENT)}),
    patches.Reason.CID_TAKEN: lambda: judged(seen={patches.cid(patches.digest(DOCUMENT)): "0" * 64}),
    patches.Reason.QUARANTINED: lambda: judged(quarantined={patches.content_digest(cases.PATCH)}),
    patches.Reason.STALE_BASE: lambda: judged(bases={"b" * 40}),
    patches.Reason.COSIGNATURE: lambda: judged(cases.sent(cosigners=(cases.STRANGER,))),
    patches.Reason.PATH_NOT_ALLOWED: lambda: judged(cases.sent(cases.patch(cases.put("knowledge/about.md")))),
    patches.Reason.PROTECTED: lambda: judged(cases.sent(cases.patch(cases.put("gates.yaml")))),
    patches.Reason.QUOTA: lambda: judged(records=applied(2)),
    patches.Reason.FROZEN: lambda: judged(frozen=True),
    patches.Reason.SECRET: lambda: judged(cases.sent(cases.patch(cases.put("prompts/a.md", SECRET)))),
    patches.Reason.FILE_INVALID: lambda: judged(check_files=fail),
    patches.Reason.NEEDS_RESTART: lambda: judged(check_files=start_anew),
}


def test_the_patch_that_all_of_these_change_is_accepted() -> None:
    verdict = judged()
    assert verdict.accepted and verdict.message == ""
    assert verdict.patch == cases.PATCH
    assert verdict.signers == (cases.TUNER.fingerprint,) and verdict.signer == cases.SIGNERS[cases.TUNER.fingerprint]
    assert verdict.digest == patches.digest(DOCUMENT) and verdict.cid == verdict.digest[:16]


def test_each_reason_is_reached_here() -> None:
    # The other verifier's no is in test_gpgv, what is known only on the way in test_hands and test_pauses.
    assert set(REASONS) == set(patches.Reason) - patches.ON_THE_WAY - {patches.Reason.SIGNATURE_DISPUTED}


@pytest.mark.parametrize("reason", REASONS)
def test_the_change_of_one_thing_is_refused_with_its_reason_and_the_next_step(reason: patches.Reason) -> None:
    verdict = REASONS[reason]()
    assert verdict.reason == reason and not verdict.accepted
    assert verdict.message.endswith(".") and 40 < len(verdict.message) < 500


@pytest.mark.parametrize("reason", [one for one in REASONS if one.startswith("signature_")])
def test_who_is_not_proven_is_told_nothing_but_the_rule(reason: patches.Reason) -> None:
    verdict = REASONS[reason]()
    assert verdict.signer is None and verdict.signers == () and verdict.patch is None
    known = [*(one.name for one in cases.SIGNERS.values()), *cases.SIGNERS, "prompts", "gates", "protected", "quota"]
    assert not [word for word in known if word in verdict.message.replace("council patch sign", "")]


def test_the_document_of_an_unlisted_signer_is_never_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(judging.documents, "parse", parse)
    assert judged(cases.sent(b"[" * 10_000, owner=cases.STRANGER)).reason == "signature_unlisted"


def test_the_order_is_kept_when_everything_is_wrong() -> None:
    everything = cases.patch(
        cases.put("gates.yaml", SECRET),
        cases.put("knowledge/a.md"),
        created=NOW + 999,
        expires=NOW + 998,
        base="b" * 40,
    )
    wrong = {
        "bases": {"c" * 40}, "frozen": True, "records": applied(9), "check_files": fail,
        "quarantined": {patches.content_digest(everything)},
    }  # fmt: skip
    mended = [
        ("not_yet", {"created": NOW - 9}), ("expired", {"expires": NOW - 1}), ("lasts_too_long", {"expires": NOW + 10**6}),
        ("quarantined", {"expires": NOW + 60}), ("stale_base", {"title": "x"}),
    ]  # fmt: skip
    patch = everything
    assert judged(cases.sent(patch, owner=cases.STRANGER), **wrong).reason == "signature_unlisted"
    patch = dataclasses.replace(patch, expires=NOW - 1)
    assert judged(cases.sent(patch), **wrong).reason == "not_yet"
    for reason, change in mended[1:4]:
        patch = dataclasses.replace(patch, created=NOW - 9, **change)
        assert judged(cases.sent(patch), **wrong).reason == reason
    wrong["quarantined"] = set()
    assert judged(cases.sent(patch), **wrong).reason == "stale_base"
    wrong["bases"] = {patch.base}
    assert judged(cases.sent(patch), **wrong).reason == "protected"
    assert judged(cases.sent(patch, cosigners=(cases.ANN,)), **wrong).reason == "path_not_allowed"
    patch = cases.patch(cases.put("gates.yaml", SECRET), base=patch.base)
    both = cases.sent(patch, cosigners=(cases.ANN,))
    assert judged(both, **wrong).reason == "quota"
    wrong["records"] = []
    assert judged(both, **wrong).reason == "frozen"
    wrong["frozen"] = False
    assert judged(both, **wrong).reason == "secret"
    patch = cases.patch(cases.put("gates.yaml"), base=patch.base)
    assert judged(cases.sent(patch, cosigners=(cases.ANN,)), **wrong).reason == "file_invalid"


def test_a_trial_spends_no_quota() -> None:
    assert judged(records=applied(9), spends=False).accepted


def test_a_bot_may_tighten_a_protected_file_but_never_who_may_sign() -> None:
    gates = cases.sent(cases.patch(cases.put("gates.yaml")))
    assert judged(gates, loosens=lambda _: False).accepted
    reaching = dataclasses.replace(cases.SIGNERS[cases.TUNER.fingerprint], allow=("**",))
    own = policy(signers={**cases.SIGNERS, reaching.fingerprint: reaching})
    for path in (authz.FILE, "keys/a.asc"):
        sent = cases.sent(cases.patch(cases.put(path)))
        assert judged(sent, policy=own, loosens=lambda _: False).reason == "protected"


def test_a_freeze_that_nobody_can_read_is_one() -> None:
    verdict = judged(frozen=None)
    assert verdict.reason == "frozen" and "Nobody can tell" in verdict.message


def test_a_refusal_for_quota_says_when_to_come_back() -> None:
    assert judged(records=applied(2)).retry_after_s == 86_400 - NOW % 86_400


def test_the_patch_at_work_is_judged_again_without_counting_itself() -> None:
    own = {**cases.begun(1, cases.TUNER), "patch": patches.digest(DOCUMENT)}
    assert judged(records=[*applied(1), own]).accepted


@settings(deadline=None)
@given(document=st.binary(max_size=200), signature=st.binary(max_size=200), cosignature=st.binary(max_size=50))
def test_whatever_is_sent_gets_a_verdict(document: bytes, signature: bytes, cosignature: bytes) -> None:
    verdict = judged(patches.Submission(document, signature, (cosignature,)))
    assert verdict.reason in set(patches.Reason)
    signed = patches.Submission(document, cases.signed(document), (cosignature,))
    assert judged(signed).reason in {"document_malformed", "too_large"}
