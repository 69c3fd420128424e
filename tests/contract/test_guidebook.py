"""The Guidebook contract over every kind: swaps that no reader sees the middle of, and what is in the store."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import valkey

import servers
from council.backends.store import guides as store_guides
from council.domain import errors, guides
from council.testing import guides as testing_guides

TIMEOUT_S = 5.0
FAULT = guides.Fault("library", "library/guidebook/b.md", 3, "unknown key.", kept=True)


def made(slug: str, text: str = "Text", at_s: int = 1_700_000_000, **said: object) -> guides.Guide:
    page = guides.Page(f"<h1>{text}</h1>", (guides.Heading(1, text[:40], "guide-text"),))
    usual: dict[str, object] = {"title": slug, "description": "", "tags": ("a", "ü"), "order": -1, "heading": text[:40]}
    digest = hashlib.sha256(text.encode()).hexdigest()
    entry = guides.Entry(
        slug=slug, root="library", source=f"library/guidebook/{slug}.md", digest=digest, form="1", timestamp=at_s,
        size_bytes=len(text) + len(page.html), **{**usual, **said},  # type: ignore[arg-type]
    )  # fmt: skip
    return guides.Guide(entry, text, page)


def swap(
    *changed: guides.Guide, gone: frozenset[str] = frozenset(), faults: tuple[guides.Fault, ...] = ()
) -> guides.Swap:
    return guides.Swap(changed, gone, faults)


@pytest.fixture
async def book(store_server: servers.Server) -> AsyncIterator[store_guides.ValkeyGuidebook]:
    """Guides of each kind, none at first."""
    with valkey.Valkey.from_url(store_server.url) as client:
        for key in client.scan_iter("guide:*"):
            client.delete(key)
    book = store_guides.ValkeyGuidebook(store_server.url, TIMEOUT_S)
    yield book
    await book.close()
    await book.close()


async def test_what_was_put_is_read_as_it_was(book: store_guides.ValkeyGuidebook) -> None:
    one, two = made("one", "Ünïcode\n" * 3, description="What it is."), made("two")
    assert await book.listing() == guides.Listing(()) and await book.guide("one") is None
    await book.swap(swap(one, two, faults=(FAULT,)))
    assert await book.guide("one") == one
    listing = await book.listing()
    assert set(listing.entries) == {one.entry, two.entry} and listing.faults == (FAULT,)


async def test_what_an_index_that_was_lost_left_behind_is_no_guide(
    book: store_guides.ValkeyGuidebook, store_server: servers.Server
) -> None:
    await book.swap(swap(made("one")))
    with valkey.Valkey.from_url(store_server.url) as client:
        client.delete(store_guides.INDEX_KEY)
    assert await book.guide("one") is None
    await book.swap(swap(made("one")))
    assert await book.guide("one") == made("one")


async def test_a_swap_takes_and_gives(book: store_guides.ValkeyGuidebook) -> None:
    await book.swap(swap(made("one"), made("two"), faults=(FAULT,)))
    other = made("one", "Other", title="Other")
    await book.swap(swap(other, made("three"), gone=frozenset({"two"})))
    assert {entry.slug for entry in (await book.listing()).entries} == {"one", "three"}
    assert await book.guide("one") == other and await book.guide("two") is None
    assert not (await book.listing()).faults


async def test_other_programs_find_each_guide_as_a_hash_and_all_by_load_time(
    book: store_guides.ValkeyGuidebook, store_server: servers.Server
) -> None:
    await book.swap(swap(made("one", at_s=1_700_000_000)))
    await book.swap(swap(made("two", at_s=1_700_000_009)))
    with valkey.Valkey.from_url(store_server.url, decode_responses=True) as client:
        fields = client.hgetall("guide:docs:one")
        wanted = "title html raw timestamp source description tags order digest headings root"
        assert fields.keys() >= set(wanted.split())
        assert (fields["raw"], fields["html"], fields["timestamp"]) == ("Text", "<h1>Text</h1>", "1700000000")
        assert json.loads(fields["tags"]) == ["a", "ü"] and json.loads(fields["headings"])[0]["anchor"] == "guide-text"
        assert client.zrange("guide:docs:index", 0, -1, withscores=True) == [
            ("one", 1_700_000_000.0),
            ("two", 1_700_000_009.0),
        ]
        assert client.ttl("guide:docs:one") == -1
        assert not list(client.scan_iter("guide:next:*"))


async def test_a_swap_that_lost_a_part_on_the_way_changes_nothing(
    book: store_guides.ValkeyGuidebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made("one")
    await book.swap(swap(one))
    monkeypatch.setattr(store_guides, "_parts", lambda changed: [list(changed[:1])])
    with pytest.raises(errors.StoreUnavailableError, match="Try again"):
        await book.swap(swap(made("one", "Other"), made("two"), gone=frozenset({"one"})))
    assert await book.guide("one") == one and len((await book.listing()).entries) == 1


async def test_what_is_damaged_in_the_store_is_not_listed_and_a_typed_error(
    book: store_guides.ValkeyGuidebook, store_server: servers.Server
) -> None:
    await book.swap(swap(made("one"), made("two"), made("three"), made("four")))
    with valkey.Valkey.from_url(store_server.url) as client:
        client.hset("guide:docs:one", "order", "soon")
        client.hset("guide:docs:four", "title", b"\xff")
        client.delete("guide:docs:two")
        client.set("guide:state", "nonsense")
    listing = await book.listing()
    assert [entry.slug for entry in listing.entries] == ["three"] and not listing.faults
    for slug in ("one", "four"):
        with pytest.raises(errors.StoreUnavailableError, match="written anew"):
            await book.guide(slug)
    await book.swap(swap(made("one"), made("two"), made("four")))
    assert len((await book.listing()).entries) == 4


@pytest.mark.parametrize("slug", ["index", "", "../x", "A", "x" * 1000, "a\nb"])
async def test_what_is_no_slug_is_no_guide(book: store_guides.ValkeyGuidebook, slug: str) -> None:
    await book.swap(swap(made("one")))
    assert await book.guide(slug) is None


async def test_a_server_that_is_gone_is_a_typed_error(tmp_path: Path) -> None:
    away = store_guides.ValkeyGuidebook(f"unix://{tmp_path / 'none.sock'}", TIMEOUT_S)
    for call in (away.listing(), away.guide("one"), away.swap(swap(made("one")))):
        with pytest.raises(errors.StoreUnavailableError, match="council doctor"):
            await call
    await away.close()


async def test_no_reader_ever_sees_a_missing_or_half_guide_or_a_half_swap(
    book: store_guides.ValkeyGuidebook, store_server: servers.Server
) -> None:
    slugs = [f"guide-{number}" for number in range(20)]
    versions = [tuple(made(slug, f"{version} " * 4_000, order=version) for slug in slugs) for version in range(2)]
    await book.swap(swap(*versions[0], made("even")))
    over = asyncio.Event()
    seen: set[int] = set()

    async def reads() -> int:
        reader, count = store_guides.ValkeyGuidebook(store_server.url, TIMEOUT_S), 0
        while not over.is_set():
            entries = {entry.slug: entry for entry in (await reader.listing()).entries}
            [order] = {entries[slug].order for slug in slugs}
            assert ("even" in entries) == (order == 0) and len(entries) == 20 + (order == 0)
            found = await reader.guide(slugs[count % 20])
            assert found is not None and found == versions[found.entry.order][count % 20]
            seen.add(order)
            count += 1
        await reader.close()
        return count

    readers = [asyncio.create_task(reads()) for _ in range(4)]
    for turn in range(1, 17):
        version = turn % 2
        even = (made("even"),) if version == 0 else ()
        await book.swap(swap(*versions[version], *even, gone=frozenset() if even else frozenset({"even"})))
    over.set()
    assert min(await asyncio.gather(*readers)) > 3 and seen == {0, 1}


async def test_the_fake_keeps_the_same_promises() -> None:
    book = testing_guides.InlineGuidebook()
    await book.swap(swap(made("one"), made("two"), faults=(FAULT,)))
    await book.swap(swap(made("one", "Other"), gone=frozenset({"two"})))
    assert [entry.heading for entry in (await book.listing()).entries] == ["Other"] and await book.guide("two") is None
