"""What the checks say of a pull request: by the files of its base, and each of its own share alone."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import pgp
from council import homes
from council.delivery import pairs, proposals
from council.delivery.proposals import Name
from council.domain import authz, errors, forge, patches
from council.patching import roster

pytestmark = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")
NOW = int(time.time())
TREE = "7" * 40
ANN, TUNER, STRANGER = (pgp.Owner(name, NOW - 1_000_000) for name in ("Ann", "tuner", "Nobody"))
GREEN = dict.fromkeys(proposals.LOOKED, forge.CheckState.SUCCESS)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    files = homes.default_files()
    text = roster.with_signer(
        files[authz.FILE], authz.Signer(ANN.fingerprint, "Ann", authz.Kind.HUMAN, ("**",), account="ann")
    )
    tuner = authz.Signer(TUNER.fingerprint, "tuner", authz.Kind.BOT, ("prompts/**",), account="tuner[bot]")
    text = roster.with_signer(text, tuner)
    files |= {authz.FILE: text} | {f"keys/{one.fingerprint}.asc": one.certificate() for one in (ANN, TUNER)}
    for path, content in files.items():
        write(folder / path, content)
    return folder


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def put(path: str = "prompts/new.md", content: bytes | None = b"Be brief.\n", before: str | None = None) -> Any:
    return patches.Change(path, patches.Action.DELETE if content is None else patches.Action.PUT, content, before)


def proposed(
    base: Path,
    head: Path,
    *changes: patches.Change,
    by: pgp.Owner = TUNER,
    upon: str = TREE,
    beside: Mapping[str, bytes | None] = {},
    **more: Any,
) -> Path:
    """Make the files of a pull request: the base's with a signed patch, and what is `beside` it."""
    changes = changes or (put(),)
    made = patches.Patch("tuner", NOW - 60, NOW + 3600, upon, "Say it", "So.", changes, **more)
    document = patches.dump(made)
    shutil.copytree(base, head, dirs_exist_ok=True)
    files: dict[str, bytes | None] = {one.path: one.content for one in changes}
    pair = {
        ".council/patch.json": document,
        ".council/patch.sig": pgp.signature(by.primary, document, NOW - 30),
    }
    for path, content in (files | pair | dict(beside)).items():
        if content is None:
            (head / path).unlink(missing_ok=True)
        else:
            write(head / path, content)
    return head


async def states(base: Path, head: Path, account: str = "tuner[bot]") -> dict[Name, forge.CheckState]:
    return {one.name: one.state for one in await findings(base, head, account)}


async def findings(base: Path, head: Path, account: str = "tuner[bot]") -> list[proposals.Finding]:
    return await proposals.look(base, {TREE}, proposals.of_folders(base, head, account), NOW)


async def test_a_signed_patch_and_nothing_else_is_green(base: Path, tmp_path: Path) -> None:
    head = proposed(base, tmp_path / "head")
    assert await states(base, head) == GREEN
    assert await states(base, head, "Tuner[bot]") == GREEN


async def test_a_file_may_be_removed_and_one_be_changed(base: Path, tmp_path: Path) -> None:
    old = (base / "prompts/general.md").read_bytes()
    changes = put("prompts/general.md", b"Be brief.\n", patches.digest(old)), put()
    assert await states(base, proposed(base, tmp_path / "head", *changes)) == GREEN
    gone = put("prompts/general.md", None, patches.digest(old))
    assert await states(base, proposed(base, tmp_path / "other", gone)) == GREEN


@pytest.mark.parametrize(
    "beside",
    [
        {"prompts/more.md": b"x\n"},
        {"prompts/new.md": b"Be rude.\n"},
        {"prompts/new.md": None},
        {"gates.yaml": None},
        {".github/workflows/more.yml": b"on: push\n"},
    ],
)
async def test_files_that_the_patch_does_not_name_are_found(
    base: Path, tmp_path: Path, beside: dict[str, bytes | None]
) -> None:
    told = {one.name: one for one in await findings(base, proposed(base, tmp_path / "head", beside=beside))}
    assert told[Name.VERIFY].state is forge.CheckState.FAILURE
    assert f"'{min(beside)}'" in told[Name.VERIFY].told


