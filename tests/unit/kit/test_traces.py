import asyncio
import gc
import logging
import weakref

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import errors
from council.kit import json_logs, trace_lines, traces

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Kept:
    """A trace of a service, and what it gave away."""

    def __init__(self, parent: str | None = None, share: float = 1.0):
        self.spans: list[traces.Span] = []
        self.trace = traces.Trace(traces.parse(parent), "here", share, self.spans.append)

    def named(self, name: str) -> traces.Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


def test_a_place_is_read_as_the_standard_writes_it() -> None:
    assert traces.parse(PARENT) == traces.Place(TRACE, SPAN, True)
    assert traces.parse(f"00-{TRACE}-{SPAN}-00") == traces.Place(TRACE, SPAN, False)
    assert traces.parse(f"00-{TRACE}-{SPAN}-03") == traces.Place(TRACE, SPAN, True)
    assert traces.parse(f"cc-{TRACE}-{SPAN}-01-more") == traces.Place(TRACE, SPAN, True)


@pytest.mark.parametrize(
    "header",
    [
        None, "", "x", PARENT.upper(), PARENT + "-more", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE[1:]}-{SPAN}-01", f" {PARENT}", f"{PARENT}\n", "cc-" + "a" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_place_is_left_aside(header: str | None) -> None:
    assert traces.parse(header) is None


@given(st.text(max_size=80))
def test_no_header_breaks_anything(header: str) -> None:
    traces.parse(header)


def test_a_place_is_written_as_it_was_read() -> None:
    found = traces.parse(PARENT)
    assert found is not None and found.header() == PARENT


def test_stages_lie_below_one_another_and_calls_below_the_stage() -> None:
    kept = Kept(PARENT)
    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        with traces.stage("first"):
            first = traces.call("asked", traces.Kind.CLIENT)
            second = traces.call("asked too", traces.Kind.CLIENT)
            first.end()
            second.end()
        with traces.stage("second"):
            pass
    root = kept.named("root")
    assert (root.trace_id, root.parent_id, root.service, root.kind) == (TRACE, SPAN, "here", traces.Kind.SERVER)
    assert kept.named("first").parent_id == kept.named("second").parent_id == root.span_id
    assert kept.named("asked").parent_id == kept.named("asked too").parent_id == kept.named("first").span_id
    assert len({span.span_id for span in kept.spans}) == len(kept.spans) == 5
    assert all(root.began_ns <= span.began_ns <= span.ended_ns <= root.ended_ns for span in kept.spans)


async def test_a_stage_may_be_held_by_a_generator_that_several_tasks_read() -> None:
    kept = Kept()

    async def words():
        with traces.stage("speaking"):
            yield 1
            with traces.call("asked", traces.Kind.CLIENT):
                pass
            yield 2

    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        said = words()
        assert await asyncio.ensure_future(anext(said)) == 1
        assert await asyncio.ensure_future(anext(said)) == 2
        await said.aclose()
        with traces.stage("after"):
            pass
    assert kept.named("asked").parent_id == kept.named("speaking").span_id
    assert kept.named("after").parent_id == kept.named("root").span_id
    assert not kept.named("speaking").error


async def test_a_task_beside_the_way_lies_below_where_it_was_begun() -> None:
    kept, go = Kept(), asyncio.Event()

    async def beside() -> None:
        await go.wait()
        with traces.call("beside", traces.Kind.CLIENT):
            pass

    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        with traces.stage("first"), traces.aside():
            task = asyncio.create_task(beside())
        with traces.stage("second"):
            go.set()
            await task
    assert kept.named("beside").parent_id == kept.named("first").span_id
    assert kept.named("beside") in kept.trace.spans and kept.named("second").parent_id == kept.named("root").span_id


def test_what_begins_after_the_end_lies_below_the_root() -> None:
    kept = Kept(PARENT)
    with traces.following(kept.trace):
        with kept.trace.open("root", traces.Kind.SERVER):
            pass
        with traces.call("late", traces.Kind.CLIENT):
            pass
    assert kept.named("late").parent_id == kept.named("root").span_id


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.ModelUnavailableError("Away."), "model_unavailable"),
        (ValueError("secret"), "ValueError"),
        (GeneratorExit(), ""),
        (asyncio.CancelledError(), ""),
    ],
)
def test_an_error_is_told_by_its_code_and_never_by_its_words(error: BaseException, told: str) -> None:
    kept = Kept()
    with traces.following(kept.trace), pytest.raises(type(error)):
        with traces.stage("work"):
            raise error
    assert kept.named("work").error == told
    assert kept.named("work").attributes == ({"cancelled": True} if isinstance(error, asyncio.CancelledError) else {})


