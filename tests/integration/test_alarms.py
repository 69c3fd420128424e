"""What lasts is shown on a real local forge by one pull request with its evidence, which is closed when it is over."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

import archive_rig
import observer_rig
from council.domain import evidence, forge, gates, snapshots
from council.testing import watch
from council.upkeep.observer import alarms, archive, archiving, escalating, showing

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="not installed: git")
GREEN, RED, UNKNOWN = gates.Verdict.GREEN, gates.Verdict.RED, gates.Verdict.UNKNOWN
NOW_S = observer_rig.NOW_S


class House(archive_rig.House):
    """Has an archive, and shows alarms."""

    def begin_anew(self) -> None:
        super().begin_anew()
        parts = archive.Parts(self.forge, self.incidents, self.records_killed, lambda: self.settings, self.clock)  # type: ignore[arg-type]
        self.showing = showing.Showing(parts, self.watch)

    def says(self, verdict: gates.Verdict, since_s: float = NOW_S - 2400) -> None:
        one = dataclasses.replace(watch.line("latency_p95", verdict, 1200.0), since_s=since_s)
        self.watch.seen = dataclasses.replace(self.watch.seen, gates=(one,))

    async def escalated(self) -> None:
        """Have the observer look, and the watcher deliver what it told."""
        await self.observer.look()
        for _, parcels in self.kept.told.values():
            self.incidents.save([], parcels)

    async def shown(self) -> list[forge.PullState]:
        return [one.state for one in await self.there.pulls(None)]


@pytest.fixture
async def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    await made.begin()
    words = archive_rig.WORDS
    await made.there.branch(archiving.BRANCH, "", {archiving.README: forge.File(archiving.readme(()))}, words)
    return made


async def test_a_gate_that_was_escalated_is_shown_once_while_it_is_red(house: House) -> None:
    main = await house.there.head()
    house.says(RED)
    await house.showing.turn()
    assert await house.shown() == []
    await house.escalated()
    for step in ("branch", "open_pull"):
        house.forge.after = [step]
        with pytest.raises(archive_rig.KilledError):
            await house.showing.turn()
        house.begin_anew()
    await house.showing.turn()
    [pull] = await house.there.pulls()
    assert (pull.base, pull.title) == (archiving.BRANCH, "Red: latency_p95") and "Red for 40 min" in pull.body
    before, after = await house.there.files(archiving.BRANCH), await house.there.files(pull.head)
    [path] = after.keys() - before.keys()
    told = json.loads((await house.there.file(path, pull.head)).content)
    assert json.loads(told["evidence"])["gates"][0]["name"] == "latency_p95" and archiving.strangers(after) == []
    for verdict in (UNKNOWN, gates.Verdict.AMBER, RED):
        house.says(verdict)
        await house.showing.turn()
    house.watch.away = True
    await house.showing.turn()
    house.watch.away = False
    assert await house.shown() == [forge.PullState.OPEN]
    house.says(GREEN)
    house.forge.after = ["close_pull"]
    with pytest.raises(archive_rig.KilledError):
        await house.showing.turn()
    house.begin_anew()
    await house.showing.turn()
    house.says(RED)
    await house.showing.turn()
    assert await house.shown() == [forge.PullState.CLOSED] and await house.there.head() == main
    assert [one.body for one in await house.there.comments(pull.number)] == ["It is over."]


async def test_another_stretch_is_another_alarm(house: House) -> None:
    house.says(RED)
    await house.escalated()
    await house.showing.turn()
    house.clock.advance(7200)
    house.says(RED, NOW_S + 3600)
    await house.escalated()
    await house.showing.turn()
    assert await house.shown() == [forge.PullState.OPEN, forge.PullState.CLOSED]


async def test_one_that_somebody_closed_stays_closed(house: House) -> None:
    house.says(RED)
    await house.escalated()
    await house.showing.turn()
    [pull] = await house.there.pulls()
    await house.there.close_pull(pull.number)
    await house.showing.turn()
    assert await house.shown() == [forge.PullState.CLOSED]


def ticks(*values: float) -> list[snapshots.Snapshot]:
    """Return snapshots of ticks, newest first; the first value was an anomaly beyond 20 to 40."""
    found = []
    for place, value in enumerate(values):
        at_s = NOW_S + 900 * place
        fact = evidence.Fact("open_fds_total svc=gateway", value, "", "q", observer_rig.SPAN)
        odd = [snapshots.Anomaly("open_fds_total", "gateway", "", at_s - 30, value, 0.999, 20.0, 40.0)]
        found.append(observer_rig.snapshot(at_s, metrics=[fact], anomalies=[] if place else odd))
    return found[::-1]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((90.0,), 0),
        ((90.0, 91.0), 0),
        ((90.0, 91.0, 92.0), 1),
        ((90.0, 30.0, 92.0), 0),
        ((90.0, 10.0, 10.0), 0),
        ((10.0, 9.0, 9.0), 1),
        ((90.0, *[91.0] * 97), 0),
    ],
)
def test_a_series_that_stays_beyond_what_was_expected_is_an_alarm(values: tuple[float, ...], named: int) -> None:
    found = alarms.odd(ticks(*values), 1800.0)
    names = [f"odd:open_fds_total svc=gateway:{int(NOW_S - 30)}"][:named]
    assert [one.name for one in found] == names


async def test_a_series_that_stays_unlike_itself_is_shown_until_it_no_longer_is(house: House) -> None:
    house.says(GREEN)
    house.kept.kept.clear()
    for one in ticks(90.0, 91.0, 92.0):
        house.kept.keep(one, {})
    for _ in range(2):
        await house.showing.turn()
    [pull] = await house.there.pulls()
    assert pull.title == "Not as expected: open_fds_total svc=gateway"
    house.kept.keep(ticks(90.0, 91.0, 92.0, 30.0)[0], {})
    await house.showing.turn()
    assert await house.shown() == [forge.PullState.CLOSED]


def test_what_others_wrote_is_no_markup_and_what_looks_like_a_secret_is_masked() -> None:
    secret = "ghp_" + "a1" * 18
    one = alarms.Alarm("escalated:x:1", "Red: x", f"# [a](b)\n@everyone {secret}", json.dumps({"said": secret}))
    assert all(line.startswith("    ") for line in one.body.splitlines()[2:])
    [(path, file)] = one.files.items()
    assert file is not None and secret.encode() not in file.content and secret not in one.body
    assert archiving.strangers([path]) == [] and alarms.branch(one.name).startswith("observer-alarm-escalated-x-1-")


def test_evidence_that_is_too_large_is_left_out() -> None:
    one = alarms.Alarm("escalated:x:1", "Red: x", "text", "x" * alarms.CONTENT_BYTES_MAX)
    [file] = one.files.values()
    assert file is not None and json.loads(file.content)["evidence"] == ""


def test_names_that_differ_have_branches_that_differ() -> None:
    assert alarms.branch("odd:a b:1") != alarms.branch("odd:a-b:1")
    assert alarms.gate_goes_on(f"{escalating.PREFIX}x:1", ()) is False
