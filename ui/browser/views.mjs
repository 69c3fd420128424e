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

/** On a phone the list of changes and the chosen one are two pages. */
const ON_A_PHONE = { changes: "/changes/b8e3d2f500000000" };

/** Shows a view, and waits until it is there. */
export async function show(rig, page, [name, path, shown, scene, , clicks = {}], { phone = false } = {}) {
  await rig.scene(scene);
  await page.goto((phone && ON_A_PHONE[name]) || path);
  for (const place of [...(clicks.each ?? []), ...((phone && clicks.phone) || [])])
    await page.locator(place).first().click();
  await page.waitForSelector(shown);
}
