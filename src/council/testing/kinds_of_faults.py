"""What each kind of fault does to a Council, for `fault_library`. The first of `KINDS` to the last, each with a right answer.

Where a person would accept two answers, as the disk and the incident of the disk, both are right. A service that only shows
what happened elsewhere is never one.
"""

import math
from collections.abc import Callable, Iterator

from council.testing import fault_library

_BAD_PATCHES = (
    (("prompts/general.md",), "Answer at more length"),
    (("council.yaml",), "Wait longer for the worker: 30 s"),
    (("models.yaml",), "Serve a larger model"),
    (("providers.yaml",), "Ask the far model first"),
)


def cases(seeds: range, kinds: tuple[str, ...] = ()) -> Iterator[fault_library.Case]:
    """Yield a case of each kind for each seed."""
    for seed in seeds:
        for kind, put_in in KINDS.items():
            if not kinds or kind in kinds:
                world = fault_library.World(kind, seed)
                put_in(world)
                yield world.case()


def _patch_breaks_answers(world: fault_library.World) -> None:
    """Taken back by the bake, or by hand where the bake saw too little."""
    before_s = world.chance.uniform(2, 25)
    back_s = before_s + world.chance.uniform(15, 60) if before_s < 15 else world.chance.uniform(60, 400)
    files, title = world.chance.choice(_BAD_PATCHES)
    returned_s = world.onset_s - before_s + back_s
    world.end_s = max(world.onset_s + 20, returned_s + 5)
    share = world.chance.uniform(0.1, 0.9)
    world.pull("errors", share)
    world.alert("http_5xx", 3, f"{share:.0%} of exchanges end in an error")
    if world.chance.random() < 0.6:
        world.alert("success_rate", 25, "too many questions end without an answer")
    reason = "error_rate is red" if world.chance.random() < 0.7 else "returned by the owner"
    cid = world.patch(before_s, files, title, "rolled back", reason=reason, back_after_s=back_s)
    world.right.add(("patch", cid))


def _patch_slows_answers(world: fault_library.World) -> None:
    files, title = world.chance.choice(_BAD_PATCHES[:3])
    world.right.add(("patch", world.patch(world.chance.uniform(5, 100), files, title)))
    slow_ms = world.chance.uniform(1200, 4000)
    world.pull("latency", slow_ms)
    world.pull("waiting", slow_ms / 500)
    world.alert("latency", 10, f"{slow_ms:.0f} ms, must be < 1000")


def _patch_ends_a_service(world: fault_library.World) -> None:
    service = world.chance.choice(("gateway", "worker", "recall", "model"))
    files = {"gateway": "council.yaml", "worker": "council.yaml", "recall": "council.yaml", "model": "models.yaml"}
    taken_back = world.chance.random() < 0.5
    cid = world.patch(
        world.chance.uniform(1, 20), (files[service],), "Other limits", "rolled back" if taken_back else "applied",
        reason=f"{service} ended with 1" if taken_back else "", back_after_s=30,
    )  # fmt: skip
    world.right.add(("patch", cid))
    _away(world, service, crashes=world.chance.randint(3, 9))


def _patch_tightens_a_gate(world: fault_library.World) -> None:
    """The number is what it was; the limit is another."""
    world.right.add(("patch", world.patch(world.chance.uniform(5, 40), ("gates.yaml",), "Be stricter about latency")))
    world.thresholds["latency_p95"] = (400.0, 350.0)
    world.alert("latency", 2, "420 ms, must be < 400")


def _upstream_fails(world: fault_library.World) -> None:
    share = world.chance.uniform(0.4, 1.0)
    world.pull("failed near", share)
    world.pull("errors", 0.5 * share)
    if world.chance.random() < 0.5:
        world.pull("up near", 0, after_s=30)
    world.right.add(("upstream", "near"))
    world.alert("http_5xx", 8, f"{50 * share:.3g} % of exchanges end in an error")
    if world.chance.random() < 0.6:
        world.alert("success_rate", 40, "too many questions end without an answer")
    if world.chance.random() < 0.3:
        world.alert("network_errors", 60, "calls to other parts fail", severity="warning")