def test_outside_of_a_trace_nothing_is_carried_and_nothing_breaks() -> None:
    with traces.stage("a") as work, traces.call("b", traces.Kind.CLIENT) as inner:
        work.note("x", 1)
        work.fail("y")
        inner.hear("there", [["name"]])
    assert work.carried() == "" and work.asked() == {} and traces.root() is traces.NOTHING
    with traces.answering(None, "there", "work") as answer:
        assert answer.told() == {} and traces.current() is None


def test_a_trace_that_is_not_kept_carries_its_id_and_that_nobody_need_keep_it() -> None:
    kept = Kept(f"00-{TRACE}-{SPAN}-00")
    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        with traces.call("asked", traces.Kind.CLIENT) as work:
            assert work.carried() == f"00-{TRACE}-{SPAN}-00"
            with traces.answering(work.asked()["trace"], "there", "work") as answer:
                assert traces.current() is not kept.trace
            assert answer.told() == {}
    assert kept.spans == []


def test_the_share_that_is_kept_is_read_off_the_id_as_others_read_it() -> None:
    made = [Kept(share=0.25).trace for _ in range(400)]
    assert all(one.kept == (int(one.trace_id[-14:], 16) >= 0.75 * 2**56) for one in made)
    assert 50 < sum(one.kept for one in made) < 150
    assert not Kept(share=0.0).trace.kept and Kept(share=1.0).trace.kept
    assert Kept(PARENT, share=0.0).trace.kept, "whose caller has decided"


def test_a_trace_that_is_over_is_gone_without_a_look_for_cycles() -> None:
    kept = Kept(PARENT)
    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        with traces.stage("stage"), traces.call("asked", traces.Kind.CLIENT):
            pass
    gone = weakref.ref(kept.trace)
    gc.disable()
    try:
        del kept
        assert gone() is None
    finally:
        gc.enable()


def test_what_is_dropped_gives_nothing_away() -> None:
    kept = Kept()
    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        kept.trace.drop()
        with traces.stage("stage"):
            pass
    assert kept.spans == []


def test_spans_beyond_the_bound_are_only_counted() -> None:
    kept = Kept()
    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        for _ in range(traces.SPANS_MAX + 5):
            with traces.call("asked", traces.Kind.CLIENT):
                pass
    assert (len(kept.spans), kept.trace.left_out) == (traces.SPANS_MAX, 6)


def test_texts_and_attributes_are_bounded() -> None:
    kept = Kept()
    with traces.following(kept.trace), traces.stage("work") as work:
        for number in range(100):
            work.note(f"name {number}", "x" * 10_000)
    told = kept.named("work").attributes
    assert len(told) == traces.ATTRIBUTES_MAX
    assert {len(str(value)) for value in told.values()} == {traces.TEXT_CHARS_MAX}


def test_what_another_process_did_lies_below_the_call_that_asked_it() -> None:
    kept = Kept()
    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        with traces.call("ask", traces.Kind.CLIENT) as work:
            asked = orjson.loads(orjson.dumps(work.asked()))
            with traces.following(None), traces.answering(asked["trace"], "there", "answer") as answer:
                with traces.stage("think", {"thoughts": 2}):
                    pass
            work.hear("there", orjson.loads(orjson.dumps(answer.told()))["spans"])
    answered, thought = kept.named("answer"), kept.named("think")
    assert answered.parent_id == kept.named("ask").span_id and thought.parent_id == answered.span_id
    assert (answered.service, answered.kind, answered.trace_id) == ("there", traces.Kind.SERVER, kept.trace.trace_id)
    assert thought.attributes == {"thoughts": 2}
    assert kept.named("ask").began_ns <= answered.began_ns <= answered.ended_ns <= kept.named("ask").ended_ns


