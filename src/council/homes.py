"""A home from nothing: folders, keys, the default blueprint, the records, the first token. And reading its settings.

Everything here may be called again on a home that exists: it adds what is missing and changes nothing else.
"""

import dataclasses
import fcntl
import logging
import secrets
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from council import app
from council.domain import (
    access,
    authz,
    authz_file,
    baking,
    errors,
    gates,
    gates_file,
    inputs,
    model_catalogue,
    patches,
    playbooks,
    playbooks_file,
    providers,
    release_pin,
    sentinels,
    sentinels_file,
    trial_file,
    tuning,
)
from council.domain import config as config_module
from council.domain import home as home_module
from council.kit import clock as clock_module
from council.kit import commits, durable, ids, strict_yaml
from council.upkeep.engine import blueprint, repository, shipped
from council.upkeep.engine import inputs as engine_inputs

_log = logging.getLogger(__name__)

CONFIG_FILE = inputs.SETTINGS
DEFAULT_HOME = "~/.council"
_CONFIG_BYTES_MAX = 1024 * 1024
# The README's; guides show none, and an upgrade of the docs by a patch need not carry them.
_PICTURES = "guidebook/images/"


def locate(given: str | None, environment: Mapping[str, str]) -> home_module.Home:
    """Return the home that a flag, the environment or the default names."""
    return home_module.Home(Path(given or environment.get("COUNCIL_HOME") or DEFAULT_HOME).expanduser().absolute())


def load_config(
    where: home_module.Home, generation: str | None, environment: Mapping[str, str], flags: Mapping[str, Any]
) -> config_module.Config:
    """Return the settings of a generation, the live one if None. Raises ConfigError, BlueprintError."""
    folder = where.generations / (generation or blueprint.current(where))
    return config_module.build(read_yaml(folder / CONFIG_FILE), environment, flags)


def parse_settings(raw: bytes) -> dict[str, Any]:
    """Return every setting by the text of a `council.yaml`, defaults too: what is written like them is no change.

    Raises ConfigError.
    """
    return dataclasses.asdict(config_module.build(parse_yaml(raw, CONFIG_FILE), {}, {}))


def load_catalogue(
    where: home_module.Home, generation: str | None, config: config_module.Config
) -> providers.Catalogue:
    """Return the models and providers of a generation, the live one if None. Raises ConfigError, BlueprintError."""
    path = where.generations / (generation or blueprint.current(where)) / providers.FILE
    # A blueprint from before there were providers has no such file.
    return providers.build(read_yaml(path) if path.exists() else {}, config)


def load_model_catalogue(where: home_module.Home) -> model_catalogue.Catalogue:
    """Return the models that may be fetched by name, of the live generation. Raises ConfigError, SetupError.

    A home that does not exist yet, and a blueprint from before there were such models, have those of this installation.
    """
    path = where.current / model_catalogue.FILE
    if path.is_file():
        return model_catalogue.build(read_yaml(path))
    return model_catalogue.build(parse_yaml(default_files()[model_catalogue.FILE], model_catalogue.FILE))


def load_sentinels(where: home_module.Home, generation: str | None) -> tuple[sentinels.Sentinel, ...]:
    """Return the sentinels of a generation, the live one if None. Raises ConfigError, BlueprintError."""
    path = where.generations / (generation or blueprint.current(where)) / sentinels.FILE
    # A blueprint from before there were sentinels has those of this installation.
    return sentinels_file.build(read_yaml(path)) if path.exists() else default_sentinels()


def default_sentinels() -> tuple[sentinels.Sentinel, ...]:
    """Return the sentinels of the default blueprint."""
    return sentinels_file.build(parse_yaml(default_files()[sentinels.FILE], sentinels.FILE))


def read_playbooks(folder: Path) -> tuple[playbooks.Playbook, ...]:
    """Return the playbooks of the blueprint's files in `folder`. Raises ConfigError.

    A blueprint from before there were playbooks has those of this installation.
    """
    path = folder / playbooks.FILE
    raw = default_files()[playbooks.FILE]
    return playbooks_file.build(read_yaml(path) if path.exists() else parse_yaml(raw, playbooks.FILE))


def load_book(where: home_module.Home, generation: str) -> playbooks.Book:
    """Return what may be repaired and how, by a generation's playbooks, gates and sentinels. Raises ConfigError."""
    folder = where.generations / generation
    return playbooks.book(read_playbooks(folder), read_gates(folder), load_sentinels(where, generation))


def load_pin(where: home_module.Home, generation: str) -> release_pin.Pin | None:
    """Return the release that a generation pins, None where it pins none. Raises ConfigError."""
    path = where.generations / generation / release_pin.FILE
    return release_pin.build(read_yaml(path)) if path.exists() else None


