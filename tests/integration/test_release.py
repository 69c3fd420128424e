"""`make release` and `council verify-release` on this very tree: the same bytes from any clone, and nothing slipped in."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import council
import gpg_ring
import made_release
from council.cli import main
from council.domain import errors
from council.releases import folder, packages

ROOT = Path(__file__).resolve().parents[2]
VERSION = council.__version__
WHEEL = folder.wheel_name(VERSION)
IDENTITY = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false")
needs_gpg = pytest.mark.skipif(
    not (shutil.which("gpg") and shutil.which("gpg-agent") and shutil.which("gpgv")),
    reason="gpg or gpgv is not installed",
)


def git(place: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, "-C", str(place), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.strip()


def clone(source: Path, place: Path) -> Path:
    git(source, "clone", "--quiet", str(source), str(place))
    return place


def build(
    checkout: Path, output: Path, *arguments: str, umask: int = 0o022, variables: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "tools/release.py",
        "--output",
        str(output),
        "--python",
        sys.executable,
        "--without-dashboard",
        *arguments,
    ]
    environment = {**os.environ, **(variables or {})}
    return subprocess.run(
        command, cwd=checkout, env=environment, umask=umask, capture_output=True, text=True, timeout=300, check=False
    )


def contents(place: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in place.iterdir()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose one commit is the tree that is tested here, committed or not."""
    place = tmp_path_factory.mktemp("release") / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    git(place, "init", "--quiet")
    git(place, "add", "--all", "--force")
    git(place, "commit", "--quiet", "--message", "All of it")
    return place


@pytest.fixture(scope="module")
def first(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("first")
    done = build(clone(source, output / "clone"), output / "dist")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It is not signed. `make release RELEASE_KEY=FINGERPRINT` signs it" in done.stdout
    return output / "dist" / VERSION


@pytest.fixture
def release(first: Path, tmp_path: Path) -> Path:
    return shutil.copytree(first, tmp_path / "release")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main.cli, ["verify-release", *map(str, arguments)], catch_exceptions=True)


