"""The types of the dashboard are those of the OpenAPI document.

`ui/openapi.json` holds the schemas that `ui/src/api/wire.ts` and `wire-admin.ts` name, with all that they refer to. Where the
document has moved on, `WRITE=1 .venv/bin/pytest -n0 tests/unit/gateway/test_page_types.py` writes it anew.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

UI = Path(__file__).parents[3] / "ui"
FILE = UI / "openapi.json"


def schemas_of(document: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Return the schemas of these names and of whatever they refer to."""
    found: dict[str, Any] = {}
    open_names = sorted(names)
    while open_names:
        name = open_names.pop()
        if name in found:
            continue
        found[name] = document["components"]["schemas"][name]
        open_names += re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(found[name]))
    return dict(sorted(found.items()))


async def test_the_page_reads_what_the_gateway_says(rig):
    document = (await rig.client.get("/openapi.json")).json()
    told = "".join(file.read_text() for file in sorted((UI / "src" / "api").glob("wire*.ts")))
    names = set(re.findall(r'Schemas\["(\w+)"\]', told))
    assert names
    kept = {
        "openapi": document["openapi"],
        "info": {"title": "What the dashboard reads", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas_of(document, names)},
    }
    if os.environ.get("WRITE"):
        FILE.write_text(json.dumps(kept, indent=1) + "\n")
    assert json.loads(FILE.read_text()) == kept, "run this test with WRITE=1"
