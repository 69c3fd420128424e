import { describe, expect, test } from "vitest";
import { EventParser, waitMs } from "./events";

describe("a stream of events", () => {
  test("is the same however it is cut", () => {
    const text = 'id: 1\nevent: delta\ndata: {"a":\r\ndata: 1}\n\n: still here\n\nid: 2\r\ndata: x\r\n\r\n';
    const whole = new EventParser().push(text);
    expect(whole).toEqual([
      { id: "1", name: "delta", data: '{"a":\n1}' },
      { id: "2", name: "message", data: "x" },
    ]);
    for (let cut = 1; cut < text.length; cut++) {
      const parser = new EventParser();
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual(whole);
    }
  });

  test("gives no event without data, and none before its end", () => {
    const parser = new EventParser();
    expect(parser.push("event: ping\n\ndata: half")).toEqual([]);
    expect(parser.push("\n\n")).toEqual([{ id: "", name: "message", data: "half" }]);
  });

  test("is asked for again ever later, within bounds", () => {
    expect(waitMs(0, 0.5)).toBe(500);
    expect(waitMs(3, 0.5)).toBe(4000);
    expect(waitMs(30, 1)).toBe(12_500);
  });
});
