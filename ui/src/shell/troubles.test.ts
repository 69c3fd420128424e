import { expect, test } from "vitest";
import type { Gate, IncidentLine, Live, Service } from "../api/wire";
import { troubles } from "./troubles";

function gate(name: string, verdict: Gate["verdict"], value: number | null = null): Gate {
  const rest = { unit: "ms", comparator: "<", threshold: 1000, reason: "nobody knows", since_us: 5 };
  return { name, verdict, value, ...rest } as Gate;
}

test("what is not well is listed, the worst first, and what is well or does not apply is not", () => {
  const live = {
    gates: [gate("a", "green", 1), gate("b", "amber", 900), gate("c", "not applicable"), gate("d", "red", 1840)],
    incidents: [{ id: "i", title: "Slow", severity: "page", began_us: 1 } as IncidentLine],
    services: [
      { name: "worker", state: "starting", reason: "" } as Service,
      { name: "store", state: "ready", reason: "" } as Service,
    ],
  } as unknown as Live;
  const found = troubles(live);
  expect(found.map((one) => one.id)).toEqual(["incident i", "gate d", "service worker", "gate b"]);
  expect(found[1]?.why).toBe("1,840 ms, limit < 1,000 ms");
});

test("of a gate that nobody knows the reason is told", () => {
  const live = { gates: [gate("latency_p95", "unknown")], incidents: [], services: [] };
  expect(troubles(live)[0]).toMatchObject({ title: "Latency, 95th percentile", why: "nobody knows" });
});
