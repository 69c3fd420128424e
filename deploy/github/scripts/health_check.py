"""Waits until what serves is well enough to be changed: `health_check.py --timeout 300`.

It ends as `council ci gates` does: 0 once no gate is red or amber, 7 if one still is when the time is over.
"""

import os
import sys

if __name__ == "__main__":
    os.execvp("council", ["council", "ci", "gates", *sys.argv[1:]])
