"""A patch is looked at as patchctl will, on a home with real signers, and each step is told."""

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

import pgp
from council import homes
from council.domain import authz, errors, home, patches
from council.patching import checking, roster, situation
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import freeze, gpgv, history, journal, journal_key, steps
from council.upkeep.patchctl.core import judging

needs_gpgv = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")
# Real time: gpgv reads the machine's clock.
NOW = int(time.time())
ANN, BOB, GONE = (pgp.Owner(name, NOW - 1_000_000) for name in ("Ann", "Bob", "Gone"))


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    made = home.Home(tmp_path_factory.mktemp("checking") / "home")
    homes.prepare(made, {})
    text = homes.default_files()[authz.FILE]
    for owner in (ANN, BOB, GONE):
        text = roster.with_signer(
            text, authz.Signer(owner.fingerprint, owner.name, authz.Kind.HUMAN, ("**",), ("pins/**",))
        )
    certificates = {f"keys/{owner.fingerprint}.asc": owner.certificate() for owner in (ANN, BOB)}
    blueprint.commit(made, {authz.FILE: text, **certificates}, "List them")
    return made


def patch(where: home.Home, *changes: patches.Change, **more: Any) -> patches.Patch:
    put = patches.Change("prompts/new.md", patches.Action.PUT, b"x\n", None)
    made = patches.Patch("Ann", NOW - 60, NOW + 3600, blueprint.current(where), "Say it", "So.", changes or (put,), 7)
    return dataclasses.replace(made, **more)


def sent(found: patches.Patch, owner: pgp.Owner = ANN, *cosigners: pgp.Owner) -> patches.Submission:
    document = patches.dump(found)
    signatures = [pgp.signature(one.primary, document, NOW - 30) for one in (owner, *cosigners)]
    return patches.Submission(document, signatures[0], tuple(signatures[1:]))


async def checked(where: home.Home, what: patches.Submission, **so: Any) -> checking.Checked:
    seen = situation.look(where)
    at = dataclasses.replace(situation.situation(where, seen, NOW), **so)
    return await checking.check(what, seen, at, where.generations / seen.live)


def ended(found: checking.Checked) -> checking.Step | None:
    refused = [step for step, told in found.steps if told is checking.Told.REFUSED]
    places = [told for _, told in found.steps]
    assert places == sorted(places, key=list(checking.Told).index) and len(refused) <= 1
    return refused[0] if refused else None


def test_each_reason_of_the_core_has_its_step() -> None:
    of_core = [one for one in patches.Reason if one not in patches.ON_THE_WAY]
    of_signature = [one for one in of_core if checking.step_of(one, proven=True) is checking.Step.SIGNATURE]
    assert {one for one in of_signature if not one.startswith("signature_")} == set()
    assert checking.step_of("too_large", proven=False) is checking.Step.SIZE


@needs_gpgv
async def test_a_good_patch_passes_every_step(where: home.Home) -> None:
    found = await checked(where, sent(patch(where), ANN, BOB))
    assert found.reason == "" and {told for _, told in found.steps} == {checking.Told.GOOD}
    assert found.verdict.signers == (ANN.fingerprint, BOB.fingerprint)


def change(path: str, content: bytes | None = b"x\n", before: str | None = None) -> patches.Change:
    return patches.Change(path, patches.Action.DELETE if content is None else patches.Action.PUT, content, before)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], checking.Step]] = {
    "signature_time": ({}, {"now": NOW - 500_000}, checking.Step.SIGNATURE),
    "not_yet": ({"created": NOW + 900}, {}, checking.Step.FRESHNESS),
    "stale_base": ({"base": "a" * 40}, {}, checking.Step.FRESHNESS),
    "frozen": ({}, {"frozen": True}, checking.Step.FREEZE),
    "path_not_allowed": ({"changes": (change("pins/x"),)}, {}, checking.Step.SIGNERS),
    "file_invalid": ({"changes": (change("council.yaml", b"prot: 1\n"),)}, {}, checking.Step.CONTENTS),
    "needs_restart": ({"changes": (change("council.yaml", b"port: 8100\n"),)}, {}, checking.Step.CONTENTS),
    "digest_differs": ({"changes": (change("council.yaml", b"learning: true\n", "0" * 64),)}, {}, checking.Step.FILES),
    "type_changed": ({"changes": (change("council.yaml/x"),)}, {}, checking.Step.FILES),
    "name_collides": ({"changes": (change("Prompts/x.md"),)}, {}, checking.Step.FILES),
}


