/** Colours of code, for the languages that answers are in. */

import highlight from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { sanitise } from "./render";

const LANGUAGES = { bash, c, css, diff, go, java, javascript, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(LANGUAGES)) highlight.registerLanguage(name, language);

/** Longer code is shown plain: to colour it would hold up the page. */
const CHARS_MAX = 60_000;

/** Returns coloured code as HTML that may be put into the page, or null where it stays plain. */
export function coloured(code: string, language: string): string | null {
  if (code.length > CHARS_MAX || !highlight.getLanguage(language)) return null;
  return sanitise(highlight.highlight(code, { language, ignoreIllegals: true }).value);
}
