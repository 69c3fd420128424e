/** Patches of the recorded service. */

import { nowUs } from "./clock.mjs";

const TITLES = [
  "Raise the share of code questions that get tests",
  "Correct the tide tables of the harbour guide",
  "Let the router know percentages written out",
  "Tighten the gate of error_rate to 4 %",
  "Add a guide for the night shift",
];
const OUTCOMES = ["applied", "applied", "refused", "rolled back", "applied", "tried"];
const STEPS = ["received", "verified", "launching", "examining", "switching", "baking", "applied"];
const DIFF = `--- a/prompts/code.md
+++ b/prompts/code.md
@@ -1,6 +1,7 @@
 # How to write code
 
-Write one function.
+Write one function, and tests for it.
+Each test is one line that begins with \`assert\`.
 
 Use no package that is not there.
 Say what the function does in its docstring.
`;

function hex(number, digits) {
  return ((number * 2_654_435_761) % 4_294_967_296).toString(16).padStart(8, "0").padEnd(digits, "0");
}

function row(index, world, attacks) {
  const outcome = OUTCOMES[index % OUTCOMES.length];
  const began = nowUs() - 30e6 - index * 7.3 * 3600e6;
  const cid = index === 0 ? "b8e3d2f500000000" : hex(index + 7, 16);
  const said = world.hostile
    ? attacks[(index + 3) % attacks.length]
    : "Questions about code come back without tests too often.";
  return {
    cid,
    digest: cid.padEnd(64, "0"),
    title: world.hostile ? attacks[index % attacks.length] : TITLES[index % TITLES.length],
    ticket: index % 3 ? null : 40 + index,
    author: world.hostile ? attacks[4] : index % 2 ? "autodoc" : "Ann",
    said,
    signers: ["6F1E0D9C8B7A69584736251403F2E1D0C9B8A796"],
    kind: index % 2 ? "bot" : "human",
    outcome,
    phase: outcome === "refused" ? "refused" : outcome,
    reason:
      outcome === "refused"
        ? world.hostile
          ? attacks[1]
          : "path_not_allowed"
        : outcome === "rolled back"
          ? "error_rate was red for 8 s while it baked"
          : "",
    base: hex(index + 2, 40),
    target: outcome === "refused" ? "" : hex(index + 1, 40),
    trial: outcome === "tried",
    live: index === 0,
    began_us: began,
    ended_us: began + 31e6,
    files: ["prompts/code.md"],
    files_count: 1,
    returned_by: outcome === "rolled back" && index % 4 ? "ann" : "",
    away_s: null,
  };
}

const QUARANTINED_MAX = 2;

function quarantine(world, attacks) {
  const rows = Array.from({ length: Math.min(40, world.lineage) }, (_, index) => row(index, world, attacks));
  const back = rows.filter((one) => one.outcome === "rolled back").slice(0, QUARANTINED_MAX);
  const names = ["cid", "digest", "title", "ticket", "author", "reason", "returned_by", "files", "files_count"];
  const told = (one) => Object.fromEntries(names.map((name) => [name, one[name]]));
  const patches = back.map((one) => ({ ...told(one), returned_us: one.ended_us }));
  return { patches, count: patches.length };
}

export function changes(url, world, body, attacks) {
  const path = url.pathname;
  const freeze = { frozen: world.frozen !== null, reason: "", by: "", since_us: null, ...(world.frozen ?? {}) };
  if (path === "/api/changes") {
    const at = Number(url.searchParams.get("before") ?? 0);
    const end = Math.min(world.lineage, at + Number(url.searchParams.get("limit") ?? 20));
    const rows = Array.from({ length: Math.max(0, end - at) }, (_, index) => row(at + index, world, attacks));
    return {
      changes: rows,
      before: end < world.lineage ? String(end) : null,
      quota: { used: 1, limit: 3 },
      freeze,
      quarantined: quarantine(world, attacks).count,
    };
  }
  if (path === "/api/changes/quarantine") return quarantine(world, attacks);
  if (path === "/api/freeze") {
    world.frozen = body ? { reason: body.reason, by: "ann", since_us: nowUs() } : null;
    return { frozen: world.frozen !== null };
  }
  const [, , , cid, what] = path.split("/");
  if (!path.startsWith("/api/changes/")) return null;
  const found = Array.from({ length: world.lineage }, (_, index) => row(index, world, attacks)).find(
    (one) => one.cid === cid,
  );
  if (!found)
    return {
      failure: "not_found",
      status: 404,
      message: "There is no patch of this name. GET /api/changes lists them.",
    };
  if (what === "rollback") return { accepted: true, ...found };
  const last = found.outcome === "applied" ? "applied" : found.outcome;
  const steps = [...STEPS.slice(0, found.outcome === "refused" ? 2 : 6), last];
  const gate = (name, unit, value, verdict) => ({ name, unit, value, verdict, at_us: found.began_us });
  return {
    ...found,
    steps: steps.map((step, index) => ({
      step,
      at_us: found.began_us + index * 4e6,
      took_s: index === steps.length - 1 ? null : 0.4 + index * 3.1,
    })),
    document:
      found.outcome === "refused"
        ? null
        : {
            schema: "council.patch/1",
            author: found.author,
            title: found.title,
            reason: found.said,
            files: [{ path: "prompts/code.md", action: "put" }],
          },
    differences:
      found.outcome === "refused"
        ? []
        : [
            {
              path: "prompts/code.md",
              action: "put",
              mode: "plain",
              diff: world.hostile
                ? `@@ -1 +1,${attacks.length} @@\n${attacks.map((one) => `+${one.split("\n")[0]}`).join("\n")}\n`
                : DIFF,
              note: "",
              added: 2,
              removed: 1,
            },
          ],
    gates_before: [
      gate("latency_p95", "ms", 405, "green"),
      gate("error_rate", "%", 0.3, "green"),
      gate("success_rate", "%", 97.1, "green"),
      gate("memory_growth", "MB/hour", null, "unknown"),
    ],
    gates_after:
      found.outcome === "refused"
        ? []
        : [
            gate("latency_p95", "ms", 412, "green"),
            gate("error_rate", "%", 0.4, "green"),
            gate("success_rate", "%", 97.4, "green"),
            gate("memory_growth", "MB/hour", null, "unknown"),
          ],
    rollback: {
      possible: found.live,
      why: found.live ? "" : "A later patch has been applied; that goes back first.",
      services: 3,
      took_s: 4.1,
    },
  };
}
