"""Looks at generations that run, as `hands.Judges`: marked questions, readings of services meanwhile, and a verdict.

Only green passes. What cannot be seen is unknown, and so does not pass. A service that both generations share is read for the
figures of the machine and of itself; which generation it tells of does not matter until the tried one serves, but it must have
begun with what that one has for it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from council import care_ports
from council.domain import baking, errors, gates, watching
from council.upkeep.gates import bake, embedded
from council.upkeep.patchctl import asking
from council.upkeep.samples import exposition, recent

_SERIES_MAX = 20_000
_KEEP_S = 3600.0
# The promise of repair is 90 s, and a bake that goes on may yet find what it looks for.
_SETTLE_S = 30.0
# Gauges are judged by this many readings at least, whatever gates.yaml says of a bake.
_READINGS_MIN = 4
_PASSES = (gates.Verdict.GREEN, gates.Verdict.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a generation is met: its gateway, and the services to read, of which only `own` must tell of it."""

    trier: care_ports.Trier
    targets: Sequence[watching.Target]
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a bake lasts, how often services are read meanwhile, seconds, and how many questions are open at once.

    It goes on for `doubt_s` more at most where some of everybody's requests failed, and too few to be sure of it. Where neither
    generation does well, both are asked once more after `again_s`.
    """

    bake_s: float = 20.0
    every_s: float = 1.0
    at_once_max: int = 4
    doubt_s: float = 60.0
    again_s: float = 15.0


class Examiner:
    """hands.Judges. `live()` is where the generation that serves is met, `beside(services)` the one tried beside it.

    `inputs(generation, services)` returns the digest of what each service uses of a generation; it may block, and raise
    BlueprintError.
    """

    def __init__(
        self,
        watched: Sequence[gates.Gate],
        questions: Sequence[baking.Question],
        margins: baking.Margins,
        scraper: care_ports.Scraper,
        live: Callable[[], Place],
        beside: Callable[[Collection[str]], Place],
        inputs: Callable[[str, Collection[str]], Mapping[str, str]],
        now: Callable[[], float],
        pace: Pace = Pace(),
    ) -> None:
        self._gates = watched
        self._questions = questions
        self._margins = margins
        self._scraper = scraper
        self._live = live
        self._beside = beside
        self._inputs = inputs
        self._now = now
        self._pace = pace
        self._wanted = frozenset(
            {name for gate in watched for name in gates.metrics(gate)}
            | {bake.GENERATION.metric, bake.INPUTS.metric, bake.MEMORY.metric, embedded.UP.metric}
        )

    async def look(self, base: str) -> baking.Trial:
        """Ask the generation that serves, for a comparison with one that can only run without it."""
        return await self._seen(base, self._live())

    async def examine(self, base: str, target: str, services: Collection[str], live: baking.Trial | None = None) -> str:
        """Ask both generations the same, one after the other: at once they would measure each other.

        `live` is what the live one answered while it still could. Where that one does as badly, as on a machine that is busy
        with something else, both are asked once more a little later.
        """
        seen = live or await self.look(base)
        wrong, no_better = self._compared(await self._seen(target, self._beside(services)), seen)
        if wrong and no_better and live is None:
            await asyncio.sleep(self._pace.again_s)
            seen = await self.look(base)
            wrong, no_better = self._compared(await self._seen(target, self._beside(services)), seen)
        if wrong and no_better:
            wrong.append("what serves does no better now, so send it again when the machine is less busy")
        return "; ".join(wrong)

    def _compared(self, tried: baking.Trial, live: baking.Trial) -> tuple[list[str], bool]:
        """Return what is wrong with a generation, and whether all of it is gates by which the live one passes no more."""
        gates_wrong, worse = self._wrong(tried, live), bake.worse(tried, live, self._margins)
        bad = (gates.Verdict.RED, gates.Verdict.AMBER)
        verdicts = [(verdict, bake.judge(gate, live, None)[0]) for gate, verdict, _ in self._judged(tried, live)]
        no_better = not worse and all(now in bad and before in bad for now, before in verdicts if now not in _PASSES)
        return [*gates_wrong, *worse], no_better

    async def settle(self) -> None:
        """Wait until every service that serves can be read and answers a round of questions, for `_SETTLE_S` at most."""
        place, until_s = self._live(), self._now() + _SETTLE_S
        while self._now() < until_s:
            scrapes = await asyncio.gather(*(self._scrape(one) for one in place.targets))
            if not any(one.problem for one in scrapes):
                answers = await asking.ask_all(place.trier, self._questions, self._pace.at_once_max)
                if all(one.ending is baking.Ending.ANSWERED for one in answers):
                    return
            await asyncio.sleep(self._pace.every_s)

    async def bake(self, base: str, target: str) -> str:
        """Ask the generation that serves, a few questions at a time, and end at the first few after which a gate is red.

        It does not end on requests that failed: a few more say whether that was one of many, or the end of it. Those of
        everybody may come seldom, and are waited for only so long.
        """
        place = self._live()
        inputs = await self._inputs_of(target, place)
        from_s, answers = self._now(), list[baking.Answer]()
        async with self._reading(place) as seen:
            for few in self._endless():
                answers += await asking.ask_all(place.trier, few, self._pace.at_once_max)
                trial = self._trial(target, from_s, answers, place, seen, inputs)
                if red := [*self._red(trial), *self._failed_for_everybody(trial)]:
                    return "; ".join(red)
                is_over = trial.until_s - from_s >= self._pace.bake_s and len(answers) >= len(self._questions)
                if is_over and not self._is_in_doubt(trial):
                    return "; ".join(self._wrong(trial, None))
        raise AssertionError("there is always another question")

    def _endless(self) -> Iterator[Sequence[baking.Question]]:
        """Yield as many questions as may be open at once, round after round; of those for the model one at a time.

        These go one after the other, and what hangs is to be seen after one of their waits and not after many.
        """
        few = list[baking.Question]()
        while True:
            for question in self._questions:
                few.append(question)
                if not question.answer or len(few) >= self._pace.at_once_max:
                    yield few
                    few = []

    def _is_in_doubt(self, trial: baking.Trial) -> bool:
        if any(bake.judge_last(one, trial)[1] for one in self._gates):
            return True
        goes_on = trial.until_s - trial.from_s < self._pace.bake_s + self._pace.doubt_s
        return goes_on and any(bake.is_in_doubt(one, trial) for one in self._gates)

    def _red(self, trial: baking.Trial) -> list[str]:
        seen = [f"{one.name} is red: {told}" for one, verdict, told in self._judged(trial, None) if _is_red(verdict)]
        by_answers = [
            f"{one.name} is red: so the answers alone say"
            for one in self._gates
            if _is_red(bake.judge_answers(one, trial))
        ]
        last = [(one, *bake.judge_last(one, trial)) for one in self._gates]
        ended = [
            f"{one.name} is red: the last {failed} requests failed" for one, verdict, failed in last if _is_red(verdict)
        ]
        return seen or by_answers or ended

    async def _seen(self, generation: str, place: Place) -> baking.Trial:
        """Ask every question once, and read meanwhile."""
        inputs = await self._inputs_of(generation, place)
        from_s = self._now()
        async with self._reading(place) as seen:
            answers = await asking.ask_all(place.trier, self._questions, self._pace.at_once_max)
            await asyncio.sleep(max(0.0, from_s + _READINGS_MIN * self._pace.every_s - self._now()))
        return self._trial(generation, from_s, answers, place, seen, inputs)

    @contextlib.asynccontextmanager
    async def _reading(self, place: Place) -> AsyncIterator[recent.Recent]:
        """Read the services of a place from now on, until the block ends."""
        seen = recent.Recent(_KEEP_S, _SERIES_MAX)
        await self._read(place, seen)

        async def go_on() -> None:
            while True:
                await asyncio.sleep(self._pace.every_s)
                await self._read(place, seen)

        going = asyncio.create_task(go_on())
        try:
            yield seen
        finally:
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)

    async def _read(self, place: Place, seen: recent.Recent) -> None:
        for scrape in await asyncio.gather(*(self._scrape(one) for one in place.targets)):
            seen.take(scrape)

    async def _scrape(self, target: watching.Target) -> watching.Scrape:
        try:
            text = await self._scraper.scrape(target)
            return watching.Scrape(target.service, self._now(), exposition.read(text, self._wanted, target.service))
        except errors.ScrapeError as error:
            return watching.Scrape(target.service, self._now(), problem=error.message)
        except ValueError as error:
            return watching.Scrape(target.service, self._now(), problem=f"its metrics cannot be read: {error}")

    async def _inputs_of(self, generation: str, place: Place) -> Mapping[str, str]:
        return await asyncio.to_thread(self._inputs, generation, [one.service for one in place.targets])

    def _trial(
        self,
        generation: str,
        from_s: float,
        answers: Sequence[baking.Answer],
        place: Place,
        seen: recent.Recent,
        inputs: Mapping[str, str],
    ) -> baking.Trial:
        series = {name: list(seen.select(name, from_s)) for name in self._wanted}
        of_own = [one for one in series[bake.GENERATION.metric] if one.labels.get("svc") in place.own]
        told = {one.labels.get("svc") for one in of_own}
        silent = sorted(place.own - told)
        return baking.Trial(
            generation,
            from_s,
            self._now(),
            tuple(answers),
            series | {bake.GENERATION.metric: of_own},
            f"{silent[0]} does not say which generation it is of" if silent else "",
            inputs,
        )

    def _judged(self, tried: baking.Trial, live: baking.Trial | None) -> list[tuple[gates.Gate, gates.Verdict, str]]:
        return [(gate, *bake.judge(gate, tried, live)) for gate in self._gates]

    def _failed_for_everybody(self, tried: baking.Trial) -> list[str]:
        judged = [(gate, *bake.judge_everybody(gate, tried)) for gate in self._gates]
        return [
            f"{gate.name} is red of all requests since the switch: {told}"
            for gate, verdict, told in judged
            if _is_red(verdict)
        ]

    def _wrong(self, tried: baking.Trial, live: baking.Trial | None) -> list[str]:
        return [
            f"{gate.name} is {verdict}: {told}"
            for gate, verdict, told in self._judged(tried, live)
            if verdict not in _PASSES
        ]


def _is_red(verdict: gates.Verdict) -> bool:
    return verdict is gates.Verdict.RED