def pins(where: home_module.Home) -> set[release_pin.Pin | None]:
    """Return the releases that the generations on disk pin, None among them where one pins none. Raises ConfigError."""
    try:
        names = [one.name for one in where.generations.iterdir() if commits.is_commit(one.name)]
    except FileNotFoundError:
        return set()
    return {load_pin(where, name) for name in names}


def inputs_digests(where: home_module.Home, generation: str | None, services: Iterable[str]) -> dict[str, str]:
    """Return the digest of what each service uses of a generation, the live one if None. Raises BlueprintError."""
    files = engine_inputs.read(where.generations / (generation or blueprint.current(where)), parse_settings)
    return {service: inputs.digest(service, files) for service in services}


def inputs_digest(where: home_module.Home, generation: str | None, service: str) -> str:
    """Return the digest of what one service uses; "" where the files cannot be told apart, which is logged."""
    try:
        return inputs_digests(where, generation, (service,))[service]
    except errors.BlueprintError as error:
        _log.warning("the digest of the inputs is not known", extra={"service": service, "reason": error.message})
        return ""


def label_of(where: home_module.Home, generation: str) -> patches.Label:
    """Return what answers name of a generation. A pair that cannot be read is told as none, and logged."""
    try:
        return patches.Label(generation, blueprint.cid_of(where, generation))
    except errors.BlueprintError as error:
        _log.warning("the patch that made the generation is not known", extra={"reason": error.message})
        return patches.Label(generation)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file, {} for an empty one. A key given twice is an error. Raises ConfigError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise errors.ConfigError(f"`{path.name}` cannot be read: {error.strerror}. Run `council doctor`.") from error
    if len(raw) > _CONFIG_BYTES_MAX:
        raise errors.ConfigError(f"`{path.name}` is over {_CONFIG_BYTES_MAX} bytes. Make it smaller.")
    return parse_yaml(raw, path.name)


