"""The patchctl process: takes patches in over HTTP on this machine, and takes each along its way.

A signed patch needs no key beside its signature, unless `patch.needs_token` says so. Whoever has `secrets/patches.key` may also
roll back, freeze and read what became of patches: the owner's command line, which can read that file. The steward's own key is
for reading, rolling back, having settings put back, and having repairs kept; the gateway's for reading alone. A user's token
that is shown must be in force; it may read of patches, may roll back, freeze and give providers their keys where it is an
administrator's, and may be limited to having patches tried. What is done with a patch is in `patching/reception.py`.
"""

import asyncio
import base64
import binascii
import contextlib
import dataclasses
import hashlib
import logging
import os
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from council import app, care_app, homes, observing, ports, telemetry
from council.domain import authz, errors, home, patches, repairs
from council.domain import config as config_module
from council.gateway import exchange
from council.kit import clock as clock_module
from council.patching import anchoring, checking, differences, hands, judges, reception, situation, view
from council.services import admission, harness, intake, local_hosts, patch_forms, provider_keys, rights, tracing
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl import freeze, history, journal, journal_key, steps
from council.upkeep.patchctl.core import judging, signature

_log = logging.getLogger(__name__)

_BODY_S = 10.0
# Who submits gets an answer at once, and who listens is let go.
_DRAIN_S = 10.0
_EVENT_S = 15.0
_ROWS_MAX = 1000
_LINE_MAX = 200
_DIGITS_MAX = 10
# Base64 takes four bytes for three.
_BODY_BYTES_MAX = 4 * (patches.PATCH_BYTES_MAX + (judging.COSIGNATURES_MAX + 1) * signature.BYTES_MAX) // 3 + 64 * 1024
# Reason to status; 422 for the others.
_STATUS = {
    patches.Reason.TOO_LARGE: 413,
    patches.Reason.QUOTA: 429,
    patches.Reason.FROZEN: 423,
    patches.Reason.STALE_BASE: 409,
    patches.Reason.REPLAYED: 409,
    patches.Reason.CID_TAKEN: 409,
}
_REFUSED = 422
_GOING_BACK = frozenset({steps.Phase.UNDOING, steps.Phase.RETURNING, steps.Phase.YIELDING})
_CODES = {
    "not_found": 404, "forbidden": 403, "overloaded": 503, "unavailable": 503, "not_running": 503, "body_too_large": 413,
    "request_timeout": 408,
}  # fmt: skip


def main(config: config_module.Config, where: home.Home) -> int:
    """Take patches in until told to stop."""
    environment = harness.begin("patchctl", traceable=True)
    harness.setup_logging(environment.name)
    port = environment.tcp_socket("patches", "127.0.0.1", config.patchctl_port)
    where.patch_work.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The signatures' engine would write of every bad one where it was found in its source.
    os.environ.update(TMPDIR=str(where.patch_work), RUST_BACKTRACE="0")
    observing.tell_inputs("patchctl", homes.inputs_digest(where, environment.generation, "patchctl"))
    rights.confine_service("patchctl", config, where)
    tracing.listen()
    service = _Patchctl(where, environment)
    harness.serve(
        local_hosts.only(service.application()),
        port,
        environment,
        drain_s=_DRAIN_S,
        is_well=lambda: not service.has_failed,
        on_drain=service.end_streams,
    )
    return 0


