"""router: where a text goes and why, how often that is right, and the router fitted anew on what was learned."""

import dataclasses
import datetime
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import click

from council import app
from council.cli import calls, options
from council.domain import answers, errors, learning
from council.domain import home as home_module
from council.kit import clock as clock_module
from council.serving.router import decision, features, head, lessons, refit, signals

_TIMEOUT_S = 30.0
_REPLY_BYTES_MAX = 64 * 1024
_FILE_BYTES_MAX = 1024 * 1024
_ROWS_MAX = 100_000
_WEIGHTS = click.option(
    "--weights",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a candidate to use instead of what is in force.",
)
_NO_ROWS = (
    "Nothing was learned yet. Set `learning: true` in council.yaml, restart, ask, and say what you think: "
    "`council feedback up REQUEST_ID`."
)


@click.group()
def router() -> None:
    """Where questions go: show it, measure it, and fit it anew on what was learned."""


@router.command()
@click.argument("text", nargs=-1, required=True)
@_WEIGHTS
@options.home
@options.as_json
def show(text: tuple[str, ...], weights: Path | None, where: home_module.Home, as_json: bool) -> None:
    """Show where TEXT goes and why. Nothing is asked, kept or sent.

    The meaning of a text that leaves doubt is not looked at here; the running service looks.
    """
    asked = " ".join(text)
    used = _head(weights)
    made = decision.choose([answers.Message("user", asked)], options.config_of(where).router, used)
    found = signals.find(asked)
    if as_json:
        told = {
            "order": [str(route) for route in made.order],
            "probabilities": {str(route): round(one, 4) for route, one in made.probabilities.items()},
            "signals": {str(route): score for route, score in found.scores.items()},
            "reasons": list(made.reasons),
            "parts": list(made.parts),
            "sure": made.sure,
            "weights": used.digest,
        }
        options.print_json(told)
        return
    likely = sorted(made.probabilities.items(), key=lambda pair: -pair[1])
    rows = [
        ("Tried", ", then ".join(made.order)),
        ("Probabilities", ", ".join(f"{route} {probability:.2f}" for route, probability in likely)),
        ("Because", "\n".join(made.reasons)),
        ("Parts", "\n".join(made.parts)),
        ("Sure", "yes" if made.sure else "no: the running service looks at the text's meaning as well"),
        ("Weights", used.digest[:16]),
    ]
    options.print_rows([(name, told) for name, told in rows if told])


@router.command("eval")
@_WEIGHTS
@options.home
@options.as_json
def evaluate(weights: Path | None, where: home_module.Home, as_json: bool) -> None:
    """Measure the weights on the shipped texts that were never fitted, and on the lessons that are held back."""
    rows = _rows(where)
    used = _head(weights)
    _, held_back = refit.parted(lessons.lessons(rows))
    texts, learned = refit.measured(used, refit.shipped().held_back), refit.measured(used, held_back)
    told = lessons.told(rows)
    if as_json:
        options.print_json(
            {"weights": used.digest, "texts": _form(texts), "lessons": _form(learned), "rows": dataclasses.asdict(told)}
        )
        return
    click.echo(f"Weights {used.digest[:16]}, on {texts.examples:,} shipped texts that were never fitted:\n")
    _print_measured([texts])
    click.echo(f"\nOn {learned.examples:,} lessons held back: {_right(learned)}.")
    _print_told(told)


@router.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the candidate's folder goes [router/ in the home].",
)
@options.home
@options.as_json
def train(out: Path | None, where: home_module.Home, as_json: bool) -> None:
    """Fit the head anew on the shipped texts and what was learned; write a candidate if it is better.

    Nothing goes live: the candidate stands in a folder of its own beside what is in force.
    """
    rows = _rows(where)
    fit, held_back = refit.parted(lessons.lessons(rows))
    if why := refit.too_few(fit, held_back):
        raise errors.InvalidRequestError(
            f"Nothing was fitted: {why}. {_NO_ROWS if not rows else 'Ask and judge more.'}"
        )
    live, texts = head.packaged(), refit.shipped()
    candidate = refit.fitted(live, [*texts.rehearsed, *fit])
    before, after = (
        (refit.measured(one, texts.held_back), refit.measured(one, held_back)) for one in (live, candidate)
    )
    why = refit.worse(before, after)
    folder = None if why else _written(out or where.router, live, candidate, _made_from(live, rows, fit, before, after))
    if as_json:
        told = {"before": list(map(_form, before)), "after": list(map(_form, after)), "refused_because": why or None}
        options.print_json({**told, "candidate": str(folder) if folder else None})
    else:
        click.echo(f"{len(fit):,} lessons fitted. Before and after, on {before[0].examples:,} shipped texts:\n")
        _print_measured([before[0], after[0]])
        click.echo(
            f"\nOn {len(held_back):,} lessons held back, before: {_right(before[1])}; after: {_right(after[1])}."
        )
    if why:
        raise errors.InvalidRequestError(
            f"No candidate was written: {why}. Learn more, or look with `council router eval`."
        )
    if not as_json:
        click.echo(
            f"\nCandidate: {folder}\nNothing has changed yet. Look with `council router show --weights {folder} TEXT`. "
            "To make it live is a patch, which this Council cannot do yet; keep the folder."
        )


