import logging
import socket
import threading
import time
from collections.abc import Callable

import pytest

from council.backends.tracer import otlp
from council.domain import tracing
from council.kit import traces
from counted import rises
from otlp_receiver import Receiver, receiving

NAME = "council_spans_total"
SECRET = "Bearer of-the-collector"


def settings(receiver: Receiver | str, **more: object) -> tracing.TracingConfig:
    url = receiver if isinstance(receiver, str) else receiver.url
    return tracing.TracingConfig(on=True, endpoint=url, **{"wait_s": 0.01, "send_s": 5.0, **more})


def made(take: Callable[[traces.Span], None], names: int = 1) -> list[traces.Span]:
    """Have so many traces followed, each with a root, a call below it, and what another process did for that."""
    spans: list[traces.Span] = []

    def taken(span: traces.Span) -> None:
        spans.append(span)
        take(span)

    for number in range(names):
        trace = traces.Trace(traces.parse(f"00-{number + 1:032x}-{7:016x}-01"), "gateway", 1.0, taken)
        with (
            traces.following(trace),
            trace.open("root", traces.Kind.SERVER, {"text": "é", "whole": 3, "part": 0.5}) as root,
        ):
            root.note("is", True)
            root.note("several", ("a", "b"))
            with traces.call("ask", traces.Kind.CLIENT) as work:
                with traces.answering(work.asked()["trace"], "worker", "answer") as answer:
                    pass
                work.hear("worker", answer.told()["spans"])
                work.fail("model_unavailable")
    return spans


def nowhere() -> str:
    """Return the address of a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_spans_arrive_as_they_were_with_who_they_are_of() -> None:
    with receiving() as receiver:
        tracer = otlp.OtlpTracer(settings(receiver), {})
        tracer.start()
        spans = made(tracer.take)
        came = {span.name: span for span in receiver.wait_for(3)}
        tracer.close()
    root, ask, answer = came["root"], came["ask"], came["answer"]
    assert (root.service, root.kind, root.trace_id, root.parent_id) == (
        "council-gateway",
        "SERVER",
        f"{1:032x}",
        f"{7:016x}",
    )
    assert root.attributes == {"text": "é", "whole": 3, "part": 0.5, "is": True, "several": ["a", "b"]}
    assert (ask.kind, ask.parent_id, ask.failed) == ("CLIENT", root.span_id, True)
    assert ask.attributes == {"error.type": "model_unavailable"}
    assert (answer.service, answer.kind, answer.parent_id, answer.failed) == (
        "council-worker",
        "SERVER",
        ask.span_id,
        False,
    )
    assert answer.remote_parent and not ask.remote_parent
    assert {(one.name, one.began_ns, one.ended_ns) for one in spans} == {
        (one.name, one.began_ns, one.ended_ns) for one in came.values()
    }


def test_the_headers_of_the_settings_go_along_and_into_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving(401, 503) as receiver:
        tracer = otlp.OtlpTracer(settings(receiver, batch_max=3), {"authorization": SECRET})
        made(tracer.take, 3)
        tracer.start()
        receiver.wait_for(6)
        tracer.close()
    assert {headers["authorization"] for headers in receiver.headers} == {SECRET}
    assert "spans could not be sent" in caplog.text
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert SECRET not in told and SECRET not in repr(vars(tracer))


def test_a_collector_that_is_busy_gets_the_same_spans_again() -> None:
    with receiving(503) as receiver, rises(NAME) as counted:
        tracer = otlp.OtlpTracer(settings(receiver), {})
        tracer.start()
        made(tracer.take)
        assert {span.name for span in receiver.wait_for(3)} == {"root", "ask", "answer"}
        tracer.close()
    assert counted == {("sent",): 3.0}


def test_what_waits_is_sent_at_the_end() -> None:
    with receiving() as receiver:
        tracer = otlp.OtlpTracer(settings(receiver, wait_s=60.0, batch_max=1000), {})
        tracer.start()
        made(tracer.take, 10)
        tracer.close()
        assert len(receiver.spans) == 30


def test_spans_go_in_batches_of_a_bounded_size() -> None:
    with receiving() as receiver:
        tracer = otlp.OtlpTracer(settings(receiver, batch_max=7), {})
        made(tracer.take, 10)
        tracer.start()
        receiver.wait_for(30)
        tracer.close()
    assert len(receiver.bodies) == 5


def test_a_collector_that_is_away_makes_nobody_wait_and_what_waits_is_bounded() -> None:
    with rises(NAME) as counted:
        tracer = otlp.OtlpTracer(settings(nowhere(), queue_max=10, send_s=60.0), {})
        tracer.start()
        began_s = time.monotonic()
        made(tracer.take, 200)
        assert time.monotonic() - began_s < 2.0
        assert len(tracer._waiting) <= 10
        began_s = time.monotonic()
        tracer.close()
        assert time.monotonic() - began_s < otlp.CLOSE_S + 1.0
    assert counted[("dropped",)] >= 600 - 10 - 2 * 64


def test_a_collector_that_takes_connections_and_says_nothing_makes_nobody_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracer = otlp.OtlpTracer(settings(f"http://127.0.0.1:{silent.getsockname()[1]}", send_s=0.2), {})
        with rises(NAME) as counted:
            tracer.start()
            made(tracer.take)
            tracer.close()
        assert counted == {("failed",): 3.0}


def test_a_tracer_that_never_began_ends_at_once() -> None:
    tracer = otlp.OtlpTracer(settings(nowhere()), {})
    made(tracer.take)
    tracer.close()


def test_no_thread_begins_before_the_process_is_confined() -> None:
    before = threading.active_count()
    tracer = otlp.OtlpTracer(settings(nowhere()), {})
    assert threading.active_count() == before
    tracer.close()


def test_nothing_but_who_it_is_goes_along_with_spans() -> None:
    with receiving() as receiver:
        tracer = otlp.OtlpTracer(settings(receiver), {})
        tracer.start()
        made(tracer.take)
        receiver.wait_for(3)
        tracer.close()
    sent = b"".join(receiver.bodies)
    assert b"process.command" not in sent and b"host.name" not in sent and socket.gethostname().encode() not in sent
