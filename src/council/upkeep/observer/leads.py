"""What may have brought an incident about, each by itself: patches, upstreams, traffic, services, resources, other incidents.

A *lead* is one thing that changed or went wrong about when the incident began, with what it would bring about if it were the
cause. How sure it is that the thing itself was so is its `strength`, 0 to 1; how leads stand to each other is `causes`' affair.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from council.domain import alerting, evidence, incidents, links
from council.upkeep.observer import series, telling

ANYTHING = frozenset({"*"})
_BEFORE_S, _GAP_S, _DURING_S, _LAST_S = 1800.0, 60.0, 240.0, 180.0
# What a part that is away, slow or out of something means for those who ask.
_SYMPTOMS = frozenset({"http_5xx", "latency", "success_rate", "network_errors"})
_OF_SERVICE = frozenset({"service_down", "crash_loop", "metrics_stale", alerting.WATCHER_DOWN})
_OF_DISK = frozenset({"disk_usage", "disk_growth"})
_OF_CARD = frozenset({"gpu_memory", "gpu_drip"})
_OF_MONEY = frozenset({"spend", "local_processing", "cost_drift", "egress"})
_SENTINELS_OF_A_PROCESS = frozenset(alerting.SENTINELS) - _OF_DISK - _OF_CARD - _OF_MONEY
_FALSE_ALARM_CALLS = 10
_SLOW_S, _SLOW_TIMES = 0.5, 2.0
_COMMIT_SLOW_S, _COMMIT_SLOW_TIMES = 0.2, 5.0
_TRAFFIC_TIMES = 2.0
# What any home bears, requests a second: a rise to less than this has slowed nothing.
_BORNE = 0.25
# Of fewer requests in the half hour before one cannot tell by how much they rose.
_BEFORE_COUNT = 20
_CROWDING = frozenset({"concurrent_users", "model_queue", "sandbox_queue"})
# What counts requests, the best first: each also has a ledger row.
_ASKED = ("council_exchanges_total", "council_requests_total", "council_ledger_commit_seconds_count")


@dataclass(frozen=True, slots=True)
class Lead:
    """One of them. `embodied`: titles of the alerts that are the thing itself; `effects`: names of those it may bring about."""

    kind: str
    subject: str
    at_s: float
    strength: float
    embodied: frozenset[str]
    effects: frozenset[str]
    sentence: evidence.Sentence


@dataclass(frozen=True, slots=True)
class Scene:
    """An incident, and the stretches of time around its beginning that are compared."""

    found: evidence.Evidence
    incident: incidents.Incident

    @property
    def onset_s(self) -> float:
        """When the first of it went bad."""
        return self.incident.began_us / 1e6

    @property
    def until_s(self) -> float:
        """When it was over, or now."""
        return self.incident.repaired_us / 1e6 or self.found.now_s

    @property
    def before(self) -> evidence.Span:
        """The half hour before, its last minute left out."""
        return evidence.Span(self.onset_s - _BEFORE_S, self.onset_s - _GAP_S)

    @property
    def during(self) -> evidence.Span:
        """The first minutes of it."""
        return evidence.Span(self.onset_s, max(self.onset_s + 30, min(self.until_s, self.onset_s + _DURING_S)))

    @property
    def alerts(self) -> list[incidents.Alert]:
        """Its alerts, in the order in which they began."""
        return sorted((member.alert for member in self.incident.members), key=lambda one: (one.since_us, one.title))

    @property
    def query(self) -> str:
        """By which command the incident is asked for."""
        return f"council incidents show {self.incident.id}"

    def fact(
        self, name: str, value: float | int | str | None, unit: str, query: str, during: bool = True
    ) -> evidence.Fact:
        """Return a fact of the first minutes, or of the half hour before."""
        return evidence.Fact(name, value, unit, query, self.during if during else self.before)


def service_of(alert: incidents.Alert) -> str:
    """Return whose alert it is, "" for the whole."""
    return dict(alert.labels).get("svc", "")


def upstreams(scene: Scene) -> Iterator[Lead]:
    """Yield each provider whose calls fail, take long or are called off more than before."""
    names = {
        dict(one.labels).get("provider", "") for one in scene.found.tracks if one.name.startswith("council_provider_")
    }
    for name in sorted(names - {""}):
        found = _failing(scene, name) or _slow(scene, name)
        if found is not None:
            effects = _SYMPTOMS | _OF_MONEY
            yield Lead("upstream", name, scene.onset_s, found[0], frozenset(), effects, found[1])


def _failing(scene: Scene, provider: str) -> tuple[float, evidence.Sentence] | None:
    calls = series.of(scene.found, "council_provider_calls_total", provider=provider)
    failed = [one for one in calls if dict(one.labels).get("outcome") not in ("ok", "cancelled")]
    made, lost = series.rise(calls, scene.during), series.rise(failed, scene.during)
    made_before, lost_before = series.rise(calls, scene.before), series.rise(failed, scene.before)
    up = series.of(scene.found, "council_provider_up", provider=provider)
    off = any(series.level(one.points, scene.during) == 0 and series.level(one.points, scene.before) for one in up)
    share, share_before = lost / made if made else 0.0, lost_before / made_before if made_before else 0.0
    if not off and (made < _FALSE_ALARM_CALLS or share < 0.1 or share < 3 * share_before):
        return None
    every = f'increase(council_provider_calls_total{{provider="{provider}"}})'
    query = f'100 * increase(council_provider_calls_total{{provider="{provider}",outcome!~"ok|cancelled"}}) / {every}'
    facts = {
        "provider": scene.fact("provider", provider, telling.WORD, query),
        "share": scene.fact("calls that failed", 100 * share, telling.PERCENT, query),
        "before": scene.fact("calls that failed before", 100 * share_before, telling.PERCENT, query, during=False),
        "count": scene.fact("calls", made, telling.COUNT, every),
    }
    text = "Of {count} calls to the provider {provider} {share} failed; in the half hour before it was {before}."
    if off:
        text += " It is being left alone after failures in a row."
    return min(0.95, 0.7 + 0.3 * share + 0.2 * off), telling.say(text, **facts)


def _slow(scene: Scene, provider: str) -> tuple[float, evidence.Sentence] | None:
    after, before = (
        _mean(scene, "council_provider_seconds", span, provider=provider) for span in (scene.during, scene.before)
    )
    if after is None or before is None or after - before < _SLOW_S or after < _SLOW_TIMES * before:
        return None
    named = f'{{provider="{provider}"}}'
    query = f"increase(council_provider_seconds_sum{named}) / increase(council_provider_seconds_count{named})"
    facts = {
        "provider": scene.fact("provider", provider, telling.WORD, query),
        "after": scene.fact("mean time of a call", after, telling.DURATION, query),
        "before": scene.fact("mean time of a call before", before, telling.DURATION, query, during=False),
    }
    text = "A call to the provider {provider} took {after} in the mean; in the half hour before it was {before}."
    return 0.85, telling.say(text, **facts)


def _mean(scene: Scene, name: str, span: evidence.Span, **labels: str) -> float | None:
    """Return the mean of a histogram in a span, None of fewer than a handful."""
    count = series.rise(series.of(scene.found, f"{name}_count", **labels), span)
    if count < 5:
        return None
    return series.rise(series.of(scene.found, f"{name}_sum", **labels), span) / count


def traffic(scene: Scene) -> Iterator[Lead]:
    """Yield that more or far fewer ask than before, and that a provider is asked far more."""
    name = next((one for one in _ASKED if series.of(scene.found, one)), _ASKED[0])
    asked, query = series.of(scene.found, name), f"sum(rate({name}))"
    (before, earlier), after = _before(scene, asked), series.pace(asked, scene.during)
    facts = {
        "after": scene.fact("requests a second", after, "a second", query),
        "before": evidence.Fact("requests a second before", before, "a second", query, earlier),
    }
    crowded = _titles(scene, _CROWDING)
    if before and after and after >= _TRAFFIC_TIMES * before and (after >= _BORNE or crowded):
        effects = _SYMPTOMS | {"concurrent_users", "model_queue", "sandbox_queue", "spend", "response_size"}
        text = "Requests rose to {after}; in the half hour before there were {before}."
        usual = max(before, _BEFORE_COUNT / (scene.before.end_s - scene.before.start_s))
        strength = min(0.95, 0.55 + 0.08 * after / usual)
        yield Lead(
            "traffic",
            "requests",
            scene.onset_s,
            strength,
            _titles(scene, {"concurrent_users"}),
            effects,
            telling.say(text, **facts),
        )
    elif before and after is not None and after <= 0.3 * before:
        text = "Requests fell to {after}; in the half hour before there were {before}."
        yield Lead(
            "traffic",
            "requests",
            scene.onset_s,
            0.2,
            frozenset(),
            frozenset({"success_rate"}),
            telling.say(text, **facts),
        )
    yield from _paid(scene, before, after)


def _paid(scene: Scene, asked_before: float | None, asked: float | None) -> Iterator[Lead]:
    names = {dict(one.labels).get("provider", "") for one in series.of(scene.found, "council_provider_calls_total")}
    for name in sorted(names - {""}):
        calls = series.of(scene.found, "council_provider_calls_total", provider=name)
        (before, earlier), after = _before(scene, calls), series.pace(calls, scene.during)
        more = (asked or 1.0) / (asked_before or 1.0)
        if (
            before is None
            or not after
            or after < 4 * before * max(1.0, more)
            or series.rise(calls, scene.during) < _FALSE_ALARM_CALLS
        ):
            continue
        query = f'sum(rate(council_provider_calls_total{{provider="{name}"}}))'
        text = "The provider {provider} was called {after}; in the half hour before it was {before}."
        facts = {
            "provider": scene.fact("provider", name, telling.WORD, query),
            "after": scene.fact("calls a second", after, "times a second", query),
            "before": evidence.Fact("calls a second before", before, "times a second", query, earlier),
        }
        subject, embodied = f"requests to {name}", _titles(scene, _OF_MONEY)
        yield Lead(
            "traffic", subject, scene.onset_s, 0.8, embodied, _OF_MONEY | {"latency"}, telling.say(text, **facts)
        )


def _before(scene: Scene, tracks: Sequence[evidence.Track]) -> tuple[float | None, evidence.Span]:
    """Return the pace of the half hour before, or of its last minutes where that was more: what rose then is no news."""
    last = evidence.Span(scene.before.end_s - _LAST_S, scene.before.end_s)
    found = [(pace, span) for span in (scene.before, last) if (pace := series.pace(tracks, span)) is not None]
    return max(found, key=lambda one: one[0], default=(None, scene.before))


def services(scene: Scene) -> Iterator[Lead]:
    """Yield each service that was away, hung, could not be read, or ended and came back just before; and the records."""
    told: dict[str, list[incidents.Alert]] = {}
    for alert in scene.alerts:
        if alert.name in _OF_SERVICE:
            told.setdefault(service_of(alert) or ("watcher" if alert.name == alerting.WATCHER_DOWN else ""), []).append(
                alert
            )
    for name, alerts in told.items():
        if name:
            yield _away(scene, name, alerts)
    yield from _began_anew(scene, frozenset(told))
    yield from _records(scene)


def _away(scene: Scene, name: str, alerts: Sequence[incidents.Alert]) -> Lead:
    first = alerts[0]
    facts = {
        "service": scene.fact("service", name, telling.WORD, scene.query),
        "reason": scene.fact("reason", first.summary.removesuffix(".") or "bad", telling.WORD, scene.query),
        "at": scene.fact("since", first.since_us / 1e6, telling.TIME, scene.query),
        "alert": scene.fact("alert", first.name, telling.WORD, scene.query),
    }
    text = "The service {service} went bad at {at} ({alert}): {reason}."
    state = next((one for one in scene.found.services if one.name.partition(":")[0] == name), None)
    if state is not None and state.crashes:
        facts["crashes"] = scene.fact("ends within the hour", state.crashes, telling.COUNT, "council status --json")
        text += " Ends that nobody asked for within the last hour: {crashes}."
    effects = frozenset().union(*(links.effects_of(one, name) for one in ("service_down", "crash_loop"))) | _SYMPTOMS
    if name == "gateway":
        effects |= {"concurrent_users"}
    embodied = frozenset(one.title for one in alerts)
    return Lead(
        "service", name, first.since_us / 1e6, 0.9, embodied, effects | {"metrics_stale"}, telling.say(text, **facts)
    )


def _began_anew(scene: Scene, told: frozenset[str]) -> Iterator[Lead]:
    """Yield services that ended unasked without an alert of this incident."""
    for one in scene.found.services:
        name = one.name.partition(":")[0]
        if not one.crashes or name in told:
            continue
        began_s = scene.found.now_s - one.uptime_s
        often = one.crashes >= 3
        if not often and not scene.onset_s - 120 <= began_s <= scene.onset_s + 10:
            continue
        facts = {
            "service": scene.fact("service", name, telling.WORD, "council status --json"),
            "at": scene.fact("began anew", began_s, telling.TIME, "council status --json"),
            "crashes": scene.fact("ends within the hour", one.crashes, telling.COUNT, "council status --json"),
            "reason": scene.fact(
                "reason", one.crash_reasons or one.reason or "no reason given", telling.WORD, "council status --json"
            ),
        }
        text = "The service {service} began anew at {at}; ends unasked within the last hour: {crashes} ({reason})."
        yield Lead(
            "service",
            name,
            min(began_s, scene.onset_s),
            0.5 if often else 0.35,
            frozenset(),
            _SYMPTOMS,
            telling.say(text, **facts),
        )


def _records(scene: Scene) -> Iterator[Lead]:
    after, before = (_mean(scene, "council_ledger_commit_seconds", span) for span in (scene.during, scene.before))
    query = "increase(council_ledger_commit_seconds_sum) / increase(council_ledger_commit_seconds_count)"
    if after is not None and after >= max(_COMMIT_SLOW_S, _COMMIT_SLOW_TIMES * (before or 0.0)):
        facts = {
            "after": scene.fact("mean wait for a ledger row", after, telling.DURATION, query),
            "before": scene.fact("mean wait before", before, telling.DURATION, query, during=False),
        }
        text = "The records were slow: a ledger row waited {after} in the mean for its commit; before, it was {before}."
        yield Lead("service", "records", scene.onset_s, 0.88, frozenset(), _SYMPTOMS, telling.say(text, **facts))
    for one in scene.found.missing:
        if one.what in ("records", "costs"):
            fact = scene.fact("why", one.why, telling.WORD, "council doctor")
            yield Lead(
                "service",
                "records",
                scene.onset_s,
                0.6,
                frozenset(),
                _SYMPTOMS,
                telling.say("The records could not be asked: {why}.", why=fact),
            )


def resources(scene: Scene) -> Iterator[Lead]:
    """Yield what ran out, or grows: descriptors, memory, the disk, the card's memory, a budget."""
    for alert in scene.alerts:
        service = service_of(alert)
        if alert.name in _SENTINELS_OF_A_PROCESS and service:
            yield _of_process(scene, alert, service)
    alone = {one.name for one in scene.alerts} - {one.name for one in scene.alerts if service_of(one)}
    if "fd_usage" in alone and not _has(scene, "descriptors"):
        yield from _nearest_its_limit(scene)
    for names, subject, text in (
        (_OF_DISK, "disk", "The disk of the home ran full: {reason}."),
        (_OF_CARD, "gpu memory", "The memory of the graphics processor ran out: {reason}."),
    ):
        alerts = [one for one in scene.alerts if one.name in names]
        if alerts:
            fact = scene.fact("reason", alerts[0].summary.removesuffix(".") or "bad", telling.WORD, scene.query)
            effects = frozenset().union(*(links.effects_of(name) for name in names)) | {"service_down", "crash_loop"}
            embodied = frozenset(one.title for one in alerts)
            yield Lead(
                "resource", subject, alerts[0].since_us / 1e6, 0.93, embodied, effects, telling.say(text, reason=fact)
            )
    yield from _budget(scene)


