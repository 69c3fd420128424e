/** How things are in the recorded service: well, red, unknown, endless, hostile, away. */

import { readFileSync } from "node:fs";
import { admin, keep } from "./admin.mjs";
import { changes } from "./changes.mjs";
import { nowMs, nowUs } from "./clock.mjs";
import { insight } from "./insight.mjs";
import { talks } from "./talks.mjs";

export function recorded(name) {
  return JSON.parse(readFileSync(new URL(`./recorded/${name}.json`, import.meta.url), "utf8"));
}

const metrics = recorded("metrics");
const guides = recorded("guides");
const guide = recorded("guide");
const attacks = JSON.parse(readFileSync(new URL("../../tests/markup_attacks.json", import.meta.url), "utf8"));

const RIGHTS = {
  viewer: ["chat", "read"],
  operator: ["chat", "execute", "operate", "read"],
  admin: ["administer", "chat", "execute", "operate", "read"],
};
const VALUES = {
  latency_p95: 412,
  success_rate: 97.4,
  local_processing: 99.2,
  cost_per_100: 0.0184,
  memory_growth: 0.8,
  fd_usage: 3.1,
  error_rate: 0.4,
  response_size: 2.9,
  concurrent_users: 3,
  disk_usage: 41.1,
  network_errors: 0.12,
};

export function begin() {
  return { listeners: new Set(), seen: [], ...scene("well", {}) };
}

/** Returns the world of a scene; `more` is put over it. */
export function scene(name, more) {
  const { name: _, role = "admin", ...over } = more;
  const calm = {
    scene: name,
    me: {
      user: "ann",
      role,
      rights: RIGHTS[role],
      csrf: "c".repeat(32),
      signed_in: true,
      expires_us: nowUs() + 86_400e6,
    },
    away: false,
    broken: [],
    delayMs: 0,
    dropAfter: 0,
    pieceMs: 25,
    answer: null,
    council: null,
    failing: false,
    ran: {},
    frozen: null,
    lineage: 40,
    hostile: false,
    verdicts: {},
    incidents: [],
    sessions: SESSIONS(),
    seen: [],
    kept: keep(),
  };
  const { kept, ...rest } = over;
  const talked = name === "talks" ? { sessions: talks(recorded("answers"), nowUs()) } : {};
  const made = { ...calm, ...(SCENES[name] ?? {}), ...talked, ...rest };
  Object.assign(made.kept, kept);
  return made;
}

function SESSIONS() {
  const hour = 3600e6;
  return [
    { title: "Percentages", text: "What is 17% of 2,340?", answer: "17% of 2340 = 397.8", at_us: nowUs() - hour },
    {
      title: "Whales, mammals and fish",
      text: "All whales are mammals. …",
      answer: "Yes. Nothing that is a whale is fish.",
      at_us: nowUs() - 3 * hour,
    },
    {
      title: "What verified means",
      text: "What does verified mean?",
      answer: "> An answer is verified only if …",
      at_us: nowUs() - 26 * hour,
    },
  ];
}

const INCIDENT = {
  id: "01M8NVREDREDREDREDREDREDRE",
  standing: "open",
  severity: "page",
  title: "Latency is over its limit",
  detection_s: 4.2,
  repair_s: null,
  repaired_us: null,
};

const SCENES = {
  well: {},
  empty: { sessions: [], lineage: 0 },
  red: {
    verdicts: { latency_p95: ["red", 1840], error_rate: ["amber", 3.1], memory_growth: ["unknown", null] },
    incidents: [INCIDENT],
  },
  unknown: { verdicts: Object.fromEntries(Object.keys(VALUES).map((name) => [name, ["unknown", null]])) },
  many: { lineage: 10_000 },
  long: {
    pieceMs: 5,
    answer: Array.from({ length: 10_000 }, (_, line) =>
      line % 4 === 3 ? "" : `Line ${line + 1} of a long answer, with *some* \`marks\`.`,
    ).join("\n"),
  },
  hostile: {
    hostile: true,
    pieceMs: 2,
    answer: attacks.join("\n\n"),
    frozen: { reason: attacks[4], by: attacks[0], since_us: 1 },
  },
  away: { away: true },
  anonymous: {
    me: { user: "anonymous", role: "viewer", rights: RIGHTS.viewer, csrf: "", signed_in: false, expires_us: null },
  },
  nobody: { me: { user: "", role: "", rights: [], csrf: "", signed_in: false, expires_us: null } },
};

