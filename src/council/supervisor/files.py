"""Whose each file of the home is, as a table, and its application at every start.

In the regime `users` a service owns only what it alone writes; what it reads belongs to root and to its group. Applying
the table again repairs what a command run by root has left. In the regime `landlock` everything goes back to root, once.
"""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from council.domain import errors
from council.domain import home as home_module
from council.kit import permissions
from council.supervisor import users

_log = logging.getLogger(__name__)

ROOT = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One place and how it should be; `services` need it to be so before they start."""

    path: Path
    wanted: permissions.Wanted
    services: frozenset[str] = frozenset()


def exactly(mode: int) -> permissions.Mode:
    """Return the rule that sets this mode."""
    return lambda _folder, _mode: mode


def private(folder: bool, mode: int) -> int:
    """Return the mode at which only the owner may do what the owner may do now."""
    return 0o700 if folder else mode & 0o700


def shared(folder: bool, mode: int) -> int:
    """Return the mode at which the group may read what the owner may read."""
    return 0o750 if folder else mode & 0o700 | (mode & 0o500) >> 3


def quoted(folder: bool, mode: int) -> int:
    """Return the mode for the library: the group may look into each folder, and each file says for itself."""
    return mode & 0o770 | 0o2050 if folder else mode


def handed(folder: bool, mode: int) -> int:
    """Return the mode at which the group may read what the owner puts there, new files too."""
    return 0o2750 if folder else mode & 0o700 | (mode & 0o500) >> 3


def plain(folder: bool, mode: int) -> int:
    """Return the mode without what `quoted` added for new files."""
    return mode & 0o777 if folder else mode


def published(folder: bool, mode: int) -> int:
    """Return the mode at which everybody may read, and run, what the owner may."""
    return 0o755 if folder else mode & 0o700 | (mode & 0o500) >> 3 | (mode & 0o500) >> 6


def rows(home: home_module.Home, regime: users.Regime) -> list[Row]:
    """Return the table for a regime."""
    return _for_users(home, regime) if regime.name == "users" else _for_root(home)


def _for_users(home: home_module.Home, regime: users.Regime) -> list[Row]:
    def row(
        path: Path, uid: int | None, group: int, top: permissions.Mode, inner: permissions.Mode | None, *services: str
    ) -> Row:
        return Row(path, permissions.Wanted(uid, group, top, inner), frozenset(services))

    def of(service: str) -> int:
        return _of(regime, service)

    key, records = (regime.ids[name] for name in (users.KEY, users.RECORDS))
    gateway, recall, store, sandboxd = of("gateway"), of("recall"), of("store"), of("sandboxd")
    watcher, patchctl, steward = of("watcher"), of("patchctl"), of("steward")
    return [
        row(home.root, ROOT, ROOT, exactly(0o711), None),
        row(home.token_file, ROOT, ROOT, exactly(0o600), None),
        # Root's, so that root's git takes it for its own.
        row(home.blueprint, ROOT, patchctl, permissions.used, permissions.used, "patchctl"),
        row(home.lineage, patchctl, patchctl, private, private, "patchctl"),
        # Whether anything may be changed by itself: written by the owner alone, and read by whoever has to stand still.
        row(home.autonomy, ROOT, ROOT, published, published, "steward", "patchctl"),
        row(home.logs, ROOT, ROOT, exactly(0o700), None),
        row(home.secrets, ROOT, key, exactly(0o710), None, *_KEPT),
        row(home.internal_key_file, ROOT, key, exactly(0o640), None, "gateway", "model"),
        row(home.metrics_key_file, ROOT, key, exactly(0o640), None, "gateway", "watcher", "patchctl"),
        row(home.trial_key_file, patchctl, gateway, exactly(0o440), None, "gateway", "patchctl"),
        # With it the journal could be made anew, so not even a group reads it; and it lies elsewhere than the journal.
        row(home.journal_key_file, patchctl, ROOT, exactly(0o400), None, "patchctl"),
        row(home.patches_key_file, patchctl, ROOT, exactly(0o400), None, "patchctl"),
        row(home.steward_key_file, patchctl, steward, exactly(0o440), None, "patchctl", "steward"),
        # It opens the reading of patches and nothing else.
        row(home.reader_key_file, patchctl, gateway, exactly(0o440), None, "gateway", "patchctl"),
        row(home.forge_token_file, ROOT, steward, exactly(0o440), None, "steward"),
        # Read before the steward confines itself.
        row(home.forge_accounts, ROOT, steward, shared, shared, "steward"),
        # Read before the gateway confines itself.
        row(home.tracing_headers_file, ROOT, gateway, exactly(0o440), None, "gateway"),
        row(home.forge_webhook_file, ROOT, steward, exactly(0o440), None, "steward"),
        *_for_bots(home, steward, of("bots")),
        row(home.forge, steward, steward, private, private, "steward"),
        # Written by patchctl, who cannot read them, and read by the gateway; nobody else may look.
        row(home.provider_keys, patchctl, gateway, handed, handed, "gateway", "patchctl"),
        # Read before the watcher confines itself.
        row(home.notify_addresses, ROOT, watcher, shared, shared, "watcher"),
        # By itself, since there may be more generations than one walk takes.
        *(Row(live, _generations(regime)) for live in _live(home)),
        Row(home.generations, _generations(regime)),
        # Each release was given back to root when it was whole, see `settle_release`.
        row(home.releases, ROOT, ROOT, exactly(0o755), None),
        row(home.models, ROOT, of("model"), shared, shared, "model"),
        row(home.library, None, recall, quoted, quoted),
        row(home.uploads, recall, recall, handed, handed, "recall"),
        row(home.recall, recall, recall, private, private, "recall"),
        row(home.watch, watcher, watcher, private, private, "watcher"),
        row(home.notices, watcher, watcher, private, private, "watcher"),
        row(home.monitoring, watcher, watcher, private, private, "watcher"),
        # Gateway, recall, watcher and steward share the embedded database; SQLite gives its log the mode of the database.
        row(home.records, gateway, records, permissions.used, permissions.used, *_RECORDED),
        # The gateway is in the store's group: it may connect to the socket in there, but not look around.
        row(home.store, store, store, exactly(0o710), private, "store"),
        row(home.sandbox, sandboxd, sandboxd, private, private, "sandboxd"),
        row(home.run, ROOT, ROOT, exactly(0o711), None),
        # Whom the watcher reads.
        row(home.targets_file, patchctl, watcher, exactly(0o440), None, "watcher", "patchctl"),
        row(_metrics(home), gateway, gateway, private, private, "gateway"),
        row(home.sandbox_work, sandboxd, sandboxd, private, None, "sandboxd"),
        row(home.patch_work, patchctl, patchctl, private, private, "patchctl"),
        row(home.steward_work, steward, steward, private, private, "steward"),
    ]


def _for_bots(home: home_module.Home, steward: int, bots: int) -> list[Row]:
    def row(path: Path, uid: int, top: permissions.Mode, inner: permissions.Mode | None, *services: str) -> Row:
        return Row(path, permissions.Wanted(uid, bots, top, inner), frozenset(services))

    return [
        row(home.bots_key_file, steward, exactly(0o440), None, "steward", "bots"),
        row(home.bots_token_file, ROOT, exactly(0o440), None, "bots"),
        # Which releases the bot `security` may propose; written by the owner alone.
        row(home.approved_releases_file, ROOT, exactly(0o440), None, "bots"),
        # Landlock leaves them to the child that signs.
        row(home.bot_keys, ROOT, shared, shared, "bots"),
        row(home.bots, ROOT, shared, shared, "bots"),
    ]


_RECORDED = ("gateway", "recall", "watcher", "steward", "bots")
_KEPT = ("gateway", "model", "watcher", "patchctl", "steward", "bots")


def _live(home: home_module.Home) -> list[Path]:
    try:
        return [home.generations / home.current.readlink().name]
    except OSError:
        return []


def _generations(regime: users.Regime) -> permissions.Wanted:
    # Its maker's still, who may have to remove what was only tried.
    return permissions.Wanted(_of(regime, "patchctl"), regime.ids[users.COUNCIL], shared, shared)


def _of(regime: users.Regime, service: str) -> int:
    return regime.accounts[service].gid if service in regime.accounts else ROOT


def _for_root(home: home_module.Home) -> list[Row]:
    state = (
        home.models,
        home.records,
        home.recall,
        home.store,
        home.sandbox,
        home.watch,
        home.notices,
        home.monitoring,
        home.bots,
    )
    closed = (home.generations, *state, home.lineage, home.secrets, home.run, home.blueprint, home.forge)
    deep = permissions.Wanted(ROOT, ROOT, private, private)
    return [
        Row(home.root, permissions.Wanted(ROOT, ROOT, exactly(0o700))),
        *(Row(path, deep) for path in closed),
        Row(home.releases, permissions.Wanted(ROOT, ROOT, published, published)),
        Row(home.autonomy, permissions.Wanted(ROOT, ROOT, published, published)),
        Row(home.library, permissions.Wanted(None, ROOT, plain, plain)),
        Row(home.uploads, permissions.Wanted(ROOT, ROOT, plain, plain)),
    ]


def settle(home: home_module.Home, regime: users.Regime) -> None:
    """Apply the table, before any service starts. Idempotent. Raises SetupError."""
    if regime.name == "users":
        # First, so that after a crash half-way a later start in the other regime knows that there is something to undo.
        users.note(home, regime.ids, given_away=True)
        _settle(home, regime, lambda _: True)
    elif users.has_given_away(home):
        _settle(home, regime, lambda _: True)
        users.note(home, regime.ids, given_away=False)


def settle_for(service: str, home: home_module.Home, regime: users.Regime) -> None:
    """Apply the rows that a service needs, before it starts again. Raises SetupError."""
    if regime.name == "users":
        _settle(home, regime, lambda row: service in row.services)


def settle_generation(home: home_module.Home, regime: users.Regime, generation: str) -> None:
    """Let every service read one generation, before any of it starts: what staging made is its maker's alone.

    Idempotent. Raises SetupError, also for what had to be left alone: a service would start without it.
    """
    if regime.name != "users":
        return
    wanted = _generations(regime)
    with _told(home):
        permissions.put_right(home.generations, dataclasses.replace(wanted, inner=None))
        left = permissions.put_right(home.generations / generation, wanted)
    if left:
        raise errors.SetupError(
            f"{left[0]} has a second name, or lies too deep, so it is not given to the services' users. "
            "Find out who put it there, discard the generation, and make it anew."
        )


def give_release(home: home_module.Home, regime: users.Regime, folder: Path, account: users.Account | None) -> None:
    """Let the installer write into an empty folder for a release. Raises SetupError."""
    if regime.name == "users" and account is not None:
        with _told(home):
            permissions.put_right(folder, permissions.Wanted(account.uid, account.gid, exactly(0o755)))


def settle_release(home: home_module.Home, regime: users.Regime, folder: Path) -> None:
    """Give a release that is whole to root, for everybody to read. Raises SetupError, also for what had to be left alone."""
    if regime.name != "users":
        return
    with _told(home):
        left = permissions.put_right(folder, permissions.Wanted(ROOT, ROOT, published, published))
    if left:
        raise errors.SetupError(
            f"{left[0]} has a second name, or lies too deep, so it stays with the installer's user, and the release is not "
            "used. Find out who put it there, and pin the release again."
        )


def _settle(home: home_module.Home, regime: users.Regime, wanted: Callable[[Row], bool]) -> None:
    with _told(home):
        if regime.name == "users":
            # Their services may not make them, since they may not write into the folder above.
            for folder in (_metrics(home), home.sandbox_work, home.patch_work, home.steward_work, home.forge):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for row in rows(home, regime):
            if wanted(row):
                for path in permissions.put_right(row.path, row.wanted):
                    _log.warning("left as it is: linked elsewhere, or too much", extra={"path": str(path)})


@contextlib.contextmanager
def _told(home: home_module.Home) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise errors.SetupError(
            f"The files under {home.root} cannot be given to the services' users: {error}. Mend that and try again."
        ) from error


def _metrics(home: home_module.Home) -> Path:
    return home.run / "metrics"
