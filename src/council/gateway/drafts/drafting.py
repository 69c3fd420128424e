"""A patch drafted from edits of the blueprint's settings: checked as a start would check them, and never signed here. Pure."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from council.domain import authz, authz_file, config, errors, inputs, patches, providers
from council.gateway.drafts import editing
from council.kit import addresses, globs, strict_yaml

FILES = (inputs.SETTINGS, providers.FILE, authz.FILE)
LASTS_S = 24 * 3600
NAME = "patch.json"
COMMANDS = (
    f"council patch diff {NAME}",
    f"council patch sign {NAME}",
    f"council patch check {NAME}",
    f"council patch submit {NAME}",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be, and in whose name and words."""

    author: str
    title: str
    reason: str
    edits: Mapping[str, Sequence[editing.Edit]]


@dataclass(frozen=True, slots=True)
class Changed:
    """A file anew, and how it differs."""

    path: str
    text: str
    diff: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Draft:
    """`document` is what is to be signed, byte for byte; `notes` says what its signer has to know."""

    files: tuple[Changed, ...]
    document: bytes
    expires_s: int
    protected: bool
    notes: tuple[str, ...]


def policy_of(files: Mapping[str, bytes]) -> authz.Policy:
    """Return who may change the blueprint, nobody where it has no such file. Raises ConfigError."""
    raw = files.get(authz.FILE)
    return authz.Policy() if raw is None else authz_file.build(_parsed(authz.FILE, raw))


def drafted(base: str, files: Mapping[str, bytes], wish: Wish, now_s: int) -> Draft:
    """Return the patch that makes of the generation `base` what is wished. Raises InvalidRequestError."""
    policy = policy_of(files)
    after = {path: _edited(path, files.get(path, b""), edits) for path, edits in sorted(wish.edits.items())}
    _check({**files, **{path: text.encode() for path, text in after.items()}})
    lasts_s = min(LASTS_S, policy.lifetime_s_max)
    document = patches.dump(
        patches.Patch(
            author=wish.author,
            created=now_s,
            expires=now_s + lasts_s,
            base=base,
            title=wish.title,
            reason=wish.reason,
            changes=tuple(_change(path, files.get(path), text) for path, text in after.items()),
        )
    )
    rules = [(path, rule) for path in after for rule in policy.protected if globs.any_matches(rule.paths, path)]
    return Draft(
        tuple(_changed(path, files.get(path, b"").decode(), text) for path, text in after.items()),
        document,
        now_s + lasts_s,
        bool(rules),
        tuple(_notes(rules, policy)),
    )


def _edited(path: str, raw: bytes, edits: Sequence[editing.Edit]) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise errors.InvalidRequestError(f"`{path}` is no text now. Mend it by hand first.") from error
    if addresses.has_password(text):
        raise errors.InvalidRequestError(
            f"`{path}` holds a password, which no browser is shown. Change it on the machine: copy it from the live "
            f"generation, then `council patch new --put {path}=FILE`."
        )
    return editing.edited(text, edits)


def _check(files: Mapping[str, bytes]) -> None:
    """Read the files as a start would. Raises InvalidRequestError that names the key."""
    try:
        settings = config.build(_parsed(inputs.SETTINGS, files.get(inputs.SETTINGS, b"")), {}, {})
        providers.build(_parsed(providers.FILE, files.get(providers.FILE, b"")), settings)
        policy_of(files)
    except errors.ConfigError as error:
        raise errors.InvalidRequestError(f"No start would take this: {error.message}") from error


def _parsed(name: str, raw: bytes) -> dict[str, object]:
    try:
        found = strict_yaml.load(raw)
    except strict_yaml.FAULTS as error:
        raise errors.ConfigError(
            f"`{name}` is not valid YAML: {strict_yaml.told(error)}. Correct it and try again."
        ) from error
    if not isinstance(found, dict | None):
        raise errors.ConfigError(f"`{name}` must hold a mapping of keys to values, not {type(found).__name__}.")
    return found or {}


def _change(path: str, before: bytes | None, text: str) -> patches.Change:
    digest = None if before is None else patches.digest(before)
    return patches.Change(path, patches.Action.PUT, text.encode(), digest)


def _changed(path: str, before: str, after: str) -> Changed:
    lines = list(
        difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
        )
    )
    said = [line for line in lines if not line.startswith(("+++", "---"))]
    added, removed = (sum(line.startswith(sign) for line in said) for sign in "+-")
    whole = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return Changed(path, after, whole, added, removed)


def _notes(rules: Sequence[tuple[str, authz.Protected]], policy: authz.Policy) -> list[str]:
    notes = []
    for path, rule in rules:
        people = "the signature of a person" if rule.humans == 1 else f"the signatures of {rule.humans} people"
        of = sorted(policy.signers[one].name for one in rule.of if one in policy.signers)
        whose = f" among {', '.join(of)}" if of else ""
        note = f"{path} is protected: it needs {people}{whose} whose key may change it."
        if note not in notes:
            notes.append(note)
    if not policy.signers:
        notes.append(
            "Nobody is listed yet whose signature counts. `council keys add FINGERPRINT --name NAME` adds you."
        )
    return notes
