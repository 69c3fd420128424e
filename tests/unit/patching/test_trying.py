"""What is said of a generation that runs: nothing where all is well, and else what is wrong, missing, or of another one."""

import asyncio
import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest
import yaml

from council.domain import baking, errors, gates_file, watching
from council.patching import trying

SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config" / "gates.yaml").read_text())
GATES = [one for one in gates_file.build(SHIPPED, SHIPPED) if one.name != "gpu_memory"]
OLD, NEW = "a" * 40, "b" * 40
QUESTIONS = [baking.Question("arithmetic", f"What is 2 + {number}?", str(2 + number)) for number in range(24)]
LIVE_SERVICES = ("gateway", "recall", "watcher")
pytestmark = pytest.mark.virtual_time
PACE = trying.Pace(bake_s=0.3, every_s=0.03, doubt_s=0.6, again_s=0.05)


# What each service uses of both generations; the patch touched the gateway and recall.
INPUTS = {
    OLD: {"gateway": "g1", "recall": "r1", "watcher": "w"},
    NEW: {"gateway": "g2", "recall": "r2", "watcher": "w"},
}


def text(service: str, generation: str, **figures: float) -> str:
    told = {
        "open_fds_total": 40, "fd_soft_limit": 1024, "council_process_memory_bytes": 3e8, "council_users_in_flight": 2,
        "council_disk_used_bytes": 4e10, "council_disk_size_bytes": 1e11, **figures,
    }  # fmt: skip
    lines = [f'{name}{{svc="{service}"}} {value}' for name, value in told.items()]
    lines.append(f'council_inputs_info{{svc="{service}",digest="{INPUTS[generation][service]}"}} 1')
    return "\n".join([*lines, f'council_generation_info{{svc="{service}",generation="{generation}"}} 1'])


@dataclasses.dataclass
class House:
    """Two generations: what each service tells by its URL, and how each gateway answers."""

    told: dict[str, str] = dataclasses.field(default_factory=dict)
    answers: dict[str, baking.Answer] = dataclasses.field(default_factory=dict)
    asked: int = 0

    def __post_init__(self) -> None:
        self.told |= {f"live/{name}": text(name, OLD) for name in LIVE_SERVICES}
        self.told |= {f"beside/{name}": text(name, NEW) for name in ("gateway", "recall")}
        for place, generation in (("live", OLD), ("beside", NEW)):
            self.answers[place] = baking.Answer(generation, baking.Ending.ANSWERED, 0.05, 20, calls=2, right=True)

    async def scrape(self, target: watching.Target) -> str:
        if target.url not in self.told:
            raise errors.ScrapeError("it cannot be reached")
        return self.told[target.url]

    async def close(self) -> None:
        return

    def place(self, where: str, own: Collection[str]) -> trying.Place:
        house = self

        class Trier:
            async def ask(self, _: baking.Question) -> baking.Answer:
                house.asked += 1
                await asyncio.sleep(house.answers[where].latency_s)
                return house.answers[where]

            async def close(self) -> None:
                return

        targets = [watching.Target(name, f"{where if name in own else 'live'}/{name}") for name in LIVE_SERVICES]
        return trying.Place(Trier(), targets, frozenset(own))

    def examiner(
        self, questions: Sequence[baking.Question] = QUESTIONS, bake_s: float = PACE.bake_s
    ) -> trying.Examiner:
        return trying.Examiner(
            GATES,
            questions,
            baking.Margins(),
            self,
            lambda: self.place("live", LIVE_SERVICES),
            lambda services: self.place("beside", services),
            lambda generation, services: {name: INPUTS[generation][name] for name in services},
            asyncio.get_running_loop().time,
            dataclasses.replace(PACE, bake_s=bake_s),
        )

    def switch(self) -> None:
        """The new generation serves, and what it shares has its name."""
        self.told |= {f"live/{name}": text(name, NEW) for name in LIVE_SERVICES}
        self.answers["live"] = self.answers["beside"]


@pytest.fixture
def house() -> House:
    return House()


async def test_a_good_generation_passes_beside_and_live_and_both_are_asked_the_same(house: House) -> None:
    assert await house.examiner().examine(OLD, NEW, ["gateway", "recall"]) == ""
    assert house.asked == 2 * len(QUESTIONS)
    house.switch()
    assert await house.examiner().bake(OLD, NEW) == ""


