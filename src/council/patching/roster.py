"""`authz.yaml` with a signer more, or with a key revoked: its text, comments and order kept where that can be. Pure.

The line is put into the text, and the text read again: if it does not say just what it should, the file is written anew from
what it says, without its comments. So the outcome never hangs on how somebody has laid it out.
"""

import json
import re
from typing import Any

import yaml

from council import homes
from council.domain import authz, errors

_HEAD = "# Who may change this blueprint, by a patch that they signed.\n"
_NO_SIGNERS = re.compile(r"^  signers:[ \t]*\{[ \t]*\}[ \t]*$", re.MULTILINE)
_SIGNERS = re.compile(r"^  signers:[ \t]*$", re.MULTILINE)
_NO_REVOKED = re.compile(r"^  revoked:[ \t]*\[[ \t]*\][ \t]*$", re.MULTILINE)
_REVOKED = re.compile(r"^  revoked:[ \t]*\[([^\]\n#]*)\][ \t]*$", re.MULTILINE)


def with_signer(text: bytes, signer: authz.Signer) -> bytes:
    """Return the file with one more signer, in the place of one with the same key. Raises ConfigError."""
    row: dict[str, Any] = {"name": signer.name, "kind": signer.kind.value, "allow": list(signer.allow)}
    if signer.deny:
        row["deny"] = list(signer.deny)
    if signer.daily_max is not None:
        row["max_daily"] = signer.daily_max
    if signer.account:
        row["account"] = signer.account
    wanted = _parsed(text)
    section = wanted.setdefault(authz.KEY, {}) or {}
    wanted[authz.KEY] = section
    section["signers"] = {**(section.get("signers") or {}), signer.fingerprint: row}
    line = f'    "{signer.fingerprint}": {json.dumps(row)}'
    return _whichever(text, [(_NO_SIGNERS, f"  signers:\n{line}"), (_SIGNERS, f"  signers:\n{line}")], wanted)


def with_revoked(text: bytes, fingerprint: str) -> bytes:
    """Return the file with a key more among those that are refused. Raises ConfigError."""
    wanted = _parsed(text)
    section = wanted.setdefault(authz.KEY, {}) or {}
    wanted[authz.KEY] = section
    section["revoked"] = [*(section.get("revoked") or []), fingerprint]
    return _whichever(
        text,
        [(_NO_REVOKED, f'  revoked: ["{fingerprint}"]'), (_REVOKED, rf'  revoked: [\1, "{fingerprint}"]')],
        wanted,
    )


def _whichever(text: bytes, edits: list[tuple[re.Pattern[str], str]], wanted: dict[str, Any]) -> bytes:
    if _says(found := text.decode("utf-8", "replace"), wanted):
        return text
    for pattern, line in edits:
        edited = pattern.sub(line, found, count=1)
        if edited != found and _says(edited, wanted):
            return edited.encode()
    return (_HEAD + yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True)).encode()


def _says(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return _parsed(text.encode()) == wanted
    except errors.ConfigError:
        # As for a key that would stand there twice.
        return False


def _parsed(text: bytes) -> dict[str, Any]:
    return homes.parse_yaml(text, authz.FILE)
