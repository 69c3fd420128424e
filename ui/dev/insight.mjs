/** What the recorded service's observer kept: digests, figures, the matrix of coverage, snapshots and what is known of an anomaly. */

import { readFileSync } from "node:fs";
import { nowMs, nowUs } from "./clock.mjs";

const recorded = (name) => JSON.parse(readFileSync(new URL(`./recorded/${name}.json`, import.meta.url), "utf8"));
const snapshot = recorded("snapshot");
const around = recorded("around");
const digest = recorded("digest");
const figures = recorded("figures");
const coverage = recorded("coverage");
const explanation = recorded("explanation");

const DAYS = 40;
const SNAPSHOTS = 60;
const DAY_S = 86_400;
const TICK_S = 900;

const missing = (message) => ({ failure: "not_found", status: 404, message });

/** Answers what is the observer's, undefined for the rest. */
export function insight(url, world, attacks) {
  const path = url.pathname;
  if (path === "/api/coverage") return matrix(world);
  if (!path.startsWith("/api/observer/")) return undefined;
  const [what, id, part] = path.slice("/api/observer/".length).split("/");
  if (what === "figures") return world.lineage ? comparison(url) : missing("Nobody has made these figures yet.");
  if (what === "digests") return id ? day(id, world, attacks) : days(url, world);
  if (part === "anomalies") return hostile(explanation, world, attacks);
  return id ? one(id, world, attacks) : list(url, world, attacks);
}

function matrix(world) {
  if (world.lineage) return coverage;
  const cells = coverage.cells.map((cell) => ({
    ...cell,
    state: "not proven",
    proven: false,
    proven_at: null,
    by: null,
  }));
  return { proven: 0, looked_s: null, cells };
}

function comparison(url) {
  const found = figures[url.searchParams.get("days") ?? "7"];
  return { ...found, made_s: nowUs() / 1e6 - 1200 };
}

function dateOf(index) {
  return new Date((digest.made_s - index * DAY_S) * 1000).toISOString().slice(0, 10);
}

function days(url, world) {
  const all = Array.from({ length: world.lineage ? DAYS : 0 }, (_, index) => ({
    date: dateOf(index),
    made_s: digest.made_s - index * DAY_S,
  }));
  const limit = Number(url.searchParams.get("limit") ?? 20);
  const before = url.searchParams.get("before");
  const rest = all.filter((row) => !before || row.date < before);
  const page = rest.slice(0, limit);
  const at = new Date(nowMs());
  at.setUTCHours(27, 0, 0, 0);
  return { digests: page, before: rest.length > limit ? page.at(-1).date : null, next_s: at.getTime() / 1000 };
}

function day(date, world, attacks) {
  if (!world.lineage) return missing("There is no digest of this day. GET /api/observer/digests lists the days.");
  const found = { ...digest, date: date === "newest" ? dateOf(0) : date };
  if (!world.hostile) return found;
  const row = { ...found.patches_applied[0], title: attacks[0], author: attacks[1], reason: attacks[2] };
  const headline = attacks.slice(0, 20).map((text) => ({ text, facts: [] }));
  const troubles = found.incidents.map((trouble) => ({ ...trouble, title: attacks[3] }));
  return { ...found, headline, patches_applied: [row], incidents: troubles };
}

function idAt(index) {
  return `${new Date((snapshot.at_s - index * TICK_S) * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
}

function line(index, world, attacks) {
  const wrong = index === 1;
  return {
    id: idAt(index),
    at_s: snapshot.at_s - index * TICK_S,
    occasion: wrong ? "incident" : "tick",
    incident_id: wrong ? "01M8NVPASTPASTPASTPASTPAST" : "",
    generation: snapshot.label.generation,
    cid: snapshot.label.cid,
    green: wrong ? 10 : 11,
    red: wrong ? ["latency_p95"] : [],
    unknown: [],
    anomalies: wrong ? 2 : 0,
    incidents_open: wrong ? 1 : 0,
    missed: index === 4 ? 3 : 0,
    missing: wrong ? 1 : 0,
    happened: world.hostile
      ? attacks[index % attacks.length]
      : wrong
        ? "latency: 1,840 ms, must be < 1,000: it began at 08:38:05 UTC and was noticed after 4.2 s."
        : "No incident goes on. Gates that are green: 11 of 11 that apply.",
  };
}

function list(url, world, attacks) {
  const occasion = url.searchParams.get("occasion");
  const all = Array.from({ length: world.lineage ? SNAPSHOTS : 0 }, (_, index) => line(index, world, attacks));
  const before = url.searchParams.get("before");
  const limit = Number(url.searchParams.get("limit") ?? 20);
  const rest = all.filter((row) => (!before || row.id < before) && (!occasion || row.occasion === occasion));
  const page = rest.slice(0, limit);
  return { snapshots: page, before: rest.length > limit ? page.at(-1).id : null };
}

function one(id, world, attacks) {
  if (id === "newest")
    return hostile(world.verdicts.latency_p95 ? { ...snapshot, ...around } : snapshot, world, attacks);
  const place = Array.from({ length: SNAPSHOTS }, (_, index) => idAt(index)).indexOf(id);
  if (place < 0) return missing("There is no such snapshot. GET /api/observer/snapshots lists the newest.");
  const told = place === 1 ? { ...snapshot, ...around, occasion: "incident" } : snapshot;
  return hostile({ ...told, id, at_s: snapshot.at_s - place * TICK_S }, world, attacks);
}

function hostile(found, world, attacks) {
  if (!world.hostile) return found;
  const happened = attacks.slice(0, 20).map((text) => ({ text, facts: [] }));
  return found.explanation ? { ...found, explanation: { ...found.explanation, happened } } : { ...found, happened };
}
