/** Conversations whose answers came in a roundabout way: several questions at once, passed on, escalated, not escalated. */

const AWAY = "math: compute_unavailable";

/** Returns them, from the recorded answers; each has an id of its own, so that a picture of it can be taken. */
export function talks(answers, atUs) {
  const named = (question) => answers.find((one) => one.question.startsWith(question));
  const several = named("What is 17% of 2,340, and");
  const passed = named("Is it true that some birds");
  const told = passed.council;
  const of = (id, one, council) => ({
    id,
    title: one.question,
    text: one.question,
    answer: one.text,
    council: { ...one.council, ...council },
    at_us: atUs,
  });
  const evidence = (more) => ({ evidence: { ...told.evidence, ...more } });
  const model = "claude-haiku";
  const doubt = "the local model's confidence 0.31 is below 0.60 after 24 tokens";
  return [
    of("several", several),
    of("code", named("Write a Python function")),
    of("passed", passed),
    of("escalated", passed, {
      ...evidence({
        summary: `Asked ${model}, because ${doubt}. Its own words; nothing was checked.`,
        detail: { escalated_because: doubt },
        escalation: {
          escalated: true,
          why: "unsure",
          words: "The general model was not sure enough of its words.",
          model,
          reason: doubt,
        },
      }),
      escalated: true,
      model,
      cost_usd_micros: 1340,
    }),
    of("refused", passed, {
      ...evidence({
        escalation: {
          escalated: false,
          why: "refused",
          words: "It was to be escalated, and the paid model could not be asked.",
          model,
          reason: `${doubt}; The day's budget of $1.00 is spent. It begins anew at midnight UTC.`,
        },
      }),
      degraded: ["escalation: budget_exceeded", AWAY],
    }),
    // As an older release kept it.
    of("older", passed, {
      evidence: { level: told.evidence.level, summary: told.evidence.summary, detail: told.evidence.detail },
      passed_on: { math: "no grammar reads it" },
    }),
  ];
}