def _upstream_is_slow(world: fault_library.World) -> None:
    slow_s = world.chance.uniform(2.5, 12)
    world.pull("seconds near", slow_s)
    world.pull("latency", slow_s * 1000, after_s=5)
    world.pull("users", lambda at: world.traffic(at) * slow_s)
    world.right.add(("upstream", "near"))
    world.alert("latency", 12, f"{slow_s * 1000:.0f} ms, must be < 1000")
    if slow_s > 8:
        world.pull("errors", 0.1, after_s=60)
        world.alert("http_5xx", 70, "10 % of exchanges end in an error")


def _upstream_breaks_off(world: fault_library.World) -> None:
    share = world.chance.uniform(0.2, 1.0)
    world.pull("failed near", share)
    world.pull("network", 0.4 * share)
    world.pull("errors", 0.3 * share)
    world.right.add(("upstream", "near"))
    world.alert("network_errors", 5, f"{40 * share:.3g} % of calls fail", severity="warning")
    if share > 0.4:
        world.alert("http_5xx", 9, f"{30 * share:.3g} % of exchanges end in an error")


def _away(world: fault_library.World, service: str, crashes: int) -> None:
    state = "failed" if math.isinf(world.end_s) else "ready"
    world.state(service, state, "ended by SIGKILL", crashes=crashes, again_s=world.chance.uniform(5, 200))
    world.alert("service_down", 2, "it is failed: ended by SIGKILL", service)
    if world.chance.random() < 0.7:
        world.alert("metrics_stale", 8, "nobody answers", service)
    if service == "gateway":
        world.pull("traffic", 0.0)
        return
    effects = {
        "model": ("errors", "http_5xx", 0.4), "worker": ("unanswered", "success_rate", 0.3),
        "recall": ("unanswered", "success_rate", 0.25), "sandboxd": ("unanswered", "success_rate", 0.2),
        "store": ("errors", "http_5xx", 0.1),
    }  # fmt: skip
    lever, alert, share = effects[service]
    world.pull(lever, share, after_s=3)
    if world.chance.random() < 0.8:
        world.alert(alert, 15, f"{100 * share:.3g} %")
    if service == "model" and world.chance.random() < 0.5:
        world.pull("share far", 0.3, after_s=5)
        world.pull("cost", 1500, after_s=5)
        world.alert("spend", 25, "$0.15, must be < 0.1", severity="warning")
    if world.chance.random() < 0.3:
        world.pull("latency", 1800, after_s=5)
        world.alert("latency", 22, "1800 ms, must be < 1000")


def _service_ends(world: fault_library.World) -> None:
    service = world.chance.choice(("worker", "recall", "sandboxd", "gateway"))
    _away(world, service, crashes=world.chance.randint(1, 8))
    world.right.add(("service", service))


def _model_ends(world: fault_library.World) -> None:
    _away(world, "model", crashes=world.chance.randint(1, 8))
    world.right.add(("service", "model"))


def _store_ends(world: fault_library.World) -> None:
    _away(world, "store", crashes=world.chance.randint(1, 8))
    world.right.add(("service", "store"))
    if world.chance.random() < 0.4:
        world.state("gateway", "ready", "ended with 1", crashes=1, again_s=world.now_s - world.onset_s - 30)
        world.alert("service_down", 20, "it is failed: ended with 1", "gateway")
        world.decoys.append("the gateway ended because of it")


def _service_hangs(world: fault_library.World) -> None:
    service = world.chance.choice(("recall", "sandboxd", "gateway"))
    world.state(service, "hung" if math.isinf(world.end_s) else "ready", "its event loop does not turn")
    world.alert("metrics_stale", 7, "it does not answer within 2 s", service)
    if world.chance.random() < 0.6:
        world.alert("service_down", 16, "it is hung: its event loop does not turn", service)
    if service == "gateway":
        world.pull("traffic", 0.02)
    else:
        world.pull("unanswered", 0.25)
        if world.chance.random() < 0.6:
            world.alert("success_rate", 40, "75 %, must be > 87")
    world.right.add(("service", service))


