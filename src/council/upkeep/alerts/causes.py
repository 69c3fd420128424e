"""What may have brought an incident about: what else went bad about then, and a written table of what follows from what.

The table knows what this project's parts do to each other, no more. What it links comes first, in order of time; what merely
went bad at the same time follows, and says so. Nobody has shown that a candidate is the cause.
"""

from collections.abc import Sequence

from council.domain import incidents, links
from council.upkeep.alerts import board


def candidates(members: Sequence[incidents.Member], bad: Sequence[board.Bad]) -> tuple[incidents.Cause, ...]:
    """Return the candidates for an incident of these members among what was bad, linked ones first, each in order of time.

    Only what began no later than the last alert can have caused one. A member can be the cause of another.
    """
    began = [member.alert.since_us for member in members]
    found = []
    for one in bad:
        if one.since_us > max(began):
            continue
        others = {
            member.alert.name
            for member in members
            if member.alert.key != (one.name, one.labels)
            and member.alert.since_us >= one.since_us
            and _may_be_of_one_service(one, member)
        }
        because = _because(one, others)
        is_member = any(member.alert.key == (one.name, one.labels) for member in members)
        if because or not is_member:
            title = incidents.words_of(one.name, one.labels)
            found.append(incidents.Cause(title, one.since_us, one.reason, because, one.until_us))
    found.sort(key=lambda cause: (not cause.because, cause.at_us, cause.title))
    return tuple(found[: incidents.CAUSES_MAX])


def _may_be_of_one_service(one: board.Bad, member: incidents.Member) -> bool:
    """Whether what is told of one service is not set beside what is told of another, as of a process beside Council."""
    services = {dict(labels).get("svc", "") for labels in (one.labels, member.alert.labels)} - {""}
    return len(services) < 2


def _because(one: board.Bad, others: set[str]) -> str:
    service = dict(one.labels).get("svc", "")
    for link in links.LINKS:
        reached = sorted(link.effects & others)
        if link.cause == one.name and link.service in ("", service) and reached:
            return f"{link.because} ({', '.join(reached)})"
    return ""
