"""What is kept in the records beside the request loop's own: each part on the database that the settings name.

A command run by root may close the embedded database last; then its files are given back to whom they were of, so that the
services' users can go on with them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from council import dashboard_ports, kept_ports
from council.domain import config as config_module
from council.domain import home as home_module
from council.kit import permissions

if TYPE_CHECKING:
    from council.backends.records import sql

_Kept = TypeVar("_Kept", bound="sql.SqlRecords")


def of_home(kind: Callable[[str, float], _Kept], config: config_module.Config, where: home_module.Home) -> _Kept:
    """Return a part of the records of a home."""
    if config.records.url:
        return kind(config.records.url, config.records.busy_s)
    made = kind(where.records_url, config.records.busy_s)
    made.after_close = lambda: permissions.follow_owner(where.records)
    return made


def incidents(config: config_module.Config, where: home_module.Home) -> kept_ports.Incidents:
    """Return incidents, notices and silences, in the same database as the other records."""
    from council.backends.records import incidents as sql_incidents

    return of_home(sql_incidents.SqlIncidents, config, where)


def snapshots(config: config_module.Config, where: home_module.Home) -> kept_ports.Snapshots:
    """Return the observer's snapshots, in the same database as the other records."""
    from council.backends.records import snapshots as sql_snapshots

    return of_home(sql_snapshots.SqlSnapshots, config, where)


def overrides(config: config_module.Config, where: home_module.Home) -> kept_ports.Overrides:
    """Return what is changed for a while, in the same database as the other records."""
    from council.backends.records import overrides as sql_overrides

    return of_home(sql_overrides.SqlOverrides, config, where)


def repairs(config: config_module.Config, where: home_module.Home) -> kept_ports.Repairs:
    """Return repairs and interventions, in the same database as the other records."""
    from council.backends.records import repairs as sql_repairs

    return of_home(sql_repairs.SqlRepairs, config, where)


def memory_log(config: config_module.Config, where: home_module.Home) -> kept_ports.MemoryLog:
    """Return what was done to memories, in the same database as the other records."""
    from council.backends.records import memories as sql_memories

    return of_home(sql_memories.SqlMemories, config, where)


def backups(config: config_module.Config, where: home_module.Home) -> kept_ports.Backups:
    """Return what became of backups, in the same database as the other records."""
    from council.backends.records import backups as sql_backups

    return of_home(sql_backups.SqlBackups, config, where)


def bot_runs(config: config_module.Config, where: home_module.Home) -> kept_ports.BotRuns:
    """Return what bots did, in the same database as the other records."""
    from council.backends.records import bot_runs as sql_bot_runs

    return of_home(sql_bot_runs.SqlBotRuns, config, where)


def logins(config: config_module.Config, where: home_module.Home) -> dashboard_ports.Logins:
    """Return who is signed in with a browser, in the same database as the other records."""
    from council.backends.records import logins as sql_logins

    return of_home(sql_logins.SqlLogins, config, where)


def audit(config: config_module.Config, where: home_module.Home) -> dashboard_ports.Audit:
    """Return what people did with the dashboard, in the same database as the other records."""
    from council.backends.records import audits as sql_audits

    return of_home(sql_audits.SqlAudit, config, where)


def chats(config: config_module.Config, where: home_module.Home) -> dashboard_ports.Chats:
    """Return the conversations of the dashboard, in the same database as the other records."""
    from council.backends.records import chats as sql_chats

    return of_home(sql_chats.SqlChats, config, where)


def uses(config: config_module.Config, where: home_module.Home) -> dashboard_ports.Uses:
    """Return when tokens and providers were last used, in the same database as the other records."""
    from council.backends.records import uses as sql_uses

    return of_home(sql_uses.SqlUses, config, where)
