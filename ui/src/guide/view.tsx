/** The guides: found by their words, read as pages. */

import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { guide, guides } from "../api/queries";
import type { GuideEntry, GuideList } from "../api/wire";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { sanitise } from "../markdown/render";
import "../styles/guide.css";
import "../styles/markdown.css";

const FIRST = "first-hour";

export default function Guides({ slug }: { slug: string }) {
  const [words, setWords] = useState("");
  const q = useDeferredValue(words.trim());
  const list = useQuery({ ...guides(q), placeholderData: (before) => before });
  const groups = useMemo(() => grouped(list.data?.guides ?? [], q !== ""), [list.data, q]);
  return (
    <div className={slug ? "guides has-chosen" : "guides"}>
      <nav className="guide-list" aria-label="Guides">
        <h1>Guide</h1>
        <input
          type="search"
          data-slash
          aria-label="Search the guides"
          placeholder="Search the guides"
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
        {list.isPending && <Waiting what="guides" lines={8} />}
        {list.error !== null && !list.data && <FailureNote error={list.error} onRetry={() => void list.refetch()} />}
        {list.data?.guides.length === 0 && (
          <Empty title={q ? "No guide fits these words" : "No guides yet"}>
            {q ? "Try fewer or other words." : "Drop Markdown into the folder guidebook of your library."}
          </Empty>
        )}
        <Faults faults={list.data?.faults ?? []} />
        {groups.map((group) => (
          <section key={group.name}>
            <h2>{group.name}</h2>
            <ul>
              {group.entries.map((entry) => (
                <li key={entry.slug}>
                  <Link
                    href={`/guide/${entry.slug}`}
                    className={entry.slug === slug ? "guide-link current" : "guide-link"}
                    aria-current={entry.slug === slug ? "page" : undefined}
                  >
                    {nameOf(entry)}
                    {q && entry.quote && <span className="guide-quote">{entry.quote}</span>}
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </nav>
      <Page
        slug={
          slug || (list.data?.guides.some((one) => one.slug === FIRST) ? FIRST : (list.data?.guides[0]?.slug ?? ""))
        }
      />
    </div>
  );
}

function Faults({ faults }: { faults: GuideList["faults"] }) {
  if (faults.length === 0) return null;
  return (
    <details className="notice">
      <summary>{faults.length === 1 ? "1 document is" : `${faults.length} documents are`} at fault</summary>
      <ul className="plain">
        {faults.map((fault) => (
          <li key={`${fault.source} ${fault.line}`}>
            <code className="break">{fault.source}</code>
            {fault.line > 0 && `, line ${fault.line}`}: {fault.reason}
            {fault.kept && " Its last good version is shown."}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Returns what a guide is called: what its first heading says, where no title was given. */
function nameOf(entry: GuideEntry): string {
  return entry.title && entry.title !== entry.slug ? entry.title : entry.heading || entry.slug;
}

const GROUPS: [string, string][] = [
  ["tutorial/", "Begin here"],
  ["howto/", "How to"],
  ["explanation/", "Why it is so"],
  ["reference/", "Reference"],
  ["adr/", "Decisions"],
];

function grouped(entries: GuideEntry[], searched: boolean): { name: string; entries: GuideEntry[] }[] {
  if (searched) return entries.length ? [{ name: "Best first", entries }] : [];
  const groups = new Map<string, GuideEntry[]>([
    ["Yours", []],
    ...GROUPS.map(([, name]): [string, GuideEntry[]] => [name, []]),
    ["More", []],
  ]);
  for (const entry of entries) {
    const name =
      entry.root === "library" ? "Yours" : (GROUPS.find(([folder]) => entry.source.includes(folder))?.[1] ?? "More");
    groups.get(name)?.push(entry);
  }
  return [...groups].filter(([, found]) => found.length > 0).map(([name, found]) => ({ name, entries: found }));
}

function Page({ slug }: { slug: string }) {
  const found = useQuery({ ...guide(slug), enabled: slug !== "" });
  const element = useRef<HTMLDivElement>(null);
  const [, go] = useLocation();
  const html = useMemo(() => (found.data ? sanitise(found.data.html) : ""), [found.data]);

  useEffect(() => {
    if (!html) return;
    // What scrolls sideways must be reached by keys.
    for (const table of element.current?.querySelectorAll("table") ?? [])
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
    const anchor = decodeURIComponent(window.location.hash.slice(1));
    const target = anchor ? document.getElementById(anchor) : null;
    if (target) target.scrollIntoView();
    else element.current?.scrollTo(0, 0);
  }, [html]);

  /** Links of guides name other guides by their slug alone. */
  function onClick(event: React.MouseEvent) {
    const link = (event.target as HTMLElement).closest("a");
    const address = link?.getAttribute("href") ?? "";
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    if (address.startsWith("#")) {
      event.preventDefault();
      document.getElementById(decodeURIComponent(address.slice(1)))?.scrollIntoView();
    } else if (/^[a-z0-9-]+(#.*)?$/.test(address)) {
      event.preventDefault();
      go(`/guide/${address}`);
    }
  }

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: only links in it are followed, which take keys
    // biome-ignore lint/a11y/noStaticElementInteractions: only links in it are followed
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <div className="guide-page" ref={element} onClick={onClick} tabIndex={0}>
      <p className="crumb narrow-only">
        <Link href="/guide">Guide</Link>
      </p>
      {found.isLoading && <Waiting what="the guide" lines={10} />}
      {found.error !== null && !found.data && <h1 className="narrow-only">Guide</h1>}
      {found.error !== null && !found.data && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <article className="markdown">
          {found.data.root === "library" && <p className="notice">From your library. Nobody reviewed it.</p>}
          {/* biome-ignore lint/security/noDangerouslySetInnerHtml: it has been through the sanitiser, twice */}
          <div dangerouslySetInnerHTML={{ __html: html }} />
          <p className="quiet guide-source">
            <span className="break">{found.data.source}</span>
          </p>
        </article>
      )}
    </div>
  );
}
