"""Incidents as JSON shows them, over HTTP and on the command line. What has not happened is null there."""

from typing import Any

from council.domain import incidents


def form(one: incidents.Incident) -> dict[str, Any]:
    """Return an incident with all that is known of it."""
    causes = [
        {
            "title": cause.title,
            "at_us": cause.at_us,
            "until_us": cause.until_us or None,
            "reason": cause.reason,
            "because": cause.because,
        }
        for cause in one.causes
    ]
    timeline = [{"at_us": moment.at_us, "text": moment.text} for moment in one.timeline]
    return {**line(one), "causes": causes, "timeline": timeline, "moments_left_out": one.moments_left_out}


def line(one: incidents.Incident) -> dict[str, Any]:
    """Return an incident without its candidates for causes and its timeline."""
    return {
        "id": one.id,
        "standing": one.standing,
        "severity": one.severity,
        "title": one.title,
        "began_us": one.began_us,
        "detected_us": one.detected_us,
        "repaired_us": one.repaired_us or None,
        "detection_s": one.detection_s,
        "repair_s": one.repair_s,
        "alerts": [_alert(member) for member in one.members],
    }


def _alert(member: incidents.Member) -> dict[str, Any]:
    alert = member.alert
    return {
        "name": alert.name,
        "labels": dict(alert.labels),
        "severity": alert.severity,
        "summary": alert.summary,
        "next_step": alert.next_step,
        "since_us": alert.since_us,
        "fired_us": member.fired_us,
        "ended_us": member.ended_us or None,
        "ending": member.ending,
        "told": member.told,
    }
