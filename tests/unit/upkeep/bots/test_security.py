"""What `security` drafts: a patch that mends what one can, and nothing beside it."""

import dataclasses

import orjson
import yaml

from council.domain import bots, release_pin, security
from council.upkeep.bots import security as drafts


def finding(mend: security.Mend | None) -> security.Finding:
    return security.Finding(security.Check.SETTINGS, security.Severity.MEDIUM, "s", "t", "e", "n", mend)


def report(*mends: security.Mend | None) -> security.Report:
    return security.Report(0.0, tuple(map(finding, mends)), ())


def release(version: str, *vulnerable: str) -> drafts.Release:
    return drafts.Release(release_pin.Pin(version, version[0] * 64, f"/releases/{version}"), vulnerable)


HELD = drafts.Held(
    {"port": 8100, "gateway": {"host": "127.0.0.1"}},
    release_pin.Pin("1.0", "1" * 64, "/releases/1.0"),
    (release("2.0", "b"), release("3.0"), release("4.0"), release("0.9")),
)


def test_a_loose_setting_is_mended_and_every_other_one_stays() -> None:
    mended = drafts.draft(report(security.SetTo("patch.needs_token", True)), HELD)
    assert isinstance(mended, security.Mended)
    assert yaml.safe_load(mended.files["council.yaml"]) == {
        "port": 8100,
        "gateway": {"host": "127.0.0.1"},
        "patch": {"needs_token": True},
    }
    assert mended.title == "Set patch.needs_token"


def test_settings_that_would_not_be_valid_are_not_drafted() -> None:
    broken = dataclasses.replace(HELD, settings={"port": 1})
    assert isinstance(drafts.draft(report(security.SetTo("patch.needs_token", True)), broken), security.NotMended)


def test_packages_are_mended_by_the_oldest_newer_release_without_the_fault() -> None:
    mended = drafts.draft(report(security.Upgrade("a", "1"), security.Upgrade("b", "1")), HELD)
    assert isinstance(mended, security.Mended)
    pin = release_pin.build(yaml.safe_load(mended.files[release_pin.FILE]))
    assert pin == release("3.0").pin


def test_a_release_that_brings_other_faults_is_no_mend() -> None:
    others = dataclasses.replace(HELD, releases=(release("2.0", "c"), release("3.0", "a")))
    assert isinstance(drafts.draft(report(security.Upgrade("a", "1")), others), security.NotMended)


def test_without_a_newer_release_nothing_is_drafted_and_the_reason_says_what_to_get() -> None:
    alone = dataclasses.replace(HELD, releases=())
    told = drafts.draft(report(security.Upgrade("a", "1")), alone)
    assert isinstance(told, security.NotMended)
    assert "approve-release" in told.why


def test_what_only_a_person_can_mend_is_not_drafted() -> None:
    assert isinstance(drafts.draft(report(None), HELD), security.NotMended)
    assert drafts.draft(report(), HELD) == security.NotMended("nothing was found")


def evidence(done: list[str], *mends: security.Mend | None) -> dict[str, object]:
    found = orjson.loads(orjson.dumps(drafts.Evidence(report(*mends), HELD)))
    return {"found": found, "done": done}


def unasked(_: str) -> str:
    raise AssertionError("it asks no model")


def test_settings_come_first_and_packages_once_these_were_proposed() -> None:
    mends = (security.mend("patch.needs_token"), security.Upgrade("a", "1"))
    first = drafts.BOT.draft(evidence([], *mends), unasked)
    assert isinstance(first, bots.Draft) and dict(first.settings) == {"patch.needs_token": True} and not first.files
    second = drafts.BOT.draft(evidence([first.subject], *mends), unasked)
    assert isinstance(second, bots.Draft) and set(second.files) == {release_pin.FILE} and not second.settings
    third = drafts.BOT.draft(evidence([first.subject, second.subject], *mends), unasked)
    assert isinstance(third, bots.Nothing) and "proposed already" in third.why
    assert first.subject.endswith("week 1 of 1970") and bots.decode(bots.encode(first)) == first


def test_where_nothing_is_found_it_says_so() -> None:
    assert drafts.BOT.draft(evidence([]), unasked) == bots.Nothing("nothing was found")