GOOD = ["name", "server", SPAN, SPAN, 1, 2, {"a": 1}, ""]


@pytest.mark.parametrize(
    "told",
    [
        None, 3, {}, "spans", [3], [[]], [GOOD[:-1]], [[*GOOD, 1]], [["n", "nonsense", *GOOD[2:]]],
        [["n", "server", "x", *GOOD[3:]]], [[*GOOD[:2], 3, *GOOD[3:]]], [[*GOOD[:4], "soon", *GOOD[5:]]],
        [[*GOOD[:6], 7, ""]], [[*GOOD[:4], float("inf"), *GOOD[5:]]],
    ],
)  # fmt: skip
def test_what_another_process_tells_in_another_form_is_left_out(told: object) -> None:
    kept = Kept()
    with traces.following(kept.trace), traces.call("ask", traces.Kind.CLIENT) as work:
        work.hear("there", told)
    assert [span.name for span in kept.spans] == ["ask"]


def test_another_process_is_heard_with_so_many_spans_and_no_more() -> None:
    kept = Kept()
    with traces.following(kept.trace), traces.call("ask", traces.Kind.CLIENT) as work:
        work.hear("there", [["x" * 9_999, *GOOD[1:6], {"a": "y" * 9_999, "b": [1]}, "z" * 9_999]] * 100)
    heard = kept.spans[:-1]
    assert len(heard) == traces.HEARD_MAX
    assert (len(heard[0].name), len(str(heard[0].attributes["a"])), len(heard[0].error)) == (200, 200, 200)
    assert "b" not in heard[0].attributes


def test_a_time_that_no_span_can_have_is_cut() -> None:
    kept = Kept()
    with traces.following(kept.trace), traces.call("ask", traces.Kind.CLIENT) as work:
        work.hear("there", [[*GOOD[:4], 2.0**70, 2.0**70, *GOOD[6:]]])
    assert kept.spans[0].began_ns == kept.spans[0].ended_ns == 2**63 - 1


def test_the_log_shows_a_trace_and_is_read_back() -> None:
    kept = Kept(PARENT)
    with traces.following(kept.trace), kept.trace.open("root", traces.Kind.SERVER):
        for number in range(60):
            with traces.stage(f"invoke_agent number {number}") as work:
                if number == 3:
                    work.fail("away")
    record = logging.makeLogRecord({"msg": "request", **trace_lines.shown(kept.trace)})
    line = orjson.loads(json_logs.Formatter("here", 0).format(record))
    found = trace_lines.read(line)
    assert [one.name for one in found] == ["root", *(f"invoke_agent number {number}" for number in range(60))]
    assert {one.parent_id for one in found[1:]} == {found[0].span_id} and found[0].parent_id == SPAN
    assert found[4].error == "away" and found[0].began_ms == 0.0 <= found[1].began_ms
    assert found[0].took_ms >= found[1].took_ms


def test_a_line_of_another_form_shows_no_spans() -> None:
    assert trace_lines.read({"spans_0": "cut…", "spans_1": [["x"], 3], "spans_2": [[1, 2, 3, 4, "soon", 6, 7]]}) == []


def test_each_line_of_the_log_names_the_trace() -> None:
    kept = Kept(PARENT)
    formatter = json_logs.Formatter("here", 0)
    with traces.following(kept.trace):
        inside = orjson.loads(formatter.format(logging.makeLogRecord({"msg": "x"})))
    outside = orjson.loads(formatter.format(logging.makeLogRecord({"msg": "x"})))
    assert inside["trace_id"] == TRACE and "trace_id" not in outside
