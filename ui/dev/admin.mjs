/** Sandbox, providers, budgets, tokens, policy and library of the recorded service. */

import { nowUs } from "./clock.mjs";

const HOUR_US = 3600e6;

function refused(status, failure, message) {
  return { failure, status, message };
}

const NOT_THERE = refused(404, "not_found", "There is nothing of this name.");

/** What these views keep of a scene, made anew for each. */
export function keep() {
  const at = nowUs();
  const token = (id, user, role, label, more = {}) => ({
    id: `01M8TOKEN${id}`.padEnd(26, "0"),
    user,
    role,
    label,
    created_us: at - 40 * 24 * HOUR_US,
    revoked_us: null,
    used_us: at - 60e6,
    requests_per_minute: null,
    memory: false,
    staging: false,
    day_usd_micros: null,
    month_usd_micros: null,
    own: false,
    ...more,
  });
  return {
    opinions: {},
    stopped: null,
    trail: 60,
    missing: {},
    providers: [
      provider("openai", "openai", "https://api.openai.com/v1", { state: "up", has_key: true }),
      provider("anthropic", "anthropic", "https://api.anthropic.com", {
        state: "off",
        has_key: false,
        key_set_us: null,
        answered_us: null,
        reason: "it has no key",
      }),
      provider("mine", "openai", "http://127.0.0.1:9090/v1", {
        local: true,
        key: "none",
        has_key: false,
        key_set_us: null,
        state: "open",
        answered_us: at - 3 * HOUR_US,
        failed_us: at - 40e6,
        failed: "the connection was refused",
      }),
    ],
    tokens: [
      token("A", "ann", "admin", "first token", { own: true }),
      token("B", "bob", "operator", "night shift", { used_us: at - 26 * HOUR_US, requests_per_minute: 60 }),
      token("C", "ann", "bot", "tuner", { staging: true, used_us: null }),
      token("D", "bob", "viewer", "old laptop", { revoked_us: at - 90 * HOUR_US, used_us: at - 99 * HOUR_US }),
    ],
    documents: [doc("uploads/tides.md", 4_200, "indexed", 12, "")],
    corrected: {},
  };
}

function provider(name, kind, url, more) {
  return {
    name,
    kind,
    url,
    local: false,
    key: "file",
    key_set_us: nowUs() - 12 * 24 * HOUR_US,
    reason: "",
    answered_us: nowUs() - 90e6,
    failed_us: null,
    failed: "",
    ...more,
  };
}

function doc(name, size, state, passages, reason) {
  return { name, bytes: size, at_us: nowUs(), state, passages, reason, removable: name.startsWith("uploads/") };
}

export function admin(request, url, body, world, attacks, state) {
  const { kept } = world;
  const path = url.pathname;
  const right = RIGHTS.find(([prefix, methods]) => path.startsWith(prefix) && methods.includes(request.method))?.[2];
  if (right && !world.me.rights.includes(right))
    return refused(403, "forbidden", `This needs the right to ${right}. Use a token whose role has it.`);
  const bad = (index) => (world.hostile ? attacks[index % attacks.length] : "");
  if (path === "/v1/sandbox/status") return sandbox(kept, state, bad);
  if (path === "/v1/sandbox/kill" || path === "/v1/sandbox/lift") {
    const stops = path.endsWith("kill");
    kept.stopped = stops ? { by: `${world.me.user}/01M8`, reason: body.reason ?? "" } : null;
    return stops ? { stopped: true, killed: 1 } : { stopped: false };
  }
  if (path === "/api/sandbox/audit") return trail(url, kept, bad);
  if (path.startsWith("/api/providers")) return providers(request, path, body, kept, bad);
  if (path === "/api/budget") return budget(bad);
  if (path.startsWith("/api/tokens")) return tokens(request, path, body, kept, bad);
  if (path === "/api/policy") return policy(bad);
  if (path === "/api/audit") return audit(url, bad);
  if (path === "/api/drafts") return draft(body, bad);
  if (path.startsWith("/api/library/documents")) return library(request, url, body, kept, bad);
  return null;
}

