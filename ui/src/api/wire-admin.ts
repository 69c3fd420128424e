/** What the gateway says of the sandbox, providers, budgets, tokens, policy and documents. */

import type { Right } from "./wire";

export interface SandboxState {
  kind: string;
  layers: string[];
  /** The reason by layer. */
  layers_missing: Record<string, string>;
  /** Why no job is run; "" where jobs are. */
  refuses: string;
  stopped: boolean;
  stopped_by: string;
  stopped_reason: string;
  pool_ready: number;
  pool_target: number;
  refills_per_s: number;
  running: number;
  waiting: number;
  sessions: number;
  jobs: number;
}

export interface SandboxRecord {
  id: string;
  at_us: number;
  event: string;
  caller: string;
  request_id: string;
  session: string;
  language: string;
  status: string;
  limit: string;
  exit_code: number | null;
  wall_s: number | null;
  cpu_s: number | null;
  memory_peak_bytes: number | null;
  blocked: Record<string, number>;
  reason: string;
}

/** What somebody changed; `session` is "" for who came with a token. */
export interface AuditRow {
  id: string;
  at_us: number;
  user: string;
  session: string;
  role: string;
  action: string;
  /** The HTTP status it ended with; null while it goes on. */
  status: number | null;
}

export interface Page<Row> {
  rows: Row[];
  before: string | null;
}

export interface Provider {
  name: string;
  kind: string;
  url: string;
  local: boolean;
  key: "file" | "none";
  has_key: boolean;
  key_set_us: number | null;
  state: "up" | "unasked" | "off" | "open";
  reason: string;
  answered_us: number | null;
  failed_us: number | null;
  failed: string;
}

/** Prices are micro-dollars per million tokens; null where nobody said. */
export interface Deployment {
  provider: string;
  model: string;
  weight: number;
  input_usd_micros: number | null;
  output_usd_micros: number | null;
  cached_usd_micros: number | null;
}

export interface Model {
  name: string;
  context_tokens: number;
  output_tokens_max: number;
  abilities: string[];
  fallbacks: string[];
  day_usd_micros: number | null;
  month_usd_micros: number | null;
  usable: boolean;
  deployments: Deployment[];
}

export interface Providers {
  providers: Provider[];
  models: Model[];
  escalation: { model: string; confidence_min: number; share_max: number };
}

export interface BudgetLine {
  /** "all", "model:NAME" or "token:ID". */
  scope: string;
  label: string;
  /** "2026-11-30" or "2026-11", UTC. */
  period: string;
  limit_usd_micros: number | null;
  spent_usd_micros: number;
  held_usd_micros: number;
  left_usd_micros: number | null;
  ends_us: number;
  /** What will have been spent at its end if it goes on so; null where it is too early to say. */
  forecast_usd_micros: number | null;
}

export interface Token {
  id: string;
  user: string;
  role: string;
  label: string;
  created_us: number;
  revoked_us: number | null;
  used_us: number | null;
  requests_per_minute: number | null;
  memory: boolean;
  staging: boolean;
  day_usd_micros: number | null;
  month_usd_micros: number | null;
  /** Whether this page itself stands on it. */
  own: boolean;
}

export interface User {
  user: string;
  roles: string[];
  tokens: number;
  sessions: number;
  used_us: number | null;
}

export interface Tokens {
  tokens: Token[];
  users: User[];
}

export interface NewToken {
  token: Token;
  /** Shown this once. */
  secret: string;
}

export interface Signer {
  name: string;
  kind: string;
  fingerprint: string;
  allow: string[];
  deny: string[];
  max_daily: number | null;
  account: string;
  revoked: boolean;
}

export interface Policy {
  generation: string;
  text: string;
  signers: Signer[];
  protected: { paths: string[]; humans: number; of: string[] }[];
  bots_daily: number;
  used_today: number | null;
  lifetime_s_max: number;
  sizes: { patch_bytes: number; files: number; file_bytes: number };
  freeze_label: string;
  windows: { days: string[]; begin: string; end: string }[];
  rights: Record<string, Right[]>;
}

export interface Edit {
  file: "council.yaml" | "providers.yaml" | "authz.yaml";
  path: string[];
  /** Null takes the key away. */
  value: unknown;
}

export interface Draft {
  base: string;
  files: { path: string; diff: string; text: string; added: number; removed: number }[];
  /** The patch without a signature, byte for byte. */
  document: string;
  cid: string;
  expires_us: number;
  protected: boolean;
  notes: string[];
  commands: string[];
}

export interface Doc {
  name: string;
  bytes: number;
  at_us: number;
  state: "indexed" | "partly" | "left_out" | "waiting";
  passages: number;
  reason: string;
  removable: boolean;
}

export interface Documents {
  documents: Doc[];
  /** How many are not listed. */
  more: number;
  kinds: string[];
  bytes_max: number;
  folder: string;
}