async def test_an_executable_that_the_patch_holds_as_plain_is_found(base: Path, tmp_path: Path) -> None:
    head = proposed(base, tmp_path / "head")
    (head / "prompts/new.md").chmod(0o755)
    assert (await states(base, head))[Name.VERIFY] is forge.CheckState.FAILURE


REFUSED: list[tuple[dict[str, Any], str, Name]] = [
    ({"by": STRANGER}, "signature_unlisted", Name.VERIFY),
    ({"upon": "8" * 40}, "stale_base", Name.AUTHORISE),
    ({"changes": (put("knowledge/x.md"),)}, "path_not_allowed", Name.AUTHORISE),
    ({"changes": (put("prompts/key.md", b"AKIA" + b"ABCDEFGHIJKLMNOP\n"),)}, "secret", Name.SCHEMA),
    ({"changes": (put("sentinels.yaml", b"x: 1\n", "0" * 64),), "by": ANN}, "file_invalid", Name.SCHEMA),
    ({"changes": (put("prompts/general.md", b"x\n", "0" * 64),)}, "digest_differs", Name.SCHEMA),
]


@pytest.mark.parametrize(("given", "reason", "name"), REFUSED)
async def test_a_refusal_is_told_by_its_check_and_what_comes_after_it_is_not_green(
    base: Path, tmp_path: Path, given: dict[str, Any], reason: str, name: Name
) -> None:
    given = dict(given)
    account = "ann" if given.get("by") is ANN else "tuner[bot]"
    head = proposed(base, tmp_path / "head", *given.pop("changes", ()), **given)
    told = {one.name: one for one in await findings(base, head, account)}
    assert (told[name].state, told[name].reason) == (forge.CheckState.FAILURE, reason)
    # The files are looked at last of all, by the schema's check.
    assert told[Name.SCHEMA].state is forge.CheckState.FAILURE


async def test_the_rules_of_the_proposal_itself_do_not_count(base: Path, tmp_path: Path) -> None:
    text = roster.with_signer(
        (base / authz.FILE).read_bytes(), authz.Signer(STRANGER.fingerprint, "Nobody", authz.Kind.HUMAN, ("**",))
    )
    changes = (
        put(authz.FILE, text, patches.digest((base / authz.FILE).read_bytes())),
        put(f"keys/{STRANGER.fingerprint}.asc", STRANGER.certificate()),
    )
    found = await findings(base, proposed(base, tmp_path / "head", *changes, by=STRANGER))
    assert {one.state for one in found} == {forge.CheckState.FAILURE}
    assert found[0].reason == "signature_unlisted"


@pytest.mark.parametrize("account", ["tuner", "tuner[bot]x", "xtuner[bot]", "ann", ""])
async def test_another_account_than_the_signers_opens_nothing(base: Path, tmp_path: Path, account: str) -> None:
    told = await states(base, proposed(base, tmp_path / "head"), account)
    assert told == GREEN | {Name.AUTHORISE: forge.CheckState.FAILURE}


async def test_a_signer_without_an_account_opens_nothing(base: Path, tmp_path: Path) -> None:
    text = (base / authz.FILE).read_bytes().replace(b'"account": "tuner[bot]"', b'"account": ""')
    other = tmp_path / "base"
    shutil.copytree(base, other)
    write(other / authz.FILE, text)
    told = await states(other, proposed(other, tmp_path / "head"), "")
    assert told[Name.AUTHORISE] is forge.CheckState.FAILURE


@pytest.mark.parametrize("spoil", ["no pair", "a link", "a linked folder", "a third file"])
def test_a_proposal_without_its_own_pair_is_none(base: Path, tmp_path: Path, spoil: str) -> None:
    head = proposed(base, tmp_path / "head")
    pair = head / ".council"
    match spoil:
        case "no pair":
            (pair / "patch.sig").unlink()
        case "a link":
            (pair / "patch.sig").rename(tmp_path / "patch.sig")
            (pair / "patch.sig").symlink_to(tmp_path / "patch.sig")
        case "a linked folder":
            pair.rename(tmp_path / "pair")
            pair.symlink_to(tmp_path / "pair")
        case _:
            write(pair / "authz.yaml", b"x")
    with pytest.raises(errors.InvalidRequestError, match="patch"):
        proposals.of_folders(base, head, "tuner[bot]")


