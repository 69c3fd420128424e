/** Markdown to HTML that runs nothing and loads nothing: no HTML of the writer's, and a sanitiser behind the renderer. */

import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { maths } from "./maths-rule";

/** A line that is shorter was ended on purpose. */
const WRAPPED_CHARS = 60;

const made = new MarkdownIt({ html: false, linkify: false, breaks: false, typographer: false });
made.use(maths);
// A picture would tell its server who reads, and when.
made.renderer.rules.image = (tokens, index) => made.utils.escapeHtml(tokens[index]?.content ?? "");
// Specialists write lines, documents are wrapped: what ends early was meant to end.
made.renderer.rules.softbreak = (tokens, index) => {
  const before = tokens[index - 1];
  return before?.type === "text" && before.content.length < WRAPPED_CHARS ? "<br>\n" : "\n";
};
made.validateLink = (address) => isSafeAddress(address);

const TAGS =
  "a b blockquote br code del dd dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong sub sup table tbody td th thead tr ul span div".split(
    " ",
  );
const ATTRIBUTES = ["href", "title", "start", "align", "class", "data-tex", "data-display", "id"];
const SCHEMES = /^(https?:|mailto:|#|\/(?![/\\])|[^:/?#\\]*([/?#]|$))/i;

/** Whether a link may lead there: to the web, to a mailbox, or to a place of this page; never to a program. */
export function isSafeAddress(address: string): boolean {
  // Browsers skip what cannot be seen in an address, and so must whoever judges it.
  const bare = [...address].filter((letter) => letter > " " && letter !== "\u007f").join("");
  return SCHEMES.test(bare) && !/^[/\\]{2}/.test(bare);
}

/** Returns HTML that may be put into the page, of Markdown. */
export function render(markdown: string): string {
  return sanitise(made.render(markdown));
}

/** Returns HTML of which only what shows text is left. `tags` may be added for what was made here. */
export function sanitise(html: string): string {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    SANITIZE_NAMED_PROPS: true,
  });
}

DOMPurify.addHook("afterSanitizeAttributes", (element) => {
  if (element.tagName !== "A") return;
  const address = element.getAttribute("href") ?? "";
  if (!isSafeAddress(address)) element.removeAttribute("href");
  else if (/^https?:/i.test(address)) {
    element.setAttribute("target", "_blank");
    element.setAttribute("rel", "noopener noreferrer nofollow");
  }
});

const MATHML =
  "math semantics mrow mi mo mn ms mtext mspace mover munder munderover msub msup msubsup mfrac mroot msqrt mtable mtr mtd mstyle mpadded mphantom menclose annotation span".split(
    " ",
  );

/** Returns MathML that may be put into the page. */
export function sanitiseMaths(mathml: string): string {
  return DOMPurify.sanitize(mathml, {
    ALLOWED_TAGS: MATHML,
    ALLOWED_ATTR: (
      "xmlns display mathvariant stretchy fence separator lspace rspace minsize maxsize accent accentunder linethickness " +
      "columnalign rowspacing columnspacing displaystyle scriptlevel width height depth voffset encoding movablelimits form"
    ).split(" "),
    ADD_TAGS: ["semantics", "annotation"],
    ALLOW_DATA_ATTR: false,
  });
}
