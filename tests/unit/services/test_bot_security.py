"""The bot `security`: what it proposes is what mends, and for a person to sign too."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot_house
from council.domain import bots, errors, home, patches, security
from council.patching import situation
from council.services import bot_runs
from council.upkeep.bots import registry
from council.upkeep.engine import blueprint
from council.upkeep.patchctl.core import documents, judging

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
LOOSE = b"# A proxy ends TLS.\ngateway: {host: 0.0.0.0, behind_proxy: true}  # both machines\n"
PIN = "release: {{version: '{}', sums_sha256: '{}', folder: /releases/it}}\n"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    made = bot_house.prepared(tmp_path_factory.mktemp("bots"), "security", settings=LOOSE)
    blueprint.commit(made, {"release.yaml": PIN.format("1.2.0", "a" * 64).encode()}, "Pin a release")
    return made


@pytest.fixture
def house(where: home.Home) -> Iterator[bot_house.House]:
    made = bot_house.House(where)
    yield made
    made.close()


def judged(where: home.Home, sent: patches.Submission, now: int) -> judging.Verdict:
    live = where.current.resolve()
    base = documents.parse(sent.document, situation.look_at(live).policy.sizes).base
    return judging.judge(sent, situation.situation_at(live, situation.look_at(live), {base}, now))


def test_a_loose_setting_is_proposed_once_a_week_for_a_person_to_sign(where: home.Home, house: bot_house.House) -> None:
    first, second = house.run("security"), house.run("security")
    assert (first.run.outcome, first.run.number) == (bots.Outcome.PROPOSED, 1), first.run
    assert second.run.outcome is bots.Outcome.NOTHING and "proposed already" in second.run.why
    [sent] = house.proposals.sent
    patch = documents.parse(sent.document, situation.look_at(where.current.resolve()).policy.sizes)
    [change] = patch.changes
    assert change.path == "council.yaml" and change.content is not None
    assert set(LOOSE.splitlines()) <= set(change.content.splitlines())
    assert b"patch:\n  needs_token: true\n" in change.content
    assert patch.expires - patch.created == 7 * 24 * 3600
    assert judged(where, sent, patch.created).reason == patches.Reason.PROTECTED


@pytest.mark.parametrize(
    "draft",
    [
        bots.Draft("x", "Set", "So.", {"patch.needs_token": False}),
        bots.Draft("x", "Set", "So.", {"budget.day_usd_micros": 10**12}),
        bots.Draft("x", "Set", "So.", {"sandbox.pool": 4}),
        bots.Draft("x", "Set", "So.", weights={"big/near": 0}),
        bots.Draft("x", "Set", "So.", share_max=0.01),
        bots.Draft("x", "Set", "So.", files={"release.yaml": PIN.format("1.2.0", "b" * 64)}),
        bots.Draft("x", "Set", "So.", files={"release.yaml": PIN.format("1.1.9", "b" * 64)}),
        bots.Draft("x", "Set", "So.", files={"authz.yaml": "authorisation: {signers: {}}"}),
        bots.Draft("x", "Set", "So.", files={"council.yaml": "gateway: {host: 127.0.0.1}"}),
    ],
    ids=str,
)
def test_whatever_led_its_drafter_astray_nothing_else_is_signed(house: bot_house.House, draft: bots.Draft) -> None:
    with pytest.raises(errors.PatchRefusedError) as refused:
        house.keys.sign(draft, "security", house.proposals.base())
    assert refused.value.reason in (patches.Reason.PROTECTED, patches.Reason.PATH_NOT_ALLOWED)


def test_a_newer_release_is_signed_for_and_stands_behind_a_persons_word(
    where: home.Home, house: bot_house.House
) -> None:
    draft = bots.Draft("x", "Run it", "So.", files={"release.yaml": PIN.format("1.10.0", "b" * 64)})
    sent, account = house.keys.sign(draft, "security", house.proposals.base())
    patch = documents.parse(sent.document, situation.look_at(where.current.resolve()).policy.sizes)
    assert account == "security"
    assert judged(where, sent, patch.created).reason == patches.Reason.PROTECTED


def test_where_a_bots_signature_would_do_alone_it_does_not_sign(tmp_path: Path) -> None:
    where = bot_house.prepared(tmp_path, "security", settings=LOOSE)
    text = (where.current / "authz.yaml").read_text()
    assert "[council.yaml, providers.yaml, models.yaml]" in text
    text = text.replace("[council.yaml, providers.yaml, models.yaml]", "[models.yaml]")
    blueprint.commit(where, {"authz.yaml": text.encode()}, "Protect less")
    house = bot_house.House(where)
    try:
        done = house.run("security")
        assert (done.run.outcome, done.run.reason) == (bots.Outcome.REFUSED, patches.Reason.PROTECTED)
        assert house.proposals.sent == []
    finally:
        house.close()


def test_every_bot_is_what_the_others_are_not(where: home.Home) -> None:
    assert [one.name for one in registry.BOTS] == ["remediation", "author", "cost", "docs", "security"]
    assert len({one.offset_s for one in registry.BOTS}) == len(registry.BOTS)
    assert bot_runs.way_of("security", {}, "x") is bots.Way.FORGE
    assert all(not isinstance(value, str) for value in security.MENDS.values())
