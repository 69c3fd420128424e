"""What a home says about patches right now: policy, certificates, journal, freeze. Read anew each time it is asked.

It says what is so and decides nothing: that is `upkeep/patchctl/core/judging.judge`. What cannot be read never widens what is
allowed: a certificate that is missing makes its signer unlisted, a freeze that nobody can read is one, and a journal that is
damaged ends the reading.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from council import homes
from council.domain import authz, authz_file, errors, home, patches
from council.patching import files
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import freeze, history, journal, journal_key
from council.upkeep.patchctl.core import judging, signature


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


def look(where: home.Home) -> Sight:
    """Return what is so now. Raises ConfigError, BlueprintError, JournalError, SetupError."""
    live = blueprint.current(where)
    folder = where.generations / live
    rules = policy(where, live)
    certificates, packets, problems = _certificates(folder, rules)
    return Sight(
        live=live,
        policy=rules,
        certificates=certificates,
        packets=packets,
        entries=entries(where),
        freeze=freeze.standing(where.lineage),
        problems=tuple(problems),
    )


def policy(where: home.Home, generation: str) -> authz.Policy:
    """Return who may change what by a generation's authz.yaml; nobody where it has none. Raises ConfigError, SetupError."""
    path = where.generations / generation / authz.FILE
    if not path.exists():
        # A blueprint from before there were signers.
        return authz.Policy()
    return authz_file.build(homes.read_yaml(path), journal_key.fingerprint(where.journal_certificate_file))


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
        bases=frozenset({seen.live}),
        frozen=seen.freeze is not None,
        seen=history.seen(records),
        quarantined=history.quarantined(records),
        records=records,
        check_files=checker(where, seen.live),
    )


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
