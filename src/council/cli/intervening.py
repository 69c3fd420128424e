"""What people do that Council did not do by itself, noted where they do it; and the folder of halts."""

import contextlib
from collections.abc import Iterator

import click

from council import care_records, kept_ports
from council.cli import options
from council.domain import errors, home, incidents, playbooks, repairs
from council.kit import clock as clock_module
from council.kit import ids


def note(
    where: home.Home,
    kind: repairs.InterventionKind,
    what: str,
    kept: kept_ports.Repairs | None = None,
    repair: repairs.Repair | None = None,
) -> None:
    """Write down that a person did something, and the repair that it was; where the records are away it is done all the same,
    and said. The lineage gets repairs from the healer, at its next look.
    """
    at_us = clock_module.SystemClock().now_us()
    one = repairs.Intervention(
        ids.ulid(at_us), kind, at_us, options.user_name(), incidents.one_line(what, repairs.TEXT_CHARS_MAX)
    )
    try:
        opened = kept or care_records.repairs(options.known_config(where), where)
        try:
            if repair is None:
                opened.intervene(one)
            else:
                opened.save(repair, (), one)
        finally:
            if kept is None:
                opened.close()
    except errors.CouncilError as error:
        click.echo(f"It is done, and not counted among what people did: {error.message}", err=True)


def done_by_hand(action: playbooks.Action, why: str, told: str) -> repairs.Repair:
    """Return a repair that a person did without the healer, as one that has helped."""
    at_us = clock_module.SystemClock().now_us()
    return repairs.Repair(
        id=ids.ulid(at_us),
        playbook=action.value,
        action=action.value,
        component="",
        proof=playbooks.Proof.DONE.value,
        by=options.user_name(),
        why=incidents.one_line(why, repairs.TEXT_CHARS_MAX),
        began_us=at_us,
        until_us=at_us,
        outcome=repairs.Outcome.HELPED,
        acted_us=at_us,
        ended_us=at_us,
        told=incidents.one_line(told, repairs.TEXT_CHARS_MAX),
    )


@contextlib.contextmanager
def written(where: home.Home) -> Iterator[None]:
    """Have the folder of halts there, for a file to be written. Raises SetupError."""
    try:
        if not where.root.is_dir():
            raise errors.SetupError(
                f"There is no home at {where.root}. Run `council init`, or name another with `--home`."
            )
        where.autonomy.mkdir(mode=0o755, exist_ok=True)
        yield
    except OSError as error:
        raise errors.SetupError(
            f"What is under {where.autonomy} could not be written: {error.strerror or error}. Mend that and try again."
        ) from error
