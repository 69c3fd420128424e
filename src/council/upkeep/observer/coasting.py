"""Whether the system may be left to itself for a while: conditions, each held against evidence, and what stands beside. Pure.

A condition that nobody could look at does not hold: unknown is never green here either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from council.domain import digests, evidence, gates
from council.upkeep.observer import layouts, measures, telling

SCHEMA = "council.coast/1"
_LEAKS = frozenset("memory descriptors zombies threads children sockets temp_files tasks gpu_drip".split())


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an edge knows beside the evidence. None is not known, and `unknown` says why, by the field's name.

    `quota_limit` and `quota_used` count bots' patches of the day; `freeze_usable` is whether a freeze could be set now,
    `frozen` whether one is; `archive_merged_s` is when the newest archive was merged and `archive_due_s` from when on it had to
    be, so too of the digest. `oversight`, `security` and `documentation` are facts that are shown as they are.
    """

    found: evidence.Evidence
    version: str
    quota_limit: int | None = None
    quota_used: int | None = None
    freeze_usable: bool | None = None
    frozen: bool | None = None
    archive_merged_s: float | None = None
    archive_due_s: float | None = None
    digest_sent_s: float | None = None
    digest_due_s: float | None = None
    oversight: Sequence[evidence.Fact] = ()
    security: Sequence[evidence.Fact] = ()
    documentation: Sequence[evidence.Fact] = ()
    unknown: Sequence[tuple[str, str]] = ()

    def why(self, name: str) -> str:
        """Return why something is not known."""
        return dict(self.unknown).get(name, "nobody told")


@dataclass(frozen=True, slots=True)
class Condition:
    """One of them. `holds` None: nobody knows, so it does not count as held. `command` is where to look next."""

    name: str
    holds: bool | None
    sentence: evidence.Sentence
    command: str


@dataclass(frozen=True, slots=True)
class Coast:
    """All of them, and what stands beside."""

    conditions: tuple[Condition, ...]
    beside: tuple[tuple[str, tuple[evidence.Fact, ...], str], ...]

    @property
    def may(self) -> bool:
        """Whether every condition holds."""
        return all(one.holds for one in self.conditions)


def coast(given: Inputs) -> Coast:
    """Return the conditions, in the order in which a person would look, and what stands beside them."""
    conditions = (_gates(given), *_changes(given), _archive(given), _digest(given), _leaks(given))
    return Coast(conditions, tuple(_beside(given)))


def _gates(given: Inputs) -> Condition:
    found, query = given.found, "council gates"
    applies = [one for one in found.gates if one.verdict is not gates.Verdict.NOT_APPLICABLE]
    green = [one for one in applies if one.verdict is gates.Verdict.GREEN]
    facts = {
        "green": evidence.Fact("green gates", len(green), telling.COUNT, query, found.span),
        "all": evidence.Fact("gates that apply", len(applies), telling.COUNT, query, found.span),
    }
    text = "Green: {green} of {all} gates that apply."
    others = [f"{one.name} {one.verdict}" for one in applies if one not in green]
    if others:
        facts["others"] = telling.word("gates that are not green", telling.listed(others, 6), query, found.span)
        text += " Not so: {others}."
    holds = bool(applies) and len(green) == len(applies)
    return Condition("all gates green", holds if applies else None, telling.say(text, **facts), query)


def _changes(given: Inputs) -> Iterator[Condition]:
    span, query = given.found.span, "council quota show"
    if given.quota_limit is None or given.quota_used is None:
        yield _unknown(given, "quota active", "quota", query)
    else:
        facts = {
            "used": evidence.Fact("patches of bots today", given.quota_used, telling.COUNT, query, span),
            "limit": evidence.Fact("quota", given.quota_limit, telling.COUNT, query, span),
        }
        said = telling.say("Of the patches that bots may have applied today {used} of {limit} are used.", **facts)
        yield Condition("quota active", given.quota_limit > 0, said, query)
    query = "council freeze show"
    if given.freeze_usable is None:
        yield _unknown(given, "freeze usable", "freeze", query)
    else:
        can = "A freeze can be set" if given.freeze_usable else "A freeze cannot be set"
        now = "; one is in force now." if given.frozen else "; none is in force."
        yield Condition("freeze usable", given.freeze_usable, evidence.Sentence(can + now), query)


def _archive(given: Inputs) -> Condition:
    name, query = "last night's archive merged", "council observe history"
    return _dated(given, name, "archive", given.archive_merged_s, given.archive_due_s, query)


