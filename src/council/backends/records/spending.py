"""Holds, charges and budgets on SQLAlchemy Core; part of `sql.SqlRecords`, whose transactions it works in.

`spend` is the sum of charges and holds by scope and period. It is only ever changed by the difference that a statement beside
it makes, in one transaction, so that it is right whatever process ends when.
"""

import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy

from council.backends.records import prepared, schema
from council.domain import ledger

_Key = tuple[str, str]
_Call = tuple[str, int]

_CHARGE_NAMES = tuple(column.name for column in schema.charges.c if column.name not in ("request_id", "at_us"))
_HOLD_NAMES = tuple(column.name for column in schema.holds.c)
_charge_fields, _hold_fields = operator.attrgetter(*_CHARGE_NAMES), operator.attrgetter(*_HOLD_NAMES)
_TEXT_CHARS_MAX = 256


class RepeatedError(Exception):
    """A charge or hold is there already, or a hold is gone; rare, so it is looked into only then."""


def _written(statement: prepared.Prepared, cursor: Any, values: Sequence[dict[str, Any]], careful: bool) -> list[bool]:
    """Return which of the rows were written, or deleted. Raises RepeatedError unless `careful`."""
    if careful:
        return [statement.run(cursor, [one]) == 1 for one in values]
    if statement.run(cursor, values) != len(values):
        raise RepeatedError
    return [True] * len(values)


