import datetime
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import backup, errors
from council.domain.backup import Kind, Outcome

T0 = datetime.datetime(2026, 11, 30, 2, 30, tzinfo=datetime.UTC).timestamp()
DAY_S = 86_400.0
ON = backup.BackupConfig(target="/mnt/snapshots")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("/mnt/x/", backup.Target(backup.Place.FOLDER, "/mnt/x")),
        (
            "s3:https://h.example:9000/bucket/a/b/",
            backup.Target(backup.Place.S3, "bucket/a/b", "https://h.example:9000"),
        ),
        ("sftp://ann@h.example:2222//srv/x", backup.Target(backup.Place.SFTP, "/srv/x", "h.example", "ann", 2222)),
        ("sftp://ann@[::1]/x", backup.Target(backup.Place.SFTP, "x", "::1", "ann", 0)),
    ],
)
def test_a_target_is_a_folder_a_bucket_or_a_folder_of_a_server(text: str, made: backup.Target) -> None:
    assert backup.target(text) == made
    assert backup.target(made.shown) == made


@pytest.mark.parametrize(
    "text",
    [
        *(
            "x",
            "ftp://h/x",
            "s3:ftp://h/b",
            "s3:https://h",
            "sftp://h/x",
            "sftp://ann@h",
            "sftp://ann@h:x/y",
            "s3:https:///b",
        ),
        # Words that ssh would take for options.
        *("sftp://-oProxyCommand=x@h/x", "sftp://ann@-oProxyCommand=x/x", "sftp://a b@h/x"),
        *("/a\nb", "/" + "x" * 2000),
    ],
)
def test_what_is_no_target_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(errors.ConfigError, match="Give a folder as"):
        backup.target(text)


@pytest.mark.parametrize("text", ["s3:https://id:key@h/b", "sftp://ann:secret@h/x", "s3:https://id@h/b"])
def test_a_password_does_not_belong_into_settings_and_is_not_said_again(text: str) -> None:
    with pytest.raises(errors.ConfigError, match=r"secrets/backup") as refused:
        backup.target(text)
    assert "key@" not in refused.value.message and "secret@" not in refused.value.message


def run(kind: Kind, at_s: float, outcome: Outcome = Outcome.OK) -> backup.Run:
    return backup.Run(f"{at_s:026.0f}", kind, outcome, round(at_s * 1e6), round((at_s + 60) * 1e6))


def due(at_s: float, *runs: backup.Run, config: backup.BackupConfig = ON) -> Kind | None:
    return backup.due(runs, config, round(at_s * 1e6))


def test_a_run_is_due_once_a_night_and_in_a_new_home_at_once() -> None:
    assert due(T0 + 9 * 3600) is Kind.RUN
    tonight, drilled = run(Kind.RUN, T0 + 30), run(Kind.DRILL, T0 + 90)
    assert due(T0 + DAY_S - 1, tonight, drilled) is None
    assert due(T0 + DAY_S, tonight, drilled) is Kind.RUN
    assert due(T0, config=backup.BackupConfig()) is None


def test_by_the_hour_a_run_is_due_after_each_so_many_hours_from_the_time_of_day_on() -> None:
    often = replace(ON, every_h=6.0)
    drilled = run(Kind.DRILL, T0 + 90)
    assert due(T0 + 6 * 3600 - 1, run(Kind.RUN, T0 + 30), drilled, config=often) is None
    assert due(T0 + 6 * 3600, run(Kind.RUN, T0 + 30), drilled, config=often) is Kind.RUN
    assert due(T0 + 24 * 3600 - 1, run(Kind.RUN, T0 + 18 * 3600), drilled, config=often) is None


def test_a_day_of_25_hours_has_one_night() -> None:
    config = replace(ON, at="02:30", zone="Europe/Paris")
    night_s = datetime.datetime(2026, 10, 24, 0, 30, tzinfo=datetime.UTC).timestamp()
    made = run(Kind.RUN, night_s + 30), run(Kind.DRILL, night_s + 90)
    assert due(night_s + 24 * 3600 - 1, *made, config=config) is None
    assert due(night_s + 24 * 3600, *made, config=config) is Kind.RUN
    assert due(night_s + 25 * 3600, run(Kind.RUN, night_s + 24 * 3600), made[1], config=config) is None


