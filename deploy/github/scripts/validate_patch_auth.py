"""Runs one of `council ci verify`, `schema` and `authorise` upon the folders of a pull request and of its base.

As `validate_patch_auth.py verify --base base --head head --account NAME`. It ends as the command does: 0 for green, 7 for not.
"""

import os
import sys

CHECKS = ("verify", "schema", "authorise")

if __name__ == "__main__":
    if sys.argv[1:2] not in [[name] for name in CHECKS]:
        sys.exit(f"usage: validate_patch_auth.py {'|'.join(CHECKS)} --base FOLDER --head FOLDER --account NAME")
    os.execvp("council", ["council", "ci", *sys.argv[1:]])