export function handle(request, response, url, body, world) {
  const path = url.pathname;
  const fixed = FIXED[path];
  if (fixed) return fixed(world, url, body, request, response);
  if (path.startsWith("/api/guides/"))
    return { ...guide, ...(world.hostile ? { html: attacks.join("\n"), title: attacks[0] } : {}) };
  if (path.startsWith("/api/incidents/")) return incidentStory(world, path.split("/")[3]);
  if (path === "/api/memory/search") {
    const words = (url.searchParams.get("query") ?? "").toLowerCase();
    const fit = memories(world).filter((one) => one.text.toLowerCase().includes(words));
    return { found: fit.map((one) => ({ memory: one, score: 1 })) };
  }
  if (path.startsWith("/api/memory/")) return memory(request, path.split("/")[3], body, world);
  return (
    insight(url, world, attacks) ??
    admin(request, url, body, world, attacks, metrics.sandbox) ??
    changes(url, world, body, attacks)
  );
}

function memories(world) {
  const one = (id, kind, text, more) => ({
    id,
    session: "",
    kind,
    subject: "",
    attribute: "",
    value: "",
    text,
    source: "r",
    confidence: 1,
    superseded_by: "",
    superseded_us: 0,
    ...more,
  });
  const fact = { subject: "user", attribute: "home", value: "Lyon", confidence: 0.9, at_us: nowUs() - 86_400e6 };
  return [
    one("1", "fact", "I live in Lyon.", fact),
    one("2", "turn", "Write one sentence about the sea.", { session: "s", at_us: nowUs() - 3600e6 }),
  ]
    .map((each) => ({ ...each, text: world.hostile ? attacks[4] : each.text, ...world.kept.corrected[each.id] }))
    .filter((each) => !each.forgotten);
}

function memory(request, id, body, world) {
  const found = memories(world).find((one) => one.id === id);
  if (request.method === "DELETE") {
    world.kept.corrected[id] = { forgotten: true };
    return { forgotten: found ? 1 : 0 };
  }
  if (!found) return { failure: "not_found", status: 404, message: "There is no such memory of yours." };
  if (request.method === "GET") return found;
  if (found.kind === "fact" && !body.text.startsWith("I live in"))
    return {
      failure: "invalid_request",
      status: 400,
      message:
        "A fact is put right by the same kind of thing, as “I live in Lyon.” Forget it if it is wrong altogether.",
    };
  const value = found.kind === "fact" ? body.text.replace(/^I live in |\.$/g, "") : "";
  world.kept.corrected[id] = { text: body.text, value };
  return { ...found, text: body.text, value };
}

