"""What a home says about patches right now: policy, certificates, journal, freeze. Read anew each time it is asked.

It says what is so and decides nothing: that is `upkeep/patchctl/core/judging.judge`. What cannot be read never widens what is
allowed: a certificate that is missing makes its signer unlisted, a freeze that nobody can read is one, and a journal that is
damaged ends the reading.
"""

import dataclasses
import functools
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from council import homes
from council.domain import authz, errors, home, patches
from council.kit import commits, halt
from council.patching import files
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl import freeze, history, journal, journal_key
from council.upkeep.patchctl.core import judging, quota, signature


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a home.

    `packets` are the certificates as they lie there, without armour; `problems` say which do not count, and why.
    """

    live: str
    policy: authz.Policy
    certificates: Mapping[str, signature.Certificate]
    packets: Mapping[str, bytes]
    entries: Sequence[journal.Entry]
    freeze: freeze.Freeze | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bases:
    """The commits whose tree is that of the live generation; git is asked about others than the live one, one by one."""

    where: home.Home
    live: str

    def __contains__(self, name: object) -> bool:
        if name == self.live:
            return True
        if not isinstance(name, str) or not commits.is_commit(name):
            return False
        tree = repository.tree_of(self.where, name)
        return tree is not None and tree == repository.tree_of(self.where, self.live)


def look(where: home.Home, known: Sequence[journal.Entry] | None = None) -> Sight:
    """Return what is so now; `known` is the journal where it has been read. Raises ConfigError, BlueprintError, JournalError,
    SetupError.
    """
    live = blueprint.current(where)
    return dataclasses.replace(
        _look(where.generations / live, journal_key.fingerprint(where.journal_certificate_file)),
        live=live,
        entries=entries(where) if known is None else known,
        freeze=stopped(where),
    )


def stopped(where: home.Home) -> freeze.Freeze | None:
    """Return why nothing may be applied now: a freeze, or that all that Council changes by itself is paused; None where it may.

    Never raises: what cannot be read stops, too.
    """
    if (frozen := freeze.standing(where.lineage)) is not None:
        return frozen
    paused = halt.standing(where.autonomy_file)
    return None if paused is None else freeze.Freeze(f"Autonomy is paused: {paused.reason}", paused.by, paused.at_us)


def look_at(folder: Path) -> Sight:
    """Return what the files of a blueprint in `folder` say; there is no journal, and so nothing live. Raises ConfigError."""
    return _look(folder, "")


def _look(folder: Path, journal_fingerprint: str) -> Sight:
    rules = homes.read_authz(folder, journal_fingerprint)
    certificates, packets, problems = _certificates(folder, rules)
    return Sight("", rules, certificates, packets, (), None, tuple(problems))


def entries(where: home.Home) -> list[journal.Entry]:
    """Return all that the journal holds. Raises JournalError, SetupError."""
    try:
        return journal.read(where.lineage)
    except OSError as error:
        raise errors.SetupError(
            f"The journal under {where.lineage} cannot be read: {error.strerror or error}. Mend that and try again."
        ) from error


def situation(where: home.Home, seen: Sight, now: float) -> judging.Situation:
    """Return what `judging.judge` judges by; `now` in Unix seconds."""
    records = [one.record for one in seen.entries]
    return judging.Situation(
        now=now,
        policy=seen.policy,
        certificates=seen.certificates,
        bases=Bases(where, seen.live),
        frozen=seen.freeze is not None,
        seen=history.seen(records),
        quarantined=history.quarantined(records),
        tally=quota.Tally(records),
        check_files=checker(where, seen.live),
        loosens=functools.partial(homes.loosens, where.generations / seen.live),
    )


def situation_at(folder: Path, seen: Sight, bases: Container[str], now: float) -> judging.Situation:
    """Return what a patch is judged by where there are a blueprint's files in `folder` and no home.

    What only the journal knows, replay, quarantine and quota, is left to whoever has it. `bases` name the commits and trees
    that those files are.
    """
    return judging.Situation(
        now=now,
        policy=seen.policy,
        certificates=seen.certificates,
        bases=bases,
        frozen=False,
        check_files=files.checker(folder),
        loosens=functools.partial(homes.loosens, folder),
        spends=False,
    )


def quota_told(rules: authz.Policy, used: quota.Used) -> dict[str, Any]:
    """Return what counts today and of how many, as programs get it; `limit` None where there is none."""
    signers = [
        {
            "name": one.name,
            "fingerprint": one.fingerprint,
            "kind": one.kind.value,
            "used": used.by_signer[one.fingerprint],
            "limit": None if one.daily_max is None else one.daily_max + used.extra,
        }
        for one in rules.signers.values()
    ]
    bots = {"used": used.bots, "limit": rules.bots_daily + used.extra}
    return {"bots": bots, "signers": signers, "extra": used.extra}


def checker(where: home.Home, generation: str) -> Callable[[Sequence[patches.Change]], None]:
    """Return what raises a CouncilError for changes of a generation that a reader of the blueprint would refuse."""
    return files.checker(where.generations / generation, journal_key.fingerprint(where.journal_certificate_file))


def _certificates(
    folder: Path, rules: authz.Policy
) -> tuple[dict[str, signature.Certificate], dict[str, bytes], list[str]]:
    certificates: dict[str, signature.Certificate] = {}
    packets: dict[str, bytes] = {}
    problems = []
    for name, signer in rules.signers.items():
        try:
            with (folder / authz.certificate_path(name)).open("rb") as opened:
                raw = opened.read(signature.CERTIFICATE_BYTES_MAX + 1)
            certificates[name] = signature.read_certificate(name, raw)
            packets[name] = signature.packets_of(raw)
        except OSError as error:
            problems.append(
                f"{signer.name} is listed, but `{authz.certificate_path(name)}` cannot be read ({error.strerror}), so what "
                "this key signs is refused. Add the certificate by a patch."
            )
        except errors.ConfigError as error:
            problems.append(error.message)
    return certificates, packets, problems
