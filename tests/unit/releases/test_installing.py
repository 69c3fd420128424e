import dataclasses
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pinned_release
from council.domain import errors
from council.releases import folder, installing


def test_the_release_that_is_pinned_is_held_as_it_was_verified(tmp_path: Path) -> None:
    pin = pinned_release.write(tmp_path / "r", "2.0.0", "1" * 64)
    checked = installing.check(pin, 0.0)
    (tmp_path / "r" / folder.LOCK).write_text("evil\n")
    assert checked.release.version == "2.0.0" and b"toylib==1.0" in checked.release.lock


def test_another_release_in_the_folder_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    pin = pinned_release.write(tmp_path / "r", "2.0.0", "1" * 64)
    with pytest.raises(errors.ReleaseRefusedError, match=r"and 5555555555555555\.\.\. is pinned") as caught:
        installing.check(dataclasses.replace(pin, digest="5" * 64), 0.0)
    assert caught.value.reason == "digest_wrong"
    with pytest.raises(errors.ReleaseRefusedError, match=r"of version 2\.0\.0, and 2\.0\.1 is pinned"):
        installing.check(dataclasses.replace(pin, version="2.0.1"), 0.0)


def test_a_release_that_is_not_as_its_digests_say_is_refused_though_they_are_pinned(tmp_path: Path) -> None:
    pin = pinned_release.write(tmp_path / "r", "2.0.0", "1" * 64)
    (tmp_path / "r" / folder.LOCK).write_text("evil\n")
    with pytest.raises(errors.ReleaseRefusedError, match=r"Not as SHA256SUMS says: requirements\.lock"):
        installing.check(pin, 0.0)


@pytest.mark.parametrize(
    ("wanted", "have"), [(">=3.11", "3.11.0"), (">=3.11,<3.15", "3.14.2"), (">=3.11", "3.15.0rc1")]
)
def test_a_python_among_those_that_it_is_for_fits(wanted: str, have: str) -> None:
    installing.check_python(wanted, have)


def test_another_python_is_named_with_what_to_do() -> None:
    with pytest.raises(errors.SetupError, match=r"for Python >=3\.12, and this is 3\.11\.7\. Start Council with"):
        installing.check_python(">=3.12", "3.11.7")
    with pytest.raises(errors.ReleaseRefusedError, match="for a Python 'new'"):
        installing.check_python("new", "3.11.7")


def test_a_disk_without_room_is_named_with_what_to_do(tmp_path: Path) -> None:
    installing.check_room(tmp_path, 1)
    with pytest.raises(errors.SetupError, match=r"MiB free.*needs 1099511627776.*kept_generations"):
        installing.check_room(tmp_path, 1 << 60)


def test_what_pip_says_of_why_is_told_in_one_line() -> None:
    said = "Looking in links: /x\nERROR: No matching\n  distribution\n" + "x" * 5000
    with pytest.raises(
        errors.SetupError, match=r"its wheel cannot be installed\. .* It said: No matching distribution x"
    ):
        installing._failed("its wheel cannot be installed", said)
    with pytest.raises(errors.SetupError) as caught:
        installing._failed("it does not start", said * 3)
    assert len(caught.value.message) < 800 and "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("PIP_PROXY", "http://ann:s3cret@:9x/"),
        ("HTTPS_PROXY", "http://ann:s3#cret@proxy:3128"),
        ("https_proxy", "ann:s3cret@proxy:3128"),
        ("PIP_EXTRA_INDEX_URL", "https://one/simple https://ann:s3/c@ret@index/simple"),
    ],
)
def test_no_password_of_pips_settings_is_told_on(name: str, address: str) -> None:
    said = f"ERROR: Could not install packages: Failed to parse: {address} in {address}"
    told = installing._without_secrets(said, {name: address})
    assert "cret" not in told and "ann" not in told and "****" in told and "Could not install packages" in told


def test_no_password_of_an_address_is_told_on_wherever_pip_has_it_from() -> None:
    told = installing._without_secrets(
        "Failed to parse: 'http://ann:s3cret@:9x/' of https://index.example.org/simple", {}
    )
    assert told == "Failed to parse: 'http://****@:9x/' of https://index.example.org/simple"


def test_what_it_runs_ends_with_it_though_it_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    inner = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid()) + '.'); time.sleep(600)"
    outer = "import os, sys; from council.releases import installing as one; "
    outer += f"one._run((sys.executable, '-c', {inner!r}), os.environ, '')"
    with subprocess.Popen([sys.executable, "-c", outer]) as installer:
        while not (note.exists() and note.read_text().endswith(".")):
            assert installer.poll() is None
            time.sleep(0.01)
        pid = os.pidfd_open(int(note.read_text().rstrip(".")))
        installer.kill()
    try:
        assert select.select([pid], [], [], 10.0)[0], "what it ran goes on"
    finally:
        os.close(pid)