class Spending:
    """The statements, made once for a dialect."""

    def __init__(self, engine: sqlalchemy.Engine):
        # The dialect that is not in use costs a tenth of a second to import.
        if engine.dialect.name == "sqlite":
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        add = insert(schema.spend)
        add = add.on_conflict_do_update(
            index_elements=["scope", "period"],
            set_={"usd_micros": schema.spend.c.usd_micros + add.excluded.usd_micros},
        )
        self._add = prepared.Prepared(add, engine, ("scope", "period", "usd_micros"))
        charge = insert(schema.charges).on_conflict_do_nothing(index_elements=["request_id", "hop"])
        self._charge = prepared.Prepared(charge, engine, [column.name for column in schema.charges.c])
        hold = insert(schema.holds).on_conflict_do_nothing(index_elements=["request_id", "hop"])
        self._hold = prepared.Prepared(hold, engine, _HOLD_NAMES)
        held, spent = schema.holds.c, schema.spend.c
        release = sqlalchemy.delete(schema.holds).where(
            held.request_id == sqlalchemy.bindparam("request_id"), held.hop == sqlalchemy.bindparam("hop")
        )
        self._release = prepared.Prepared(release, engine)
        look = sqlalchemy.select(spent.usd_micros).where(
            spent.scope == sqlalchemy.bindparam("scope"), spent.period == sqlalchemy.bindparam("period")
        )
        self._spent = prepared.Prepared(look, engine)
        self._locks = engine.dialect.name == "postgresql"

    def settle(
        self,
        cursor: Any,
        charged: Sequence[tuple[ledger.LedgerRow, ledger.Charge]],
        holds: Sequence[ledger.Hold],
        *,
        careful: bool = False,
    ) -> list[ledger.Refusal | None]:
        """Write charges in place of their holds, then the holds there is room for.

        Raises RepeatedError where something is there already; then the transaction must go, and `careful` looks at each row.
        """
        if not charged and not holds:
            return []
        difference: Counter[_Key] = Counter()
        if charged:
            self._write_charges(cursor, charged, difference, careful)
        refusals = self._try(cursor, holds, difference, careful) if holds else []
        self._add_up(cursor, difference)
        return refusals

    def _write_charges(
        self,
        cursor: Any,
        charged: Sequence[tuple[ledger.LedgerRow, ledger.Charge]],
        difference: "Counter[_Key]",
        careful: bool,
    ) -> None:
        values = [_charge_values(row.request_id, row.at_us, charge) for row, charge in charged]
        written = iter(_written(self._charge, cursor, values, careful))
        held = [{"request_id": one.hold.request_id, "hop": one.hold.hop} for _, one in charged if one.hold is not None]
        released = iter(_written(self._release, cursor, held, careful))
        for row, charge in charged:
            # One that is there already was counted then, and so was the charge of a hold that expired.
            cost = charge.cost_usd_micros if next(written) else 0
            if charge.hold is not None:
                change = cost - (charge.hold.usd_micros if next(released) else 0)
                difference.update(dict.fromkeys(ledger.scopes(charge.hold), change))
            elif cost:
                difference.update(dict.fromkeys(ledger.scopes(_as_hold(row, charge)), cost))

    def _try(
        self,
        cursor: Any,
        holds: Sequence[ledger.Hold],
        difference: "Counter[_Key]",
        careful: bool,
    ) -> list[ledger.Refusal | None]:
        """Add to `difference` each hold that every one of its budgets has room for."""
        asked = {_key(budget, hold.at_us) for hold in holds for budget in hold.budgets}
        before = self._read(cursor, asked)
        taken: list[ledger.Hold] = []
        refusals: list[ledger.Refusal | None] = []
        for hold in holds:
            refusal = None
            for budget in hold.budgets:
                key = _key(budget, hold.at_us)
                left = budget.limit_usd_micros - before.get(key, 0) - difference[key]
                if hold.usd_micros > left:
                    refusal = ledger.Refusal(budget, max(0, left))
                    break
            refusals.append(refusal)
            if refusal is None:
                taken.append(hold)
                difference.update(dict.fromkeys(ledger.scopes(hold), hold.usd_micros))
        values = [dict(zip(_HOLD_NAMES, _hold_fields(hold), strict=True)) for hold in taken]
        for hold, new in zip(taken, _written(self._hold, cursor, values, careful), strict=True):
            if not new:
                difference.update(dict.fromkeys(ledger.scopes(hold), -hold.usd_micros))
        return refusals

    def _read(self, cursor: Any, keys: Iterable[_Key]) -> dict[_Key, int]:
        """Return what is spent under some keys. On PostgreSQL the whole table is locked for writing first: rows that are
        not there yet cannot be."""
        if self._locks:
            cursor.execute("LOCK TABLE spend IN SHARE ROW EXCLUSIVE MODE")
        return {key: self.spent(cursor, *key) for key in sorted(keys)}

    def _add_up(self, cursor: Any, difference: "Counter[_Key]") -> None:
        changes = [
            {"scope": scope, "period": period, "usd_micros": usd_micros}
            for (scope, period), usd_micros in sorted(difference.items())
            if usd_micros
        ]
        self._add.run(cursor, changes)

    def expired(self, connection: sqlalchemy.Connection, now_us: int, limit: int) -> list[ledger.Hold]:
        """Return holds whose maker can no longer be at work, oldest first; no one else may take the same ones."""
        hold = schema.holds.c
        # All calls of a request, so that its row has the sum of them.
        requests = sqlalchemy.select(hold.request_id).where(hold.expires_us <= now_us).distinct().limit(limit)
        query = sqlalchemy.select(schema.holds).where(hold.expires_us <= now_us, hold.request_id.in_(requests))
        query = query.order_by(hold.at_us, hold.request_id, hold.hop)
        found = connection.execute(query.with_for_update(skip_locked=True)).mappings().all()
        return [ledger.Hold(**row) for row in found]

    def write_off(self, cursor: Any, holds: Sequence[ledger.Hold]) -> None:
        """Turn holds into charges of the same height, so that `spend` does not change."""
        difference: Counter[_Key] = Counter()
        for hold in holds:
            if not self._charge.run(cursor, [_charge_values(hold.request_id, hold.at_us, _worst(hold))]):
                # Charged already, without its hold.
                difference.update(dict.fromkeys(ledger.scopes(hold), -hold.usd_micros))
            self._release.run(cursor, [{"request_id": hold.request_id, "hop": hold.hop}])
        self._add_up(cursor, difference)

    def spent(self, cursor: Any, scope: str, period: str) -> int:
        """Return what a scope has spent and holds in a period."""
        return int(self._spent.scalar(cursor, {"scope": scope, "period": period}) or 0)

    def spend(self, connection: sqlalchemy.Connection, at_us: int) -> list[ledger.Spend]:
        """Return every scope's spending in the day and the month of a moment, and how much of it is held."""
        row, periods = schema.spend.c, [ledger.period_of(at_us, period) for period in ("day", "month")]
        found = connection.execute(sqlalchemy.select(schema.spend).where(row.period.in_(periods))).all()
        held: Counter[_Key] = Counter()
        for one in connection.execute(sqlalchemy.select(schema.holds)).mappings():
            hold = ledger.Hold(**one)
            held.update(dict.fromkeys(ledger.scopes(hold), hold.usd_micros))
        return [
            ledger.Spend(scope, period, int(usd_micros), held[scope, period])
            for scope, period, usd_micros in sorted(tuple(one) for one in found)
        ]

    def charges(
        self, connection: sqlalchemy.Connection, since_us: int, until_us: int
    ) -> list[tuple[str, ledger.Charge]]:
        """Return (request_id, charge) of a time, in order."""
        row = schema.charges.c
        query = sqlalchemy.select(schema.charges).where(row.at_us >= since_us, row.at_us < until_us)
        found = connection.execute(query.order_by(row.at_us, row.request_id, row.hop)).mappings().all()
        return [
            (
                one["request_id"],
                ledger.Charge(**{name: one[name] for name in _CHARGE_NAMES} | {"estimated": bool(one["estimated"])}),
            )
            for one in found
        ]