/** Who may: the beginning of a path, the methods, the right. The service has the same. */
const RIGHTS = [
  ["/v1/sandbox/kill", ["POST"], "operate"],
  ["/v1/sandbox/lift", ["POST"], "operate"],
  ["/api/freeze", ["POST", "DELETE"], "administer"],
  ["/api/changes", ["POST"], "administer"],
  ["/api/sandbox/audit", ["GET"], "operate"],
  ["/api/providers", ["GET"], "operate"],
  ["/api/providers", ["PUT", "DELETE"], "administer"],
  ["/api/budget", ["GET"], "operate"],
  ["/api/tokens", ["GET", "POST", "DELETE"], "administer"],
  ["/api/policy", ["GET"], "operate"],
  ["/api/audit", ["GET"], "administer"],
  ["/api/drafts", ["POST"], "administer"],
  ["/api/library/documents", ["PUT", "DELETE"], "operate"],
];

function sandbox(kept, state, bad) {
  return {
    ...state,
    layers: state.layers.filter((one) => !(one in kept.missing)),
    layers_missing: bad(4) ? { [bad(0)]: bad(4) } : kept.missing,
    stopped: kept.stopped !== null,
    stopped_by: kept.stopped?.by ?? "",
    stopped_reason: kept.stopped?.reason ?? "",
    running: 1,
    jobs: 1_284,
  };
}

const ENDS = [
  { event: "job", language: "python", status: "ok", exit_code: 0 },
  { event: "job", language: "python", status: "killed_limit", limit: "wall_s", exit_code: null },
  { event: "session_call", language: "bash", status: "error", exit_code: 2 },
  { event: "refused", language: "", status: "", exit_code: null, reason: "the queue is full" },
  { event: "job", language: "python", status: "ok", exit_code: 0, blocked: { network: 2 } },
];

function trail(url, kept, bad) {
  const at = Number(url.searchParams.get("before") ?? 0);
  const end = Math.min(kept.trail, at + Number(url.searchParams.get("limit") ?? 50));
  const rows = Array.from({ length: Math.max(0, end - at) }, (_, index) => {
    const one = ENDS[(at + index) % ENDS.length];
    const job = one.event !== "refused";
    return {
      id: `${kept.trail - at - index}-0a1b2c3d4e5f6071`,
      at_us: nowUs() - (at + index) * 800e6,
      caller: bad(4) || "ann/01M8TOKEN",
      request_id: "01M8NVM14AE3K9GSTBJ3S2HNXG",
      session: "",
      limit: "",
      wall_s: job ? 0.031 + index * 0.002 : null,
      cpu_s: job ? 0.02 : null,
      memory_peak_bytes: job ? 9_437_184 : null,
      blocked: {},
      reason: "",
      ...one,
      ...(bad(1) ? { status: bad(index), reason: bad(index + 1), language: bad(6) } : {}),
    };
  });
  return { rows, before: end < kept.trail ? String(end) : null };
}

function providers(request, path, body, kept, bad) {
  const [, , , name, what] = path.split("/");
  if (!name) {
    const priced = (provider, model, weight, input, output) => ({
      provider,
      model,
      weight,
      input_usd_micros: input,
      output_usd_micros: output,
      cached_usd_micros: null,
    });
    const model = (named, deployments, more = {}) => ({
      name: named,
      context_tokens: 128_000,
      output_tokens_max: 4_096,
      abilities: ["tools", "json_schema"],
      fallbacks: [],
      day_usd_micros: null,
      month_usd_micros: null,
      usable: true,
      deployments,
      ...more,
    });
    const own = "smollm2-135m-instruct";
    return {
      providers: kept.providers.map((one, index) => ({
        ...one,
        reason: bad(index) || one.reason,
        failed: bad(4) || one.failed,
      })),
      models: [
        model(own, [priced("local", own, 1, 0, 0)], { context_tokens: 8_192, abilities: ["logprobs"] }),
        model(
          bad(6) || "big-model",
          [priced("openai", "gpt-5-mini", 3, 250_000, 2_000_000), priced("mine", "their-name", 0, 0, 0)],
          { fallbacks: ["careful-model"], day_usd_micros: 2_000_000 },
        ),
        model("careful-model", [priced("anthropic", "claude-sonnet", 1, null, null)], { usable: false }),
      ],
      escalation: { model: "big-model", confidence_min: 0.6, share_max: 0.05 },
    };
  }
  const found = kept.providers.find((one) => one.name === decodeURIComponent(name));
  if (!found || what !== "key") return NOT_THERE;
  const replaced = found.has_key;
  if (request.method === "PUT" && /\s/.test(body.key))
    return refused(400, "invalid_request", "A key has no blanks. Paste it once more.");
  const has = request.method === "PUT";
  Object.assign(found, { has_key: has, key_set_us: has ? nowUs() : null, state: has ? "unasked" : "off" });
  found.reason = has ? "" : "it has no key";
  return { name: found.name, has_key: has, replaced, key_set_us: found.key_set_us };
}

