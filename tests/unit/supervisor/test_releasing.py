"""What cannot run twice comes to another release once that has proved itself, and stays where it is if it cannot."""

import asyncio
import contextlib
import dataclasses
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import generations_rig
import pinned_release
from council.domain import errors, release_pin
from council.domain import home as home_module
from council.releases import approvals, environments
from council.supervisor import specs

PIN = release_pin.Pin("2.0.0", "2" * 64, "/srv/2.0.0")
A, B = generations_rig.A, generations_rig.B


def single(home: home_module.Home, python: str) -> list[specs.ServiceSpec]:
    """Return two services of which no two can run, and one that can."""
    found = [generations_rig.spec(home, name, beside=name == "gateway") for name in ("patchctl", "steward", "gateway")]
    return [dataclasses.replace(one, argv=(python, *one.argv[1:])) for one in found]


@contextlib.asynccontextmanager
async def running(python: str) -> AsyncIterator[generations_rig.Rig]:
    """Yield a supervisor of which each generation but the live one runs by this Python."""
    homes: list[home_module.Home] = []

    def table(home: home_module.Home) -> list[specs.ServiceSpec]:
        homes.append(home)
        (home.generations / A).mkdir(parents=True)
        return single(home, sys.executable)

    async with generations_rig.running(table) as rig:
        rig.supervisor._releases._plan = lambda _: single(homes[0], python)
        yield rig


def other_python(folder: Path) -> str:
    """Return our own Python by another name."""
    made = folder / "python"
    made.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    made.chmod(0o755)
    return str(made)


def pids(rig: generations_rig.Rig) -> dict[str, int]:
    return {name: one.processes[0].pid for name, one in rig.supervisor.services.items()}


async def renewed(rig: generations_rig.Rig) -> None:
    await rig.do("renew", A)
    renewing = rig.supervisor._releases._renewing
    assert renewing is not None
    await renewing


async def test_each_of_which_no_two_can_run_starts_anew_patchctl_last_and_only_once(tmp_path: Path) -> None:
    async with running(other_python(tmp_path)) as rig:
        before = pids(rig)
        await renewed(rig)
        after = pids(rig)
        assert {name for name in before if before[name] != after[name]} == {"patchctl", "steward"}
        come = [line.split()[1] for line in rig.said if "comes to the release" in line]
        assert come == ["steward", "patchctl"]
        await renewed(rig)
        assert pids(rig) == after


