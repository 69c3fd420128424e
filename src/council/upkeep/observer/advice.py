"""What to do, each with the facts that speak for it and the command that does it. Rules, the most urgent first."""

from collections import Counter
from collections.abc import Iterator

from council.domain import digests, evidence, gates, incidents
from council.upkeep.observer import causes, outlooks, telling

ADVICE_MAX = 8
_LIKELY = 0.4
_OFTEN = 3
_EXPLAINED_MAX = 3
_BUDGET_LEFT = 0.2
_COMMANDS = {
    "latency_p95": "council ledger report --by token",
    "success_rate": "council ledger report --by route",
    "local_processing": "council ledger report --by model",
    "cost_per_100": "council ledger report --by model",
    "memory_growth": "council status",
    "fd_usage": "council status",
    "gpu_memory": "council models list",
    "error_rate": "council status",
    "response_size": "council ledger report --by token",
    "concurrent_users": "council ledger report --by token",
    "disk_usage": "council doctor",
    "network_errors": "council providers list",
}


def advise(found: evidence.Evidence) -> tuple[digests.Advice, ...]:
    """Return what to do, the most urgent first; one thing for one command."""
    kept: dict[str, digests.Advice] = {}
    for rule in (
        _open_incidents,
        _gates,
        outlooks.foretold,
        _growing,
        _services,
        _budgets,
        _again_and_again,
        _refused,
        _missing,
    ):
        for one in rule(found):
            kept.setdefault(one.command, one)
    return tuple(kept.values())[:ADVICE_MAX]


def _open_incidents(found: evidence.Evidence) -> Iterator[digests.Advice]:
    goes_on = [one for one in found.incidents if one.standing is incidents.Standing.OPEN]
    for one in sorted(goes_on, key=lambda each: each.id, reverse=True)[:_EXPLAINED_MAX]:
        first = causes.likeliest(found, one)
        query = f"council incidents show {one.id}"
        title = telling.word("incident", one.title, query, found.span)
        since = telling.moment("began", one.began_us / 1e6, query, found.span)
        if first is None or first.weight < _LIKELY:
            text = "Since {since}: {title}. It goes on; read what is known of it."
            yield digests.Advice(telling.say(text, title=title, since=since), f"council observe explain {one.id}")
            continue
        head = telling.say("Since {since}: {title}. It goes on. The likeliest cause:", title=title, since=since)
        yield digests.Advice(telling.joined([head, first.sentence]), _against(first, one.id))


def _against(cause: evidence.RankedCause, identifier: str) -> str:
    match cause.kind:
        case "patch" if not causes.is_undone(cause):
            return f'council patch rollback --reason "incident {identifier}" {cause.subject}'
        case "traffic":
            return "council ledger report --by token"
        case "service":
            return "council status"
        case _:
            return f"council observe explain {identifier}"


def _gates(found: evidence.Evidence) -> Iterator[digests.Advice]:
    ranks = {gates.Verdict.RED: 0, gates.Verdict.AMBER: 1}
    for one in sorted((line for line in found.gates if line.verdict in ranks), key=lambda line: ranks[line.verdict]):
        query = f"council gates {one.name}"
        facts = {
            "gate": telling.word("gate", one.name, query, found.span),
            "verdict": telling.word("verdict", str(one.verdict), query, found.span),
            "value": evidence.Fact(one.name, one.value, one.unit, query, found.span),
            "since": telling.moment("since", one.since_s, query, found.span),
            "limit": evidence.Fact("limit", one.threshold, one.unit, query, found.span),
            "must": telling.word(
                "must be", "below" if one.comparator == gates.Comparator.BELOW else "above", query, found.span
            ),
        }
        text = "The gate {gate} is {verdict} since {since}: {value}, and must be {must} {limit}."
        yield digests.Advice(telling.say(text, **facts), _COMMANDS.get(one.name, f"council gates {one.name}"))


def _growing(found: evidence.Evidence) -> Iterator[digests.Advice]:
    for one in found.findings:
        if one.verdict not in (gates.Verdict.RED, gates.Verdict.AMBER):
            continue
        query = "council gates --json"
        facts = {
            "sentinel": telling.word("sentinel", one.sentinel, query, found.span),
            "service": telling.word("service", one.service, query, found.span),
            "reason": telling.word("reason", one.reason.removesuffix("."), query, found.span),
            "since": telling.moment("since", one.since_s, query, found.span),
        }
        text = "The sentinel {sentinel} warns of the service {service} since {since}: {reason}."
        command = f"council sentinel trace {one.service}" if one.sentinel == "memory" else "council status"
        yield digests.Advice(telling.say(text, **facts), "council doctor" if one.sentinel == "disk_growth" else command)


def _services(found: evidence.Evidence) -> Iterator[digests.Advice]:
    query = "council status --json"
    for one in found.services:
        if one.crashes >= _OFTEN:
            facts = {
                "service": telling.word("service", one.name, query, found.span),
                "count": evidence.Fact("ends within the hour", one.crashes, telling.COUNT, query, found.span),
            }
            yield digests.Advice(
                telling.say("The service {service} ended unasked within the hour, times: {count}.", **facts),
                "council status",
            )


def _budgets(found: evidence.Evidence) -> Iterator[digests.Advice]:
    query = "council budget"
    for line in found.costs.budget_lines:
        limit, left = line.limit_usd_micros, line.left_usd_micros
        if limit and left is not None and left < _BUDGET_LEFT * limit:
            facts = {
                "scope": telling.quoted("scope", line.label, query, found.span)
                if line.label
                else telling.word("scope", line.scope, query, found.span),
                "period": telling.word("period", line.period, query, found.span),
                "left": evidence.Fact("left", left, telling.MONEY, query, found.span),
                "limit": evidence.Fact("budget", limit, telling.MONEY, query, found.span),
            }
            text = "Of the budget of {scope} for {period}, {limit}, there is {left} left."
            yield digests.Advice(telling.say(text, **facts), "council budget")


def _again_and_again(found: evidence.Evidence) -> Iterator[digests.Advice]:
    began = [one for one in found.incidents if found.span.holds(one.began_us / 1e6)]
    counts = Counter(member.alert.title for one in began for member in one.members)
    for title, count in counts.most_common():
        if count < _OFTEN:
            return
        facts = {
            "title": telling.word("alert", title, "council incidents --json", found.span),
            "count": evidence.Fact("incidents with it", count, telling.COUNT, "council incidents --json", found.span),
        }
        yield digests.Advice(
            telling.say("Again and again: {title}. In incidents: {count}.", **facts), "council incidents"
        )


def _refused(found: evidence.Evidence) -> Iterator[digests.Advice]:
    refused = Counter(
        row.reason.partition(":")[0] for row in found.patches if row.outcome == "refused" and not row.trial
    )
    for reason, command in (("quota", "council quota show"), ("frozen", "council freeze show")):
        if refused[reason]:
            facts = {
                "reason": telling.word("reason", reason, "council patch history", found.span),
                "count": evidence.Fact(
                    "refused patches", refused[reason], telling.COUNT, "council patch history", found.span
                ),
            }
            yield digests.Advice(
                telling.say("Patches were refused for the reason {reason}: {count}.", **facts), command
            )


def _missing(found: evidence.Evidence) -> Iterator[digests.Advice]:
    if found.missing:
        whats = telling.listed([one.what for one in found.missing])
        facts = {"what": telling.word("missing", whats, "council doctor", found.span)}
        yield digests.Advice(telling.say("What could not be asked for this digest: {what}.", **facts), "council doctor")
