"""The steward's look at how safe it is: what it counts, and that it forgets a key that no longer ends."""

import prometheus_client

from council.domain import errors, security
from council.services import securing


def sample(name: str, **labels: str) -> float | None:
    return prometheus_client.REGISTRY.get_sample_value(name, labels)


def report(*findings: security.Finding, expiries: tuple[tuple[str, float], ...] = ()) -> security.Report:
    unknown = (security.Unknown(security.Check.PACKAGES, "no advisories"),)
    return security.Report(0.0, findings, unknown, (), expiries)


BAD = security.Finding(security.Check.SECRETS, security.Severity.HIGH, "s", "t", "e", "n")


async def test_it_counts_by_severity_what_it_could_not_look_at_among_them() -> None:
    reports = iter([report(BAD, expiries=(("tls", 1.8e9),)), report()])
    one = securing.Securing(lambda: next(reports))
    await one.look()
    counts = [sample("council_security_findings", severity=name) for name in ("critical", "high", "unknown")]
    assert counts == [0, 1, 1]
    assert sample("council_expires_ts", kind="tls") == 1.8e9
    await one.look()
    assert sample("council_security_findings", severity="high") == 0
    assert sample("council_expires_ts", kind="tls") is None


async def test_a_look_that_fails_is_told_and_the_steward_stays_well() -> None:
    def fails() -> security.Report:
        raise errors.BlueprintError("There is no blueprint. Run `council init`.")

    one = securing.Securing(fails)
    await one._turns.take(one.look)
    assert one.is_well
    assert one.told() == {"problem": "There is no blueprint. Run `council init`."}