class _Patchctl:
    def __init__(self, where: home.Home, environment: harness.ServiceEnvironment) -> None:
        self._where = where
        self._environment = environment
        self._clock = clock_module.SystemClock()
        self._label = homes.label_of(where, environment.generation)
        self._intake = intake.Intake(intake.Room(_BODY_BYTES_MAX, _BODY_S))
        self._ending = False
        keys = care_app.read_secret(where.patches_key_file), care_app.read_secret(where.steward_key_file)
        self._door = admission.Admission(*keys, care_app.tokens(where), self._needs_token, care_app.reader_key(where))
        self._keys = provider_keys.ProviderKeys(where, self._door.admin)
        self._settings = ("", patches.PatchConfig())
        self._reception: reception.Reception
        self._store: ports.Store

    @property
    def has_failed(self) -> bool:
        """Whether a way has broken off. The next start goes on with it."""
        return self._reception.failure is not None

    def application(self) -> Starlette:
        """Return what the port serves; its lifespan ends what an earlier process began."""
        return Starlette(
            routes=[
                Route("/apply", self._apply, methods=["POST"]),
                Route("/check", self._check, methods=["POST"]),
                Route("/rollback", self._roll_back, methods=["POST"]),
                Route("/freeze", self._freeze, methods=["POST"]),
                Route("/override", self._override, methods=["POST"]),
                Route("/repairs", self._repairs, methods=["POST"]),
                Route("/settings/put-back", self._put_settings_back, methods=["POST"]),
                Route("/keys/{provider}", self._keys.put, methods=["PUT"]),
                Route("/keys/{provider}", self._keys.remove, methods=["DELETE"]),
                Route("/patches", self._patches),
                Route("/patches/{cid}", self._patch),
                Route("/patches/{cid}/detail", self._detail),
                Route("/quarantine", self._quarantine),
                Route("/lineage", self._lineage),
                Route("/line", self._line),
                Route("/status", self._status),
                Route("/events", self._events),
                Route("/livez", self._live),
                Route("/readyz", self._live),
                Route("/metrics", self._metrics),
            ],
            exception_handlers={errors.CouncilError: _failed, Exception: _unforeseen},
            lifespan=self._lifespan,
        )

    def end_streams(self) -> None:
        """End who listens, who would listen for ever."""
        self._ending = True
        self._reception.wake()

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        where = self._where
        runtime = care_app.generations(where)
        book = await asyncio.to_thread(journal.Journal.open_at, where.lineage)
        names = {row.name.partition(":")[0] for row in await care_app.runtime(where).status(memory=False)}
        # All settings of the blueprint: those that this service reads of them are read anew for each patch.
        settings = homes.load_config(where, self._environment.generation, os.environ, {})
        self._store = store = app.store(settings, where)
        made = hands.Hands(where, book, runtime, judges.Judges(where, self._now), names, self._now)

        async def settle(state: steps.State) -> None:
            await asyncio.to_thread(hands.settle, where, state)
            for untold in await anchoring.seal(where, book, store):
                _log.warning("an anchor of the journal is old", extra={"reason": untold})
            try:
                await view.publish(store, history.rows(book.records))
            except errors.StoreUnavailableError as error:
                _log.warning("the history in the store is old", extra={"reason": error.message})
            try:
                removed = await hands.thin_out(where, runtime)
            except errors.CouncilError as error:
                _log.warning("no old generation was removed", extra={"reason": error.message})
            else:
                if removed:
                    _log.info("old generations were removed", extra={"generations": removed})
            try:
                # Last: where another release serves now, this ends us, and its patchctl begins.
                await hands.follow(where, runtime, state)
            except errors.CouncilError as error:
                _log.warning("not all has come to the live release", extra={"reason": error.message})

        parts = reception.Parts(
            where,
            book,
            made,
            runtime,
            touched=made.touched,
            check=lambda: anchoring.check(where, book.entries, store),
            settle=settle,
            now=self._now,
            seal=lambda: anchoring.seal(where, book, store),
        )
        self._reception = reception.Reception(parts, lambda: self._environment.generation, _count)
        for row in self._reception.rows():
            if row.outcome == steps.Outcome.APPLIED and not row.trial:
                telemetry.PATCHES_LAST_APPLY.labels("patchctl").set(row.ended_s)
        await self._reception.begin()
        try:
            yield
        finally:
            await self._reception.close()
            await self._door.close()
            await store.close()
            book.close()

    def _now(self) -> float:
        return self._clock.now_us() / 1e6

    async def _apply(self, request: Request) -> Response:
        async with self._intake.taken(request, patch_forms.Sent) as body:
            sent, trial = _submission(body)
            await self._door.patch(request, trial=trial)
            return _decision(await self._reception.submit(sent, trial=trial), 202)

    async def _check(self, request: Request) -> Response:
        async with self._intake.taken(request, patch_forms.Sent) as body:
            sent, trial = _submission(body)
            await self._door.patch(request, trial=True)
            found = await self._reception.check(sent, trial=trial)
        told = {"steps": [{"step": step.value, "outcome": told.value} for step, told in found.steps]}
        return _decision(found, 200, told)

    async def _roll_back(self, request: Request) -> Response:
        who = repairs.HEALER if self._door.is_steward(request) else await self._door.admin(request)
        wanted = await exchange.form(request, _BODY_S, 4096, patch_forms.Unwanted)
        row = await self._reception.roll_back(wanted.cid or "", who or wanted.by, wanted.reason)
        return JSONResponse({"success": True, **history.told(row)}, 202)

    async def _freeze(self, request: Request) -> Response:
        who = await self._door.admin(request)
        wanted = await exchange.form(request, _BODY_S, 4096, patch_forms.Freeze)
        if wanted.frozen:
            if not wanted.reason.strip() or not wanted.reason.isprintable():
                raise errors.InvalidRequestError("`reason` must say why, in one line.", parameter="reason")
            one = freeze.Freeze(wanted.reason, who or wanted.by, self._clock.now_us())
            await asyncio.to_thread(freeze.freeze, self._where.lineage, one)
        else:
            await asyncio.to_thread(freeze.thaw, self._where.lineage)
        return JSONResponse({"success": True, "frozen": wanted.frozen})

    async def _override(self, request: Request) -> Response:
        async with self._intake.taken(request, patch_forms.Override) as wanted:
            await self._door.patch(request, trial=False)
            found = await self._reception.override(
                _bytes("statement", wanted.statement), _bytes("signature", wanted.signature)
            )
        return JSONResponse({"success": True, "count": found.count, "day": found.day, "signer": found.signer})

    async def _repairs(self, request: Request) -> Response:
        if not self._door.is_steward(request):
            raise errors.ForbiddenError(
                "Only the steward says what it repaired. `council heal run` asks it for a repair."
            )
        told = await exchange.form(request, _BODY_S, 8192, patch_forms.RepairStep)
        await self._reception.keep_repair(told.model_dump())
        return JSONResponse({"success": True}, 202)

    async def _put_settings_back(self, request: Request) -> Response:
        self._door.steward(request)
        told = await self._reception.put_settings_back()
        return JSONResponse({"success": True, "told": told})

    async def _patches(self, request: Request) -> Response:
        await self._door.reader(request)
        limit = request.query_params.get("limit", "20")
        if not limit.isdecimal() or not 0 < int(limit) <= _ROWS_MAX:
            raise errors.InvalidRequestError(f"`limit` must be 1 to {_ROWS_MAX}.", parameter="limit")
        etag = _etag(self._reception.mark(blueprint.current(self._where)) + request.query_params.get("before", ""))
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        rows = self._reception.rows()
        # How many there are that are older, so that a page stays the same while new ones come.
        before = request.query_params.get("before", "")
        end = min(len(rows), int(before)) if before.isdecimal() and len(before) < _DIGITS_MAX else len(rows)
        begin = max(0, end - int(limit))
        told = {"patches": [history.told(row) for row in rows[begin:end][::-1]], "before": begin}
        return exchange.json_response(told, {"etag": etag})

    async def _patch(self, request: Request) -> Response:
        await self._door.reader(request)
        cid = request.path_params["cid"].removeprefix("cid:")
        rows = [row for row in self._reception.rows() if len(cid) >= 4 and row.digest.startswith(cid)]
        if not rows:
            raise errors.NotFoundError(f"No patch {cid[:64]!r} is known. `council patch history` shows all.")
        return exchange.json_response({"patches": [history.told(row) for row in rows]})

    async def _detail(self, request: Request) -> Response:
        await self._door.reader(request)
        cid = request.path_params["cid"]
        row = next((row for row in reversed(self._reception.rows()) if row.digest.startswith(cid)), None)
        if len(cid) < patches.CID_DIGITS or row is None:
            raise errors.NotFoundError(f"No patch {cid[:64]!r} is known. `council patch history` shows all.")
        found = await asyncio.to_thread(differences.of, self._where, row)
        return exchange.json_response({"patch": history.told(row), **found})

    async def _lineage(self, request: Request) -> Response:
        self._door.steward(request)

        check = journal_key.checker(self._where.journal_certificate_file, self._where.journal_key_file)
        entries = await asyncio.to_thread(journal.read, self._where.lineage)
        found = anchoring.look(entries, check, await anchoring.read(self._where, self._store))
        return exchange.json_response(
            {
                "records": found.records,
                "head": {"seq": found.head.seq, "digest": found.head.digest},
                "checkpoints": found.checkpoints,
                "unsigned": found.unsigned,
                "problems": list(found.problems),
            }
        )

    async def _line(self, request: Request) -> Response:
        self._door.steward(request)
        # From the live generation, which is ahead of what serves where the owner has committed since.
        live = blueprint.current(self._where)
        # Before it is looked: what is told may be newer than its mark, and never older.
        etag = _etag(self._reception.mark(live))
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        found = await asyncio.to_thread(repository.line, self._where, live, _LINE_MAX)
        row = self._reception.standing().at_work
        unproven = "" if row is None else row.target
        told = [{"generation": name, "tree": tree, "proven": name != unproven} for name, tree in found]
        return exchange.json_response({"line": told}, {"etag": etag})

    async def _status(self, request: Request) -> Response:
        await self._door.reader(request)
        told = _standing(self._reception.standing(), self._labelled().cid)
        told["quarantined"] = len(history.returned(self._reception.rows()))
        return exchange.json_response(told)

    async def _quarantine(self, request: Request) -> Response:
        await self._door.reader(request)
        found = history.quarantine(self._reception.rows())
        told = {"patches": [history.told(row) for row in found[:_ROWS_MAX]], "count": len(found)}
        return exchange.json_response(told)

    async def _events(self, request: Request) -> Response:
        await self._door.reader(request)

        async def lines() -> AsyncIterator[bytes]:
            with self._reception.news() as queue:
                for row in self._reception.latest():
                    yield _event(row)
                while not self._ending:
                    try:
                        async with asyncio.timeout(_EVENT_S):
                            heard = await queue.get()
                    except TimeoutError:
                        yield b": still here\n\n"
                        continue
                    if heard is not None:
                        yield _event(heard)

        return StreamingResponse(lines(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def _live(self, _: Request) -> Response:
        failed = self.has_failed
        body = {"live": not failed, **dataclasses.asdict(self._labelled())}
        return JSONResponse(body, 503 if failed else 200)

    async def _metrics(self, _: Request) -> Response:
        observing.observe_process("patchctl", self._environment.generation)
        with contextlib.suppress(errors.CouncilError):
            found = self._reception.standing()
            telemetry.PATCHES_FROZEN.labels("patchctl").set(found.freeze is not None)
            telemetry.PATCHES_QUOTA_USED.labels("patchctl").set(found.used.bots)
            telemetry.PATCHES_QUOTA_LIMIT.labels("patchctl").set(found.policy.bots_daily + found.used.extra)
        return Response(telemetry.render(), media_type=telemetry.CONTENT_TYPE)

    def _labelled(self) -> patches.Label:
        """Return what serves, by the supervisor's last word."""
        if self._label.generation != self._environment.generation:
            self._label = homes.label_of(self._where, self._environment.generation)
        return self._label

    async def _needs_token(self) -> bool:
        """Return whether the generation that serves asks for tokens; its settings are read once."""
        live = blueprint.current(self._where)
        if self._settings[0] != live:
            found = await asyncio.to_thread(homes.load_config, self._where, live, os.environ, {})
            self._settings = (live, found.patch)
        return self._settings[1].needs_token


def _submission(body: patch_forms.Sent) -> tuple[patches.Submission, bool]:
    """Return what was sent, and whether it is only to be tried. Raises InvalidRequestError."""
    if body.target not in ("live", "staging"):
        raise errors.InvalidRequestError("`target` must be `live` or `staging`.", parameter="target")
    sent = patches.Submission(
        _bytes("patch", body.patch),
        _bytes("signature", body.signature),
        tuple(_bytes("cosignatures", one) for one in body.cosignatures),
    )
    return sent, body.target == "staging"


def _etag(mark: str) -> str:
    return f'"{hashlib.sha256(mark.encode()).hexdigest()[:32]}"'


def _event(row: history.Row) -> bytes:
    return b"event: patch\ndata: " + orjson.dumps(history.told(row)) + b"\n\n"


def _bytes(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.InvalidRequestError(
            f"`{name}` is not base64 of the exact bytes. Encode the file as it is.", parameter=name
        ) from error


def _decision(found: checking.Checked, accepted: int, told: Any = None) -> Response:
    verdict = found.verdict
    body = {
        "success": not found.reason,
        "cid": verdict.cid,
        "digest": verdict.digest,
        "reason": found.reason,
        "message": found.message,
        **(told or {}),
    }
    wait = {} if verdict.retry_after_s is None else {"retry-after": str(verdict.retry_after_s)}
    return JSONResponse(body, _STATUS.get(found.reason, _REFUSED) if found.reason else accepted, wait)  # type: ignore[call-overload]


def _standing(found: reception.Standing, cid: str | None) -> dict[str, Any]:
    frozen = found.freeze
    return {
        "generation": found.serving,
        "cid": cid,
        "at_work": None if found.at_work is None else history.told(found.at_work),
        "frozen": frozen is not None,
        "freeze": None if frozen is None else {"reason": frozen.reason, "by": frozen.by, "at_us": frozen.at_us},
        "quota": situation.quota_told(found.policy, found.used),
    }


def _count(row: history.Row) -> None:
    """Count a patch that has come to its end."""
    telemetry.PATCHES.labels(row.outcome, _word(row), row.kind).inc()
    if row.outcome == steps.Outcome.ROLLED_BACK:
        telemetry.PATCHES_ROLLED_BACK.inc()
    elif row.outcome == steps.Outcome.APPLIED:
        telemetry.PATCHES_LAST_APPLY.labels("patchctl").set(row.ended_s)
        if row.kind == authz.Kind.HUMAN:
            telemetry.PATCHES_BY_PEOPLE.inc()


def _word(row: history.Row) -> str:
    """Return why it ended so, of a closed set of words: that of its reason, or the step that did not go well."""
    word = row.reason.partition(":")[0]
    if not row.reason or word in {one.value for one in patches.Reason}:
        return word
    before = [phase for phase, _ in row.times[:-1]]
    return next((phase for phase in reversed(before) if phase not in _GOING_BACK), "")


async def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.CouncilError)
    if error.detail:
        _log.warning("refused", extra={"code": error.code, "detail": error.detail})
    status = _STATUS.get(error.reason) or _CODES.get(error.code)  # type: ignore[call-overload]
    if status is None:
        status = 400 if isinstance(error, errors.InvalidRequestError) and error.code != "patch_refused" else _REFUSED
    headers = {} if error.retry_after_s is None else {"retry-after": str(error.retry_after_s)}
    if error.code == errors.RequestTimeoutError.code:
        # Who sends slowly would send on, and hold the connection.
        headers["connection"] = "close"
    body = {"success": False, "code": error.code, "reason": error.reason, "message": error.message}
    return JSONResponse(body, status, headers)


async def _unforeseen(_: Request, error: Exception) -> Response:
    _log.error("a request failed", exc_info=error)
    return JSONResponse({"success": False, "code": "internal_error", "reason": "", "message": "Internal error."}, 500)
