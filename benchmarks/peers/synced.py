"""`council` with a ledger that is on the disk before an answer ends: SQLite's synchronous FULL instead of NORMAL."""

import sys

from council.backends.records import sql
from council.cli import main

sql.SqlRecords.__init__.__kwdefaults__["synchronous"] = "FULL"

if __name__ == "__main__":
    sys.exit(main.main())
