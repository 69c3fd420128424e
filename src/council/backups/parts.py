"""The composition root of backups: settings in, wired parts out. Which program keeps snapshots is decided here."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from council import care_ports, care_records
from council.backups import copying, making
from council.domain import backup, errors, home
from council.domain import config as config_module
from council.kit import clock as clock_module

_LABEL_DIGITS = 12
_OF_RESTIC = ("config", "data", "index", "keys", "snapshots", "locks")


def made(config: config_module.Config, settings: backup.BackupConfig, where: home.Home) -> making.Parts:
    """Return what runs and drills of a home lean on. Raises ConfigError, SetupError, BackupError.

    Of `config` the records and the store are asked, and nothing else.
    """
    url, busy_s = config.records.url or where.records_url, config.records.busy_s

    def copy_records(file: Path) -> None:
        from council.backends.records import copying as records_copying

        records_copying.copy(url, busy_s, file)

    kinds = ("server" if config.records.url else "sqlite", "elsewhere" if config.store.url else "bundled")
    sources = copying.Sources(where, copy_records, not config.store.url, settings.others_keys)
    opened = vault(settings, where.secrets, where.backup_work, label(where))
    return making.Parts(
        where, settings, opened, care_records.backups(config, where), sources, kinds, count, clock_module.SystemClock()
    )


def vault(settings: backup.BackupConfig, secrets: Path, work: Path, name: str) -> care_ports.Vault:
    """Return the repository at `backup.target`; `secrets` is the folder with what opens it, `name` is of `label`, or "".

    Raises ConfigError, SetupError, BackupError.
    """
    if not settings.target:
        raise errors.ConfigError(
            "There is no place for snapshots. Name one, as with `council config set backup.target=/path/to/folder`."
        )
    target = backup.target(settings.target)
    check_passphrase(secrets / "backup.passphrase")
    if target.place is backup.Place.FOLDER and _is_archive(Path(target.path)):
        from council.backends.vault import archive

        return archive.ArchiveVault(Path(target.path), secrets, name)
    from council.backends.vault import restic

    try:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise errors.SetupError(f"{work} cannot be made: {error.strerror}. Mend that and try again.") from error
    return restic.ResticVault(target, secrets, work, name, settings.limit_s, settings.upload_kib_s)


def _is_archive(folder: Path) -> bool:
    """Return whether a folder holds archives, or would: restic's repositories are restic's, with or without it."""
    # Any part of one will do: who removes another must not bring archives of his own to where restic's were.
    if any(os.path.lexists(folder / name) for name in _OF_RESTIC):
        return False
    return shutil.which("restic") is None or any(folder.glob("council-*.cva"))


def check_passphrase(file: Path) -> None:
    """Return if there is a passphrase that is long enough. Raises SetupError, ConfigError."""
    try:
        text = file.read_text().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.SetupError(
            f"There is no passphrase for snapshots at {file}. `council backup passphrase` makes one; to restore, put the one "
            "there that they were made with."
        ) from error
    backup.check_passphrase(text)


def label(where: home.Home) -> str:
    """Return what tells the snapshots of this home from those of others: it stays when the home is restored elsewhere.

    Raises SetupError where the home was never prepared.
    """
    try:
        content = where.journal_certificate_file.read_bytes()
    except OSError as error:
        raise errors.SetupError(f"There is no Council under {where.root}. Run `council init`.") from error
    return f"council-{hashlib.sha256(content).hexdigest()[:_LABEL_DIGITS]}"


def count(file: Path) -> Mapping[str, int]:
    """Return how many rows a copy of the records has, by table, once it is sound. Raises RecordsUnavailableError."""
    from council.backends.records import copying as records_copying

    return records_copying.check(file)


def fill(file: Path, url: str, busy_s: float) -> None:
    """Put a copy of the records into an empty database. Raises RecordsUnavailableError, BackupError, ConfigError."""
    from council.backends.records import copying as records_copying

    records_copying.fill(file, url, busy_s)
