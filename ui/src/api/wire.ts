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
export type SnapshotLine = Schemas["Brief"];
export type SnapshotList = Schemas["Snapshots"];
export type Trend = Schemas["Trend"];
export type Anomaly = Schemas["Anomaly"];
export type Explanation = Schemas["Explanation"];
export type Sentence = Schemas["Sentence"];
export type Fact = Schemas["Fact"];
export type Digest = Schemas["Digest"];
export type DigestList = Schemas["Digests"];
export type Measure = Schemas["Measure"];
export type Figures = Schemas["Figures"];
export type Coverage = Schemas["Coverage"];
export type Cell = Schemas["CellForm"];
export type Memory = Schemas["MemoryForm"];
export type SandboxResult = Schemas["SandboxResult"];

export type Me = Schemas["Me"];
export type Live = Schemas["LiveState"];
export type Override = Schemas["OverrideForm"];
export type GateOverTime = Schemas["PastGate"];
export type GatesOverTime = Schemas["Past"];

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

export type Change = Schemas["ChangeRow"];
export type ChangeList = Schemas["Changes"];
export type ChangeDetail = Schemas["ChangeDetail"];
export type Step = Schemas["StepForm"];
export type Difference = Schemas["DifferenceForm"];
export type GateReading = Schemas["NearGate"];
export type Quarantine = Schemas["Quarantine"];

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