function budget(bad) {
  const line = (scope, label, period, limit, spent, held, forecast) => ({
    scope,
    label,
    period,
    limit_usd_micros: limit,
    spent_usd_micros: spent,
    held_usd_micros: held,
    left_usd_micros: limit === null ? null : Math.max(0, limit - spent - held),
    ends_us: nowUs() + 5 * HOUR_US,
    forecast_usd_micros: forecast,
  });
  return {
    lines: [
      line("all", "", "2026-11-30", 1_000_000, 412_000, 30_000, 640_000),
      line("all", "", "2026-11", 10_000_000, 8_412_000, 30_000, 11_200_000),
      line("model:big-model", "", "2026-11-30", 2_000_000, 412_000, 30_000, 640_000),
      line("token:01M8TOKENB", bad(4) || "night shift", "2026-11-30", 250_000, 250_000, 0, 250_000),
      line("token:anonymous", "no token", "2026-11", null, 1, 0, null),
    ],
  };
}

function tokens(request, path, body, kept, bad) {
  const id = path.split("/")[3];
  if (request.method === "GET") {
    const inForce = kept.tokens.filter((one) => one.revoked_us === null);
    const users = [...new Set(kept.tokens.map((one) => one.user))].map((user) => ({
      user,
      roles: [...new Set(inForce.filter((one) => one.user === user).map((one) => one.role))],
      tokens: inForce.filter((one) => one.user === user).length,
      sessions: user === "ann" ? 2 : 0,
      used_us: nowUs() - 60e6,
    }));
    return { tokens: kept.tokens.map((one) => ({ ...one, label: bad(4) || one.label })), users };
  }
  if (request.method === "POST") {
    const made = {
      ...kept.tokens[1],
      ...body,
      label: body.label ?? "",
      own: false,
      used_us: null,
      created_us: nowUs(),
    };
    made.id = `01M8NEW${kept.tokens.length}`.padEnd(26, "0");
    kept.tokens.unshift(made);
    return { token: made, secret: `cncl_${"s3cr3t".repeat(7)}` };
  }
  const found = kept.tokens.find((one) => one.id === id && one.revoked_us === null);
  if (!found) return NOT_THERE;
  if (found.role === "admin")
    return refused(409, "conflict", "It is the last administrator's token. Make another one before you revoke it.");
  found.revoked_us = nowUs();
  return { id, revoked_us: found.revoked_us };
}

const AUTHZ = `authorisation:
  signers:
    "0123456789abcdef0123456789abcdef01234567":
      {name: Ann, kind: human, allow: ["**"]}
  bots_daily: 3
`;

function policy(bad) {
  const signer = (name, kind, digit, allow, more = {}) => ({
    name: bad(4) || name,
    kind,
    fingerprint: digit.repeat(40),
    allow,
    deny: [],
    max_daily: null,
    account: "",
    revoked: false,
    ...more,
  });
  return {
    generation: `a7f2c1d4${"0".repeat(32)}`,
    text: bad(0) || AUTHZ,
    signers: [
      signer("Ann", "human", "6", ["**"]),
      signer("tuner", "bot", "8", ["prompts/**", "knowledge/**"], {
        deny: ["prompts/code.md"],
        max_daily: 2,
        account: "tuner",
      }),
      signer("Bob", "human", "9", ["**"], { revoked: true }),
    ],
    protected: [
      { paths: ["gates.yaml", "sentinels.yaml", "playbooks.yaml", "trial.yaml"], humans: 1, of: [] },
      { paths: ["council.yaml", "providers.yaml"], humans: 2, of: ["Ann", "Bob"] },
    ],
    bots_daily: 3,
    used_today: 1,
    lifetime_s_max: 604_800,
    sizes: { patch_bytes: 1_048_576, files: 100, file_bytes: 524_288 },
    freeze_label: "freeze",
    windows: [{ days: ["sunday"], begin: "03:00", end: "04:00" }],
    rights: {
      viewer: ["read", "chat"],
      operator: ["read", "chat", "execute", "operate"],
      admin: ["read", "chat", "execute", "operate", "administer"],
      bot: ["read", "chat", "execute"],
    },
  };
}

