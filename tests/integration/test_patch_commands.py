"""`council patch` and `council keys`, with a real gpg: from a key to a patch that would be tried."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import gpg_ring
from council import homes
from council.backends.forge import local
from council.cli import main
from council.delivery import pairs
from council.domain import authz, errors, forge, home, patches
from council.patching import roster
from council.upkeep.engine import blueprint, repository, staging
from council.upkeep.patchctl.core import documents

pytestmark = pytest.mark.skipif(
    shutil.which("gpg") is None or shutil.which("gpgv") is None, reason="gpg and gpgv are not installed"
)


@pytest.fixture(scope="module")
def ring() -> Iterator[gpg_ring.Gpg]:
    with gpg_ring.ring() as made:
        yield made


@pytest.fixture(scope="module")
def ann(ring: gpg_ring.Gpg) -> str:
    return ring.key("ed25519", "sign")


@pytest.fixture(scope="module")
def bob(ring: gpg_ring.Gpg) -> str:
    return ring.key("rsa3072", "sign")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prepared") / "home"
    homes.prepare(home.Home(root), {})
    return root


@pytest.fixture
def where(prepared: Path, tmp_path: Path, ring: gpg_ring.Gpg, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    made = home.Home(shutil.copytree(prepared, tmp_path / "home", symlinks=True))
    monkeypatch.setenv("COUNCIL_HOME", str(made.root))
    monkeypatch.setenv("GNUPGHOME", str(ring.folder))
    monkeypatch.chdir(tmp_path)
    return made


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(main.cli, arguments, input=typed, catch_exceptions=True)


def good(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def read(*arguments: str) -> Any:
    return json.loads(good(*arguments, "--json"))


def refused(*arguments: str) -> errors.CouncilError:
    result = run(*arguments)
    assert isinstance(result.exception, errors.CouncilError), (result.output, result.exception)
    return result.exception


NEW = ("patch", "new", "--put", "prompts/new.md=new.md", "--title", "Say it shorter", "--reason", "Answers are long.")


@pytest.fixture
def listed(where: home.Home, ann: str) -> home.Home:
    good("keys", "add", ann, "--name", "Ann")
    Path("new.md").write_text("Answer in one sentence.\n")
    return where


def test_from_a_key_to_a_patch_that_would_be_tried(listed: home.Home, ann: str) -> None:
    said = good(*NEW, "--ticket", "7")
    assert "+ prompts/new.md  +1 -0" in said and "council patch sign patch.json" in said
    assert "+Answer in one sentence." in good("patch", "diff", "patch.json").splitlines()
    told = good("patch", "sign", "patch.json", "--key", ann, "--yes")
    assert "Say it shorter" in told and "prompts/new.md" in told and "Signed by Ann" in told
    before = sorted(path for path in listed.root.rglob("*"))
    said = good("patch", "check", "patch.json")
    cid = patches.cid(patches.digest(Path("patch.json").read_bytes()))
    assert said.startswith(f"cid:{cid} - Say it shorter (Ticket #7)\n") and "Behind it: Ann." in said
    found = read("patch", "check", "patch.json")
    assert (found["accepted"], found["reason"], found["cid"]) == (True, "", cid)
    assert found["signers"] == [{"fingerprint": ann, "name": "Ann"}]
    assert {one["outcome"] for one in found["steps"]} == {"good"}
    assert sorted(path for path in listed.root.rglob("*")) == before


def test_a_clone_of_the_blueprint_is_compared(listed: home.Home) -> None:
    subprocess.run(["git", "clone", "--quiet", str(listed.blueprint), "work"], check=True)
    prompt = next(Path("work/prompts").rglob("*.md"))
    prompt.write_text("Answer in one sentence.\n")
    found = read("patch", "new", "--from", "work", "--title", "Say it shorter", "--reason", "So.")
    document = json.loads(Path("patch.json").read_bytes())
    assert [one["path"] for one in document["files"]] == [prompt.relative_to("work").as_posix()]
    assert found["base"] == document["base"] == listed.current.readlink().name
    good("config", "set", "port=8300")
    assert (
        "git pull"
        in refused("patch", "new", "--from", "work", "--title", "x", "--reason", "x", "-o", "two.json").message
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--title", "x", "--reason", "x"],
        ["--from", ".", "--put", "a=new.md", "--title", "x", "--reason", "x"],
        ["--put", "a", "--title", "x", "--reason", "x"],
        ["--put", "a=new.md", "--put", "a=new.md", "--title", "x", "--reason", "x"],
        ["--put", "a=new.md", "--title", "x", "--reason", "x", "--expires", "soon"],
        ["--put", "a=new.md", "--title", "x", "--reason", "x", "--ticket", "0"],
    ],
)
def test_wrong_usage_writes_nothing(listed: home.Home, arguments: list[str]) -> None:
    assert run("patch", "new", *arguments).exit_code == 2
    assert not Path("patch.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["new", "--from", "never", "--title", "x", "--reason", "x"],
        ["new", "--put", "a=never", "--title", "x", "--reason", "x"],
        ["sign", "never.json", "--yes"],
        ["check", "never.json", "--signature", "never.sig"],
    ],
)
def test_a_file_that_is_not_there_is_named(listed: home.Home, arguments: list[str]) -> None:
    assert "never" in refused("patch", *arguments).message


def test_a_document_that_is_there_is_not_written_over(listed: home.Home) -> None:
    good(*NEW)
    assert "--force" in refused(*NEW).message
    good(*NEW, "--force")


def test_what_no_service_could_read_is_no_patch(listed: home.Home) -> None:
    Path("new.md").write_text("prot: 1\n")
    error = refused("patch", "new", "--put", "council.yaml=new.md", "--title", "x", "--reason", "x")
    assert isinstance(error, errors.PatchRefusedError) and error.reason == "file_invalid" and "port" in error.message
    assert not Path("patch.json").exists()


def test_what_patchctl_could_not_read_is_not_signed(listed: home.Home) -> None:
    Path("patch.json").write_text('{"schema": "council.patch/1", "schema": "council.patch/1"}')
    error = refused("patch", "sign", "patch.json", "--yes")
    assert isinstance(error, errors.PatchRefusedError) and error.reason == "document_malformed"
    assert not Path("patch.sig").exists()


def test_nothing_is_signed_by_whoever_says_no(listed: home.Home, ann: str) -> None:
    good(*NEW)
    for typed in ("n\n", ""):
        result = run("patch", "sign", "patch.json", "--key", ann, typed=typed)
        assert result.exit_code == 1 and "Sign this?" in result.output
    assert not Path("patch.sig").exists()
    assert run("patch", "sign", "patch.json", "--key", ann, typed="y\n").exit_code == 0
    assert Path("patch.sig").exists()


def test_a_key_is_named_in_full(listed: home.Home, ann: str) -> None:
    good(*NEW)
    assert run("patch", "sign", "patch.json", "--key", ann[-16:], "--yes").exit_code == 2
    assert run("patch", "sign", "patch.json", "--key", "Ann", "--yes").exit_code == 2
    assert "gpg did not sign" in refused("patch", "sign", "patch.json", "--key", "f" * 40, "--yes").message


def test_an_unlisted_key_signs_and_it_is_said_that_it_does_not_count(listed: home.Home, bob: str) -> None:
    good(*NEW)
    assert "does not list" in good("patch", "sign", "patch.json", "--key", bob, "--yes")
    result = run("patch", "check", "patch.json", "--json")
    assert isinstance(result.exception, errors.PatchRefusedError)
    assert json.loads(result.stdout)["reason"] == "signature_unlisted"
    assert json.loads(result.stdout)["signers"] == []


def test_a_person_may_sign_where_there_is_no_council(
    listed: home.Home, ann: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good(*NEW)
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path / "nowhere"))
    assert "cannot be counted" in good("patch", "sign", "patch.json", "--key", ann, "--yes")


def test_settings_of_gpg_that_would_spoil_a_signature_do_not(listed: home.Home, ann: str, ring: gpg_ring.Gpg) -> None:
    settings = ring.folder / "gpg.conf"
    settings.write_text("textmode\narmor\ndigest-algo SHA1\n")
    try:
        good(*NEW)
        assert "Signed by Ann" in good("patch", "sign", "patch.json", "--key", ann, "--yes")
        assert read("patch", "check", "patch.json")["accepted"]
    finally:
        settings.unlink()


def test_an_armoured_signature_beside_it_is_found(listed: home.Home, ann: str, ring: gpg_ring.Gpg) -> None:
    good(*NEW)
    assert "council patch sign" in refused("patch", "check", "patch.json").message
    raw = ring.run("--local-user", ann, "--armor", "--detach-sign", stdin=Path("patch.json").read_bytes())
    Path("patch.asc").write_bytes(raw)
    assert read("patch", "check", "patch.json")["accepted"]


def test_a_freeze_stops_the_patch_and_says_why(listed: home.Home, ann: str) -> None:
    good(*NEW)
    good("patch", "sign", "patch.json", "--key", ann, "--yes")
    good("freeze", "on", "--reason", "Release week")
    result = run("patch", "check", "patch.json")
    assert isinstance(result.exception, errors.PatchRefusedError)
    assert result.exception.reason == "frozen" and "Frozen: Release week" in result.stdout


def test_without_gpg_the_step_is_named(listed: home.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    good(*NEW)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert "apt-get install gpg" in refused("patch", "sign", "patch.json", "--yes").message


# Keys


def test_the_first_person_is_entered_at_once_and_everybody_after_by_a_patch(
    where: home.Home, ann: str, bob: str, ring: gpg_ring.Gpg
) -> None:
    assert "Nobody is listed" in good("keys", "list") and read("keys", "list") == []
    bot = ("keys", "add", bob, "--name", "tuner", "--kind", "bot")
    assert run(*bot).exit_code == 2
    assert "must be a person" in refused(*bot, "--allow", "prompts/**").message
    before = where.current.readlink()
    said = good("keys", "add", ann.upper(), "--name", "Ann")
    assert f"first signer, {ann}" in said and where.current.readlink() != before
    first = where.current.readlink()

    assert "already" in refused("keys", "add", ann, "--name", "Ann").message
    Path("bob.asc").write_bytes(ring.run("--export", bob))
    said = good(
        "keys", "add", "bob.asc", "--name", "tuner", "--kind", "bot", "--allow", "prompts/**", "--max-daily", "2"
    )
    assert "This needs a patch" in said and where.current.readlink() == first
    document = json.loads(Path("patch.json").read_bytes())
    assert [one["path"] for one in document["files"]] == ["authz.yaml", f"keys/{bob}.asc"]
    good("patch", "sign", "patch.json", "--key", ann, "--yes")
    assert read("patch", "check", "patch.json")["accepted"]
    assert [(one["name"], one["kind"], one["fingerprint"], one["usable"]) for one in read("keys", "list")] == [
        ("Ann", "human", ann, True)
    ]
    assert "never" in good("keys", "list")


def test_a_key_is_revoked_by_a_patch_that_another_person_signs(where: home.Home, ann: str) -> None:
    good("keys", "add", ann, "--name", "Ann")
    result = run("keys", "revoke", "Ann", "-o", "revoke.json")
    assert result.exit_code == 0 and "nobody is left" in result.stderr
    [one] = json.loads(Path("revoke.json").read_bytes())["files"]
    assert one["path"] == "authz.yaml" and f'revoked: ["{ann}"]' in one["content"]
    assert "0 signers" in refused("keys", "revoke", "Bob").message


@pytest.mark.parametrize("given", ["nonsense", "never.asc", "Ann"])
def test_what_is_no_key_is_said(where: home.Home, given: str) -> None:
    Path("nonsense").write_bytes(b"\x00no key")
    assert refused("keys", "add", given, "--name", "Ann").message.endswith(".")
    assert read("keys", "list") == []


def test_a_key_that_gpg_does_not_have_is_said(where: home.Home) -> None:
    assert "gpg has no key" in refused("keys", "add", "f" * 40, "--name", "Ann").message


def test_a_secret_key_never_enters_the_blueprint(where: home.Home, ann: str, ring: gpg_ring.Gpg) -> None:
    Path("secret.asc").write_bytes(ring.run("--armor", "--export-secret-keys", ann))
    assert "public key" in refused("keys", "add", "secret.asc", "--name", "Ann").message


def test_an_expired_key_and_a_name_that_is_none_are_refused(where: home.Home, ann: str, ring: gpg_ring.Gpg) -> None:
    ring.run(
        "--faked-system-time",
        "20200101T000000!",
        "--quick-generate-key",
        "Old <old@example.org>",
        "ed25519",
        "sign",
        "1y",
    )
    listing = ring.run("--list-keys", "--with-colons", "old@example.org").decode()
    old = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
    assert "has expired" in refused("keys", "add", old, "--name", "Old").message
    assert "must be a name" in refused("keys", "add", ann, "--name", "Ann\n<b>").message
    assert "allow" in refused("keys", "add", ann, "--name", "Ann", "--allow", "../x").message
    assert read("keys", "list") == []


def test_a_home_without_a_blueprint_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path / "nowhere"))
    for arguments in (["keys", "list"], [*NEW]):
        assert isinstance(refused(*arguments), errors.BlueprintError)
    assert os.listdir(tmp_path) == []


@pytest.fixture
def two_needed(where: home.Home, ring: gpg_ring.Gpg, ann: str, bob: str) -> local.LocalForge:
    """A home whose scripts need two people, and a forge that is in step with it."""
    text, changed = (where.current / authz.FILE).read_bytes(), dict[str, bytes | None]()
    for name, key in (("Ann", ann), ("Bob", bob)):
        text = roster.with_signer(text, authz.Signer(key, name, authz.Kind.HUMAN, ("**",), account=name.lower()))
        changed[authz.certificate_path(key)] = ring.run("--armor", "--export", key)
    changed[authz.FILE] = text.replace(b'["scripts/**"], humans: 1', b'["scripts/**"], humans: 2')
    blueprint.commit(where, changed, "Two")
    there = local.LocalForge(where.forge, "council", lambda: 1_800_000_000)
    live = where.current.resolve()
    files: dict[str, forge.Change] = {
        path.relative_to(live).as_posix(): forge.File(path.read_bytes()) for path in live.rglob("*") if path.is_file()
    }
    words = forge.Words("Begin", "council", "council@localhost", 1_800_000_000)
    asyncio.run(there.push("", files, words, whole=True))
    return there


def test_a_pull_request_is_signed_by_one_person_after_the_other_and_its_tree_is_what_patchctl_makes_of_it(
    where: home.Home, two_needed: local.LocalForge, ann: str, bob: str
) -> None:
    Path("x").write_text("print()\n")
    said = ("--title", "Add a script", "--reason", "So.")
    proposal = ("propose", "scripts/x.py=x", "--as", "Ann", *said)
    assert refused(*proposal).reason == "protected"
    told = good(*proposal, "--await-cosignatures")
    assert "pull request #1" in told and "`council cosign 1`" in told
    before = asyncio.run(two_needed.pull(1))
    assert "adds nobody" in refused("cosign", "1", "--key", ann, "--yes").message
    told = good("cosign", "1", "--key", bob, "--yes", "--no-wait")
    assert "+ scripts/x.py  +1 -0" in told and "Behind it: Ann." in told and told.endswith("Signed by Bob.\n")
    after = asyncio.run(two_needed.pull(1))
    head, main = asyncio.run(two_needed.commit(after.head)), asyncio.run(two_needed.head())
    assert after.head != before.head and head.parents == (main.commit,)
    sent = asyncio.run(pairs.of_commit(two_needed, after.head))
    patch = documents.parse(sent.document, authz.Sizes())
    assert patch.base == main.tree and len(sent.cosignatures) == 1
    made = staging.Patch(sent.document, sent.signature, patch.base, patch.title, 1, patch.changes, sent.cosignatures)
    assert repository.tree_of(where, staging.stage(where, made)) == head.tree


def test_a_signature_for_a_forge_elsewhere_is_written_into_a_clone(
    where: home.Home, two_needed: local.LocalForge, ann: str, bob: str, ring: gpg_ring.Gpg
) -> None:
    Path("x").write_text("print()\n")
    shutil.copytree(where.current.resolve(), "clone")
    said = ("--title", "Add a script", "--reason", "So.", "--await-cosignatures", "--into", "clone")
    good("propose", "scripts/x.py=x", "--as", "Ann", *said)
    signed = ring.run("--detach-sign", "--local-user", bob, "--output", "-", "clone/.council/patch.json")
    Path("bob.sig").write_bytes(signed)
    told = good("cosign", "--into", "clone", "--signature", "bob.sig", "--yes")
    assert "Signed by Bob: .council/patch.1.sig." in told
    assert pairs.of_folder(Path("clone")).cosignatures == (signed,)
    assert "adds nobody" in refused("cosign", "--into", "clone", "--signature", "bob.sig", "--yes").message