@needs_gpgv
@pytest.mark.parametrize("reason", REFUSED)
async def test_the_step_that_says_no_is_named_and_those_after_it_were_not_asked(where: home.Home, reason: str) -> None:
    told, so, step = REFUSED[reason]
    found = await checked(where, sent(patch(where, **told)), **so)
    assert (found.reason, ended(found)) == (reason, step) and found.message.endswith((".", "?"))


@needs_gpgv
async def test_a_base_counts_by_its_tree_and_not_by_its_name(where: home.Home, tmp_path: Path) -> None:
    copy = home.Home(Path(shutil.copytree(where.root, tmp_path / "home", symlinks=True)))
    made = patch(copy)
    blueprint.commit(copy, {"prompts/other.md": b"x\n"}, "There")
    assert (await checked(copy, sent(made))).reason == "stale_base"
    blueprint.commit(copy, {"prompts/other.md": None}, "And back")
    assert blueprint.current(copy) != made.base
    assert (await checked(copy, sent(made))).reason == ""


def test_only_what_loosens_a_gate_needs_more_than_its_signer(where: home.Home) -> None:
    at = situation.situation(where, situation.look(where), NOW)
    shipped = homes.default_files()["gates.yaml"]
    assert not at.loosens(patches.Change("gates.yaml", patches.Action.PUT, shipped, "0" * 64))
    assert at.loosens(patches.Change("council.yaml", patches.Action.PUT, b"", "0" * 64))


async def test_a_signer_without_a_certificate_is_as_good_as_unlisted_and_said(where: home.Home) -> None:
    seen = situation.look(where)
    assert [one for one in seen.problems if "Gone is listed" in one]
    found = await checked(where, sent(patch(where), GONE))
    assert (found.reason, ended(found)) == ("signature_unlisted", checking.Step.SIGNATURE)


async def test_gpgv_has_a_word_too(where: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dispute(*_: object) -> None:
        raise errors.PatchRefusedError("gpgv does not agree.", reason="signature_disputed")

    monkeypatch.setattr(gpgv, "check", dispute)
    found = await checked(where, sent(patch(where)))
    assert (found.reason, ended(found)) == ("signature_disputed", checking.Step.SECOND_VERIFIER)


async def test_nothing_changes_by_looking(where: home.Home) -> None:
    def tree() -> dict[Path, tuple[float, int]]:
        return {path: (path.lstat().st_mtime, path.lstat().st_size) for path in where.root.rglob("*")}

    before = tree()
    await checked(where, sent(patch(where), GONE))
    assert tree() == before


def test_the_journal_the_freeze_and_the_key_of_a_home_are_looked_at(where: home.Home, tmp_path: Path) -> None:
    copy = home.Home(Path(shutil.copytree(where.root, tmp_path / "home", symlinks=True)))
    journal_key.ensure(copy.journal_key_file, copy.journal_certificate_file)
    at = situation.situation(copy, situation.look(copy), NOW)
    found = judging.judge(sent(patch(copy)), at)
    book = journal.Journal.open_at(copy.lineage)
    state = steps.State()
    rolled_back = [steps.Done("b" * 40), *[steps.Done()] * 4, steps.Failed("red"), steps.Done()]
    for number, event in enumerate([steps.Submitted(found.digest, "a" * 40), *rolled_back]):
        state, record, _ = steps.step(state, event)
        book.append({**({} if number else history.about(found, NOW)), **record})
    book.close()
    freeze.freeze(copy.lineage, freeze.Freeze("Release", "Ann", 1))
    seen = situation.look(copy)
    at = situation.situation(copy, seen, NOW)
    assert (at.frozen, list(at.seen.values())) == (True, [found.digest])
    assert found.patch is not None and at.quarantined == {patches.content_digest(found.patch)}
    freeze.thaw(copy.lineage)
    replayed = judging.judge(sent(patch(copy)), situation.situation(copy, situation.look(copy), NOW))
    assert replayed.reason == "replayed"