const FIXED = {
  "/api/me": (world) => world.me,
  "/api/login": (world, _, body) => {
    if (body.token !== "cncl_right")
      return {
        failure: "invalid_api_key",
        status: 401,
        message:
          "This token is not known here, or was revoked. The first one is in the file `token` of the Council home.",
      };
    Object.assign(world, { me: scene("well", {}).me });
    return world.me;
  },
  "/api/logout": (world) => {
    world.me = SCENES.nobody.me;
    return { ended: 1 };
  },
  "/api/live": (world, _, __, request, response) => {
    if (!(request.headers.accept ?? "").includes("event-stream")) return live(world);
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const tell = () => {
      if (world.away) return response.destroy();
      response.write(`id: ${nowMs()}\nevent: live\ndata: ${JSON.stringify(live(world))}\n\n`);
    };
    const timer = setInterval(tell, 1000);
    world.listeners.add(tell);
    response.on("close", () => {
      clearInterval(timer);
      world.listeners.delete(tell);
    });
    tell();
    return true;
  },
  "/api/gates/history": (world, url) =>
    history(world, url.searchParams.get("range") ?? "1h", url.searchParams.get("gate")),
  "/api/incidents": (world) => ({
    incidents: [...world.incidents.map((one) => incidentLine(one)), ...past()],
    before: null,
  }),
  "/api/guides": (_, url) => {
    const q = (url.searchParams.get("q") ?? "").toLowerCase();
    return {
      guides: guides.guides.filter((one) => `${one.heading} ${one.title}`.toLowerCase().includes(q)),
      faults: [],
    };
  },
  "/api/ledger/report": (_, url) => ({
    by: url.searchParams.get("by"),
    days: 30,
    lines: ["math", "logic", "knowledge", "code", "general"].map((key, index) => ({
      key,
      requests: 420 - index * 70,
      answered: 415 - index * 70,
      verified: index < 2 ? 410 - index * 70 : 0,
      local: 420 - index * 70 - (index === 4 ? 12 : 0),
      prompt_tokens: index * 9_200,
      completion_tokens: index * 4_100,
      cost_usd_micros: index === 4 ? 41_200 : 0,
    })),
  }),
  "/api/memory": (world) => ({ memories: memories(world), next_after: null }),
  "/api/overrides": (world) => ({
    overrides: [
      {
        id: "o1",
        kind: "load",
        target: null,
        value: null,
        title: world.hostile ? attacks[4] : "At most 4 questions at once",
        reason: null,
        by: null,
        began_us: nowUs() - 1500e6,
        until_us: nowUs() - 600e6,
        lifted_us: null,
        in_force: false,
      },
    ],
  }),
  "/api/feedback": (world, _, body, request) => {
    if (request.method === "GET") return { opinions: Object.values(world.kept.opinions), before_us: null };
    const told = { route: null, words: "", ...body };
    world.kept.opinions[body.request_id] = { ...told, user: world.me.user, at_us: nowUs() };
    return told;
  },
  "/v1/models": () => ({
    object: "list",
    data: ["council", "council/math", "council/code", "smollm2-135m-instruct"].map((id) => ({ id })),
  }),
  "/v1/sandbox/run": (world) => ({
    ...RAN,
    ...world.ran,
  }),
};

const RAN = {
  status: "ok",
  limit: null,
  exit_code: 0,
  signal: null,
  stdout: "cba\n",
  stderr: "",
  files: {},
  not_collected: {},
  truncated: false,
  wall_s: 0.031,
  cpu_s: 0.02,
  memory_peak_bytes: 9_437_184,
  layers: metrics.sandbox.layers,
  layers_missing: [],
  limits: metrics.sandbox.limits,
  lowered: {},
  blocked: {},
  reason: "",
  audit_id: "17-0a1b2c3d4e5f6071",
};

function live(world) {
  const at = nowUs();
  const gates = metrics.gates.map((gate) => judged(gate, world, at));
  const red = gates.find((one) => one.verdict === "red");
  const unknown = gates.filter((one) => one.verdict === "unknown").length;
  const verdict = red ? "red" : unknown ? "unknown" : "green";
  const sentence = red
    ? "Red: latency_p95 1,840 ms (limit 1,000) for 2 min; rolling back patch b8e3d2f5, 14 s in"
    : unknown
      ? `${unknown} of 11 gates unknown, none red, generation a7f2c1d4`
      : "All 11 gates green for 3 h 12 min, generation a7f2c1d4";
  return {
    sentence: world.hostile ? attacks[4] : sentence,
    verdict,
    since_us: at - 3 * 3600e6,
    at_us: at,
    generation: `a7f2c1d4${"0".repeat(32)}`,
    cid: "b8e3d2f500000000",
    version: "0.1.0",
    gates,
    findings: metrics.findings.map((one) => ({ ...one, reason: world.hostile ? attacks[6] : one.reason })),
    services: metrics.services.map((one) => ({
      ...one,
      generation: `a7f2c1d4${"0".repeat(32)}`,
      uptime_s: one.uptime_s + 11_520,
      reason: world.hostile ? attacks[7] : one.reason,
    })),
    problem: "",
    parts: metrics.parts,
    incidents: world.incidents.map((one) => incidentLine(one)),
    overrides: [],
    frozen: world.frozen,
    at_work: null,
    quota: { used: 1, limit: 3 },
  };
}

