"""The digest on its way to people: as a notice, announced under the name of its day, so once. Pure."""

import hashlib
from collections.abc import Collection

import orjson

from council.domain import digests as digest_forms
from council.domain import evidence, incidents, schedule, snapshots
from council.kit import ids
from council.upkeep.observer import digests, layouts, renderings

PREFIX = "digest:"
# Announced once, with nobody told: since when there is an observer here.
BEGAN_PREFIX = "began:"
DAYS_MAX = 2 * schedule.CAUGHT_UP_MAX


def name(day: str) -> str:
    """Return what the digest of a day, as `2026-11-30`, is announced under."""
    return f"{PREFIX}{day}"


def days(announced: Collection[str]) -> set[str]:
    """Return the days whose digests were announced, by what is announced."""
    return {one.removeprefix(PREFIX) for one in announced}


def loop(
    span: evidence.Span, interval_s: float, began_s: float, taken: Collection[str], last_digest_s: float | None
) -> digests.Loop:
    """Return how the observer fared in a span, by the ids of the ticks that are kept."""
    start_s = max(span.start_s, began_s)
    inside = sum(snapshots.identifier(start_s) <= one < snapshots.identifier(span.end_s) for one in taken)
    wanted = max(0, int(span.end_s // interval_s) - int(start_s // interval_s))
    return digests.Loop(inside, max(0, wanted - inside), last_digest_s=last_digest_s)


def notice(one: digest_forms.Digest, at_us: int) -> incidents.Notice:
    """Return what people are told. Its id is the same however often it is made of one day at one moment."""
    page = layouts.page(one)
    return incidents.Notice(
        id=ids.ulid_from(at_us, hashlib.sha256(name(one.date).encode()).digest()[:10]),
        at_us=at_us,
        kind=incidents.NoticeKind.DIGEST,
        incident_id="",
        severity=incidents.Severity.WARNING,
        title=incidents.one_line(page.title, incidents.TEXT_CHARS_MAX),
        text=renderings.text(page),
        html=renderings.page_html(page),
        data=orjson.dumps(digest_forms.form(one)).decode(),
    )
