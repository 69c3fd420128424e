import { expect, test } from "vitest";
import { docWords, refusal } from "./uploads";

const LIBRARY = { kinds: [".md", ".pdf"], bytes_max: 1_000 };

test("what the library would not read is said before it is sent, with what it reads", () => {
  expect(refusal("tides.PDF", 10, LIBRARY)).toBe("");
  expect(refusal("tides.zip", 10, LIBRARY)).toBe("Council does not read .zip. It reads .md, .pdf.");
  expect(refusal(".md", 10, LIBRARY)).toMatch(/files without an ending/);
  expect(refusal("tides.md", 2_000, LIBRARY)).toBe("It has 2 KB, and a document may have 1 KB. Cut it into parts.");
  expect(refusal("tides.md", 0, LIBRARY)).toBe("It is empty.");
  expect(refusal("tides.zip", 10, undefined)).toBe("");
});

test("how far a document is, is told in words", () => {
  const doc = { passages: 1, reason: "page 3 is a picture" };
  expect(docWords({ ...doc, state: "indexed" })).toBe("Read: 1 passage can be quoted");
  expect(docWords({ ...doc, state: "partly" })).toBe("Read in part, 1 passage: page 3 is a picture");
  expect(docWords({ ...doc, state: "left_out" })).toBe("Left out: page 3 is a picture");
  expect(docWords({ ...doc, state: "waiting" })).toBe("Being read…");
});
