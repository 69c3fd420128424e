import { expect, test } from "vitest";
import { stretchesOf } from "../health/sparkline";
import { domain } from "../health/words";
import { fits } from "../shell/fits";
import { diffLines, outcomeWords, switchTook } from "./words";

test("a diff is told with the numbers of its lines", () => {
  const lines = diffLines("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@ def\n a\n-b\n+--c\n\\ No newline at end of file\n");
  expect(lines.map((one) => [one.kind, one.before, one.after, one.text])).toEqual([
    ["head", null, null, "@@ -1,2 +1,2 @@ def"],
    ["same", 1, 1, "a"],
    ["removed", 2, null, "b"],
    ["added", null, 2, "--c"],
    ["note", null, null, "No newline at end of file"],
  ]);
});

test("what serves is told as that, whatever else it is", () => {
  expect(outcomeWords({ live: true, outcome: "applied", phase: "", trial: false }).words).toBe("Serving");
  expect(outcomeWords({ live: false, outcome: "", phase: "baking", trial: false }).words).toBe("baking");
});

test("a plot always shows the limit", () => {
  const [low, high] = domain({ comparator: "<", threshold: 1000, unit: "ms" }, [40, 60]);
  expect(low).toBe(0);
  expect(high).toBeGreaterThan(1000);
  const share = domain({ comparator: ">", threshold: 87, unit: "%" }, [97, 99]);
  expect(share[0]).toBeLessThan(87);
  expect(share[1]).toBeGreaterThanOrEqual(100);
});

test("a verdict lasts until the next, within what is shown", () => {
  const history = [
    { verdict: "green" as const, since_us: -50 },
    { verdict: "unknown" as const, since_us: 20 },
    { verdict: "green" as const, since_us: 30 },
  ];
  expect(stretchesOf(history, "unknown", 0, 100)).toEqual([[20, 30]]);
  expect(stretchesOf(history, "green", 0, 100)).toEqual([
    [0, 20],
    [30, 100],
  ]);
});

test("a name fits all words in any order, its beginning best", () => {
  const all = ["Open descriptors · fd_usage", "Disk usage", "usage of words"].map((name) => ({ name, kind: "Gate" }));
  expect(fits(all, "usage").map((one) => one.name)[0]).toBe("usage of words");
  expect(fits(all, "gate disk").map((one) => one.name)).toEqual(["Disk usage"]);
  expect(fits(all, "nothing")).toEqual([]);
});

test("a switch that was too short to count is not told as nothing", () => {
  expect([switchTook(0), switchTook(0.4), switchTook(1), switchTook(12)]).toEqual([
    "less than a second",
    "less than a second",
    "1 s",
    "12 s",
  ]);
});
