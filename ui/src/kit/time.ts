/** Times as people read them. All of the service's times are microseconds since the Unix epoch. */

import { useSyncExternalStore } from "react";

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** Returns a stretch of seconds in its two largest units: `3 h 12 min`, `14 s`, `2 d 4 h`. */
export function stretch(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 10 && s % 1 !== 0) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  if (whole < MINUTE_S) return `${whole} s`;
  if (whole < HOUR_S) return two(Math.floor(whole / MINUTE_S), "min", whole % MINUTE_S, "s", whole < 10 * MINUTE_S);
  if (whole < DAY_S) return two(Math.floor(whole / HOUR_S), "h", Math.floor((whole % HOUR_S) / MINUTE_S), "min", true);
  return two(Math.floor(whole / DAY_S), "d", Math.floor((whole % DAY_S) / HOUR_S), "h", true);
}

function two(large: number, largeUnit: string, small: number, smallUnit: string, both: boolean): string {
  return both && small > 0 ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

/** Returns how long ago a time was: `just now`, `3 min ago`. */
export function ago(atUs: number, nowMs: number): string {
  const seconds = nowMs / 1000 - atUs / 1e6;
  return seconds < 1.5 ? "just now" : `${stretch(Math.round(seconds))} ago`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const SHORT_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Returns the time of day, with the day where it was not today. */
export function moment(atUs: number, nowMs: number): string {
  const at = new Date(atUs / 1000);
  const now = new Date(nowMs);
  if (at.toDateString() === now.toDateString()) return CLOCK.format(at);
  return `${(at.getFullYear() === now.getFullYear() ? SHORT_DAY : DAY).format(at)} ${CLOCK.format(at).slice(0, 5)}`;
}

/** Returns the day: `Today`, `Yesterday`, or its date. */
export function day(atUs: number, nowMs: number): string {
  const at = new Date(atUs / 1000);
  const midnight = new Date(nowMs);
  midnight.setHours(0, 0, 0, 0);
  const days = Math.ceil((midnight.getTime() - at.getTime()) / (DAY_S * 1000));
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  return DAY.format(at);
}

/** Returns a time in full, for whoever asks twice. */
export function exact(atUs: number): string {
  return new Date(atUs / 1000).toISOString().replace("T", " ").replace("Z", " UTC");
}

let nowMs = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function listen(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    nowMs = Date.now();
    for (const one of listeners) one();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** Returns the time, milliseconds; the component is drawn again each second by one clock for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(listen, () => {
    if (listeners.size === 0) nowMs = Date.now();
    return nowMs;
  });
}