def _of_process(scene: Scene, alert: incidents.Alert, service: str) -> Lead:
    subject = f"{alert.name} of {service}"
    facts = {
        "what": scene.fact("sentinel", alert.name, telling.WORD, scene.query),
        "service": scene.fact("service", service, telling.WORD, scene.query),
        "reason": scene.fact("reason", alert.summary.removesuffix(".") or "bad", telling.WORD, scene.query),
        "at": scene.fact("since", alert.since_us / 1e6, telling.TIME, scene.query),
    }
    text = "The {what} of the service {service} went bad at {at}: {reason}."
    effects = links.effects_of(alert.name, service) | {"service_down", "crash_loop", "metrics_stale"} | _SYMPTOMS
    kin = {"descriptors": {"fd_usage", "sockets"}, "memory": {"memory_growth"}, "sockets": {"descriptors", "fd_usage"}}
    same = {
        one.title for one in scene.alerts if one.name in kin.get(alert.name, set()) and service_of(one) in ("", service)
    }
    return Lead(
        "resource",
        subject,
        alert.since_us / 1e6,
        0.93,
        frozenset({alert.title, *same}),
        effects,
        telling.say(text, **facts),
    )


def _nearest_its_limit(scene: Scene) -> Iterator[Lead]:
    """Yield the service whose open descriptors are the largest share of its limit."""
    shares = []
    for one in series.of(scene.found, "open_fds_total"):
        limits = series.of(scene.found, "fd_soft_limit", one.service)
        opened = series.level(one.points, scene.during)
        limit = series.level(limits[0].points, scene.during) if limits else None
        if opened is not None and limit:
            shares.append((opened / limit, one.service))
    if shares:
        share, service = max(shares)
        opened_of, limit_of = (
            f'median_over_time({name}{{svc="{service}"}})' for name in ("open_fds_total", "fd_soft_limit")
        )
        query = f"100 * {opened_of} / {limit_of}"
        facts = {
            "service": scene.fact("service", service, telling.WORD, query),
            "share": scene.fact("open descriptors", 100 * share, telling.PERCENT, query),
        }
        text = "The service {service} had {share} of its descriptors open."
        effects = links.effects_of("fd_usage") | _SYMPTOMS
        yield Lead(
            "resource",
            f"descriptors of {service}",
            scene.onset_s,
            0.9,
            frozenset({"fd_usage"}),
            effects,
            telling.say(text, **facts),
        )