def _metrics_stale(world: fault_library.World) -> None:
    service = world.chance.choice(("recall", "sandboxd", "model"))
    world.alert("metrics_stale", 6, "connection refused", service)
    world.right.add(("service", service))


def _descriptors_leak(world: fault_library.World) -> None:
    service = world.chance.choice(("gateway", "recall", "sandboxd"))
    takes_s = world.chance.uniform(5, 900)
    world.pull(
        f"descriptors {service}",
        lambda at: min(1015, 100 + 720 * max(0, at - world.onset_s + takes_s) / takes_s),
        -takes_s,
    )
    world.alert("descriptors", 2, "82 % of its descriptors", service, severity="warning")
    world.alert("fd_usage", 6, "82 %, must be < 80", severity="warning")
    world.finding("descriptors", service, 2, 82.0, "%", "82 % of its descriptors are open.")
    if world.chance.random() < 0.5:
        world.pull("errors", 0.3, after_s=40)
        world.alert("http_5xx", 45, "30 % of exchanges end in an error")
    world.right.add(("resource", f"descriptors of {service}"))


def _memory_leaks(world: fault_library.World) -> None:
    service = world.chance.choice(("recall", "sandboxd", "gateway", "worker"))
    takes_s, rate = world.chance.uniform(200, 3000), world.chance.uniform(0.05, 0.4)
    began_s = world.onset_s - takes_s
    end_s = world.end_s
    world.pull(f"memory {service}", lambda at: 120 + rate * max(0.0, at - began_s), -takes_s, until_s=end_s)
    world.alert("memory", 0, f"it grows by {rate * 3600:.0f} MB/h", service)
    world.finding("memory", service, 0, rate * 3600, "MB/h", f"It grows by {rate * 3600:.0f} MB an hour.")
    if world.chance.random() < 0.4:
        after_s = world.chance.uniform(20, 100)
        world.alert("service_down", after_s, "it is failed: ended by SIGKILL", service)
        world.state(
            service, "ready", "ended by SIGKILL", crashes=1, again_s=max(5.0, world.now_s - world.onset_s - after_s - 5)
        )
    world.right.add(("resource", f"memory of {service}"))


def _disk_fills(world: fault_library.World) -> None:
    takes_s = world.chance.uniform(10, 5000)
    began_s = world.onset_s - takes_s
    world.pull("disk", lambda at: min(0.99, 0.42 + 0.44 * (at - began_s) / takes_s), -takes_s)
    world.alert("disk_usage", 4, "86 %, must be < 85", severity="warning")
    if world.chance.random() < 0.5:
        world.alert("disk_growth", 2, "full in 1 h", "watcher", severity="warning")
        world.finding("disk_growth", "watcher", 2, 0.9, "h", "Full in 0.9 h at this pace.")
    if world.chance.random() < 0.5:
        world.pull("errors", 0.8, after_s=60)
        world.alert("http_5xx", 66, "80 % of exchanges end in an error")
        world.state("gateway", "ready", "ended with 1", crashes=1, again_s=max(5.0, world.now_s - world.onset_s - 80))
    world.right.add(("resource", "disk"))


def _money_is_spent(world: fault_library.World) -> None:
    """Somebody asks the paid model by name."""
    share = world.chance.uniform(0.2, 0.8)
    world.pull("share far", share)
    world.pull("cost", 5000 * share)
    world.alert("spend", 10, f"${0.5 * share:.2f}, must be < 0.1", severity="warning")
    world.alert("local_processing", 14, f"{100 - 100 * share:.0f} %, must be > 90", severity="warning")
    if world.chance.random() < 0.4:
        world.finding("egress", "gateway", 5, 4e6, "bytes", "More than ever is sent to far.")
        world.alert("egress", 12, "more than ever is sent to far", "gateway", severity="warning")
    world.right |= {("traffic", "requests to far"), ("upstream", "far")}


