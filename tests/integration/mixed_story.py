"""Writes two files that belong together one after the other, as nothing of ours may: `mixed_story.py ROOT NAME`."""

import sys
from pathlib import Path

for name in ("half", "whole"):
    Path(sys.argv[1], name).write_text(name)
print("done")
