"""The words of notices. One form for every channel: a title of one line, and a text that ends with what to do next."""

from collections.abc import Collection

from council.domain import incidents
from council.kit import shown

_LINES_MAX = 10

_SAID = {
    incidents.NoticeKind.BEGAN: "",
    incidents.NoticeKind.GREW: " (more)",
    incidents.NoticeKind.STILL: " (still)",
}


def notice(
    identifier: str,
    at_us: int,
    kind: incidents.NoticeKind,
    one: incidents.Incident,
    heard: Collection[tuple[str, incidents.Labels]],
) -> incidents.Notice:
    """Return what is said of an incident; `heard` are the alerts that no silence covers."""
    if kind is incidents.NoticeKind.OVER:
        title, text = f"Over: {one.title} ({one.standing})", _over(one)
    else:
        members = [member for member in one.members if member.fires and member.alert.key in heard]
        # What is news comes first, in the title too.
        members.sort(key=lambda member: member.told is not None and member.told.rank >= member.alert.severity.rank)
        named = ", ".join(member.alert.title for member in members[:3])
        more = f" and {len(members) - 3} more" if len(members) > 3 else ""
        title, text = f"{one.severity.capitalize()}: {named}{more}{_SAID[kind]}", _open(one, members)
    return incidents.Notice(identifier, at_us, kind, one.id, one.severity, title[: incidents.TEXT_CHARS_MAX], text)


def trial(identifier: str, at_us: int) -> incidents.Notice:
    """Return a notice by which a person sees that a channel works."""
    text = "This is a test of where Council's notices go. Nothing is wrong, and nothing needs to be done."
    return incidents.Notice(
        identifier,
        at_us,
        incidents.NoticeKind.TEST,
        "",
        incidents.Severity.WARNING,
        "Test: a notice from Council",
        text,
    )


def _open(one: incidents.Incident, members: list[incidents.Member]) -> str:
    lines = []
    for member in members[:_LINES_MAX]:
        alert = member.alert
        lines.append(f"{alert.title}: {alert.summary.removesuffix('.') or 'bad'}, since {shown.clock(alert.since_us)}.")
        if alert.next_step:
            lines.append(f"  {alert.next_step}")
    if one.causes:
        lines.append("May have to do with it:")
        lines += [f"  {cause_line(cause)}" for cause in one.causes[:_LINES_MAX]]
    return "\n".join([*lines, f"More: council incidents show {one.id}"])


def _over(one: incidents.Incident) -> str:
    lines = [
        f"{member.alert.title}: {member.ending}, {shown.clock(member.ended_us)}." for member in one.members[:_LINES_MAX]
    ]
    lasted = f"It began {shown.clock(one.began_us)}, was noticed after {shown.duration(one.detection_s)}"
    lines.append(f"{lasted} and over after {shown.duration(one.repair_s or 0.0)}.")
    return "\n".join([*lines, f"More: council incidents show {one.id}"])


def cause_line(cause: incidents.Cause) -> str:
    """Return a candidate in one line, with why it is one."""
    why = cause.because or "bad at the same time; no link between them is known"
    until = f" to {shown.clock(cause.until_us)}" if cause.until_us else ""
    bad = cause.reason.removesuffix(".") or "bad"
    return f"{cause.title} from {shown.clock(cause.at_us)}{until}: {bad}. {why[0].upper()}{why[1:]}."
