import { describe, expect, test } from "vitest";
import { blocks, fitting } from "./blocks";
import { mathsAt } from "./maths-rule";

const kinds = (text: string) => blocks(text).map((one) => `${one.kind}${one.language ? ` ${one.language}` : ""}`);

describe("Markdown in pieces", () => {
  test("is cut at blank lines and around code", () => {
    expect(blocks("One\ntwo\n\nThree\n```python\nx = 1\n\ny = 2\n```\nEnd")).toEqual([
      { kind: "text", source: "One\ntwo\n", language: "", closed: true },
      { kind: "text", source: "Three", language: "", closed: true },
      { kind: "code", source: "x = 1\n\ny = 2", language: "python", closed: true },
      { kind: "text", source: "End", language: "", closed: true },
    ]);
  });

  test("keeps a list whole, with the code in it", () => {
    expect(kinds("1. a\n\n   more\n\n2. b\n\n   ```\n   x\n   ```\n\nafter")).toEqual(["text", "text"]);
  });

  test("knows code that has no end yet", () => {
    expect(blocks("```js\nlet a")).toEqual([{ kind: "code", source: "let a", language: "js", closed: false }]);
  });

  test("does not end code at a shorter or another fence", () => {
    expect(blocks("````\n```\n~~~~\n````")).toEqual([
      { kind: "code", source: "```\n~~~~", language: "", closed: true },
    ]);
  });

  test("keeps maths over several lines whole", () => {
    expect(kinds("$$\na\n\nb\n$$\n\ntext")).toEqual(["text", "text"]);
  });

  test("loses no line of a long text and grows only at its end", () => {
    const text = Array.from({ length: 2000 }, (_, line) => (line % 7 === 6 ? "" : `line ${line}`)).join("\n");
    const whole = blocks(text);
    expect(
      whole
        .map((one) => one.source)
        .join("\n")
        .replace(/\n+/g, "\n"),
    ).toBe(text.replace(/\n+/g, "\n"));
    const before = blocks(text.slice(0, 9000));
    expect(whole.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
  });
});

describe("what is drawn of it at first", () => {
  const lines = (number: number, line: string) => Array.from({ length: number }, () => line).join("\n");

  test("is so many short pieces", () => {
    expect(fitting(blocks(lines(40, "a\n")), 150)).toBe(40);
    expect(fitting(blocks(lines(400, "a\n")), 150)).toBe(150);
  });

  test("is few of long ones, but one at least, and code counts little", () => {
    expect(fitting(blocks(lines(10_000, "- a")), 150)).toBe(6);
    expect(fitting(blocks(lines(200, "- a")), 2)).toBe(1);
    expect(fitting(blocks(`\`\`\`\n${lines(5_000, "a")}\n\`\`\``), 2)).toBe(1);
    expect(fitting([], 150)).toBe(0);
  });
});

describe("maths", () => {
  const tex = (text: string) => mathsAt(text, text.search(/[$\\]/))?.tex ?? null;

  test("stands between its marks", () => {
    expect(tex("so $a^2$ is")).toBe("a^2");
    expect(tex("$$ x $$")).toBe("x");
    expect(tex("\\(y\\)")).toBe("y");
    expect(tex("\\[ z \\]")).toBe("z");
  });

  test("is no sum of money", () => {
    expect(tex("$5 and $10")).toBeNull();
    expect(tex("it costs $5")).toBeNull();
    expect(tex("$ 5 $")).toBeNull();
  });
});