def _budget_is_gone(world: fault_library.World) -> None:
    """What the paid model answered is refused from then on."""
    world.pull("spent", 2_000_000, -30, until_s=math.inf)
    world.pull("unanswered", 0.3)
    world.pull("share far", 0.0)
    world.alert("success_rate", 6, "68 %, must be > 87")
    world.right.add(("resource", "budget"))


def _traffic_jumps(world: fault_library.World) -> None:
    times = world.chance.uniform(5, 25)
    world.pull("traffic", times)
    world.pull("latency", world.chance.uniform(1300, 6000), after_s=8)
    world.pull("waiting", times)
    world.alert("latency", 14, "must be < 1000")
    if world.chance.random() < 0.6:
        world.pull("users", lambda at: 100 + world.traffic(at))
        world.alert("concurrent_users", 9, "must be < 100", severity="warning")
    if world.chance.random() < 0.4:
        world.pull("errors", 0.15, after_s=30)
        world.alert("http_5xx", 35, "15 % of exchanges end in an error")
    world.right.add(("traffic", "requests"))


def _records_are_slow(world: fault_library.World) -> None:
    wait_s = world.chance.uniform(0.8, 4)
    world.pull("commit", wait_s)
    world.pull("latency", 420 + wait_s * 1000, after_s=4)
    world.alert("latency", 11, f"{420 + wait_s * 1000:.0f} ms, must be < 1000")
    if wait_s > 2:
        world.pull("errors", 0.08, after_s=30)
        world.alert("http_5xx", 36, "8 % of exchanges end in an error")
    world.right.add(("service", "records"))


def _another_incident(world: fault_library.World) -> None:
    """What was wrong for a quarter of an hour brings about the next, too late to be one incident with it."""
    before_s = world.chance.uniform(130, 1500)
    service = world.chance.choice(("gateway", "worker"))
    identifier = world.older("crash_loop", before_s, None, service)
    world.pull("unanswered", 0.3)
    world.alert("success_rate", 5, "67 %, must be > 87")
    world.state(service, "ready", "ended with 3", crashes=6, again_s=40)
    world.right |= {("incident", identifier), ("service", service)}


def _card_is_full(world: fault_library.World) -> None:
    world.pull("gpu", 0.97, -world.chance.uniform(5, 120))
    world.alert("gpu_memory", 0, "97 %, must be < 90", severity="warning")
    if world.chance.random() < 0.7:
        world.alert("service_down", 12, "it is failed: out of memory", "model")
        world.state("model", "failed", "out of memory", crashes=2, again_s=15)
        world.pull("errors", 0.4, after_s=12)
        world.alert("http_5xx", 22, "40 % of exchanges end in an error")
    world.right.add(("resource", "gpu memory"))


KINDS: dict[str, Callable[[fault_library.World], None]] = {
    "patch breaks answers": _patch_breaks_answers,
    "patch slows answers": _patch_slows_answers,
    "patch ends a service": _patch_ends_a_service,
    "patch tightens a gate": _patch_tightens_a_gate,
    "upstream fails": _upstream_fails,
    "upstream is slow": _upstream_is_slow,
    "upstream breaks off": _upstream_breaks_off,
    "service ends": _service_ends,
    "model ends": _model_ends,
    "store ends": _store_ends,
    "service hangs": _service_hangs,
    "metrics stale": _metrics_stale,
    "descriptors leak": _descriptors_leak,
    "memory leaks": _memory_leaks,
    "disk fills": _disk_fills,
    "money is spent": _money_is_spent,
    "budget is gone": _budget_is_gone,
    "traffic jumps": _traffic_jumps,
    "records are slow": _records_are_slow,
    "another incident": _another_incident,
    "card is full": _card_is_full,
}
