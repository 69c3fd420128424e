"""/api/guides over HTTP: lists, pages, searches, and what is at fault."""

import dataclasses

import pytest

from council.domain import guides
from gateway_rig import Rig

FAULT = guides.Fault("library", "library/guidebook/broken.md", 2, "unknown key.", kept=True)


def guide(slug: str, root: str = "blueprint", **said: object) -> guides.Guide:
    usual: dict[str, object] = {"title": slug, "description": "", "tags": (), "order": 0}
    name = "guidebook" if root == "blueprint" else "library/guidebook"
    entry = guides.Entry(
        slug=slug, root=root, source=f"{name}/{slug}.md", heading="Head", digest="d" * 64, form="1",
        timestamp=1_700_000_000, size_bytes=1, **{**usual, **said},  # type: ignore[arg-type]
    )  # fmt: skip
    page = guides.Page('<h1 id="guide-head">Head</h1>', (guides.Heading(1, "Head", "guide-head"),))
    return guides.Guide(entry, "# Head\n", page)


@pytest.fixture(autouse=True)
async def shown(rig: Rig) -> None:
    fitting = guide("harbour", "library", title="Harbour", tags=("quay", "lantern"), order=-1)
    await rig.guidebook.swap(guides.Swap((guide("zebra"), guide("tides"), fitting), frozenset(), (FAULT,)))


async def get(rig: Rig, path: str, status: int = 200):
    reply = await rig.client.get(path, headers=rig.headers())
    assert reply.status_code == status
    return reply.json()


async def test_guides_are_listed_in_order_without_their_pages(rig: Rig) -> None:
    listed = await get(rig, "/api/guides")
    assert [one["slug"] for one in listed["guides"]] == ["harbour", "tides", "zebra"]
    assert listed["faults"] == [dataclasses.asdict(FAULT)]
    assert listed["guides"][0] == {
        "slug": "harbour", "title": "Harbour", "description": "", "tags": ["quay", "lantern"], "order": -1,
        "root": "library", "source": "library/guidebook/harbour.md", "heading": "Head", "digest": "d" * 64,
        "timestamp": 1_700_000_000, "place": "", "quote": "",
    }  # fmt: skip


async def test_a_guide_is_shown_with_its_page(rig: Rig) -> None:
    shown = await get(rig, "/api/guides/zebra")
    assert (shown["raw"], shown["html"]) == ("# Head\n", '<h1 id="guide-head">Head</h1>')
    assert shown["headings"] == [{"level": 1, "text": "Head", "anchor": "guide-head"}]
    assert shown["timestamp"] == 1_700_000_000 and shown["root"] == "blueprint"


async def test_a_search_finds_guides_by_their_own_words_then_by_their_text(rig: Rig) -> None:
    found = (await get(rig, "/api/guides?q=quay lantern"))["guides"]
    assert [one["slug"] for one in found] == ["harbour", "tides"]
    assert "hang beside the quay lantern" in found[1]["quote"] and found[1]["place"] == "Tide tables"
    assert [one["slug"] for one in (await get(rig, "/api/guides?q=quay lantern&limit=1"))["guides"]] == ["harbour"]
    assert (await get(rig, "/api/guides?q=nothing of the kind"))["guides"] == []


async def test_a_search_finds_no_document_that_is_no_guide(rig: Rig) -> None:
    assert (await get(rig, "/api/guides?q=harbour office opens"))["guides"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/guides/nobody", 404, "not_found"),
        ("/api/guides/..%2F..%2Fetc", 404, "not_found"),
        ("/api/guides/Zebra", 400, "invalid_request"),
        ("/api/guides/" + "z" * 81, 400, "invalid_request"),
        ("/api/guides?limit=0", 400, "invalid_request"),
        ("/api/guides?q=" + "x" * 501, 400, "invalid_request"),
    ],
)
async def test_what_is_not_there_or_not_asked_well_is_an_error(rig: Rig, path: str, status: int, code: str) -> None:
    assert (await get(rig, path, status))["error"]["code"] == code


async def test_without_the_store_there_are_no_guides_and_without_recall_no_search(rig: Rig) -> None:
    rig.recall.fail = True
    assert len((await get(rig, "/api/guides"))["guides"]) == 3
    rig.guidebook.away = True
    assert (await get(rig, "/api/guides/zebra", 503))["error"]["code"] == "store_unavailable"
