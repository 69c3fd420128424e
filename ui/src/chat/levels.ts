/** What the evidence of an answer amounts to, in words. Only what was checked is called so. */

import type { Council, Level } from "../api/wire";
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
  const level = BADGES[council.evidence.level] ?? BADGES.none;
  const tests = council.evidence.detail.tests;
  if (council.evidence.level === "none" && tests?.some((one) => !one.passed)) {
    return {
      words: "Does not pass your tests",
      meaning: "It was run on your tests, and some fail.",
      icon: "cross",
      tone: "wrong",
    };
  }
  if (council.escalated && level.tone === "none") {
    return {
      words: "Escalated, unverified",
      meaning: "A paid model's own words. Nothing was checked.",
      icon: "cloud",
      tone: "paid",
    };
  }
  return level;
}

/** Returns what an answer's route is called. */
export function specialist(council: Council): string {
  return council.specialist === "general" ? "general model" : `${council.specialist} specialist`;
}
