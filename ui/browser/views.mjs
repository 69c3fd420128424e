/** The views of the page, as recorded answers show them. */

const INCIDENT = "/health/incident/01M8NVREDREDREDREDREDREDRE";
/** On a phone the evidence of an answer comes over the conversation. */
const EVIDENCE = { phone: [".badge"] };
/**
 * The name of each, where to go, what shows that it is there, how things are, whether others are made of the same parts, and
 * what is clicked first: `each` anywhere, `phone` on a phone alone.
 */
export const VIEWS = [
  ["chat", "/", ".welcome", "well"],
  ["chat-several", "/chat/several", ".parts .part:nth-child(1)", "talks", false, EVIDENCE],
  ["chat-passed", "/chat/passed", ".evidence .passed-on", "talks", false, EVIDENCE],
  ["chat-escalated", "/chat/escalated", ".evidence .passed-on", "talks", true, EVIDENCE],
  ["chat-refused", "/chat/refused", ".evidence .passed-on", "talks", true, EVIDENCE],
  ["chat-older", "/chat/older", ".evidence .facts", "talks", true, EVIDENCE],
  ["chat-reason", "/chat/passed", ".thumb-reason", "talks", false, { each: ['[aria-label="A bad answer"]'] }],
  ["chat-limits", "/chat/code", ".answer .bounds", "talks", true],
  ["chat-run", "/chat/code", ".run-took", "talks", false, { each: ['.answer [title="Run it in the sandbox"]'] }],
  ["health", "/health", ".gate.red", "red"],
  ["gate", "/health/gate/latency_p95", ".plot canvas", "red"],
  ["incident", INCIDENT, ".timeline li", "red"],
  ["changes", "/changes", ".step-strip", "well"],
  ["insight", "/insight", ".story", "well"],
  ["digest", "/insight/digest", ".digest .digest-plot", "well"],
  ["digest-none", "/insight/digest", ".empty", "empty", true],
  ["figures", "/insight/figures", ".figures tbody tr", "well"],
  ["coverage", "/insight/coverage", ".matrix .square", "well"],
  ["coverage-none", "/insight/coverage", ".matrix .square.unknown", "empty", true],
  ["snapshots", "/insight/snapshots", ".snapshot-line", "well"],
  ["snapshot", "/insight/snapshots/20261130T084500Z", ".numbers tbody tr", "well"],
  ["quarantine", "/changes/quarantine", ".quarantined li", "well", true],
  ["guide", "/guide/gates", ".guide-page h1", "well"],
  ["changes-none", "/changes", ".how", "empty"],
  ["sandbox", "/sandbox", ".trail tbody tr", "well"],
  ["memory", "/memory", ".memory-entry", "well"],
  ["admin", "/admin", ".provider", "well"],
  ["budget", "/admin/budget", ".meter", "well"],
  ["library", "/admin/library", ".table tbody tr", "well", true],
  ["tokens", "/admin/tokens", ".tokens tbody tr", "well", true],
  ["policy", "/admin/policy", ".protected li", "well", true],
  ["audit", "/admin/audit", ".audit tbody tr", "well", true],
  ["login", "/login", "#token", "nobody"],
];

const KEPT = "/chat/01M8NV00000000000000000001";
const said = (more) => ({ sessions: [{ title: "Percentages", text: "What is 17% of 2,340?", at_us: 1e15, ...more }] });
const broken = (...paths) => ({ broken: paths });
const FAILED = {
  code: "model_unavailable",
  message: "The model is restarting. Try again in a few seconds.",
  request_id: "01M8NVM14AE3K9GSTBJ3S2HNXG",
};

/** What may be wrong: the name of each, where to go, what shows it, how things are, and what is put over that. */
export const ERRORS = [
  ["conversations-away", "/", ".sessions .failure", "well", broken("/api/chat/sessions")],
  ["conversation-gone", "/chat/nobody", ".scroller .failure", "well", {}],
  ["answer-failed", KEPT, ".answer .failure", "well", said({ state: "failed", answer: "17", error: FAILED })],
  ["answer-lost", KEPT, ".answer .notice", "well", said({ state: "lost", answer: "17 % of" })],
  ["answer-stopped", KEPT, ".answer .notice", "well", said({ state: "stopped", answer: "17 % of" })],
  ["all-away", "/health", "main.alone .failure", "away", {}],
  ["health-away", "/health", "main .failure", "well", broken("/api/live")],
  ["gates-unknown", "/health", ".gate.unknown", "unknown", {}],
  ["gate-unknown", "/health/gate/memory_growth", ".gate-page, .view h1", "unknown", {}],
  ["gate-away", "/health/gate/latency_p95", "main .failure", "red", broken("/api/gates")],
  ["incident-away", INCIDENT, "main .failure", "red", broken("/api/incidents")],
  ["changes-away", "/changes", ".lineage .failure", "well", broken("/api/changes")],
  ["change-gone", "/changes/nobody", ".change .failure", "well", {}],
  [
    "frozen",
    "/changes",
    ".lineage .notice",
    "well",
    { frozen: { by: "ann", reason: "Looking", since_us: 1764000000e6 } },
  ],
  ["insight-away", "/insight", "main .failure", "well", broken("/api/observer", "/api/ledger")],
  ["guide-away", "/guide/gates", ".guide-page .failure", "well", broken("/api/guides")],
  ["sandbox-away", "/sandbox", "main .failure", "well", broken("/v1/sandbox", "/api/sandbox")],
  [
    "sandbox-stopped",
    "/sandbox",
    "main .failure",
    "well",
    { kept: { stopped: { by: "ann/01M8", reason: "It mines coins" }, trail: 0 } },
  ],
  ["memory-away", "/memory", "main .failure", "well", broken("/api/memory")],
  ["providers-away", "/admin", "main .failure", "well", broken("/api/providers")],
  ["budget-away", "/admin/budget", "main .failure", "well", broken("/api/budget")],
  ["library-away", "/admin/library", "main .failure", "well", broken("/api/library")],
  ["tokens-away", "/admin/tokens", "main .failure", "well", broken("/api/tokens")],
  ["policy-away", "/admin/policy", "main .failure", "well", broken("/api/policy")],
  ["audit-away", "/admin/audit", "main .failure", "well", broken("/api/audit")],
  ["admin-refused", "/admin", "main .empty", "well", { role: "viewer" }],
];

/** On a phone the list of changes and the chosen one are two pages. */
const ON_A_PHONE = { changes: "/changes/b8e3d2f500000000" };

/** Shows a view, and waits until it is there; without a rig things are as they are. */
export async function show(
  rig,
  page,
  [name, path, shown, scene, , clicks = {}],
  { phone = false, state = "visible" } = {},
) {
  await rig?.scene(scene);
  await page.goto((phone && ON_A_PHONE[name]) || path);
  for (const place of [...(clicks.each ?? []), ...((phone && clicks.phone) || [])])
    await page.locator(place).first().click();
  await page.waitForSelector(shown, { state });
}