const DONE = ["POST /v1/sandbox/kill", "PUT /api/providers/openai/key", "POST /api/freeze", "DELETE /api/freeze"];

function audit(url, bad) {
  const at = Number(url.searchParams.get("before") ?? 0);
  const end = Math.min(70, at + Number(url.searchParams.get("limit") ?? 50));
  const rows = Array.from({ length: Math.max(0, end - at) }, (_, index) => ({
    id: `01M8NVM14AE3K9GS${String(10_000 - at - index).padStart(10, "0")}`,
    at_us: nowUs() - (at + index) * 1_800e6,
    user: bad(4) || "ann",
    session: "s",
    role: "admin",
    action: bad(index) || DONE[(at + index) % DONE.length],
    status: index === 0 ? null : index % 7 === 3 ? 409 : 200,
  }));
  return { rows, before: end < 70 ? String(end) : null };
}

function draft(body, bad) {
  const files = [...new Set(body.edits.map((one) => one.file))].map((path) => {
    const lines = body.edits
      .filter((one) => one.file === path)
      .map((one) => `+${one.path.join(".")}: ${JSON.stringify(one.value)}`);
    const text = bad(0) ? `+${bad(0).split("\n")[0]}` : lines.join("\n");
    return {
      path,
      diff: `@@ -1 +1,${lines.length + 1} @@\n # ${path}\n${text}\n`,
      text,
      added: lines.length,
      removed: 0,
    };
  });
  return {
    base: `a7f2c1d4${"0".repeat(32)}`,
    files,
    document: JSON.stringify({ schema: "council.patch/1", title: body.title, reason: body.reason }),
    cid: "c0ffee0123456789",
    expires_us: nowUs() + 24 * HOUR_US,
    protected: true,
    notes: [bad(4) || "council.yaml is protected: it takes the signature of a person who may change it."],
    commands: [
      "council patch diff patch.json",
      "council patch sign patch.json",
      "council patch check patch.json",
      "council patch submit patch.json",
    ],
  };
}

function library(request, url, body, kept, bad) {
  const file = decodeURIComponent(url.pathname.split("/")[4] ?? "");
  const name = `uploads/${file}`;
  const known = kept.documents.find((one) => one.name === name);
  if (request.method === "GET") {
    // What was waiting when it was asked for the last time has been read since.
    const now = kept.documents.map((one) => ({ ...one, reason: bad(4) || one.reason }));
    for (const one of kept.documents)
      if (one.state === "waiting") Object.assign(one, { state: "indexed", passages: 7 });
    return { documents: now, more: 0, kinds: [".md", ".txt", ".pdf"], bytes_max: 20_000_000, folder: "uploads" };
  }
  if (request.method === "DELETE") {
    if (!known) return NOT_THERE;
    kept.documents = kept.documents.filter((one) => one !== known);
    return { name, deleted: true };
  }
  if (known && url.searchParams.get("replace") !== "true")
    return refused(
      409,
      "conflict",
      "There is a document of this name. Send it with replace=true to put this in its place.",
    );
  const isBad = file.endsWith(".pdf");
  const made = isBad
    ? doc(name, body.bytes, "left_out", 0, bad(4) || "it holds no text, only pictures of pages")
    : doc(name, body.bytes, "waiting", 0, "");
  kept.documents = [...kept.documents.filter((one) => one !== known), made];
  return { document: made, replaced: known !== undefined };
}
