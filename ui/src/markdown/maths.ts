/** TeX as MathML, which browsers draw themselves: no styles and no fonts of others. */

import katex from "katex";
import { sanitiseMaths } from "./render";

/** Draws the maths in an element that came of Markdown. What is no maths stays as it was written. */
export function drawMaths(within: HTMLElement): void {
  for (const element of within.querySelectorAll<HTMLElement>(".maths[data-tex]")) {
    const tex = element.dataset.tex ?? "";
    try {
      const mathml = katex.renderToString(tex, {
        output: "mathml",
        displayMode: element.dataset.display === "true",
        throwOnError: true,
        strict: false,
        trust: false,
        maxExpand: 200,
        maxSize: 20,
      });
      element.innerHTML = sanitiseMaths(mathml);
    } catch {
      element.textContent = tex;
    }
    element.removeAttribute("data-tex");
  }
}
