"""Reads `authz.yaml` into a policy. What is left out has the default that `authz.Policy` states."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from council.domain import authz, errors, sections
from council.kit import globs

_SIGNERS_MAX = 200
_PATTERNS_MAX = 100
_RULES_MAX = 50
_WINDOWS_MAX = 50
_DAILY_MAX = 10_000
_LIFETIME_H_MAX = 24 * 90
_KEYS = ("signers", "revoked", "protected", "bots_daily", "sizes", "lifetime_h", "freeze_label", "windows")
_SIGNER_KEYS = ("name", "kind", "allow", "deny", "max_daily", "account", "revoked")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}\Z")
_CLOCK = re.compile(r"^([01][0-9]|2[0-3]):([0-5][0-9])\Z")


def build(file: Mapping[str, Any], journal_key: str = "") -> authz.Policy:
    """Return the policy of a parsed `authz.yaml`; `journal_key` is the fingerprint that it may never list.

    Raises ConfigError.
    """
    if unknown := [key for key in file if key != authz.KEY]:
        raise errors.ConfigError(f"Unknown key `{unknown[0]}` in {authz.FILE}. It holds `{authz.KEY}`.")
    given = sections.section(file.get(authz.KEY), authz.KEY, authz.FILE)
    sections.only(given, _KEYS, authz.KEY)
    signers, revoked = _signers(given.get("signers", {}), f"{authz.KEY}.signers")
    revoked |= {_fingerprint(one, f"{authz.KEY}.revoked") for one in _list(given, "revoked", authz.KEY, _SIGNERS_MAX)}
    if journal_key and journal_key in signers:
        raise errors.ConfigError(
            f"`{authz.KEY}.signers` lists {journal_key}, the key that seals the journal. It may sign nothing else: "
            "list a key of a person or of a bot."
        )
    label = given.get("freeze_label", "freeze")
    if not isinstance(label, str) or not _NAME.match(label):
        raise errors.ConfigError(f"`{authz.KEY}.freeze_label` must be a label of up to 64 characters, not {label!r}.")
    return authz.Policy(
        signers=signers,
        revoked=frozenset(revoked),
        protected=(authz.ALWAYS_PROTECTED, *_protected(given, signers)),
        bots_daily=_whole(given, "bots_daily", authz.KEY, authz.BOTS_DAILY, 0, _DAILY_MAX),
        sizes=_sizes(given.get("sizes", {}), f"{authz.KEY}.sizes"),
        lifetime_s_max=3600 * _whole(given, "lifetime_h", authz.KEY, authz.LIFETIME_S_MAX // 3600, 1, _LIFETIME_H_MAX),
        freeze_label=label,
        windows=_windows(given),
    )


def _signers(given: Any, where: str) -> tuple[dict[str, authz.Signer], set[str]]:
    found = sections.section(given, where, authz.FILE)
    if len(found) > _SIGNERS_MAX:
        raise errors.ConfigError(f"`{where}` lists {len(found)} signers; {_SIGNERS_MAX} may stand there.")
    signers: dict[str, authz.Signer] = {}
    revoked: set[str] = set()
    for key, value in found.items():
        signer = _signer(_fingerprint(key, where), value, f"{where}.{key}")
        if signer.fingerprint in signers:
            raise errors.ConfigError(f"`{where}` lists {signer.fingerprint} twice. Leave one.")
        if signer.account and any(one.account == signer.account for one in signers.values()):
            raise errors.ConfigError(
                f"`{where}` lists the account {signer.account!r} twice, so nobody could say whose it is. Leave one."
            )
        signers[signer.fingerprint] = signer
        if _flag(value, "revoked", f"{where}.{key}"):
            revoked.add(signer.fingerprint)
    return signers, revoked


def _signer(fingerprint: str, given: Any, where: str) -> authz.Signer:
    value = sections.section(given, where, authz.FILE)
    sections.only(value, _SIGNER_KEYS, where)
    name, kind = value.get("name"), value.get("kind")
    if not isinstance(name, str) or not _NAME.match(name):
        raise errors.ConfigError(
            f"`{where}.name` must be a name of up to 64 ASCII letters, digits and ` ._@-`, not {name!r}."
        )
    if kind not in list(authz.Kind):
        raise errors.ConfigError(f"`{where}.kind` must be {' or '.join(authz.Kind)}, not {kind!r}.")
    allow = _patterns(value, "allow", where)
    if not allow:
        raise errors.ConfigError(f'`{where}.allow` is missing: list the paths that it may change, as ["prompts/**"].')
    return authz.Signer(
        fingerprint=fingerprint,
        name=name,
        kind=authz.Kind(kind),
        allow=allow,
        deny=_patterns(value, "deny", where),
        daily_max=_whole(value, "max_daily", where, 0, 0, _DAILY_MAX) if "max_daily" in value else None,
        account=_account(value.get("account", ""), where),
    )


def _account(given: Any, where: str) -> str:
    if given != "" and (not isinstance(given, str) or not authz.ACCOUNT.match(given)):
        raise errors.ConfigError(
            f"`{where}.account` must be an account's name on the forge, as `tuner` or `tuner[bot]`, not {given!r}."
        )
    return str(given).lower()


def _protected(given: Mapping[str, Any], signers: Mapping[str, authz.Signer]) -> tuple[authz.Protected, ...]:
    rules = []
    for number, value in enumerate(_list(given, "protected", authz.KEY, _RULES_MAX)):
        where = f"{authz.KEY}.protected[{number}]"
        rule = sections.section(value, where, authz.FILE)
        sections.only(rule, ("paths", "humans", "of"), where)
        paths = _patterns(rule, "paths", where)
        if not paths:
            raise errors.ConfigError(f"`{where}.paths` is missing: list the paths that the rule is about.")
        humans = _whole(rule, "humans", where, 1, 1, _SIGNERS_MAX)
        of = frozenset(_fingerprint(one, f"{where}.of") for one in _list(rule, "of", where, _SIGNERS_MAX))
        strangers = [one for one in of if one not in signers or signers[one].kind is not authz.Kind.HUMAN]
        if strangers:
            raise errors.ConfigError(f"`{where}.of` names {min(strangers)}, which is no person among the signers.")
        if of and humans > len(of):
            raise errors.ConfigError(f"`{where}` needs {humans} of {len(of)} people. List more, or need fewer.")
        rules.append(authz.Protected(paths, humans, of))
    return tuple(rules)


def _sizes(given: Any, where: str) -> authz.Sizes:
    value = sections.section(given, where, authz.FILE)
    default, ceiling = authz.Sizes(), authz.ceilings()
    sections.only(value, ("patch_bytes", "files", "file_bytes"), where)
    return authz.Sizes(
        patch_bytes=_whole(value, "patch_bytes", where, default.patch_bytes, 1024, ceiling.patch_bytes),
        files=_whole(value, "files", where, default.files, 1, ceiling.files),
        file_bytes=_whole(value, "file_bytes", where, default.file_bytes, 1, ceiling.file_bytes),
    )


def _windows(given: Mapping[str, Any]) -> tuple[authz.Window, ...]:
    windows = []
    for number, one in enumerate(_list(given, "windows", authz.KEY, _WINDOWS_MAX)):
        where = f"{authz.KEY}.windows[{number}]"
        value = sections.section(one, where, authz.FILE)
        sections.only(value, ("days", "from", "to"), where)
        days = sections.names(value.get("days", authz.DAYS), f"{where}.days")
        if unknown := [day for day in days if day not in authz.DAYS]:
            raise errors.ConfigError(f"`{where}.days` may name {', '.join(authz.DAYS)}, not {unknown[0]!r}.")
        begin, end = (_minute(value.get(key), f"{where}.{key}") for key in ("from", "to"))
        windows.append(authz.Window(frozenset(map(authz.DAYS.index, days)), begin, end))
    return tuple(windows)


def _minute(given: Any, where: str) -> int:
    found = _CLOCK.match(given) if isinstance(given, str) else None
    if found is None:
        raise errors.ConfigError(f'`{where}` must be a time of the day in UTC in quotes, as "03:00", not {given!r}.')
    return int(found[1]) * 60 + int(found[2])


def _patterns(given: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    patterns = sections.names(_list(given, key, where, _PATTERNS_MAX), f"{where}.{key}")
    for pattern in patterns:
        try:
            globs.check(pattern)
        except ValueError as error:
            raise errors.ConfigError(f"`{where}.{key}` has {pattern[:80]!r}: {error}. Correct it.") from error
    return patterns


def _list(given: Mapping[str, Any], key: str, where: str, most: int) -> Sequence[Any]:
    found = given.get(key, ())
    if not isinstance(found, Sequence) or isinstance(found, str) or len(found) > most:
        raise errors.ConfigError(f"`{where}.{key}` must be a list of up to {most} entries, not {str(found)[:80]!r}.")
    return found


def _fingerprint(given: Any, where: str) -> str:
    found = given.lower() if isinstance(given, str) else ""
    if not authz.FINGERPRINT.match(found):
        raise errors.ConfigError(
            f"`{where}` has {str(given)[:80]!r}: write the full fingerprint of the primary key, 40 hex digits in quotes, "
            "as `gpg --list-keys --with-colons` shows it."
        )
    return found


def _flag(given: Mapping[str, Any], key: str, where: str) -> bool:
    found = given.get(key, False)
    if not isinstance(found, bool):
        raise errors.ConfigError(f"`{where}.{key}` must be true or false, not {found!r}.")
    return found


def _whole(given: Mapping[str, Any], key: str, where: str, default: int, low: int, high: int) -> int:
    found = given.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
        raise errors.ConfigError(f"`{where}.{key}` must be a whole number from {low} to {high}, not {found!r}.")
    return found