BAD = {
    "wrong answers": ({"right": False}, "0.0 % right, 100.0 % by the live generation"),
    "slow answers": ({"latency_s": 1.4}, "latency_p95 is red"),
    "errors": ({"ending": baking.Ending.ERROR}, "error_rate is red"),
    "another generation answers": ({"generation": OLD}, "is unknown: a request was answered by generation aaaa"),
    "long answers": ({"text_bytes": 20_000}, "response_size is red"),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_is_wrong_beside_the_live_one_is_named(house: House, case: str) -> None:
    changed, said = BAD[case]
    house.answers["beside"] = dataclasses.replace(house.answers["beside"], **changed)  # type: ignore[arg-type]
    assert said in await house.examiner().examine(OLD, NEW, ["gateway", "recall"])


SLOW_S = 0.9


def _both(house: House, **changed: object) -> None:
    for where in ("live", "beside"):
        house.answers[where] = dataclasses.replace(house.answers[where], **changed)  # type: ignore[arg-type]


async def test_where_what_serves_does_as_badly_both_are_asked_once_more(house: House) -> None:
    _both(house, latency_s=SLOW_S)
    found = await house.examiner().examine(OLD, NEW, ["gateway", "recall"])
    assert found.startswith("latency_p95 is amber: 900 ms") and found.endswith("when the machine is less busy")
    assert house.asked == 4 * len(QUESTIONS)


async def test_a_machine_that_was_busy_for_a_moment_has_no_patch_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _both(house, latency_s=SLOW_S)
    asked = [0]
    look = trying.Examiner.look

    async def looked(examiner: trying.Examiner, base: str) -> baking.Trial:
        asked[0] += 1
        if asked[0] == 2:
            _both(house, latency_s=0.05)
        return await look(examiner, base)

    monkeypatch.setattr(trying.Examiner, "look", looked)
    assert await house.examiner().examine(OLD, NEW, ["gateway", "recall"]) == "" and asked == [2]


async def test_what_the_new_generation_alone_does_badly_is_asked_for_once(house: House) -> None:
    house.answers["beside"] = dataclasses.replace(house.answers["beside"], latency_s=SLOW_S)
    found = await house.examiner().examine(OLD, NEW, ["gateway", "recall"])
    assert "latency_p95 is amber" in found and "less busy" not in found and house.asked == 2 * len(QUESTIONS)
    # As is what both do, where it does something else badly besides, and what the live one cannot be asked any more.
    _both(house, latency_s=SLOW_S)
    house.answers["beside"] = dataclasses.replace(house.answers["beside"], right=False)
    assert "less busy" not in await house.examiner().examine(OLD, NEW, ["gateway", "recall"])
    _both(house, latency_s=SLOW_S, right=True)
    seen, house.asked = await house.examiner().look(OLD), 0
    await house.examiner().examine(OLD, NEW, ["gateway", "recall"], seen)
    assert house.asked == len(QUESTIONS)


async def test_a_service_that_cannot_be_read_or_is_of_another_generation_passes_nothing(house: House) -> None:
    del house.told["beside/recall"]
    assert "is unknown" in await house.examiner().examine(OLD, NEW, ["gateway", "recall"])
    house.told["beside/recall"] = text("recall", OLD)
    found = await house.examiner().examine(OLD, NEW, ["gateway", "recall"])
    assert found.count("recall runs another generation than the one that is tried") == len(GATES)


async def test_a_service_that_both_share_need_not_be_of_the_tried_one_until_that_serves(house: House) -> None:
    house.switch()
    house.told["live/watcher"] = text("watcher", OLD)
    assert "watcher runs another generation" in await house.examiner().bake(OLD, NEW)


async def test_what_each_service_uses_is_looked_up_before_the_time_of_a_bake_begins(house: House) -> None:
    house.switch()
    order: list[str] = []
    examiner = house.examiner()
    look, now = examiner._inputs, examiner._now
    examiner._inputs = lambda generation, services: (order.append("look"), look(generation, services))[1]
    examiner._now = lambda: (order.append("clock"), now())[1]
    assert await examiner.bake(OLD, NEW) == ""
    assert order[0] == "look" and order.count("look") == 1


async def test_a_service_that_has_the_name_of_the_tried_one_and_began_with_other_files_passes_nothing(
    house: House,
) -> None:
    house.switch()
    house.told["live/recall"] = text("recall", NEW).replace('digest="r2"', 'digest="r1"')
    found = await house.examiner().bake(OLD, NEW)
    assert found.count("recall began with the files of another generation") == len(GATES)


async def test_a_service_that_both_share_must_have_begun_with_what_the_tried_one_has_for_it(house: House) -> None:
    house.told["live/watcher"] = text("watcher", OLD).replace('digest="w"', 'digest="older"')
    found = await house.examiner().examine(OLD, NEW, ["gateway", "recall"])
    assert found.count("watcher began with the files of another generation") == len(GATES)
    house.told["live/watcher"] = "\n".join(
        line for line in text("watcher", OLD).splitlines() if not line.startswith("council_inputs_info")
    )
    assert "watcher does not say" in await house.examiner().examine(OLD, NEW, ["gateway", "recall"])


async def test_a_full_disk_is_red_though_it_is_the_live_watcher_that_tells(house: House) -> None:
    house.told["live/watcher"] = text("watcher", OLD, council_disk_used_bytes=9e10)
    assert "disk_usage is red" in await house.examiner().examine(OLD, NEW, ["gateway", "recall"])


async def test_a_bake_ends_as_soon_as_a_gate_is_red(house: House) -> None:
    house.switch()
    house.answers["live"] = dataclasses.replace(house.answers["live"], ending=baking.Ending.TIMEOUT)
    assert "error_rate is red: 100 %" in await house.examiner().bake(OLD, NEW)
    assert house.asked <= len(QUESTIONS)


async def test_a_bake_of_a_service_that_hangs_and_tells_nothing_ends_by_its_answers(house: House) -> None:
    house.switch()
    house.answers["live"] = dataclasses.replace(house.answers["live"], ending=baking.Ending.TIMEOUT)
    del house.told["live/gateway"]
    assert "error_rate is red: so the answers alone say" in await house.examiner().bake(OLD, NEW)
    assert house.asked <= len(QUESTIONS)


async def test_a_bake_waits_for_one_answer_of_a_model_that_hangs_before_it_looks_again(house: House) -> None:
    house.switch()
    house.answers["live"] = dataclasses.replace(house.answers["live"], ending=baking.Ending.TIMEOUT)
    for_model = [baking.Question("general", f"Say {number} words.") for number in range(8)]
    needed = next(one.bake.samples_min for one in GATES if one.name == "error_rate")
    assert "error_rate is red" in await house.examiner(for_model).bake(OLD, NEW)
    assert house.asked == needed


class Stopping:
    """Asks a generation: after many good answers come some that failed, and good ones after these."""

    def __init__(self, house: House, ending: baking.Ending, failed: int) -> None:
        good = house.answers["live"]
        bad = dataclasses.replace(good, ending=ending)
        self.answers = [[good] * 400 + [bad], *[[bad]] * (failed - 1), [good]]

    async def ask_all(self, *_: object) -> list[baking.Answer]:
        return self.answers.pop(0)


async def test_a_service_that_stops_after_many_good_answers_is_red_by_its_last_ones(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.switch()
    needed = int(next(one.bake.samples_min for one in GATES if one.name == "error_rate"))
    asking = Stopping(house, baking.Ending.TIMEOUT, needed)
    monkeypatch.setattr(trying.asking, "ask_all", asking.ask_all)
    # Its time is over with the first answers, so it could end there, with a single one that failed.
    found = await house.examiner(QUESTIONS[:1], bake_s=0.0).bake(OLD, NEW)
    assert found == f"error_rate is red: the last {needed} requests failed" and len(asking.answers) == 1


async def test_a_few_requests_that_failed_at_the_end_of_a_bake_are_few_of_many(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.switch()
    asking = Stopping(house, baking.Ending.ERROR, 3)
    monkeypatch.setattr(trying.asking, "ask_all", asking.ask_all)
    assert "error_rate" not in await house.examiner(QUESTIONS[:1], bake_s=0.0).bake(OLD, NEW)
    assert asking.answers == []


async def test_a_bake_goes_on_for_its_time(house: House) -> None:
    house.switch()
    began_s = asyncio.get_running_loop().time()
    assert await house.examiner(bake_s=2 * PACE.bake_s).bake(OLD, NEW) == ""
    assert asyncio.get_running_loop().time() - began_s >= 2 * PACE.bake_s
    assert house.asked > len(QUESTIONS)


class Crowd:
    """Somebody's requests, unmarked, of which so many fail: counted at each reading, 20 a reading or `step`, `most` at most."""

    def __init__(self, house: House, failing: float, step: float = 20, most: float = 1e9):
        self._house, self._failing, self._count = house, failing, 0.0
        self._step, self._most = step, most

    async def scrape(self, target: watching.Target) -> str:
        told = await self._house.scrape(target)
        if target.service != "gateway":
            return told
        count = self.count()
        failed = self._failing * count
        lines = [told, *(_exchanges(one, count) for one, count in (("ok", count - failed), ("error", failed)))]
        return "\n".join(lines)

    def count(self) -> float:
        seen = self._count
        self._count = min(self._most, seen + self._step)
        return seen

    async def close(self) -> None:
        return


def _exchanges(outcome: str, count: float) -> str:
    return f'council_exchanges_total{{svc="gateway",outcome="{outcome}"}} {count}'


def _watched(house: House, failing: float, step: float = 20, most: float = 1e9) -> trying.Examiner:
    house.switch()
    return trying.Examiner(
        GATES,
        QUESTIONS,
        baking.Margins(),
        Crowd(house, failing, step, most),
        lambda: house.place("live", LIVE_SERVICES),
        lambda services: house.place("beside", services),
        lambda generation, services: {name: INPUTS[generation][name] for name in services},
        asyncio.get_running_loop().time,
        PACE,
    )


async def test_what_fails_for_everybody_and_for_no_marked_request_ends_a_bake(house: House) -> None:
    told = await _watched(house, 0.5).bake(OLD, NEW)
    assert told.startswith("error_rate is red of all requests since the switch: "), told


async def test_what_seldom_fails_for_others_lets_a_bake_go_on(house: House) -> None:
    assert await _watched(house, 0.01).bake(OLD, NEW) == ""


async def test_of_few_requests_of_others_as_many_that_failed_as_are_surely_too_many_end_a_bake(house: House) -> None:
    told = await _watched(house, 0.25, step=4, most=16).bake(OLD, NEW)
    assert told == "error_rate is red of all requests since the switch: 25 %, must be < 5"


@pytest.mark.parametrize(("failing", "most"), [(0.0, 16.0), (0.04, 24.0)])
async def test_of_few_requests_of_others_of_which_few_failed_nothing_is_said(
    house: House, failing: float, most: float
) -> None:
    began_s = asyncio.get_running_loop().time()
    assert await _watched(house, failing, step=1, most=most).bake(OLD, NEW) == ""
    assert asyncio.get_running_loop().time() - began_s < PACE.bake_s + PACE.doubt_s


async def test_a_bake_goes_on_where_too_few_requests_of_others_failed_to_be_sure_but_not_for_ever(house: House) -> None:
    began_s = asyncio.get_running_loop().time()
    assert await _watched(house, 0.25, step=1, most=12).bake(OLD, NEW) == ""
    assert asyncio.get_running_loop().time() - began_s >= PACE.bake_s + PACE.doubt_s


async def test_a_bake_that_goes_on_sees_what_seldom_comes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    began_s = asyncio.get_running_loop().time()
    # The fourth fails once the bake's own time is over.
    monkeypatch.setattr(Crowd, "count", lambda _: 12 * (asyncio.get_running_loop().time() - began_s) / PACE.bake_s)
    assert "red of all requests" in await _watched(house, 0.25).bake(OLD, NEW)
    assert asyncio.get_running_loop().time() - began_s >= PACE.bake_s


async def test_before_a_bake_goes_on_what_serves_is_given_time_to_come_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.switch()
    monkeypatch.setattr(trying, "_SETTLE_S", 60.0)
    away = {name: house.told.pop(name) for name in ("live/recall", "live/watcher")}
    good = house.answers["live"]
    settling = asyncio.create_task(house.examiner().settle())
    house.answers["live"] = dataclasses.replace(good, ending=baking.Ending.ERROR)
    await asyncio.sleep(5 * PACE.every_s)
    assert not settling.done() and house.asked == 0
    house.told |= away
    while house.asked < len(QUESTIONS):
        await asyncio.sleep(PACE.every_s)
    assert not settling.done()
    house.answers["live"] = good
    await settling


async def test_what_does_not_come_up_is_not_waited_for_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.switch()
    monkeypatch.setattr(trying, "_SETTLE_S", 0.1)
    del house.told["live/gateway"]
    await house.examiner().settle()
    assert house.asked == 0