function judged(gate, world, at) {
  if (gate.verdict === "not applicable") return gate;
  const [verdict, value] = world.verdicts[gate.name] ?? ["green", VALUES[gate.name] ?? 0];
  const reason = verdict === "unknown" ? gate.reason.replace(/^.*%, must.*|^0, must.*/, "gateway cannot be read") : "";
  return {
    ...gate,
    verdict,
    value,
    reason: world.hostile ? attacks[5] : reason,
    samples: 840,
    generation: `a7f2c1d4${"0".repeat(32)}`,
    since_us: at - 11_520e6,
  };
}

const RANGE_S = { "1h": 3600, "24h": 86_400, "8d": 691_200 };

function history(world, range, only) {
  const span = RANGE_S[range] * 1e6;
  const to = nowUs();
  const step = Math.max(60e6, span / 240);
  const gates = metrics.gates
    .filter((gate) => !only || gate.name === only)
    .map((gate) => {
      const is = judged(gate, world, to);
      const base = VALUES[gate.name];
      const values = [];
      for (let at = to - span; base !== undefined && is.verdict !== "unknown" && at < to; at += step) {
        if (at > to - span * 0.55 && at < to - span * 0.48) continue;
        const ends = is.verdict === "red" && at > to - span * 0.06 ? is.value / base : 1;
        const wave = 1 + 0.12 * Math.sin(at / span / 0.03) + 0.06 * Math.sin(at / span / 0.007);
        const value = gate.unit === "%" && base > 90 ? Math.min(100, base + wave) : base * wave * ends;
        values.push([Math.round(at), value * 0.94, gate.unit === "%" ? Math.min(100, value) : value]);
      }
      const past = [
        { verdict: "green", since_us: to - span * 1.2, value: base ?? null, reason: "" },
        { verdict: "unknown", since_us: to - span * 0.55, value: null, reason: "gateway began anew 40 s ago" },
        { verdict: "green", since_us: to - span * 0.48, value: base ?? null, reason: "" },
        ...(is.verdict === "red" ? [{ verdict: "red", since_us: to - span * 0.06, value: is.value, reason: "" }] : []),
      ];
      const unknown = [{ verdict: "unknown", since_us: to - span * 1.2, value: null, reason: is.reason }];
      return { ...is, history: is.verdict === "unknown" ? unknown : past, values };
    });
  return { range, from_us: to - span, gates };
}

function incidentLine(one) {
  const began = nowUs() - 134e6;
  const alert = {
    name: "latency_p95",
    labels: {},
    severity: "page",
    summary: "1,840 ms, must be < 1,000",
    next_step: "See what the newest patch changed.",
    since_us: began,
    fired_us: began + 4.2e6,
    ended_us: null,
    ending: "",
    told: "page",
  };
  return { ...one, began_us: began, detected_us: began + 4.2e6, alerts: [alert] };
}

function past() {
  const began = nowUs() - 26 * 3600e6;
  return [
    {
      id: "01M8NVPASTPASTPASTPASTPAST",
      standing: "repaired",
      severity: "warning",
      title: "The worker ended unasked",
      began_us: began,
      detected_us: began + 1e6,
      repaired_us: began + 21e6,
      detection_s: 1,
      repair_s: 21,
      alerts: [],
    },
  ];
}

function incidentStory(world, id) {
  const line = world.incidents.length && id === INCIDENT.id ? incidentLine(INCIDENT) : past()[0];
  const at = line.began_us;
  const text = world.hostile ? attacks[4] : "latency_p95 is red: 1,840 ms, must be < 1,000";
  return {
    ...line,
    causes: [
      {
        title: "Patch b8e3d2f5 was applied",
        at_us: at - 30e6,
        until_us: null,
        reason: "Raise the share of code questions",
        because: "It touches the router, and the router is what the slow answers went through.",
      },
    ],
    timeline: [
      { at_us: at - 30e6, text: "Patch b8e3d2f5 began to serve" },
      { at_us: at, text },
      { at_us: at + 4.2e6, text: "Noticed; the alert latency_p95 fired" },
      { at_us: at + 90e6, text: "Rollback of b8e3d2f5 began" },
    ],
    moments_left_out: 0,
  };
}