def _digest(given: Inputs) -> Condition:
    name, query = "last digest delivered", "council notify failed"
    return _dated(given, name, "digest", given.digest_sent_s, given.digest_due_s, query)


def _dated(given: Inputs, name: str, what: str, at_s: float | None, due_s: float | None, query: str) -> Condition:
    if at_s is None or due_s is None:
        return _unknown(given, name, what, query)
    facts = {
        "at": telling.moment(f"last {what}", at_s, query, given.found.span),
        "due": telling.moment(f"{what} due", due_s, query, given.found.span),
    }
    return Condition(
        name, at_s >= due_s, telling.say("The last was done at {at}; one was due at {due}.", **facts), query
    )


def _leaks(given: Inputs) -> Condition:
    found, query = given.found, "council gates memory_growth"
    line = found.gate("memory_growth")
    bad = (gates.Verdict.AMBER, gates.Verdict.RED)
    warned = [
        f"{one.sentinel} of {one.service}" for one in found.findings if one.sentinel in _LEAKS and one.verdict in bad
    ]
    if line is None or (line.verdict is gates.Verdict.UNKNOWN and not warned):
        why = line.reason if line is not None and line.reason else "the gate memory_growth is not told"
        fact = telling.word("why", why.removesuffix("."), query, found.span)
        return Condition("leak trends flat", None, telling.say("Not known: {why}.", why=fact), query)
    facts = {"growth": evidence.Fact("memory growth", line.value, line.unit, query, found.span)}
    text = "Memory of the service that grows fastest: {growth}."
    if warned:
        facts["warned"] = telling.word("sentinels that warn", telling.listed(warned), "council gates", found.span)
        text += " Sentinels warn: {warned}."
    applies = line.verdict is gates.Verdict.NOT_APPLICABLE
    return Condition(
        "leak trends flat",
        not warned and (applies or line.verdict is gates.Verdict.GREEN),
        telling.say(text, **facts),
        query,
    )


def _unknown(given: Inputs, name: str, what: str, query: str) -> Condition:
    fact = telling.word("why", given.why(what).removesuffix("."), query, given.found.span)
    return Condition(name, None, telling.say("Not known: {why}.", why=fact), query)


def _beside(given: Inputs) -> Iterator[tuple[str, tuple[evidence.Fact, ...], str]]:
    span = given.found.span
    label = given.found.label
    version = [telling.word("version", given.version, "council --version", span)]
    if label.generation:
        version.append(telling.word("generation", label.generation[:8], "council status --json", span))
    if label.cid:
        version.append(telling.word("made by patch", label.cid, "council status --json", span))
    yield "version", tuple(version), ""
    autonomy, low = measures.autonomy(given.found), measures.autonomy_low(given.found)
    known = [one for one in (autonomy.fact, low.fact, autonomy.count) if one is not None]
    yield "autonomy level", tuple(known), autonomy.reason
    for name, facts in (
        ("human oversight", given.oversight),
        ("security posture", given.security),
        ("documentation", given.documentation),
    ):
        yield name, tuple(facts), "" if facts else given.why(name)


def form(one: Coast) -> dict[str, object]:
    """Return it as JSON holds it."""
    return {
        "schema": SCHEMA,
        "may_coast": one.may,
        "conditions": [
            {
                "name": each.name,
                "holds": each.holds,
                "text": each.sentence.text,
                "evidence": [digests.fact_form(fact) for fact in each.sentence.facts],
                "command": each.command,
            }
            for each in one.conditions
        ],
        "beside": [
            {"name": name, "facts": [digests.fact_form(fact) for fact in facts], "reason": reason}
            for name, facts, reason in one.beside
        ],
    }


def page(one: Coast) -> layouts.Page:
    """Return it as a page."""
    title = "May coast" if one.may else "Better not coast"
    words = {True: "yes", False: "no", None: "unknown"}
    rows = tuple((each.name, words[each.holds], each.sentence.text) for each in one.conditions)
    blocks: list[layouts.Block] = [
        layouts.Heading(title, first=True),
        layouts.Table(("CONDITION", "HOLDS", "EVIDENCE"), rows),
    ]
    look = tuple((each.name, each.command) for each in one.conditions if not each.holds)
    if look:
        blocks += [layouts.Heading("Where to look"), layouts.Listing(look)]
    beside = tuple(
        (name, ", ".join(f"{fact.name} {telling.shown(fact)}" for fact in facts) + (f" ({reason})" if reason else ""))
        for name, facts, reason in one.beside
    )
    blocks += [layouts.Heading("Beside it"), layouts.Table(("WHAT", "STATE"), beside)]
    return layouts.Page(title, tuple(blocks))
