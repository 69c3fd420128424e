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

export type Change = Schemas["ChangeRow"];
export type ChangeList = Schemas["Changes"];
export type ChangeDetail = Schemas["ChangeDetail"];
export type Step = Schemas["StepForm"];
export type Difference = Schemas["DifferenceForm"];
export type GateReading = Schemas["NearGate"];
export type Quarantine = Schemas["Quarantine"];