@router.command()
@click.option("--all", "everything", is_flag=True, help="Say that you mean it.")
@options.running_port
@options.home
@options.as_json
def forget(everything: bool, port: int | None, where: home_module.Home, as_json: bool) -> None:
    """Delete all rows and thumbs of the owner of this home, for good. Candidates fitted on them stay."""
    if not everything:
        raise click.UsageError("This deletes all that was learned of you. Say --all.")
    config = calls.config_of(where, port)
    reply = calls.call(
        where, config, "DELETE", "/api/learning?all=true", timeout_s=_TIMEOUT_S, reply_bytes_max=_REPLY_BYTES_MAX
    )
    if as_json:
        options.print_json(reply)
        return
    click.echo(f"Forgot {reply['forgotten']:,} rows and thumbs. Backups that you made still hold them.")


def _rows(where: home_module.Home) -> list[tuple[learning.Row, learning.Thumb | None]]:
    records = app.learning_records(options.config_of(where), where)
    try:
        return records.learned(_ROWS_MAX)
    finally:
        records.close()


def _head(folder: Path | None) -> head.Head:
    if folder is None:
        return head.packaged()
    return head.read(*(_bytes(folder / name) for name in ("weights.json", "weights.bin")))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise errors.InvalidRequestError(
            f"{path} cannot be read: {error.strerror}. Give a candidate's folder."
        ) from error


def _made_from(
    live: head.Head,
    rows: Sequence[tuple[learning.Row, learning.Thumb | None]],
    fit: Sequence[refit.Example],
    before: Sequence[refit.Measured],
    after: Sequence[refit.Measured],
) -> dict[str, Any]:
    """Return what a candidate says of itself. Nothing in it is about one user."""
    at = datetime.datetime.fromtimestamp(clock_module.SystemClock().now_us() / 1e6, datetime.UTC)
    texts_before, lessons_before = before
    texts_after, lessons_after = after
    return {
        "base_sha256": live.digest,
        "at": at.isoformat(timespec="seconds"),
        "reason": f"{len(fit)} lessons: of those held back, {lessons_before.right:.3f} right before and "
        f"{lessons_after.right:.3f} after; macro-F1 on shipped texts {texts_before.macro_f1:.3f} and "
        f"{texts_after.macro_f1:.3f}",
        "lessons_from": dict(lessons.told(rows).why),
        "before": [_form(one) for one in before],
        "after": [_form(one) for one in after],
    }


def _written(place: Path, live: head.Head, candidate: head.Head, made_from: dict[str, Any]) -> Path:
    """Write a candidate into a folder named by its digest; return the folder."""
    raw = (resources.files("council.serving.router") / "weights.json").read_bytes()
    description, packed = refit.files(candidate, json.loads(raw), made_from)
    made = head.read(description, packed)
    assert made.digest != live.digest, "a candidate that changes nothing is no better, and is refused"
    folder = place / made.digest[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.bin").write_bytes(packed)
        (folder / "weights.json").write_bytes(description)
    except OSError as error:
        raise errors.SetupError(
            f"{folder} cannot be written: {error.strerror}. Give another place with --out."
        ) from error
    return folder


def _form(one: refit.Measured) -> dict[str, Any]:
    counts = {
        str(route): {"right": right, "wanted": wanted, "got": got} for route, (right, wanted, got) in one.counts.items()
    }
    scores = {"macro_f1": round(one.macro_f1, 4), "log_loss": round(one.log_loss, 4)}
    return {"examples": one.examples, "right": round(one.right, 4), **scores, "routes": counts}


def _print_measured(found: Sequence[refit.Measured]) -> None:
    def cells(route: answers.Route) -> tuple[str, ...]:
        made = []
        for one in found:
            right, wanted, got = one.counts[route]
            made += [f"{right}/{wanted}", f"{right}/{got}"]
        return str(route), *made

    names = ("FOUND", "RIGHTLY SENT") if len(found) == 1 else ("FOUND", "RIGHTLY SENT", "FOUND AFTER", "RIGHTLY SENT")
    rows = [cells(route) for route in features.route_names()]
    options.print_table(("ROUTE", *names), rows, right=frozenset(range(1, 5)))
    click.echo("Macro-F1 " + ", then ".join(f"{one.macro_f1:.3f}" for one in found) + ".")


def _right(one: refit.Measured) -> str:
    return f"{one.right:.3f} right, log loss {one.log_loss:.3f}" if one.examples else "none to measure on"


def _print_told(told: lessons.Told) -> None:
    if not told.rows:
        click.echo(_NO_ROWS)
        return
    why = ", ".join(f"{count} {name}" for name, count in sorted(told.why.items())) or "none"
    vain = ", ".join(f"{route} {count}" for route, count in sorted(told.in_vain.items())) or "none"
    rows = [
        ("Rows kept", f"{told.rows:,}, of other features than these weights: {told.unread}"),
        ("Lessons", why),
        ("Tried in vain", vain),
        ("Escalated", str(told.escalated)),
    ]
    rows += [(f"Liked, {level}", f"{liked} of {count}") for level, (liked, count) in sorted(told.judged.items())]
    options.print_rows(rows)
