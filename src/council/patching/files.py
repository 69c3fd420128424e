"""Whether the files of the blueprint would still be read after a change, asked of the readers that services use at their start.

Only readers of what a patch touches are asked: a file that was unreadable before is not that patch's fault. Some read more
than one file, as models and providers may not share a name.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from council import homes
from council.domain import (
    authz,
    authz_file,
    baking,
    config,
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
)
from council.upkeep.patchctl.core import signature

_NAMED_MAX = 5

# From a path to its content after the change, None if nothing would be there.
_Look = Callable[[str], bytes | None]


def checker(folder: Path, journal_key: str = "") -> Callable[[Sequence[patches.Change]], None]:
    """Return what raises a CouncilError for changes of the generation in `folder` that a reader would refuse.

    `journal_key` is the fingerprint that no `authz.yaml` may list.
    """

    def check(changes: Sequence[patches.Change]) -> None:
        after = {one.path: one.content for one in changes}

        def look(path: str) -> bytes | None:
            return after[path] if path in after else _read(folder / path)

        for concerns, reader in _READERS:
            if any(map(concerns, after)):
                reader(look)
        if any(map(_is_of_authorisation, after)):
            _authorisation(look, journal_key)
        if homes.CONFIG_FILE in after:
            _check_takes_effect(_read(folder / homes.CONFIG_FILE), after[homes.CONFIG_FILE])

    return check


def _check_takes_effect(before: bytes | None, after: bytes | None) -> None:
    """Return if no setting changes that stays as it is until everything is started anew. Raises PatchRefusedError."""
    try:
        was = inputs.parted(homes.parse_settings(before or b""))
    except errors.ConfigError:
        # Nothing runs by such settings, so there is nothing that could stay as it is.
        return
    changed = inputs.at_start(was, inputs.parted(homes.parse_settings(after or b"")))
    if changed:
        more = f" and {len(changed) - _NAMED_MAX} more" if len(changed) > _NAMED_MAX else ""
        named = ", ".join(f"`{name}`" for name in changed[:_NAMED_MAX])
        raise errors.PatchRefusedError(
            f"Only a start of Council puts {named}{more} into force, and a patch is tried while Council runs. Set it with "
            f"`council config set {changed[0]}=VALUE`, then `council down` and `council up`; make a "
            "patch of the rest after that.",
            reason=patches.Reason.NEEDS_RESTART,
        )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise errors.BlueprintError(f"`{path.name}` cannot be read: {error.strerror}. Run `council doctor`.") from error


def _settings(look: _Look) -> config.Config:
    raw = look(homes.CONFIG_FILE)
    if raw is None:
        raise errors.ConfigError(f"Without `{homes.CONFIG_FILE}` nothing starts. Leave the file where it is.")
    return config.build(homes.parse_yaml(raw, homes.CONFIG_FILE), {}, {})


def _catalogue(look: _Look) -> None:
    raw = look(providers.FILE)
    providers.build({} if raw is None else homes.parse_yaml(raw, providers.FILE), _settings(look))


def _models(look: _Look) -> None:
    if (raw := look(model_catalogue.FILE)) is not None:
        model_catalogue.build(homes.parse_yaml(raw, model_catalogue.FILE))


def _book(look: _Look) -> None:
    """Playbooks, with the gates and sentinels that name some of them."""
    shipped = homes.default_files()

    def parsed(path: str) -> dict[str, Any]:
        raw = look(path)
        return homes.parse_yaml(shipped[path] if raw is None else raw, path)

    watched = gates_file.build(parsed(gates.FILE), homes.parse_yaml(shipped[gates.FILE], gates.FILE))
    playbooks.book(playbooks_file.build(parsed(playbooks.FILE)), watched, sentinels_file.build(parsed(sentinels.FILE)))


def _trial(look: _Look) -> None:
    if (raw := look(baking.FILE)) is not None:
        trial_file.build(homes.parse_yaml(raw, baking.FILE))


def _release(look: _Look) -> None:
    if (raw := look(release_pin.FILE)) is not None:
        release_pin.build(homes.parse_yaml(raw, release_pin.FILE))


def _authorisation(look: _Look, journal_key: str) -> None:
    raw = look(authz.FILE)
    if raw is None:
        raise errors.ConfigError(f"Without `{authz.FILE}` every patch would be refused. Leave the file where it is.")
    for name in authz_file.build(homes.parse_yaml(raw, authz.FILE), journal_key).signers:
        certificate = look(authz.certificate_path(name))
        if certificate is None:
            raise errors.ConfigError(
                f"`{authz.FILE}` would list {name}, but `{authz.certificate_path(name)}` would not be there. Put it into the "
                "same patch."
            )
        signature.read_certificate(name, certificate)


def _is(*paths: str) -> Callable[[str], bool]:
    return lambda path: path in paths


def _is_of_authorisation(path: str) -> bool:
    return path == authz.FILE or path.startswith(f"{authz.KEYS_FOLDER}/")


_READERS: Sequence[tuple[Callable[[str], bool], Callable[[_Look], object]]] = (
    (_is(homes.CONFIG_FILE, providers.FILE), _catalogue),
    (_is(model_catalogue.FILE), _models),
    (_is(gates.FILE, sentinels.FILE, playbooks.FILE), _book),
    (_is(baking.FILE), _trial),
    (_is(release_pin.FILE), _release),
)