def test_a_link_among_the_files_is_refused(base: Path, tmp_path: Path) -> None:
    head = proposed(base, tmp_path / "head")
    (head / "prompts/link.md").symlink_to("/etc/passwd")
    with pytest.raises(errors.PatchRefusedError, match="link"):
        proposals.of_folders(base, head, "tuner[bot]")


def test_every_check_must_be_green_and_told_by_who_may() -> None:
    tellers = {(kind, "council") for kind in forge.CheckKind}
    green = [forge.Check(one, forge.CheckState.SUCCESS, by="council") for one in Name]
    assert proposals.unmet(green, tellers) == []
    assert proposals.unmet(green[1:], tellers) == ["council/verify: missing"]
    assert len(proposals.unmet(green, {(forge.CheckKind.STATUS, "tuner[bot]")})) == len(Name)
    assert len(proposals.unmet(green, {(forge.CheckKind.RUN, "council")})) == len(Name)
    neutral = [*green[1:], forge.Check(Name.VERIFY, forge.CheckState.NEUTRAL, kind=forge.CheckKind.RUN, by="council")]
    assert proposals.unmet(neutral, tellers) == ["council/verify: neutral"]
    shadowed = [*green, forge.Check(Name.GATES, forge.CheckState.FAILURE, kind=forge.CheckKind.RUN, by="council")]
    assert proposals.unmet(shadowed, tellers) == ["council/gates: failure"]
    assert proposals.unmet(shadowed[::-1], tellers) == ["council/gates: failure"]


def test_the_signatures_of_further_people_are_read_in_their_order_and_nothing_else_lies_beside(
    base: Path, tmp_path: Path
) -> None:
    head = proposed(base, tmp_path / "head", beside={".council/patch.2.sig": b"two", ".council/patch.1.sig": b"one"})
    assert pairs.of_folder(head).cosignatures == (b"one", b"two")
    sent = patches.Submission(b"{}", b"", tuple(b"%d" % number for number in range(20)))
    more = {path: content for path, content in pairs.files_of(sent).items() if path != ".council/patch.json"}
    assert pairs.of_folder(proposed(base, tmp_path / "most", beside=more)).cosignatures == sent.cosignatures
    for strange in ("patch.21.sig", "patch.22.sig", "patch.asc", "patch.01.sig", "patch.0.sig"):
        (tmp_path / "most" / ".council" / strange).write_bytes(b"x")
        with pytest.raises(errors.InvalidRequestError):
            pairs.of_folder(tmp_path / "most")
        (tmp_path / "most" / ".council" / strange).unlink()
    (head / ".council/patch.1.sig").unlink()
    with pytest.raises(errors.InvalidRequestError, match=r"patch\.2\.sig"):
        pairs.of_folder(head)


async def test_what_needs_a_person_is_green_once_one_has_signed_the_same_bytes(base: Path, tmp_path: Path) -> None:
    change = patches.Change("prompts/run.sh", patches.Action.PUT, b"#!/bin/sh\n", None, patches.Mode.EXECUTABLE)

    def head(name: str, *cosigned: pgp.Owner) -> Path:
        made = proposed(base, tmp_path / name, change)
        (made / change.path).chmod(0o755)
        document = (made / ".council/patch.json").read_bytes()
        for number, one in enumerate(cosigned, 1):
            write(made / f".council/patch.{number}.sig", pgp.signature(one.primary, document, NOW - 20))
        return made

    async def authorised(made: Path) -> tuple[str, str]:
        [found] = [one for one in await findings(base, made) if one.name == Name.AUTHORISE]
        return found.state.value, found.reason

    assert await authorised(head("alone")) == ("failure", "protected")
    assert await authorised(head("strange", STRANGER)) == ("failure", "cosignature")
    assert await states(base, head("both", ANN)) == GREEN
