"""From a bot's draft to the document that its key signs, or the reason why not: the checks of the child that holds the key.

A draft is believed in nothing. What it may touch is said twice, by the bot's line in `registry.py` and by `authz.yaml`; what
decides over everything else, authz.yaml and its keys, no bot drafts whatever these say. Settings and providers are written here
from what the draft names, never taken as text, and go no further than `domain/tuning.py` lets them. Only the bot `security` may
mend what stands in `security.MENDS` and pin a newer release, and nobody takes its patch without a person's signature beside it.
Then the patch is judged as patchctl will judge it.
"""

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging import version

from council import homes
from council.domain import authz, bots, errors, patches, providers, release_pin, security, tuning
from council.kit import globs, yaml_text
from council.patching import drafting, files, situation
from council.upkeep.patchctl.core import judging, paths

LASTS_S = 6 * 3600
AWAITS_S = 7 * 24 * 3600
# What decides over everybody else. A draft that names it is refused before anything else is asked.
NEVER = (authz.FILE, f"{authz.KEYS_FOLDER}/**", "gates.yaml", "sentinels.yaml", "playbooks.yaml", "trial.yaml")
_MODEL = re.compile(r"[!-<>-~]{1,200}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HEADS = {
    homes.CONFIG_FILE: "# Settings of this Council; `council config set section.key=value` changes them.\n",
    providers.FILE: "# Models beside the packaged one; guidebook/howto/use-other-models.md explains every key.\n",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A document to be signed, the fingerprint of the key that may, and that key's account on the forge."""

    document: bytes
    fingerprint: str
    account: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What lineage keeps of a draft: whose it is, and the model and the SHA-256 of the prompt where one drafted it."""

    bot: str
    model: str = ""
    prompt: str = ""

    @property
    def told(self) -> str:
        """Return it as a line of the patch's reason."""
        by = f"bot={self.bot}"
        return by if not self.model else f"{by} model={self.model} prompt_sha256={self.prompt}"


def provenance(bot: str, model: Any, prompt: Any) -> Provenance:
    """Return what lineage keeps, of what was asked for by who read strangers' words. Raises PatchRefusedError.

    It stands in a line of words and equals signs, in which neither may look like another word.
    """
    is_name = isinstance(model, str) and (not model or _MODEL.fullmatch(model))
    is_digest = isinstance(prompt, str) and (not prompt or _DIGEST.fullmatch(prompt))
    if not is_name or not is_digest or bool(model) != bool(prompt):
        raise errors.PatchRefusedError(
            "The model or the digest of the prompt is not in the form in which lineage keeps it. See `council bots log`.",
            reason=patches.Reason.DOCUMENT_INVALID,
        )
    return Provenance(bot, model, prompt)


def document(
    draft: bots.Draft, origin: Provenance, touches: tuple[str, ...], live: Path, tree: str, fingerprint: str, now: int
) -> Made:
    """Return what a bot's key signs. `live` is the folder of what serves, `tree` its tree, `now` in Unix seconds.

    Raises PatchRefusedError, InvalidRequestError, ConfigError.
    """
    seen = situation.look_at(live)
    signer = seen.policy.signers.get(fingerprint)
    if signer is None or signer.kind is not authz.Kind.BOT or signer.name != origin.bot:
        raise errors.PatchRefusedError(
            f"{authz.FILE} lists no bot {origin.bot} with this key. `council bots enable {origin.bot}` makes the patch that "
            "lists it.",
            reason=patches.Reason.SIGNATURE_UNLISTED,
        )
    awaits = origin.bot == bots.SECURITY
    contents = _edited(draft, live, security.MENDS if awaits else tuning.SETTINGS)
    contents |= {path: text.encode() for path, text in draft.files.items()}
    for path in contents:
        _check_path(path, signer, touches)
    if awaits:
        _check_mending(draft, live)
    else:
        _check_tuning(draft, live, contents)
    changes = tuple(_change(live, path, content) for path, content in sorted(contents.items()))
    drafting.check_stages(live, changes)
    words = drafting.Words(
        author=f"council bot {origin.bot}",
        title=draft.title,
        reason=_reason(draft, origin),
        created=now,
        # Until somebody has looked at it.
        expires=now + (min(AWAITS_S, seen.policy.lifetime_s_max) if awaits else LASTS_S),
    )
    raw = drafting.document(words, tree, changes, seen.policy, files.checker(live))
    return Made(raw, fingerprint, signer.account)


def check(sent: patches.Submission, live: Path, tree: str, now: int, bot: str) -> None:
    """Return if patchctl would take a bot's signed patch, as far as the files in `live` can tell. Raises PatchRefusedError.

    That of `security` must be one that it takes from nobody but a person: elsewhere its signature would do alone.
    """
    verdict = judging.judge(sent, situation.situation_at(live, situation.look_at(live), {tree}, now))
    if bot == bots.SECURITY:
        if verdict.reason == patches.Reason.PROTECTED:
            return
        if not verdict.reason:
            raise errors.PatchRefusedError(
                f"{authz.FILE} lets this be changed with no person, and what `{bot}` drafts is for one to sign. Protect "
                f"{homes.CONFIG_FILE} there, as the one that Council ships does.",
                reason=patches.Reason.PROTECTED,
            )
    if verdict.reason:
        raise errors.PatchRefusedError(verdict.message, reason=verdict.reason)


def _reason(draft: bots.Draft, origin: Provenance) -> str:
    return f"{draft.why}\n\n{origin.told} about={draft.subject}"[: patches.REASON_LENGTH_MAX]


def _check_path(path: str, signer: authz.Signer, touches: tuple[str, ...]) -> None:
    paths.check(path)
    is_ours = globs.any_matches(touches, path) and not globs.any_matches(NEVER, path.casefold())
    if not is_ours or not signer.may_change(path):
        raise errors.PatchRefusedError(
            f"The bot {signer.name} may not change {path!a}. Leave it out of the draft.",
            reason=patches.Reason.PATH_NOT_ALLOWED,
        )


def _check_tuning(draft: bots.Draft, live: Path, contents: Mapping[str, bytes]) -> None:
    """Return if settings and providers go no further than tuning: nothing else is signed. Raises PatchRefusedError."""
    guarded = {path: one for path, one in contents.items() if path in _HEADS}
    if any(path in _HEADS for path in draft.files):
        raise errors.PatchRefusedError(
            "Settings and providers are drafted by name, not as text. Use `settings` and `weights`.",
            reason=patches.Reason.PATH_NOT_ALLOWED,
        )
    if guarded and (why := homes.why_no_tuning(live, guarded)):
        raise errors.PatchRefusedError(
            f"It goes beyond tuning: {why}. A person may propose it: `council propose`.",
            reason=patches.Reason.PROTECTED,
        )


def _check_mending(draft: bots.Draft, live: Path) -> None:
    """Return if a draft of `security` sets only what mends, and pins only a newer release. Raises PatchRefusedError."""
    wrong = [
        key for key, value in draft.settings.items()
        if key not in security.MENDS or (type(value), value) != (type(security.MENDS[key]), security.MENDS[key])
    ]  # fmt: skip
    wrong += [*draft.weights, *(["escalation.share_max"] if draft.share_max is not None else [])]
    wrong += [path for path in draft.files if path != release_pin.FILE]
    if wrong:
        raise errors.PatchRefusedError(
            f"{wrong[0]!a} is none of what mends a finding. A person may propose it: `council propose`.",
            reason=patches.Reason.PROTECTED,
        )
    if release_pin.FILE in draft.files:
        now = (
            release_pin.build(homes.read_yaml(live / release_pin.FILE)) if (live / release_pin.FILE).exists() else None
        )
        wanted = release_pin.build(homes.parse_yaml(draft.files[release_pin.FILE].encode(), release_pin.FILE))
        if now is None or version.Version(wanted.version) <= version.Version(now.version):
            raise errors.PatchRefusedError(
                f"Release {wanted.version} is not newer than what is pinned. A person may propose it: `council propose`.",
                reason=patches.Reason.PROTECTED,
            )


def _edited(draft: bots.Draft, live: Path, allowed: Collection[str]) -> dict[str, bytes]:
    """Return the files that settings, weights and share make, by path. Raises InvalidRequestError, ConfigError."""
    found: dict[str, bytes] = {}
    if draft.settings:
        found[homes.CONFIG_FILE] = _written(live, homes.CONFIG_FILE, lambda _: _set(draft.settings, allowed))
    if draft.weights or draft.share_max is not None:
        found[providers.FILE] = _written(live, providers.FILE, functools.partial(_weigh, draft))
    return found


_Put = tuple[tuple[yaml_text.Step, ...], bots.Value]


def _written(live: Path, path: str, edit: Callable[[Mapping[str, Any]], Iterable[_Put]]) -> bytes:
    """Return a file with some values as they should be, and all that people wrote around them where that can be kept."""
    after = homes.read_yaml(live / path) if (live / path).exists() else {}
    text = (live / path).read_bytes().decode("utf-8", "replace") if (live / path).exists() else _HEADS[path]
    put: str | None = text
    for where, value in list(edit(after)):
        inner: Any = after
        for step in where[:-1]:
            if isinstance(inner, dict) and inner.get(step) is None:
                inner[step] = {}
            inner = inner[step]
        inner[where[-1]] = value
        put = None if put is None else yaml_text.put(put, where, value)
    if put is not None and _says(put, path) == after:
        return put.encode()
    return yaml_text.anew(text, after).encode()


def _says(text: str, path: str) -> dict[str, Any] | None:
    try:
        return homes.parse_yaml(text.encode(), path)
    except errors.ConfigError:
        return None


def _set(settings: Mapping[str, bots.Value], allowed: Collection[str]) -> Iterator[_Put]:
    for key, value in settings.items():
        if key not in allowed:
            raise errors.PatchRefusedError(
                f"{key!a} is none of the settings that this bot may move. A person may propose it.",
                reason=patches.Reason.PROTECTED,
            )
        section, name = key.split(".")
        yield (section, name), value


def _weigh(draft: bots.Draft, before: Mapping[str, Any]) -> Iterator[_Put]:
    for name, weight in draft.weights.items():
        model, _, provider = name.rpartition("/")
        rows = ((before.get("models") or {}).get(model) or {}).get("deployments") or []
        hit = [number for number, row in enumerate(rows) if row.get("provider") == provider]
        if not hit:
            raise errors.InvalidRequestError(f"No provider {provider!a} serves a model {model!a}. Name one that does.")
        for number in hit:
            yield ("models", model, "deployments", number, "weight"), weight
    if draft.share_max is not None:
        yield ("escalation", "share_max"), draft.share_max


def _change(live: Path, path: str, content: bytes) -> patches.Change:
    there = live / path
    if there.is_symlink() or (there.exists() and not there.is_file()):
        raise errors.PatchRefusedError(f"{path!a} is no plain file there.", reason=patches.Reason.PATH_UNSAFE)
    before = patches.digest(there.read_bytes()) if there.is_file() else None
    if before == patches.digest(content):
        raise errors.InvalidRequestError(f"`{path}` is like this already. Nothing is left to do.")
    return patches.Change(path, patches.Action.PUT, content, before)
