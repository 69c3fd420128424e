import { expect, test } from "vitest";
import type { SandboxState } from "../api/wire-admin";
import { caller, endWords, eventWords, layers, standing } from "./words";

const STATE = { layers: ["seccomp", "a new one"], layers_missing: { landlock: "the kernel is too old" } };

test("what does not hold comes first, with its reason, and an unknown layer is shown by its name", () => {
  const found = layers(STATE);
  expect(found.map((one) => [one.name, one.group, one.missing])).toEqual([
    ["landlock", "refused", "the kernel is too old"],
    ["seccomp", "refused", null],
    ["a new one", "", null],
  ]);
});

test("a sandbox is green only where it takes jobs behind every layer", () => {
  const well = { ...STATE, layers_missing: {}, stopped: false, refuses: "" } as unknown as SandboxState;
  expect(standing(well)).toEqual({ verdict: "green", words: "Taking jobs" });
  expect(standing({ ...well, layers_missing: STATE.layers_missing }).words).toBe("Taking jobs, with 1 layer missing");
  expect(standing({ ...well, walls_untried_s: 180 })).toEqual({
    verdict: "amber",
    words: "Taking jobs, its walls untried for 3 min",
  });
  expect(standing({ ...well, refuses: "no namespaces" }).verdict).toBe("red");
  expect(standing({ ...well, stopped: true }).verdict).toBe("red");
});

test("an audit record is told in words, and what is not known as it stands", () => {
  expect(eventWords("session_open")).toBe("Session opened");
  expect(eventWords("pool_refilled")).toBe("pool refilled");
  const job = { status: "ok", limit: "", exit_code: 0, reason: "" };
  expect(endWords(job)).toBe("ended well");
  expect(endWords({ ...job, status: "killed_limit", limit: "wall_s" })).toBe("stopped at its limit of wall_s");
  expect(endWords({ ...job, status: "error", exit_code: 3 })).toBe("exit status 3");
  expect(endWords({ ...job, status: "rejected", reason: "a bad name" })).toBe("rejected: a bad name");
  expect(caller("ann/01M8")).toBe("ann");
  expect(caller("")).toBe("nobody");
});
