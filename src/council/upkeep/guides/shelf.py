"""What is known of the documents, and which guides there ought to be: the deciding half of the loader. No I/O.

A document that is at fault keeps its last good version, as long as the document itself is there. Of two documents with one slug
the first is taken: the blueprint's before the library's, so that nobody's document passes for one of ours, then by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from council.domain import guides
from council.upkeep.guides import folder, reading


@dataclass(frozen=True, slots=True)
class Known:
    """A document as it was when it had this stamp: good, with its slug, or with a fault."""

    stamp: tuple[int, int, int]
    slug: str = ""
    digest: str = ""
    front_matter: guides.FrontMatter | None = None
    fault: guides.Fault | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What there ought to be: documents by slug, of which `changed` have to be made, and slugs whose page stays as it is."""

    wanted: Mapping[str, folder.File]
    changed: Sequence[str]
    kept: frozenset[str]
    gone: frozenset[str]
    faults: Sequence[guides.Fault]


@dataclass(slots=True)
class Shelf:
    """The documents of all books by source."""

    known: dict[str, Known] = field(default_factory=dict)

    def is_known(self, file: folder.File) -> bool:
        """Return whether a document has not changed since it was learned."""
        known = self.known.get(file.source)
        return known is not None and known.stamp == file.stamp

    def learn(self, file: folder.File, digest: str, document: reading.Document) -> None:
        """Note what a document says of itself, or that it can have no slug."""
        name = Path(file.path).stem
        slug = document.front_matter.slug or guides.slug_of(name)
        if not slug or slug in guides.RESERVED:
            self.blame(
                file,
                guides.FaultyError(f"no slug can be made of the name {name!r:.60}. Give it a `slug`.", 1),
            )
            return
        self.known[file.source] = Known(file.stamp, slug, digest, document.front_matter)

    def blame(self, file: folder.File, error: guides.FaultyError) -> None:
        """Note that a document is at fault as it stands."""
        # What a document holds may stand in the reason, and not all of it can be written as UTF-8.
        reason = str(error).encode("utf-8", "backslashreplace").decode()
        fault = guides.Fault(file.root, file.source, error.line, reason)
        self.known[file.source] = Known(file.stamp, fault=fault)

    def forget_but(self, files: Iterable[folder.File]) -> None:
        """Forget the documents that are no more."""
        there = {file.source for file in files}
        self.known = {source: known for source, known in self.known.items() if source in there}

    def try_again(self, reason: str) -> None:
        """Forget the documents that were at fault for this reason, so that the next look reads them."""
        self.known = {
            source: known for source, known in self.known.items() if known.fault is None or known.fault.reason != reason
        }

    def plan(
        self,
        files: Sequence[folder.File],
        absent: Sequence[folder.File],
        faults: Sequence[guides.Fault],
        shown: Mapping[str, guides.Entry],
        form: str,
    ) -> Plan:
        """Return what there ought to be in place of what is `shown`, by slug.

        `absent` are documents that have just gone, and stay shown for now where nothing takes their slug; `form` says by
        which rules pages are made now.
        """
        by_document = {(entry.root, entry.source): slug for slug, entry in shown.items()}
        wanted: dict[str, folder.File] = {}
        kept = {by_document[one] for file in absent if (one := (file.root, file.source)) in by_document}
        found = list(faults)
        for file in files:
            known = self.known.get(file.source)
            if known is None or known.fault is not None:
                last = by_document.get((file.root, file.source), "")
                if last and last not in wanted:
                    kept.add(last)
                if known is not None and known.fault is not None:
                    found.append(_with_kept(known.fault, bool(last)))
            elif (first := wanted.get(known.slug)) is not None:
                found.append(guides.Fault(file.root, file.source, 0, _collision(known.slug, first.source, file.source)))
            else:
                wanted[known.slug] = file
        kept -= wanted.keys()
        changed = [slug for slug, file in wanted.items() if not self._is_shown(file, slug, shown, form)]
        return Plan(wanted, changed, frozenset(kept), frozenset(shown.keys() - wanted.keys() - kept), found)

    def _is_shown(self, file: folder.File, slug: str, shown: Mapping[str, guides.Entry], form: str) -> bool:
        entry = shown.get(slug)
        return entry is not None and (entry.root, entry.source, entry.digest, entry.form) == (
            file.root,
            file.source,
            self.known[file.source].digest,
            form,
        )


def _with_kept(fault: guides.Fault, kept: bool) -> guides.Fault:
    return guides.Fault(fault.root, fault.source, fault.line, fault.reason, kept)


def _collision(slug: str, first: str, second: str) -> str:
    return f"{first} and {second} both have the slug `{slug}`; the first is shown. Give one of them another `slug`."
