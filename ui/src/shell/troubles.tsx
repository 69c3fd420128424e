/** What the sentence counts, one by one: gates that are not green, processes that are away, incidents that go on. */

import { useEffect, useId, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Live, Verdict } from "../api/wire";
import { gateName, limit } from "../health/words";
import { Icon } from "../kit/icons";
import { quantity } from "../kit/numbers";
import { stretch, useNow } from "../kit/time";
import { rank, Shape } from "../kit/verdict";

export interface Trouble {
  id: string;
  verdict: Verdict;
  title: string;
  why: string;
  sinceUs: number | null;
  href: string;
}

/** Returns what is not well, what wants to be looked at first on top. Pure. */
export function troubles(live: Pick<Live, "gates" | "incidents" | "services">): Trouble[] {
  const gates = live.gates
    .filter((one) => one.verdict !== "green" && one.verdict !== "not applicable")
    .map((one) => ({
      id: `gate ${one.name}`,
      verdict: one.verdict,
      title: gateName(one.name),
      why: one.value === null ? one.reason : `${quantity(one.value, one.unit)}, limit ${limit(one)}`,
      sinceUs: one.since_us,
      href: `/health/gate/${encodeURIComponent(one.name)}`,
    }));
  const incidents = live.incidents.map((one) => ({
    id: `incident ${one.id}`,
    verdict: one.severity === "page" ? ("red" as const) : ("amber" as const),
    title: one.title,
    why: "incident",
    sinceUs: one.began_us,
    href: `/health/incident/${encodeURIComponent(one.id)}`,
  }));
  const services = live.services
    .filter((one) => one.state !== "ready" && one.state !== "stopped")
    .map((one) => ({
      id: `service ${one.name}`,
      verdict: "unknown" as const,
      title: one.name,
      why: one.reason ? `${one.state}: ${one.reason}` : one.state,
      sinceUs: null,
      href: "/health",
    }));
  return [...incidents, ...gates, ...services].sort((a, b) => rank(a.verdict) - rank(b.verdict));
}

export function Troubles({ all, sentence }: { all: Trouble[]; sentence: string }) {
  const [open, setOpen] = useState(false);
  const [location] = useLocation();
  const now = useNow();
  const id = useId();
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: who went somewhere has seen it
  useEffect(() => setOpen(false), [location]);

  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!whole.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape bubbles up to here
    <div
      className="troubles"
      ref={whole}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        setOpen(false);
        button.current?.focus();
      }}
    >
      <button
        type="button"
        ref={button}
        className="troubles-button"
        title={sentence}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        <span className="sentence-text">{sentence}</span>
        <Icon name="chevron" size={16} />
      </button>
      {open && (
        <section className="troubles-list" id={id} aria-label="What is not well">
          <ul className="lines">
            {all.map((one) => (
              <li key={one.id}>
                <Link href={one.href}>
                  <Shape verdict={one.verdict} />
                  <span className="trouble-title">{one.title}</span>
                  <span className="line-text quiet">{one.why}</span>
                  {one.sinceUs !== null && (
                    <span className="line-more">for {stretch(now / 1000 - one.sinceUs / 1e6)}</span>
                  )}
                </Link>
              </li>
            ))}
          </ul>
          <Link href="/health" className="card-more">
            All gates, processes and incidents
          </Link>
        </section>
      )}
    </div>
  );
}
