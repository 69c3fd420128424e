"""No attack gets through; and each is real: without a sandbox it works."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from council import ports
from council.domain import sandbox
from sandbox import attacks, attacks_result, programs
from sandbox import host as host_module

# What takes all that the machine has would hold up whatever runs beside it, and has to get as far as it can.
ALONE = frozenset({"cpu", "fork bombs", "memory bombs", "time"})


def each(among: Iterable[programs.Attack]) -> list[Any]:
    return [pytest.param(one, id=one.name, marks=[pytest.mark.alone] if one.kind in ALONE else []) for one in among]


def test_every_class_of_the_threat_model_has_attacks() -> None:
    assert {attack.kind for attack in attacks.ALL} == attacks.KINDS


def test_every_attack_has_a_name_of_its_own_and_says_why_where_it_cannot_be_shown() -> None:
    names = [attack.name for attack in attacks.ALL]
    assert len(set(names)) == len(names)
    shown_or_said = [attack.name for attack in attacks.ALL if attack.bites is False and not attack.why_not]
    assert not shown_or_said


@pytest.fixture
def account() -> Iterator[int | None]:
    """The user that bare programs run as: one that nothing else uses, where we can choose."""
    number = host_module.bare_account()
    yield number
    host_module.end_all_of(number, [])
    host_module.clean_up(number)


@pytest.fixture
def bare_folder(account: int | None) -> Iterator[Path]:
    with host_module.open_folder("council-bare-") as folder:
        yield folder


@pytest.mark.parametrize("attack", each(one for one in attacks.ALL if one.bites is not False))
def test_each_attack_works_without_a_sandbox(
    attack: programs.Attack, account: int | None, host: host_module.Host, bare_folder: Path
) -> None:
    if attack.alone and account is None:
        pytest.skip(f"{attack.name}: it would end all that this user runs; as root it is shown as a user of its own")
    host.patience_s = 0.0
    result = host_module.bare(attack.job(host.words), account, bare_folder)
    won = b"BREACH" in result.stdout or bool(attack.judge and attack.judge(result, host))
    host_module.end_all_of(account, host.survivors())
    if attack.bites is None and not won:
        print(f"{attack.name}: this machine does not let an ordinary user do it: {result.stdout[:200]!r}")
        return
    assert won, (result.stdout[:2000], result.stderr[-2000:])


@pytest.mark.parametrize("attack", each(attacks.ALL))
async def test_no_attack_gets_through(
    attack: programs.Attack, runner: ports.SandboxRunner, host: host_module.Host
) -> None:
    result = await runner.run(attack.job(host.words))
    told = (result.status, result.limit, result.signal, result.stdout[:1000], result.stderr[-1000:])
    assert result.status is not sandbox.Status.REJECTED, told
    assert b"BREACH" not in result.stdout, told
    assert attack.may_die or b"HELD" in result.stdout, told
    # In a thread: some judges wait a moment, and the listeners' threads must run.
    assert not (attack.judge and await asyncio.to_thread(attack.judge, result, host)), (
        attack.judge(result, host), told)  # fmt: skip
    assert not host.harm()
    assert not host.survivors()


@pytest.mark.alone
async def test_after_every_attack_an_ordinary_job_still_runs(runner: ports.SandboxRunner) -> None:
    for name in ("signals: to every process", "fork bombs: fork", "spoofing: closing every descriptor"):
        attack = next(attack for attack in attacks.ALL if attack.name == name)
        await runner.run(attack.job({}))
        result = await runner.run(sandbox.Job("python", "print(6 * 7)", limits=programs.LIMITS))
        assert (result.status, result.stdout) == (sandbox.Status.OK, b"42\n"), name


# Bleeding


@pytest.mark.parametrize(
    "bleed", [one for one in attacks_result.BLEEDS if one.bites is not False], ids=lambda one: one.name
)
def test_each_thing_left_is_found_without_a_sandbox(
    bleed: programs.Bleed, account: int | None, bare_folder: Path
) -> None:
    for code in (bleed.leave, bleed.find):
        result = host_module.bare(sandbox.Job("python", code, limits=programs.LIMITS), account, bare_folder)
    if bleed.bites is None and b"BREACH" not in result.stdout:
        print(f"{bleed.name}: nothing is left on this machine: {result.stdout!r}")
        return
    assert b"BREACH" in result.stdout, result


@pytest.mark.parametrize("bleed", attacks_result.BLEEDS, ids=lambda one: one.name)
async def test_nothing_of_one_job_is_found_by_the_next(bleed: programs.Bleed, runner: ports.SandboxRunner) -> None:
    await runner.run(sandbox.Job("python", bleed.leave, limits=programs.LIMITS))
    result = await runner.run(sandbox.Job("python", bleed.find, limits=programs.LIMITS))
    assert b"BREACH" not in result.stdout
    assert b"HELD" in result.stdout, result


async def test_two_jobs_draw_different_random_numbers(runner: ports.SandboxRunner) -> None:
    for code in (attacks_result.RANDOM, attacks_result.RANDOM + attacks_result.RANDOM_NUMPY):
        jobs = [await runner.run(sandbox.Job("python", code, limits=programs.LIMITS)) for _ in range(2)]
        words = [set(job.stdout.split()) for job in jobs]
        assert all(words)
        assert not words[0] & words[1]


async def test_a_job_does_not_see_the_one_beside_it(runner: ports.SandboxRunner) -> None:
    stay, look = await asyncio.gather(
        runner.run(sandbox.Job("python", attacks_result.BESIDE_STAY, limits=programs.LIMITS)),
        runner.run(sandbox.Job("python", attacks_result.BESIDE_LOOK, limits=programs.LIMITS)),
    )
    assert stay.exit_code == 0
    assert b"HELD" in look.stdout, look


@pytest.mark.parametrize("name", attacks_result.NAMES)
async def test_a_name_that_leads_out_brings_nothing_back(name: str, runner: ports.SandboxRunner) -> None:
    job = sandbox.Job("python", 'open("out", "w").write("x")', collect=(name,), limits=programs.LIMITS)
    result = await runner.run(job)
    assert not result.files
    assert list(result.not_collected) == [name]
    assert result.not_collected[name]


def test_no_attack_runs_bare_as_root() -> None:
    assert (host_module.bare_account() or os.getuid()) != 0