def unsettled(holds: Sequence[ledger.Hold]) -> list[ledger.LedgerRow]:
    """Return a row for each request whose calls never came to an end: what they held is what they cost."""
    by_request: dict[str, list[ledger.Hold]] = {}
    for hold in holds:
        by_request.setdefault(hold.request_id, []).append(hold)
    return [_unsettled(own) for own in by_request.values()]


def _unsettled(holds: Sequence[ledger.Hold]) -> ledger.LedgerRow:
    last = holds[-1]
    return ledger.LedgerRow(
        request_id=last.request_id,
        at_us=holds[0].at_us,
        user_id=last.user_id,
        token_id=last.token_id,
        route="general",
        specialist="general",
        model=last.model,
        outcome=ledger.Outcome.UNSETTLED,
        level="none",
        verified=False,
        escalated=False,
        prompt_tokens=0,
        completion_tokens=0,
        cost_usd_micros=sum(hold.usd_micros for hold in holds),
        first_us=0,
        total_us=0,
        generation="",
        local=False,
    )


def _as_hold(row: ledger.LedgerRow, charge: ledger.Charge) -> ledger.Hold:
    """Return what would have been held for a charge that nothing was held for."""
    return ledger.Hold(
        row.request_id, charge.hop, row.at_us, 0, row.user_id, row.token_id, charge.model, charge.provider, 0
    )


def _worst(hold: ledger.Hold) -> ledger.Charge:
    return ledger.Charge(hold.hop, hold.provider, hold.model, "", 0, 0, 0, hold.usd_micros, True, "unsettled")


def by_model(
    connection: sqlalchemy.Connection, found: Sequence[Any], since_us: int, until_us: int
) -> list[tuple[Any, ...]]:
    """Return a report by model whose money is that of each model's own charges.

    A request that was answered by a fallback has its row under the fallback, and may have a charge under another model.
    """
    charge, row = schema.charges.c, schema.ledger.c
    total = sqlalchemy.func.sum(charge.cost_usd_micros)
    within = (charge.at_us >= since_us, charge.at_us < until_us)
    own = dict(connection.execute(sqlalchemy.select(charge.model, total).where(*within).group_by(charge.model)).all())
    elsewhere = (
        sqlalchemy.select(row.model, total)
        .join_from(schema.charges, schema.ledger, charge.request_id == row.request_id)
        .where(*within)
        .group_by(row.model)
    )
    counted = dict(connection.execute(elsewhere).all())
    sums = {
        model: (model, *totals, int(cost) - int(counted.get(model, 0)) + int(own.pop(model, 0)))
        for model, *totals, cost in found
    }
    for model, cost in own.items():
        sums[model] = (model, 0, 0, 0, 0, 0, 0, int(cost))
    return list(sums.values())


def _key(budget: ledger.Budget, at_us: int) -> _Key:
    return budget.scope, ledger.period_of(at_us, budget.period)


def _charge_values(request_id: str, at_us: int, charge: ledger.Charge) -> dict[str, Any]:
    values = dict(zip(_CHARGE_NAMES, _charge_fields(charge), strict=True))
    return {**values, "deployment": charge.deployment[:_TEXT_CHARS_MAX], "request_id": request_id, "at_us": at_us}