def test_what_failed_is_due_again_with_the_next_run_where_that_is_sooner_than_an_hour() -> None:
    failed = run(Kind.RUN, T0, Outcome.FAILED)
    assert due(T0 + 60 + 900, failed, config=replace(ON, every_h=0.25)) is Kind.RUN


def test_one_that_failed_is_due_again_after_an_hour_and_not_before() -> None:
    failed = run(Kind.RUN, T0, Outcome.FAILED)
    assert due(T0 + 120, failed) is None
    assert due(T0 + 60 + backup.RETRY_S, failed) is Kind.RUN


def test_a_drill_is_due_after_its_days_where_there_is_a_snapshot() -> None:
    tonight = run(Kind.RUN, T0 + 30)
    assert due(T0 + 300, tonight) is Kind.DRILL
    assert due(T0 + 300, tonight, run(Kind.DRILL, T0 - 6 * DAY_S)) is None
    assert due(T0 + 300, tonight, run(Kind.DRILL, T0 - 7 * DAY_S)) is Kind.DRILL
    assert due(T0 + 300, tonight, config=replace(ON, drill_days=0.0)) is None


def test_what_was_made_under_a_clock_that_was_ahead_does_not_hold_up_the_next() -> None:
    assert due(T0 + 300, run(Kind.RUN, T0 + 400 * DAY_S)) is Kind.RUN
    assert due(T0 + 300, run(Kind.RUN, T0 + 400 * DAY_S, Outcome.FAILED)) is Kind.RUN


def test_people_are_told_once_the_last_good_one_is_too_old() -> None:
    late_us = round(ON.late_h * 3600e6)
    assert backup.late(0, 0, ON, late_us) == "" and "37 h old" in backup.late(0, 0, ON, round(37 * 3600e6))
    assert backup.late(None, 0, ON, late_us) == "" and "no snapshot" in backup.late(None, 0, ON, late_us + 1)


def test_a_clock_behind_the_newest_snapshot_stops_everything() -> None:
    there = [backup.Snapshot("a", T0)]
    backup.check_clock(there, T0 - backup.CLOCK_SLACK_S)
    with pytest.raises(errors.BackupError) as refused:
        backup.check_clock(there, T0 - backup.CLOCK_SLACK_S - 1)
    assert refused.value.reason == backup.Reason.CLOCK


def nights(count: int) -> list[backup.Snapshot]:
    return [backup.Snapshot(f"{night:04d}", T0 + night * DAY_S) for night in range(count)]


def test_of_two_years_of_nights_days_weeks_and_months_stay() -> None:
    made = nights(730)
    gone = {one.id for one in backup.expired(made, ON)}
    kept = [one for one in made if one.id not in gone]
    assert kept[-7:] == made[-7:]
    assert 12 + 7 <= len(kept) <= 7 + 5 + 12
    months = {datetime.datetime.fromtimestamp(one.at_s, datetime.UTC).strftime("%Y-%m") for one in kept}
    assert len(months) == 12


@given(
    st.lists(st.floats(1.6e9, 1.9e9), max_size=60, unique=True),
    st.integers(1, 10),
    st.integers(0, 6),
    st.integers(0, 6),
    st.sampled_from(["UTC", "Europe/Paris"]),
)
def test_the_newest_always_stays_and_no_more_than_was_asked_for(
    at: list[float], daily: int, weekly: int, monthly: int, zone: str
) -> None:
    config = replace(ON, keep_daily=daily, keep_weekly=weekly, keep_monthly=monthly, zone=zone)
    made = [backup.Snapshot(f"{number}", at_s) for number, at_s in enumerate(at)]
    gone = backup.expired(made, config)
    kept = [one for one in made if one not in gone]
    assert len(kept) <= daily + weekly + monthly
    assert not made or max(made, key=lambda one: (one.at_s, one.id)) in kept
    # What is kept today is not missed for what was removed: to remove again removes nothing.
    assert backup.expired(kept, config) == []
    assert all(one.at_s <= other.at_s for one, other in itertools.pairwise(gone))


@pytest.mark.parametrize("text", ["", "short", "a\nb but long enough"])
def test_a_passphrase_is_long_enough_and_one_line(text: str) -> None:
    with pytest.raises(errors.ConfigError, match="council backup passphrase"):
        backup.check_passphrase(text)
