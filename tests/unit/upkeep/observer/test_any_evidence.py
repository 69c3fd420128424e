"""Whatever the evidence is like, something can be said of it, and no number is said that it does not hold."""

import dataclasses
import math

from hypothesis import given, settings
from hypothesis import strategies as st

import observer_cases
from council.domain import evidence, incidents, watching
from council.upkeep.observer import coasting, digests, explaining, kpis, layouts, renderings, telling

KINDS = ("upstream is slow", "memory leaks", "patch breaks answers", "card is full")
ODD = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -1.0, 1e300, 5e-324])


@st.composite
def _evidence(draw: st.DrawFn) -> evidence.Evidence:
    found = observer_cases.day(draw(st.sampled_from(KINDS)))
    kept = draw(st.sets(st.sampled_from([field.name for field in dataclasses.fields(evidence.Evidence)][3:-2])))
    changes: dict[str, object] = {name: () for name in kept if name != "costs"}
    if draw(st.booleans()):
        odd = draw(st.lists(ODD, min_size=1, max_size=5))
        tracks = [
            dataclasses.replace(
                one, points=[(at_s, odd[place % len(odd)]) for place, (at_s, _) in enumerate(one.points[:9])]
            )
            for one in found.tracks
        ]
        changes.setdefault("tracks", tracks)
        histories = [
            watching.History(one.gate, one.verdicts, [(found.now_s - 60, value) for value in odd])
            for one in found.histories
        ]
        changes.setdefault("histories", histories)
        gates = [dataclasses.replace(one, value=odd[0]) for one in found.gates]
        changes.setdefault("gates", gates)
    if draw(st.booleans()):
        bare = [dataclasses.replace(one, members=(), causes=()) for one in found.incidents]
        changes.setdefault("incidents", bare)
    if draw(st.booleans()):
        rows = [dataclasses.replace(row, times=(), title=draw(st.text(max_size=20)), files=()) for row in found.patches]
        changes.setdefault("patches", rows)
    changes["missing"] = draw(st.sampled_from([(), (evidence.Missing("records", ""), evidence.Missing("", "x" * 900))]))
    return dataclasses.replace(found, **changes)


@settings(max_examples=20, deadline=None)
@given(found=_evidence())
def test_something_can_be_said_of_any_evidence(found: evidence.Evidence) -> None:
    newest = found.incidents[0].id if found.incidents else ""
    for sentence in explaining.explain(found, newest).sentences:
        assert not telling.strays(sentence.text, sentence.facts), sentence.text
    made = digests.digest(found)
    for page in (
        layouts.page(made),
        coasting.page(coasting.coast(coasting.Inputs(found, "1.0.0"))),
        kpis.page(kpis.report(found, found)),
    ):
        assert max(map(len, renderings.text(page).split("\n"))) <= renderings.WIDTH_MAX
        assert "<script" not in renderings.page_html(page)
        assert len(renderings.slack(page)) <= renderings.SLACK_BLOCKS_MAX


@settings(max_examples=100, deadline=None)
@given(
    value=st.one_of(st.none(), st.integers(-(10**15), 10**15), st.floats(), st.text(max_size=30)),
    unit=st.sampled_from(["count", "%", "s", "bytes", "usd_micros", "USD", "ms", "", "word", "a second"]),
)
def test_any_fact_can_be_shown_and_is_no_stray_in_its_own_sentence(value: float | str | None, unit: str) -> None:
    fact = evidence.Fact("it", value, unit, "q", evidence.Span(0, 1))
    said = telling.say("It was {fact}, they say.", fact=fact)
    assert not telling.strays(said.text, said.facts)
    assert said.text == incidents.one_line(said.text, 1000)
