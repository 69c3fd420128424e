"""The commands of `council observe` that say what happened in words: `explain` and `digest`."""

import datetime
from pathlib import Path

import click

from council import care_records
from council.cli import calls, dates, known, options
from council.domain import digests as digest_forms
from council.domain import errors, evidence, home, schedule
from council.kit import clock as clock_module
from council.upkeep.observer import digests, explaining, faring, layouts, renderings, rephrasing

# Causes lie before what they bring about, and so does what they are held against.
BEFORE_S = 7200.0
_DAY_S = 86_400.0
_MODEL_S = 120.0
_REPLY_BYTES_MAX = 1 << 20


@click.command()
@click.argument("identifier", metavar="[INCIDENT]", default="")
@click.option("--model", default="", metavar="MODEL", help="Have MODEL say it in other words, as far as these pass.")
@options.running_port
@options.home
@options.as_json
def explain(identifier: str, model: str, port: int | None, where: home.Home, as_json: bool) -> None:
    """Say what happened in INCIDENT, why, what was done about it and what to do next; of the newest that is open without it.

    Each sentence is made of stored numbers. Causes are ranked, the likeliest first; none is proved. A model sees no number
    and no title, and what it says with a number of its own, a claim or a command is dropped.
    """
    now_s = clock_module.SystemClock().now_us() / 1e6
    began_s = _began_s(where, identifier) if identifier else now_s - _DAY_S
    found = known.gather(where, port, evidence.Span(began_s - BEFORE_S, now_s))
    told = explaining.explain(found, identifier)
    if model:
        told = _in_other_words(told, model, where, port)
    if as_json:
        options.print_json(_form(told))
        return
    blocks: list[layouts.Block] = []
    for heading, sentences in (
        ("Happened", told.happened),
        ("May have brought it about, the likeliest first", [one.sentence for one in told.causes]),
        ("Done about it", told.done),
        ("Next", told.next_steps),
    ):
        if sentences:
            blocks += [layouts.Heading(heading), layouts.Listing(tuple((one.text, "") for one in sentences))]
    title = layouts.Heading(f"Incident {identifier}" if identifier else "What is wrong", first=True)
    click.echo(renderings.text(layouts.Page(title.text, (title, *blocks))), nl=False)


def _in_other_words(told: evidence.Explanation, model: str, where: home.Home, port: int | None) -> evidence.Explanation:
    def ask(text: str) -> str:
        messages = [{"role": "system", "content": rephrasing.SYSTEM}, {"role": "user", "content": text}]
        body = {"model": model, "messages": messages, "temperature": 0, "memory": False}
        config = calls.config_of(where, port)
        reply = calls.call(
            where, config, "POST", "/v1/chat/completions", body, timeout_s=_MODEL_S, reply_bytes_max=_REPLY_BYTES_MAX
        )
        return str(reply["choices"][0]["message"]["content"])

    try:
        return rephrasing.explained(told, ask)
    except (errors.CouncilError, LookupError, TypeError) as error:
        why = error.message if isinstance(error, errors.CouncilError) else calls.STRANGE
        click.echo(f"In plain words, since the model did not help: {why}", err=True)
        return told


def _began_s(where: home.Home, identifier: str) -> float:
    kept = care_records.incidents(options.known_config(where), where)
    try:
        one = kept.find(identifier)
    finally:
        kept.close()
    if one is None:
        raise errors.NotFoundError(f"There is no incident {identifier!r}. `council incidents` lists the newest.")
    return one.began_us / 1e6


def _form(told: evidence.Explanation) -> dict[str, object]:
    return {
        "happened": [_sentence(one) for one in told.happened],
        "causes": [
            {"kind": one.kind, "subject": one.subject, "weight": one.weight, **_sentence(one.sentence)}
            for one in told.causes
        ],
        "done": [_sentence(one) for one in told.done],
        "next_steps": [_sentence(one) for one in told.next_steps],
    }


def _sentence(one: evidence.Sentence) -> dict[str, object]:
    return {"text": one.text, "evidence": [digest_forms.fact_form(fact) for fact in one.facts]}


@click.command()
@click.option(
    "--date", "day", metavar="DATE", default=None, help="The digest that ends on this day; else the last 24 hours."
)
@click.option("--at", metavar="TIME", help="When the day of --date ends.  [default: `observe.digest_at`]")
@click.option("--zone", help="The zone of --date and --at.  [default: `observe.digest_zone`]")
@click.option(
    "--html", "page", type=options.OUTPUT, metavar="FILE", help="Write it as a page that needs nothing beside it."
)
@click.option("--slack", is_flag=True, help="Print it as Slack's blocks, JSON.")
@options.running_port
@options.home
@options.as_json
def digest(
    day: str | None,
    at: str | None,
    zone: str | None,
    page: Path | None,
    slack: bool,
    port: int | None,
    where: home.Home,
    as_json: bool,
) -> None:
    """Say in one page what happened in a day, what was done about it, and what to do next.

    Each number of it stands in the JSON with the query and the time range that give it again.
    """
    settings = options.known_config(where).observe
    when = schedule.schedule(at or settings.digest_at, zone := zone or settings.digest_zone)
    now_s = clock_module.SystemClock().now_us() / 1e6
    span = evidence.Span(now_s - _DAY_S, now_s) if day is None else evidence.Span(*when.span_s(_day(day)))
    if span.start_s > now_s:
        raise errors.InvalidRequestError(f"{day} has not begun yet. Give a day that has.")
    found = known.gather(where, port, span, span.start_s - BEFORE_S)
    made = digests.digest(found, zone, _loop(where, span, now_s))
    told = layouts.page(made)
    if page is not None:
        _write(page, renderings.page_html(told))
    if as_json:
        options.print_json(digest_forms.form(made))
    elif slack:
        options.print_json({"blocks": renderings.slack(told)})
    elif page is None:
        click.echo(renderings.text(told), nl=False)


def _loop(where: home.Home, span: evidence.Span, now_s: float) -> digests.Loop | None:
    """Return how the observer fares, None where nobody can say."""
    config = options.known_config(where)
    kept, notices = care_records.snapshots(config, where), care_records.incidents(config, where)
    try:
        return faring.loop(kept, notices, config.observe, span, now_s)
    except errors.RecordsUnavailableError:
        return None
    finally:
        kept.close()
        notices.close()


def _day(text: str) -> datetime.date:
    try:
        found = datetime.date.fromisoformat(text)
    except ValueError as error:
        raise errors.InvalidRequestError(f"A day is given as 2026-11-30, not {text!r}. Give it so.") from error
    dates.check(found)
    return found


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise errors.SetupError(f"{file} cannot be written: {error.strerror}. Give a place that can.") from error
