import { expect, test } from "vitest";
import { type Heard, trust } from "./live";
import type { Live } from "./wire";

const NOW = 1_000_000_000;

function heard(change: Partial<Heard>, judgedMs = NOW): Heard {
  return { live: { at_us: judgedMs * 1000 } as Live, connection: "open", atMs: NOW, failure: null, ...change };
}

test("what was just judged is believed", () => {
  expect(trust(heard({}), NOW + 1000)).toBe("current");
});

test("a connection that is away for long makes all of it old, one that comes back at once does not", () => {
  expect(trust(heard({ connection: "away" }), NOW + 1000)).toBe("current");
  expect(trust(heard({ connection: "away" }), NOW + 5000)).toBe("offline");
});

test("what nobody has judged for long is stale", () => {
  expect(trust(heard({}), NOW + 60_000)).toBe("stale");
});

test("before the first word nothing is known", () => {
  expect(trust(heard({ live: null, connection: "connecting" }), NOW)).toBe("none");
  expect(trust(heard({ live: null, connection: "away" }), NOW)).toBe("offline");
});