def parse_yaml(raw: bytes, name: str) -> dict[str, Any]:
    """Return the mapping in YAML text. Raises ConfigError."""
    try:
        found = strict_yaml.load(raw)
    except strict_yaml.FAULTS as error:
        raise errors.ConfigError(
            f"`{name}` is not valid YAML: {strict_yaml.told(error)}. Correct it and try again."
        ) from error
    if not isinstance(found, dict | None):
        raise errors.ConfigError(f"`{name}` must hold a mapping of keys to values, not {type(found).__name__}.")
    return found or {}


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` found or made."""

    generation: str
    new_blueprint: bool
    new_token: bool


def prepare(where: home_module.Home, environment: Mapping[str, str], *, is_alone: bool = False) -> Prepared:
    """Make the home complete. Raises SetupError, BlueprintError, ConfigError, RecordsUnavailableError.

    `is_alone` says that nothing runs here, and that this is the release which each generation that pins none is of, or else
    the one that all of them pin: then what only older releases still read may go.
    """
    _make_folders(where)
    with (where.root / ".prepare.lock").open("w") as lock:
        # Two at once, as `council init` beside `council up`, would make two keys and two first tokens.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _complete(where, environment, is_alone)


def _complete(where: home_module.Home, environment: Mapping[str, str], is_alone: bool) -> Prepared:
    _make_keys(where)
    generation = blueprint.repair(where)
    new_blueprint = generation is None
    if generation is None:
        generation = blueprint.commit(where, default_files(), shipped.STARTED)
    config = load_config(where, generation, environment, {})
    records = app.records(config, where)
    try:
        # What only an older release still reads goes once none is left to return to.
        records.migrate(last=is_alone and _is_of_one_release(where))
        new_token = not where.token_file.exists()
        if new_token:
            first = add_token(records, access.Role.ADMIN, "owner", "first token", None)
            _write_secret(where.token_file, first)
        else:
            _register_again(records, where.token_file)
    finally:
        records.close()
    return Prepared(generation, new_blueprint, new_token)


def _is_of_one_release(where: home_module.Home) -> bool:
    """Return whether every generation on disk is of one release; a pin that cannot be read may be of another."""
    try:
        return len(pins(where)) <= 1
    except errors.ConfigError:
        return False


def _register_again(records: Any, token_file: Path) -> None:
    """Enter the first token into records that do not know it, as after the loss of the database. A revoked one stays so."""
    secret = token_file.read_text().strip()
    known = {token.secret_sha256 for token in records.tokens()}
    if secret and access.digest(secret) not in known:
        add_token(records, access.Role.ADMIN, "owner", "first token", None, secret)


def add_token(
    records: Any,
    role: access.Role,
    user_id: str,
    label: str,
    requests_per_minute: int | None,
    secret: str | None = None,
    *,
    memory: bool = False,
    staging: bool = False,
    day_usd_micros: int | None = None,
    month_usd_micros: int | None = None,
) -> str:
    """Store a token and return its secret, a new one unless given, which is shown this once and kept nowhere else."""
    secret = secret or ids.secret(access.TOKEN_PREFIX)
    now_us = clock_module.SystemClock().now_us()
    token = access.Token(
        id=ids.ulid(now_us),
        user_id=user_id,
        role=role,
        label=label,
        secret_sha256=access.digest(secret),
        created_us=now_us,
        requests_per_minute=requests_per_minute,
        memory=memory,
        staging=staging,
        day_usd_micros=day_usd_micros,
        month_usd_micros=month_usd_micros,
    )
    records.add_token(token)
    return secret


def load_gates(where: home_module.Home, generation: str) -> tuple[gates.Gate, ...]:
    """Return the gates of a generation; those that Council ships for a blueprint from before there were any.

    Raises ConfigError.
    """
    return read_gates(where.generations / generation)


def read_gates(folder: Path) -> tuple[gates.Gate, ...]:
    """Return the gates of the blueprint's files in `folder`, as `load_gates` does of a generation."""
    shipped = parse_yaml(default_files()[gates.FILE], gates.FILE)
    path = folder / gates.FILE
    return gates_file.build(read_yaml(path) if path.exists() else shipped, shipped)


def loosens(folder: Path, change: patches.Change) -> bool:
    """Return whether a change of a file may let pass more than the files in `folder` do.

    Of gates it can be told, and of settings and providers where `domain.tuning` says what is no more than tuning. Raises
    ConfigError if what is there cannot be read.
    """
    if change.content is None or change.path not in (gates.FILE, CONFIG_FILE, providers.FILE):
        return True
    try:
        match change.path:
            case gates.FILE:
                before = read_gates(folder)
                ours = parse_yaml(default_files()[gates.FILE], gates.FILE)
                return (
                    gates.loosened(before, gates_file.build(parse_yaml(change.content, gates.FILE), ours)) is not None
                )
            case _:
                return bool(why_no_tuning(folder, {change.path: change.content}))
    except errors.ConfigError:
        return True


def why_no_tuning(folder: Path, after: Mapping[str, bytes]) -> str:
    """Return what of new settings or providers needs a person, "" where it is tuning; by the files in `folder`.

    Raises ConfigError for files that cannot be read.
    """

    def read(path: str, new: bool) -> dict[str, Any]:
        if new and path in after:
            return parse_yaml(after[path], path)
        return read_yaml(folder / path) if (folder / path).exists() else {}

    settings = [config_module.build(read(CONFIG_FILE, new), {}, {}) for new in (False, True)]
    if why := tuning.settings_loosened(*settings):
        return why
    before, now = (
        providers.build(read(providers.FILE, new), one) for new, one in zip((False, True), settings, strict=True)
    )
    if settings[0] == settings[1] and before == now:
        return "no setting would change"
    return tuning.catalogue_loosened(before, now)


def read_authz(folder: Path, journal_key: str = "") -> authz.Policy:
    """Return who may change the blueprint by its files in `folder`. Raises ConfigError.

    By a blueprint from before there were patches nobody may, as by the default one. `journal_key` is the fingerprint that may
    not be listed.
    """
    path = folder / authz.FILE
    found = read_yaml(path) if path.exists() else parse_yaml(default_files()[authz.FILE], authz.FILE)
    return authz_file.build(found, journal_key)


def bot_signer(where: home_module.Home, bot: str) -> authz.Signer | None:
    """Return a bot's line in the authz.yaml that serves, None where it has none. Raises ConfigError, BlueprintError."""
    policy = read_authz(where.generations / blueprint.current(where))
    found = [one for one in policy.signers.values() if one.name == bot and one.kind is authz.Kind.BOT]
    return found[0] if found and found[0].fingerprint not in policy.revoked else None


def update_of(where: home_module.Home, beside: Mapping[str, bytes]) -> shipped.Update:
    """Return what would bring the live blueprint up to date with this installation. Raises BlueprintError, SetupError.

    `beside` is what this installation ships for it beside the default blueprint.
    """
    folder = where.generations / blueprint.current(where)
    before, now = (
        repository.written(where, (shipped.STARTED, shipped.FORGED, shipped.UPDATED)),
        default_files() | dict(beside),
    )
    live = {path: _content(folder / path) for path in before.keys() | now.keys()}
    return shipped.compare(before, live, now)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def load_trial(where: home_module.Home, generation: str) -> tuple[baking.Question, ...]:
    """Return what a generation is tried with; those questions that Council ships for a blueprint from before there were any.

    Raises ConfigError.
    """
    path = where.generations / generation / baking.FILE
    return trial_file.build(read_yaml(path) if path.exists() else parse_yaml(default_files()[baking.FILE], baking.FILE))


def default_folders() -> dict[str, Path]:
    """Return where the default blueprint lies: its folders by what is put before their files' paths."""
    packaged = Path(__file__).parent / "_blueprint"
    checkout = Path(__file__).parents[2]
    return {"": packaged} if packaged.is_dir() else {"": checkout / "config", "guidebook/": checkout / "docs"}


def default_text(path: str) -> str:
    """Return one file of the default blueprint, "" where there is none of that path."""
    prefix, folder = max(
        (one for one in default_folders().items() if path.startswith(one[0])), key=lambda one: len(one[0])
    )
    found = folder / path.removeprefix(prefix)
    return found.read_text("utf-8") if found.is_file() else ""


def default_files() -> dict[str, bytes]:
    """Return the default blueprint: the folder `config` of a checkout or wheel, and the docs as its guidebook."""
    files: dict[str, bytes] = {}
    for prefix, folder in default_folders().items():
        for path in sorted(folder.rglob("*")):
            name = prefix + path.relative_to(folder).as_posix()
            if path.is_file() and not path.name.startswith(".") and not name.startswith(_PICTURES):
                files[name] = path.read_bytes()
    if CONFIG_FILE not in files:
        raise errors.SetupError("The default blueprint is missing from this installation. Install Council again.")
    return files


def _make_folders(where: home_module.Home) -> None:
    try:
        private = (
            where.secrets,
            where.records,
            where.recall,
            where.store,
            where.sandbox,
            where.watch,
            where.notices,
            where.monitoring,
            where.lineage,
            where.forge,
            where.models,
            where.logs,
            where.bots,
            where.bot_keys,
            # There from the first, since who may write in it may not make it.
            where.provider_keys,
        )
        for folder in (where.root, *private, where.run):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (where.library, where.uploads, where.advisories, where.autonomy):
            folder.mkdir(exist_ok=True, mode=0o755)
        # What else it is, the supervisor says: a service may have to reach its own key in there.
        where.secrets.chmod(where.secrets.stat().st_mode & 0o710)
    except OSError as error:
        raise errors.SetupError(
            f"The home {where.root} cannot be written: {error.strerror}. Give another with `--home` or COUNCIL_HOME."
        ) from error


def _make_keys(where: home_module.Home) -> None:
    keys = (where.internal_key_file, where.metrics_key_file, where.trial_key_file)
    made = (where.patches_key_file, where.steward_key_file, where.bots_key_file, where.reader_key_file)
    for file in (*keys, *made):
        if not file.exists():
            _write_secret(file, secrets.token_urlsafe(32))
    if not where.journal_key_file.exists() or not where.journal_certificate_file.exists():
        from council.upkeep.patchctl import journal_key

        journal_key.ensure(where.journal_key_file, where.journal_certificate_file)


def write_provider_key(where: home_module.Home, provider: str, key: str) -> None:
    """Keep a provider's key where only the gateway reads it. Raises SetupError."""
    try:
        where.provider_keys.mkdir(mode=0o700, exist_ok=True)
        # Of whoever reads it, where that is another user than who writes it; see `supervisor/files.py`.
        handed = where.provider_keys.stat().st_mode & stat.S_ISGID
    except OSError as error:
        raise errors.SetupError(
            f"{where.provider_keys} could not be made: {error.strerror}. Run `council init`, then try again."
        ) from error
    _write_secret(where.provider_key_file(provider), key, 0o640 if handed else 0o600)


def write_notify_address(where: home_module.Home, name: str, address: str) -> None:
    """Keep an address that notices go to where only its owner reads it. Raises SetupError."""
    try:
        where.notify_addresses.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise errors.SetupError(
            f"{where.notify_addresses} could not be made: {error.strerror}. Run `council init`, then try again."
        ) from error
    _write_secret(where.notify_address_file(name), address)


def _write_secret(path: Path, secret: str, mode: int = 0o600) -> None:
    """Write a file that only its owner may read, or whoever `mode` says, whole or not at all."""
    try:
        durable.write_among_others(path, f"{secret}\n".encode(), mode)
    except OSError as error:
        raise errors.SetupError(f"{path} could not be written: {error.strerror}. Mend that and try again.") from error
