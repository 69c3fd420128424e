"""Patches as the journal of a home tells of them, for people: read from the disk, so with Council stopped as well."""

from dataclasses import dataclass

import click

from council.cli import options
from council.domain import errors, home, patches
from council.patching import situation
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import history, steps

_CID_DIGITS_MIN = 4
# What an examiner joins its reasons by.
_BETWEEN = "; "


@dataclass(frozen=True, slots=True)
class Maker:
    """The live generation, the patch that made it if one did, and when a patch was applied last, Unix seconds."""

    generation: str
    patch: history.Row | None
    applied_s: int | None

    @property
    def line(self) -> str:
        """What made it, for people."""
        by = "no patch made it" if self.patch is None else f"made by {self.patch.line}"
        return f"generation {self.generation[:8]}: {by}"


def maker(where: home.Home) -> Maker:
    """Return what made the live generation, as the journal tells: nothing where it cannot be read. Raises BlueprintError."""
    live = blueprint.current(where)
    try:
        applied = [row for row in _rows(where) if row.outcome == steps.Outcome.APPLIED and not row.trial]
    except errors.CouncilError:
        return Maker(live, None, None)
    same_tree = situation.Bases(where, live)
    made_by = next((row for row in reversed(applied) if row.target in same_tree), None)
    return Maker(live, made_by, max((row.ended_s for row in applied), default=None))


def listed(where: home.Home, limit: int, *, as_json: bool) -> list[history.Row]:
    """Return the newest patches to be shown, newest first; none where JSON was asked for and printed, or none has come.

    Raises JournalError, SetupError.
    """
    found = newest(where, limit)
    if as_json:
        options.print_json([history.told(one) for one in found])
        return []
    if not found:
        click.echo("No patch has come yet.")
    return found


def newest(where: home.Home, limit: int) -> list[history.Row]:
    """Return the newest patches, newest first. Raises JournalError, SetupError."""
    return _rows(where)[::-1][:limit]


def show(cid: str, where: home.Home, *, as_json: bool) -> None:
    """Print what is known of a patch, each time that it came. Raises NotFoundError."""
    wanted = cid.removeprefix("cid:").lower()
    found = [one for one in _rows(where) if one.digest.startswith(wanted)]
    if len(wanted) < _CID_DIGITS_MIN or len({one.digest for one in found}) != 1:
        what = "Several patches begin" if found and len(wanted) >= _CID_DIGITS_MIN else "No patch is known that begins"
        raise errors.NotFoundError(f"{what} with {cid!r}. `council patch history` shows all.")
    if as_json:
        options.print_json([history.told(one) for one in found])
        return
    for one in found:
        click.echo(one.line)
        more = one.files_count - len(one.files)
        rows = [
            ("outcome", outcome(one)),
            ("because", "\n".join(one.reason.split(_BETWEEN)) if _shortly(one.reason) != one.reason else ""),
            ("digest", one.digest),
            ("came", patches.time_text(one.at_s) if one.at_s else ""),
            ("took", "\n".join(f"{text:>5} {phase}" for phase, text in timings(one))),
            ("paused", f"{one.away_s:>3} s  what had no memory to run beside was away" if one.away_s else ""),
            ("author", one.author),
            ("signers", "\n".join(one.signers)),
            ("reason", one.said),
            ("base", one.base),
            ("target", one.target),
            ("files", "\n".join(one.files) + (f"\nand {more} more" if more > 0 else "")),
        ]
        options.print_rows([(f"  {name}", text) for name, text in rows if text])


def outcome(row: history.Row) -> str:
    """Return how a patch ended, or where it stands, in a few words."""
    reason = f" ({_shortly(row.reason)})" if row.reason else ""
    is_told = row.outcome == steps.Outcome.TRIED
    paused = f", paused {row.away_s} s" if row.away_s else ""
    trial = ", a trial" if row.trial and not is_told else ""
    return (row.outcome or f"at work: {row.phase}") + reason + paused + trial


def briefly(reason: str) -> str:
    """Return the first of the reasons that are joined in one, and of how many: each gate may have one."""
    first, *more = reason.split(_BETWEEN)
    return f"{first}, and {len(more)} more" if more else first


def _shortly(reason: str) -> str:
    """Return the stable word that a reason begins with, where it has one, or what it is briefly."""
    word = reason.partition(":")[0]
    return word if word in patches.ON_THE_WAY else briefly(reason)


def timings(row: history.Row) -> list[tuple[str, str]]:
    """Return each phase that is over with how long it took."""
    return [(phase, f"{lasted_s} s") for phase, lasted_s in _phases(row)]


def took_s(row: history.Row) -> int:
    """Return for how long a patch was on its way; the time in force before a person took it back is no part of it."""
    return sum(lasted_s for _, lasted_s in _phases(row))


def _phases(row: history.Row) -> list[tuple[str, int]]:
    pairs = zip(row.times, row.times[1:], strict=False)
    return [(phase, until_s - from_s) for (phase, from_s), (_, until_s) in pairs if phase != "idle"]


def _rows(where: home.Home) -> list[history.Row]:
    return history.rows(one.record for one in situation.entries(where))
