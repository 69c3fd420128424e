/** What the evidence of an answer amounts to, in words. Only what was checked is called so. */

import type { Council, EvidenceDetail, Level, Part } from "../api/wire";
import type { IconName } from "../kit/icons";

export interface Badge {
  words: string;
  meaning: string;
  icon: IconName;
  tone: "verified" | "quoted" | "weak" | "none" | "paid" | "wrong";
}

const BADGES: Record<Level, Badge> = {
  proved: {
    words: "Verified: proved",
    meaning: "It follows from your own words by a proof, and other code checked the proof.",
    icon: "shield",
    tone: "verified",
  },
  computed: {
    words: "Verified: computed",
    meaning: "Worked out from your own words, and checked a second time by other code.",
    icon: "shield",
    tone: "verified",
  },
  "user-tested": {
    words: "Verified: passes your tests",
    meaning: "The code was run on the tests or examples that you gave, and passes them.",
    icon: "shield",
    tone: "verified",
  },
  "self-tested": {
    words: "Tested by Council, not by you",
    meaning: "It passes tests that you did not give. That is no proof that it does what you meant.",
    icon: "flask",
    tone: "weak",
  },
  agreed: {
    words: "Several tries agree",
    meaning: "A model was asked more than once and said the same. Nothing else was checked.",
    icon: "people",
    tone: "weak",
  },
  quoted: {
    words: "Quoted",
    meaning: "Word for word from a document. Whether the document is right was not checked.",
    icon: "quote",
    tone: "quoted",
  },
  none: {
    words: "Unverified",
    meaning: "A model's own words. Nothing was checked.",
    icon: "open",
    tone: "none",
  },
};

/** Returns how an answer is to be labelled. */
export function badge(council: Council): Badge {
  return badgeOf(council.evidence.level, council.evidence.detail, council.escalated);
}

/** Returns how what was found is to be labelled. */
export function badgeOf(of: Level, detail: EvidenceDetail, escalated = false): Badge {
  const level = BADGES[of] ?? BADGES.none;
  if (of === "none" && detail.tests?.some((one) => !one.passed)) {
    return {
      words: "Does not pass your tests",
      meaning: "It was run on your tests, and some fail.",
      icon: "cross",
      tone: "wrong",
    };
  }
  if (escalated && level.tone === "none") {
    return {
      words: "Escalated, unverified",
      meaning: "A paid model's own words. Nothing was checked.",
      icon: "cloud",
      tone: "paid",
    };
  }
  return level;
}

/** Returns what whoever answered is called. */
export function specialist(name: string): string {
  return name === "general" ? "general model" : `${name} specialist`;
}

/** Returns what those are called who answered the parts of a question, each once. */
function specialists(parts: Part[]): string {
  return [...new Set(parts.map((part) => specialist(part.specialist)))].join(", ");
}

/** Returns what whoever answered is called, those of several questions each once. */
export function answerers(council: Council): string {
  const parts = council.evidence.detail.parts ?? [];
  return parts.length > 0 ? specialists(parts) : specialist(council.specialist);
}
