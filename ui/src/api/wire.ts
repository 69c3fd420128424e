/** What the gateway says, by the names that this page uses. `schema.d.ts` is made of the OpenAPI document. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Gate = Schemas["GateForm"];
export type GatePast = Schemas["GateHistory"];
export type Finding = Schemas["FindingForm"];
export type Service = Schemas["ServiceForm"];
export type Alert = Schemas["AlertForm"];
export type IncidentLine = Schemas["IncidentLine"];
export type Incident = Schemas["IncidentForm"];
export type GuideEntry = Schemas["ListForm"]["guides"][number];
export type GuideList = Schemas["ListForm"];
export type Guide = Schemas["GuideForm"];
export type Verdict = Schemas["Verdict"];
export type Right = Schemas["Right"];
export type Level = Schemas["EvidenceLevel"];
export type LedgerReport = Schemas["LedgerReport"];
export type Snapshot = Schemas["Snapshot"];
export type Trend = Schemas["Trend"];
export type Memory = Schemas["MemoryForm"];
export type SandboxResult = Schemas["SandboxResult"];

/** The caller as the service knows them. */
export interface Me {
  user: string;
  role: string;
  rights: Right[];
  csrf: string;
  signed_in: boolean;
  expires_us: number | null;
}

/** The service as a whole, as it is now. */
export interface Live {
  sentence: string;
  verdict: Verdict;
  since_us: number | null;
  at_us: number;
  generation: string;
  cid: string | null;
  version: string;
  gates: Gate[];
  findings: Finding[];
  services: Service[];
  problem: string;
  parts: Record<string, string>;
  incidents: IncidentLine[];
  overrides: Override[];
  frozen: Freeze | null;
  at_work: Change | null;
  quota: Quota | null;
}

export interface Override {
  id: string;
  kind: string;
  title: string;
  // Null to who may not operate.
  target: string | null;
  value: string | null;
  reason: string | null;
  by: string | null;
  began_us: number;
  until_us: number;
}

export interface Freeze {
  reason: string;
  by: string;
  since_us: number;
}

export interface Quota {
  used: number;
  limit: number;
}

/** Least and greatest number of a stretch of time. */
export type Stretch = [atUs: number, low: number, high: number];

export interface GateOverTime extends Gate {
  history: GatePast["history"];
  values: Stretch[];
}

export interface GatesOverTime {
  range: string;
  from_us: number;
  gates: GateOverTime[];
}

export type Session = Schemas["ConversationForm"];
export type SessionList = Schemas["Conversations"];
export type Conversation = Schemas["WholeConversation"];
export type Message = Schemas["MessageForm"];
export type MessageState = Message["state"];
export type Turn = Schemas["TurnForm"];
export type Opinion = Schemas["OpinionForm"];
export type OpinionList = Schemas["Opinions"];

/** The `council` object of an answer. */
export type Council = Schemas["Council"];
export type Evidence = Schemas["Evidence"];
export type EvidenceDetail = Schemas["EvidenceDetail"];
/** One of several questions that were asked at once. */
export type Part = Schemas["EvidencePart"];
export type Passage = Schemas["EvidencePassage"];
export type TestCase = Schemas["EvidenceTest"];
export type PassedOn = Schemas["PassedOn"];
export type Escalation = Schemas["Escalation"];
export type MemoryMention = Schemas["MemoryMention"];
export type SandboxState = Schemas["SandboxState"];
export type SandboxLimits = NonNullable<Schemas["SandboxLimitsHeld"]>;

export type Outcome = "applied" | "refused" | "rolled back" | "tried" | "";

/** A patch in a row. */
export interface Change {
  cid: string;
  digest: string;
  title: string;
  ticket: number | null;
  author: string;
  said: string;
  signers: string[];
  kind: string;
  outcome: Outcome;
  phase: string;
  reason: string;
  base: string;
  target: string;
  trial: boolean;
  live: boolean;
  began_us: number;
  ended_us: number | null;
  files: string[];
  files_count: number;
  returned_by: string;
  away_s: number | null;
}

export interface ChangeList {
  changes: Change[];
  before: string | null;
  quota: Quota | null;
  freeze: { frozen: boolean; reason: string; by: string; since_us: number | null };
  quarantined: number;
}

export interface Step {
  step: string;
  at_us: number;
  took_s: number | null;
}

export interface Difference {
  path: string;
  action: string;
  mode: string;
  diff: string;
  note: string;
  added: number;
  removed: number;
}

export interface GateReading {
  name: string;
  unit: string;
  value: number | null;
  verdict: Verdict;
  at_us: number;
}

export interface ChangeDetail extends Change {
  steps: Step[];
  document: Record<string, unknown> | null;
  differences: Difference[];
  gates_before: GateReading[];
  gates_after: GateReading[];
  rollback: { possible: boolean; why: string; services: number; took_s: number | null };
}