def good(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def refused(*arguments: object) -> errors.ReleaseRefusedError:
    result = run(*arguments)
    assert isinstance(result.exception, errors.ReleaseRefusedError), (result.output, result.exception)
    return result.exception


# The same everywhere


def test_two_clones_make_the_same_bytes_whatever_the_folder_time_zone_umask_and_settings(
    source: Path, first: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[core]\n\tautocrlf = true\n\tfsmonitor = false\n[tar]\n\tumask = 0077\n[user]\n\tname = Bob\n\temail = b@x.org\n"
    )
    place = tmp_path / "a folder" / "deeper" / "clone"
    clone(source, place)
    (place / "docs" / "x.pyc").write_bytes(b"ignored, and no part of the commit")
    (place / "src" / "council" / "__pycache__").mkdir()
    (place / "src" / "council" / "__pycache__" / "x.pyc").write_bytes(b"ignored")
    (place / ".git" / "info" / "exclude").write_text("*.pyc\n")
    for file in (place / "src").rglob("*.py"):
        file.chmod(0o600)
        os.utime(file, (1_000_000_000, 1_000_000_000))
    git(place, "config", "core.fileMode", "false")
    odd = {
        "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "GIT_CONFIG_GLOBAL": str(settings), "PYTHONHASHSEED": "7",
        "SOURCE_DATE_EPOCH": "1",
    }  # fmt: skip
    done = build(place, tmp_path / "other", umask=0o077, variables=odd)
    assert done.returncode == 0, done.stdout + done.stderr
    again = tmp_path / "other" / VERSION
    assert contents(again) == contents(first)
    assert set(contents(first)) == {
        WHEEL, folder.archive_name(VERSION), folder.bill_name(VERSION), folder.LOCK, folder.SUMS
    }  # fmt: skip
    assert {oct(file.stat().st_mode & 0o777) for file in again.iterdir()} == {"0o644"}


def test_a_second_run_leaves_the_same_and_another_commit_of_that_version_is_refused(
    source: Path, tmp_path: Path
) -> None:
    place = clone(source, tmp_path / "clone")
    assert build(place, tmp_path / "dist").returncode == 0
    before = contents(tmp_path / "dist" / VERSION)
    assert build(place, tmp_path / "dist").returncode == 0
    (place / "README.md").write_text("# Another\n")
    git(place, "commit", "--quiet", "--all", "--message", "Another")
    done = build(place, tmp_path / "dist")
    assert done.returncode == 1
    assert "holds another build of this version. Raise the version" in done.stderr
    assert contents(tmp_path / "dist" / VERSION) == before


def test_a_checkout_that_holds_what_no_commit_does_is_refused(source: Path, tmp_path: Path) -> None:
    place = clone(source, tmp_path / "clone")
    (place / "src" / "council" / "new.py").write_text("")
    (place / "README.md").write_text("")
    done = build(place, tmp_path / "dist")
    assert done.returncode == 1
    assert "?? src/council/new.py" in done.stderr
    assert "M README.md" in done.stderr
    assert "`git stash --include-untracked`" in done.stderr
    assert not (tmp_path / "dist").exists()


def test_a_builder_of_other_versions_than_the_lock_is_refused(source: Path, tmp_path: Path) -> None:
    place = clone(source, tmp_path / "clone")
    lock = place / "requirements-release.lock"
    lock.write_text(lock.read_text().replace("hatchling==", "hatchling==9"))
    git(place, "commit", "--quiet", "--all", "--message", "Another builder")
    done = build(place, tmp_path / "dist")
    assert done.returncode == 1
    assert "lacks hatchling==9" in done.stderr


def test_the_bill_of_materials_is_valid_cyclonedx(first: Path) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    text = (first / folder.bill_name(VERSION)).read_text()
    assert validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert not [one["name"] for one in bill["components"] if not one.get("licenses")]


# What is verified


def test_a_release_verifies_and_its_source_makes_the_same(first: Path, source: Path) -> None:
    told = good(first)
    assert "signature  not checked: there is none" in told
    assert "rebuild    not asked for" in told
    found = json.loads(good(first, "--source", source, "--python", sys.executable, "--json"))
    assert found["is_rebuilt"] is True
    assert found["commit"] == git(source, "rev-parse", "HEAD")


def slipped_in(release: Path) -> None:
    """Change the wheel as whoever makes releases could, so that all of it fits again."""
    read = packages.wheel_files((release / WHEEL).read_bytes())
    about = f"council_cloud-{VERSION}.dist-info"
    files = {name: content for name, content in read.items() if name != f"{about}/RECORD"}
    files["council/__main__.py"] += b"import this\n"
    record = made_release.recorded(files)[f"{made_release.ABOUT}/RECORD"]
    record = record.replace(made_release.ABOUT.encode(), about.encode())
    (release / WHEEL).write_bytes(made_release.wheel({**files, f"{about}/RECORD": record}))
    covered = {name: content for name, content in contents(release).items() if not name.startswith(folder.SUMS)}
    (release / folder.SUMS).write_bytes(made_release.sums(covered))


def test_what_was_slipped_into_the_wheel_is_found_by_building_it_again(release: Path, source: Path) -> None:
    slipped_in(release)
    good(release)
    told = refused(release, "--source", source, "--python", sys.executable)
    assert told.reason == folder.Reason.REBUILD_DIFFERS
    assert f"{WHEEL}: council/__main__.py differs in line" in told.message
    assert "'import this' instead of ''" in told.message


def test_a_source_that_is_not_the_release_s_is_refused(first: Path, source: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "--quiet")
    told = refused(first, "--source", tmp_path / "other")
    assert (told.reason, "lacks commit" in told.message) == (folder.Reason.SOURCE_LACKING, True)
    (tmp_path / "none").mkdir()
    assert isinstance(run(first, "--source", tmp_path / "none").exception, errors.InvalidRequestError)
    tagged = clone(source, tmp_path / "tagged")
    git(tagged, "commit", "--quiet", "--allow-empty", "--message", "Later")
    git(tagged, "tag", f"v{VERSION}")
    assert f"The tag v{VERSION} is on commit" in refused(first, "--source", tagged).message


def test_a_build_that_fails_says_nothing_about_the_release(first: Path, source: Path, tmp_path: Path) -> None:
    result = run(first, "--source", source, "--python", tmp_path / "gone")
    assert isinstance(result.exception, errors.SetupError)
    assert "Name another with --python" in result.exception.message


# Signed


@pytest.fixture(scope="module")
def ring() -> Iterator[gpg_ring.Gpg]:
    with gpg_ring.ring() as made:
        yield made


@dataclasses.dataclass(frozen=True)
class Keys:
    ann: str
    bob: str


@pytest.fixture(scope="module")
def keys(ring: gpg_ring.Gpg) -> Keys:
    return Keys(ring.key("ed25519", "sign"), ring.key("rsa3072", "sign"))


@pytest.fixture
def signed(release: Path, ring: gpg_ring.Gpg, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GNUPGHOME", str(ring.folder))
    raw = ring.run("--local-user", keys.ann, "--armor", "--detach-sign", stdin=(release / folder.SUMS).read_bytes())
    (release / folder.SIGNATURE).write_bytes(raw)
    return release


@needs_gpg
def test_a_release_is_signed_by_the_person_s_own_gpg(
    source: Path, first: Path, ring: gpg_ring.Gpg, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNUPGHOME", str(ring.folder))
    done = build(clone(source, tmp_path / "clone"), tmp_path / "dist", "--key", keys.ann)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not signed" not in done.stdout
    made = tmp_path / "dist" / VERSION
    assert f"signature  by {keys.ann}" in good(made, "--key", keys.ann.upper())
    made_files = contents(made)
    assert made_files.pop(folder.SIGNATURE).startswith(b"-----BEGIN PGP SIGNATURE-----")
    assert made_files == contents(first)
    assert "gpg did not sign" in build(tmp_path / "clone", tmp_path / "more", "--key", "0" * 40).stderr


@needs_gpg
def test_a_signature_counts_for_the_key_that_is_named_alone(signed: Path, ring: gpg_ring.Gpg, keys: Keys) -> None:
    assert "name whose it must be with --key" in good(signed)
    certificate = signed.parent / "ann.asc"
    certificate.write_bytes(ring.run("--armor", "--export", keys.ann))
    assert f"by {keys.ann}" in good(signed, "--key", certificate)
    told = refused(signed, "--key", keys.bob)
    assert (told.reason, keys.bob in told.message) == (folder.Reason.SIGNATURE_OF_ANOTHER, True)


@needs_gpg
def test_digests_that_were_changed_after_signing_are_refused(signed: Path, keys: Keys) -> None:
    slipped_in(signed)
    good(signed)
    assert refused(signed, "--key", keys.ann).reason == folder.Reason.SIGNATURE_WRONG


@needs_gpg
@pytest.mark.parametrize("raw", [b"", b"no signature", b"\x88"])
def test_what_is_no_signature_is_refused(signed: Path, keys: Keys, raw: bytes) -> None:
    (signed / folder.SIGNATURE).write_bytes(raw)
    assert refused(signed, "--key", keys.ann).reason == folder.Reason.SIGNATURE_WRONG


@needs_gpg
def test_a_key_that_nobody_has_is_a_wrong_request(signed: Path) -> None:
    assert isinstance(run(signed, "--key", "gone.asc").exception, errors.InvalidRequestError)
    assert isinstance(run(signed, "--key", "0" * 40).exception, errors.SetupError)


# Installed


def pip(*arguments: str) -> None:
    uv = shutil.which("uv")
    command = [uv, "pip"] if uv else [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True, capture_output=True, timeout=300)


def test_the_wheel_alone_put_into_a_folder_is_a_council_of_its_version(first: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    pip("install", "--no-index", "--no-deps", "--target", str(target), str(first / WHEEL))
    environment = {**os.environ, "PYTHONPATH": str(target)}
    for arguments, wanted in (
        (["-m", "council", "--version"], f"council, version {VERSION}"),
        (["-c", "import council; print(council.__file__)"], str(target / "council" / "__init__.py")),
        (
            ["-c", "from council import homes; print(sorted(homes.default_files()) > [])"],
            "True",
        ),
    ):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == wanted
