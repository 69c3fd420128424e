"""Settings of the observer: how often it looks, what it keeps, and when it tells people by itself.

Read anew for every snapshot from the generation that serves, so that no patch of them starts the steward anew.
"""

from dataclasses import dataclass

from council.domain import schedule
from council.domain.options import option


@dataclass(frozen=True, slots=True)
class ObserveConfig:
    """Snapshots, and what is told of a gate that stays red."""

    interval_s: float = option(
        900.0, "A snapshot is kept at each whole multiple of this, UTC, seconds.", low=10, high=86_400
    )
    full_days: float = option(
        7.0, "After so many days one snapshot an hour is kept of those between.", low=1, high=3660
    )
    keep_days: float = option(90.0, "How long snapshots are kept, days.", low=1, high=3660)
    escalate_after_s: float = option(
        1800.0, "A gate that is red for this long is told again, with a summary, seconds.", low=60, high=604_800
    )
    digest_at: str = option("03:00", "The time of day at which the digest of the day before is sent.")
    digest_zone: str = option("UTC", "The time zone of `observe.digest_at`, such as Europe/Paris.")
    archive: bool = option(
        True, "Whether each day is put into the forge's archive once its digest is sent, and what lasts is shown there."
    )
    archive_days: int = option(730, "How long days stay in the archive, days.", low=1, high=2000)
    archive_full_days: int = option(
        62, "After so many days one snapshot a day is kept in the archive, and those of incidents.", low=1, high=2000
    )


def check(config: ObserveConfig) -> None:
    """Raise ConfigError for a time or a zone that there is none of."""
    schedule.schedule(config.digest_at, config.digest_zone)
