"""What stands on a page about the system, in blocks that every rendering knows: what is said once looks alike everywhere.

Texts in blocks are as they came, foreign ones too: a rendering escapes each for where it goes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from council.domain import digests
from council.upkeep.observer import telling


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `first` for that of the page."""

    text: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Points, each with a command below it, "" for none."""

    points: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; columns in `right` are aligned right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Pictures:
    """Small pictures, one below the other."""

    plots: tuple[digests.Plot, ...]


Block = Heading | Paragraph | Listing | Table | Pictures


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its title, and its blocks from top to bottom."""

    title: str
    blocks: tuple[Block, ...]


def page(one: digests.Digest) -> Page:
    """Return the page of a digest: what happened and what to do first, the figures after it."""
    title = f"Council, {one.date}"
    return Page(title, (Heading(title, first=True), *_blocks(one)))


def _blocks(one: digests.Digest) -> Iterator[Block]:
    yield Paragraph(" ".join(each.text for each in one.headline))
    yield Heading("What to do")
    if one.recommendations:
        yield Listing(tuple((each.sentence.text, each.command) for each in one.recommendations))
    else:
        yield Paragraph("Nothing needs to be done.")
    yield Heading("Figures")
    yield _figures(one)
    if one.plots:
        yield Pictures(one.plots)
    yield Heading("Incidents")
    yield from _incidents(one)
    yield Heading("Services that began")
    yield from _services(one)
    yield Heading("Changes")
    yield from _changes(one)
    yield Heading("What grows")
    yield from _leaks(one)
    yield Heading("Health of each gate")
    yield from _health(one)
    yield Heading("The observer itself")
    yield measures(one.loop)
    if one.missing:
        yield Heading("Not known")
        yield Listing(tuple((f"{each.what}: {each.why}", "") for each in one.missing))


def _figures(one: digests.Digest) -> Table:
    health = one.system_health.measure
    of_time = telling.shown(one.system_health.known)
    lines = [("system health", telling.shown(health.fact), "", health.reason or f"of 100; known {of_time} of the time")]
    named = (
        ("latency, p95", one.performance, "of minutes with answers, the usual one"),
        ("cost of 100 answers", one.cost_efficiency, "all that was spent, over the questions that were answered"),
        ("answered on this machine", one.local_share, "of the answers; the others cost money"),
        ("autonomy", one.autonomy, "of incidents, patches and scheduled jobs, those that needed no person"),
        ("autonomy, at least", one.autonomy_low, ""),
    )
    for name, measure, meaning in named:
        value, count, reason = _cells(measure)
        lines.append((name, value, count, reason or meaning))
    return Table(("FIGURE", "VALUE", "OF", "NOTE"), tuple(lines), frozenset({1, 2}))


def _cells(measure: digests.Measure) -> tuple[str, str, str]:
    return telling.shown(measure.fact), telling.shown(measure.count) if measure.count else "", measure.reason


def measures(listed: Sequence[digests.Measure]) -> Table:
    """Return a table of figures by their names."""
    rows = tuple((one.name, *_cells(one)) for one in listed)
    return Table(("FIGURE", "VALUE", "OF", "NOTE"), rows, frozenset({1, 2}))


def _incidents(one: digests.Digest) -> Iterator[Block]:
    if not one.incidents:
        yield Paragraph(_none(one, "incidents", "There was none."))
        return
    rows = tuple(
        (
            telling.shown(each.began)[5:16],
            each.standing,
            telling.shown(each.detection),
            telling.shown(each.repair) if each.repair.value is not None else "goes on",
            each.title,
        )
        for each in one.incidents
    )
    yield Table(("BEGAN", "STATE", "NOTICED AFTER", "OVER AFTER", "WHAT"), rows)
    causes = [(each, each.cause) for each in one.incidents if each.cause is not None]
    if causes:
        yield Paragraph("The likeliest cause of each, as far as one is known:")
        yield Listing(tuple((cause.sentence.text, f"council observe explain {each.id}") for each, cause in causes))


def _services(one: digests.Digest) -> Iterator[Block]:
    if not one.services:
        yield Paragraph(_none(one, "series", "None did."))
        return
    rows = tuple(
        (
            each.service,
            telling.shown(each.begun),
            "" if each.ended.value is None else telling.shown(each.ended),
            each.reason,
        )
        for each in one.services
    )
    yield Table(("SERVICE", "TIMES", "ENDED UNASKED, LAST HOUR", "WHY"), rows, frozenset({1, 2}))
    words = "Each begins once with Council itself, with a patch that touches what it uses, and with a repair."
    yield Paragraph(f"{words} What ended unasked was started again without anybody's help.")


def _changes(one: digests.Digest) -> Iterator[Block]:
    changes = [*one.patches_applied, *one.patches_rolled_back, *one.patches_refused]
    if not changes:
        yield Paragraph(_none(one, "patches", "No patch came."))
        return
    rows = tuple((telling.shown(each.at)[5:16], each.outcome, each.cid, each.author, _titled(each)) for each in changes)
    yield Table(("AT", "OUTCOME", "PATCH", "AUTHOR", "TITLE"), rows)


def _titled(one: digests.Change) -> str:
    ticket = "" if one.ticket is None else f" (Ticket #{one.ticket})"
    return f"{one.title or 'without a title'}{ticket}" + (f": {one.reason}" if one.reason else "")


def _leaks(one: digests.Digest) -> Iterator[Block]:
    if not one.leaks:
        yield Paragraph(_none(one, "sentinels", "No sentinel warns of anything that grows."))
        return
    rows = tuple(
        (each.sentinel, each.service, each.verdict, telling.shown(each.value), each.reason) for each in one.leaks
    )
    yield Table(("SENTINEL", "SERVICE", "VERDICT", "VALUE", "WHY"), rows, frozenset({3}))


def _none(one: digests.Digest, what: str, calm: str) -> str:
    """Return that there is nothing, or that nobody could be asked."""
    lacking = [each for each in one.missing if what in each.what.replace(",", "").split()]
    return f"Not known: {lacking[0].why}" if lacking else calm


def _health(one: digests.Digest) -> Iterator[Block]:
    if not one.system_health.gates:
        yield Paragraph("No gate was known in this time.")
        return
    yield Paragraph(
        "A gate is a limit that Council keeps to; `council gates GATE` says which. Its health is the share of the known time "
        "in which it was green, amber counting half. It is not known before the first start, while nobody asks, and until "
        "there are readings enough."
    )
    rows = tuple(
        (each.gate, telling.shown(each.health), telling.shown(each.red), telling.shown(each.known))
        for each in one.system_health.gates
    )
    yield Table(("GATE", "HEALTH", "RED FOR", "KNOWN"), rows, frozenset({1, 2, 3}))
