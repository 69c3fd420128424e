/** The views of the page, as recorded answers show them. */

const INCIDENT = "/health/incident/01M8NVREDREDREDREDREDREDRE";
/** The name of each, where to go, what shows that it is there, how things are, and whether others are made of the same parts. */
export const VIEWS = [
  ["chat", "/", ".welcome", "well"],
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
export async function show(rig, page, [name, path, shown, scene], { phone = false } = {}) {
  await rig.scene(scene);
  await page.goto((phone && ON_A_PHONE[name]) || path);
  await page.waitForSelector(shown);
}