def _budget(scene: Scene) -> Iterator[Lead]:
    spent = series.of(scene.found, "council_spent_today_usd_micros")
    limit = series.of(scene.found, "council_quota_today_usd_micros")
    if spent and limit:
        now, before = (series.level(spent[0].points, span) for span in (scene.during, scene.before))
        most = series.level(limit[0].points, scene.during)
        if now is None or not most or now < most or (before or 0) >= most:
            return
        facts = {
            "spent": scene.fact("spent today", now, telling.MONEY, f"median_over_time({spent[0].name})"),
            "limit": scene.fact("budget of the day", most, telling.MONEY, f"median_over_time({limit[0].name})"),
        }
        text = "The budget of the day was gone: {spent} of {limit} spent."
        effects = frozenset({"success_rate", "http_5xx", "latency", "local_processing"})
        yield Lead("resource", "budget", scene.onset_s, 0.9, frozenset(), effects, telling.say(text, **facts))


def others(scene: Scene) -> Iterator[Lead]:
    """Yield other incidents that went on when this one began, and what they may bring about."""
    for one in scene.found.incidents:
        if one.id == scene.incident.id or not one.began_us < scene.incident.began_us:
            continue
        if one.repaired_us and one.repaired_us < scene.incident.began_us:
            continue
        effects = frozenset().union(
            *(links.effects_of(member.alert.name, service_of(member.alert)) for member in one.members)
        )
        facts = {
            "id": scene.fact("incident", one.id, telling.WORD, f"council incidents show {one.id}"),
            "title": scene.fact("what", one.title, telling.WORD, f"council incidents show {one.id}"),
            "at": scene.fact("began", one.began_us / 1e6, telling.TIME, f"council incidents show {one.id}"),
        }
        text = "The incident {id} ({title}) had gone on since {at}."
        linked = bool(effects & {alert.name for alert in scene.alerts})
        yield Lead(
            "incident",
            one.id,
            one.began_us / 1e6,
            0.7 if linked else 0.12,
            frozenset(),
            effects,
            telling.say(text, **facts),
        )


def _has(scene: Scene, name: str) -> bool:
    return any(one.name == name for one in scene.alerts)


def _titles(scene: Scene, names: frozenset[str] | set[str]) -> frozenset[str]:
    return frozenset(one.title for one in scene.alerts if one.name in names)