async def test_one_that_does_not_get_ready_stays_with_the_release_it_had(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    async with running(str(broken)) as rig:
        await renewed(rig)
        assert all(
            one.spec.argv[0] == sys.executable and one.state.is_ready for one in rig.supervisor.services.values()
        )
        told = [line for line in rig.said if "stays with the release it had" in line]
        assert len(told) == 2
        # Not again and again: each time it would be away for a moment.
        before = pids(rig)
        await renewed(rig)
        assert pids(rig) == before


async def test_one_that_somebody_stopped_begins_with_the_release_and_not_before(tmp_path: Path) -> None:
    async with running(other_python(tmp_path)) as rig:
        await rig.supervisor.handle({"command": "stop", "service": "steward"})
        await renewed(rig)
        assert not rig.supervisor.services["steward"].processes
        assert rig.supervisor.services["steward"].spec.argv[0] != sys.executable


def noting(note: Path, status: int = 0) -> Callable[..., specs.ServiceSpec]:
    """Return in the migrator's place what notes by which Python it was asked for, and ends with that status."""
    program = f"import sys; open({str(note)!r}, 'a').write(sys.argv[1] + '\\n'); sys.exit({status})"
    return lambda _, python: specs.ServiceSpec("migrator", (sys.executable, "-c", program, python))


async def test_a_generation_without_a_pin_is_not_installed_and_the_records_come_to_its_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(specs, "migrator", noting(tmp_path / "note"))
    async with running(sys.executable) as rig:
        (rig.home.generations / B).mkdir()
        await rig.do("install", B)
        assert not rig.home.releases.exists()
        assert (tmp_path / "note").read_text() == f"{sys.executable}\n"
        await rig.do("install", B, returning=True)
        assert (tmp_path / "note").read_text() == f"{sys.executable}\n"


def pin(rig: generations_rig.Rig, *, approved: bool = True) -> None:
    """Have generation B pin a release."""
    (rig.home.generations / B).mkdir()
    (rig.home.generations / B / release_pin.FILE).write_bytes(pinned_release.text(PIN))
    if approved:
        rig.home.secrets.mkdir(exist_ok=True)
        approvals.approve(rig.home, PIN.digest, PIN.version)


async def test_a_return_is_not_kept_from_happening_by_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(specs, "migrator", noting(tmp_path / "note", status=1))
    async with running(sys.executable) as rig:
        pin(rig)
        python = environments.clear(rig.home, PIN.digest) / "bin" / "python"
        python.parent.mkdir()
        python.symlink_to(sys.executable)
        environments.stamp(rig.home, PIN)
        await rig.do("install", B, returning=True)
        assert not (tmp_path / "note").exists()
        with pytest.raises(errors.InstallError, match="migrator: "):
            await rig.do("install", B)


async def test_a_release_that_nobody_approved_on_this_machine_is_not_installed() -> None:
    async with running(sys.executable) as rig:
        pin(rig, approved=False)
        with pytest.raises(
            errors.InstallError, match=r"nobody has approved it .* `council approve-release /srv/2\.0\.0 --key"
        ):
            await rig.do("install", B)
        assert not rig.home.releases.exists()


async def test_what_cannot_be_removed_keeps_nobody_from_coming_to_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(39, "Directory not empty")

    async with running(other_python(tmp_path)) as rig:
        environments.clear(rig.home, "4" * 64)
        monkeypatch.setattr(environments, "remove", refused)
        before = pids(rig)
        await renewed(rig)
        assert {name for name, one in pids(rig).items() if before[name] != one} == {"patchctl", "steward"}


async def test_the_release_that_council_was_started_of_stays_though_no_generation_pins_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(sys.executable) as rig:
        own = environments.clear(rig.home, "4" * 64)
        monkeypatch.setenv(environments.OWN, str(own / "bin" / "python"))
        await renewed(rig)
        assert environments.there(rig.home) == {"4" * 64}


async def test_more_releases_than_are_allowed_are_not_installed() -> None:
    async with running(sys.executable) as rig:
        pin(rig)
        for number in range(3, 7):
            environments.clear(rig.home, f"{number}" * 64)
            pinned = release_pin.Pin(f"{number}.0.0", f"{number}" * 64, f"/srv/{number}.0.0")
            (rig.home.generations / (f"{number}" * 40)).mkdir()
            (rig.home.generations / (f"{number}" * 40) / release_pin.FILE).write_bytes(pinned_release.text(pinned))
        with pytest.raises(
            errors.InstallError, match=r"4 releases are installed, and `supervisor\.releases_max` allows 4"
        ):
            await rig.do("install", B)
        assert PIN.digest not in os.listdir(rig.home.releases)


async def test_once_a_release_serves_an_older_one_that_is_gone_is_to_be_approved_again() -> None:
    async with running(sys.executable) as rig:
        rig.home.secrets.mkdir(exist_ok=True)
        for digest, version in (("1" * 64, "1.0.0"), (PIN.digest, PIN.version), ("3" * 64, "3.0.0")):
            approvals.approve(rig.home, digest, version)
        (rig.home.generations / A / release_pin.FILE).write_bytes(pinned_release.text(PIN))
        await renewed(rig)
        assert approvals.approved(rig.home) == {PIN.digest, "3" * 64}


async def test_what_trials_have_left_makes_room_for_another_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        specs, "installer", lambda _: specs.ServiceSpec("installer", (sys.executable, "-c", "raise SystemExit(1)"))
    )
    async with running(sys.executable) as rig:
        pin(rig)
        for number in range(3, 7):
            environments.clear(rig.home, f"{number}" * 64)
        with pytest.raises(errors.InstallError, match="installer: "):
            await rig.do("install", B)
        assert not environments.there(rig.home)


async def test_an_installation_that_is_called_off_ends_its_process_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeping = specs.ServiceSpec("installer", (sys.executable, "-c", "import time; time.sleep(600)"))
    monkeypatch.setattr(specs, "installer", lambda _: sleeping)
    async with running(sys.executable) as rig:
        pin(rig)
        installing = asyncio.create_task(rig.do("install", B))
        async with asyncio.timeout(30):
            while not list(rig.supervisor._releases.processes()):
                await asyncio.sleep(0.01)
        await rig.do("discard", B)
        with pytest.raises(errors.InstallError, match="was called off"):
            await installing
        assert not list(rig.supervisor._releases.processes())
        (rig.home.generations / B / release_pin.FILE).unlink()
        await renewed(rig)
        assert not environments.there(rig.home)


async def test_a_release_that_could_tell_nobody_is_refused_where_somebody_is_to_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(specs, "migrator", noting(tmp_path / "note"))
    async with running(sys.executable) as rig:
        pin(rig)
        python = environments.clear(rig.home, PIN.digest) / "bin" / "python"
        python.parent.mkdir()
        python.symlink_to(sys.executable)
        environments.stamp(rig.home, PIN)
        rig.home.notify_addresses.mkdir()
        packages = environments.folder(rig.home, PIN.digest) / "lib" / "python3.11" / "site-packages"
        # A release from before it wrote to Slack by itself needs Apprise for that, too.
        rig.home.notify_address_file("team").write_text("https://hooks.slack.com/services/T0/B0/x\n")
        with pytest.raises(errors.InstallError, match="has not Apprise"):
            await rig.do("install", B)
        module = packages / "council" / "backends" / "notifier" / "slack.py"
        module.parent.mkdir(parents=True)
        module.touch()
        await rig.do("install", B)
        (tmp_path / "note").unlink()
        rig.home.notify_address_file("phone").write_text("json://localhost")
        with pytest.raises(errors.InstallError, match="has not Apprise"):
            await rig.do("install", B)
        assert not (tmp_path / "note").exists()
        (packages / "apprise").mkdir()
        await rig.do("install", B)
        assert (tmp_path / "note").exists()
