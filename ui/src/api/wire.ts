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
export type Level = Schemas["Council"]["evidence"]["level"];
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

export interface Session {
  id: string;
  title: string;
  memory: boolean;
  created_us: number;
  updated_us: number;
  turns: number;
}

export interface SessionList {
  sessions: Session[];
  before: string | null;
}

export type MessageState = "done" | "running" | "stopped" | "failed" | "lost";

export interface Message {
  id: string;
  parent: string | null;
  role: "user" | "assistant";
  text: string;
  at_us: number;
  model: string | null;
  state: MessageState;
  error: { code: string; message: string; request_id: string } | null;
  council: Council | null;
}

export interface Conversation extends Session {
  messages: Message[];
}

export interface Turn {
  turn: string;
  user: Message;
  assistant: Message;
}

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

export interface Passage {
  id: string;
  url: string;
  root: string;
  source: string;
  heading: string;
  text: string;
  quote: string;
  coverage: number;
}

export interface TestCase {
  test: string;
  passed: boolean;
  gave: string;
}

/** What the specialists put beside an answer. Each says what it has, so each field may be missing. */
export interface EvidenceDetail {
  reading?: string;
  check?: string;
  steps?: string[];
  exact?: string;
  program?: string;
  facts?: { sentence: string; reading: string }[];
  code?: string;
  tests?: TestCase[];
  from?: string;
  reason?: string;
  passages?: Passage[];
  confidence_from?: string;
  [more: string]: unknown;
}

export interface MemoryMention {
  id: string;
  kind: string;
  text: string;
  at_us?: number;
}

/** The `council` object of an answer. */
export interface Council {
  request_id: string;
  route: string;
  specialist: string;
  model: string | null;
  confidence: number;
  verified: boolean;
  refused: boolean;
  evidence: { level: Level; summary: string; detail: EvidenceDetail };
  escalated: boolean;
  cost_usd_micros: number;
  tokens: { prompt: number; completion: number };
  timings_ms: Record<string, number>;
  route_reasons: string[];
  passed_on: Record<string, string>;
  degraded: string[];
  generation: string;
  cid: string | null;
  provider?: string | null;
  tried?: string[];
  memory?: { used: MemoryMention[]; stored: MemoryMention[]; storing: string } | null;
}
