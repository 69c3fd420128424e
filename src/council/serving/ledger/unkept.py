"""A ledger for a trial: it keeps no row, and holds no money, so that nothing is spent."""

from collections.abc import Sequence

from council.domain import errors, ledger


class UnkeptLedger:
    """Stands where `writer.LedgerWriter` stands, for the questions of a trial."""

    async def record(self, row: ledger.LedgerRow, charges: Sequence[ledger.Charge] = ()) -> None:
        """Keep nothing."""

    async def hold(self, hold: ledger.Hold) -> None:
        """Raise UnspentError: the call may not be made."""
        unspent = errors.UnspentError(
            "A marked request pays for nothing. Ask without `x-council-trial` to have a paid model asked."
        )
        unspent.usd_micros = hold.usd_micros
        raise unspent
