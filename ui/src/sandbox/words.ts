/** The sandbox in words. Pure. */

import type { Verdict } from "../api/wire";
import type { SandboxRecord, SandboxState } from "../api/wire-admin";
import { count } from "../kit/numbers";
import { stretch } from "../kit/time";

/** As the sentinel `isolation_untried` is amber, seconds. */
const UNTRIED_S = 120;

/** What each layer takes from a job; one that is not here is shown by its name alone. */
const LAYERS: Record<string, { group: "hidden" | "refused" | "bounded"; takes: string }> = {
  "private /proc": { group: "hidden", takes: "other processes and kernel settings, to read" },
  "pid namespace": { group: "hidden", takes: "other processes, to see or signal" },
  "net namespace": { group: "hidden", takes: "every network, loopback too" },
  "ipc namespace": { group: "hidden", takes: "shared memory and queues" },
  "uts namespace": { group: "hidden", takes: "the host's name" },
  "cgroup namespace": { group: "hidden", takes: "the names of groups" },
  "user namespace": { group: "refused", takes: "rights outside: its user is nobody there" },
  "mount namespace": { group: "refused", takes: "changing what is mounted" },
  "read-only root": { group: "refused", takes: "changing the machine's files" },
  "no capabilities": { group: "refused", takes: "what root may do" },
  "no new privileges": { group: "refused", takes: "setuid programs as a way up" },
  landlock: { group: "refused", takes: "files and sockets once more" },
  seccomp: { group: "refused", takes: "system calls outside of a list" },
  "own uid": { group: "refused", takes: "being the same user as another job" },
  "limited tmpfs": { group: "bounded", takes: "what it writes: in memory alone" },
  rlimits: { group: "bounded", takes: "open files, core dumps, locked memory, stack" },
  "memory: cgroup": { group: "bounded", takes: "memory of the whole job" },
  "memory: rlimit": { group: "bounded", takes: "memory of each process" },
  "processes: cgroup": { group: "bounded", takes: "processes of the whole job" },
  "processes: rlimit": { group: "bounded", takes: "processes of its user" },
};

export const GROUPS = [
  { group: "hidden", title: "Hidden from code" },
  { group: "refused", title: "Refused to code" },
  { group: "bounded", title: "Bounded for code" },
  { group: "", title: "More" },
] as const;

export interface Layer {
  name: string;
  group: string;
  takes: string;
  /** Why it does not hold; null where it does. */
  missing: string | null;
}

/** Returns all layers, those that do not hold first. */
export function layers(of: Pick<SandboxState, "layers" | "layers_missing">): Layer[] {
  const known = (name: string, missing: string | null): Layer => ({
    name,
    group: LAYERS[name]?.group ?? "",
    takes: LAYERS[name]?.takes ?? "",
    missing,
  });
  return [
    ...Object.entries(of.layers_missing).map(([name, reason]) => known(name, reason)),
    ...of.layers.map((name) => known(name, null)),
  ];
}

/** Returns how the sandbox stands, in a sentence and a verdict. */
export function standing(of: SandboxState): { verdict: Verdict; words: string } {
  if (of.stopped) return { verdict: "red", words: "Stopped: no code is run" };
  if (of.refuses) return { verdict: "red", words: "No code is run" };
  if ((of.walls_untried_s ?? 0) >= UNTRIED_S) {
    return { verdict: "amber", words: `Taking jobs, its walls untried for ${stretch(of.walls_untried_s ?? 0)}` };
  }
  const missing = Object.keys(of.layers_missing).length;
  if (missing > 0) return { verdict: "amber", words: `Taking jobs, with ${count(missing, "layer")} missing` };
  return { verdict: "green", words: "Taking jobs" };
}

const EVENTS: Record<string, string> = {
  job: "Job",
  session_call: "Job in a session",
  session_open: "Session opened",
  session_close: "Session ended",
  refused: "Refused",
  kill: "Kill switch thrown",
  lift: "Kill switch released",
  begin: "Service began",
  recovered: "Audit trail taken up again",
  broken: "Audit trail broken",
  torn: "Torn end of the trail set aside",
};

export function eventWords(event: string): string {
  return EVENTS[event] ?? event.replaceAll("_", " ");
}

/** Returns how a job ended. */
export function endWords(row: Pick<SandboxRecord, "status" | "limit" | "exit_code" | "reason">): string {
  switch (row.status) {
    case "":
      return row.reason;
    case "ok":
      return "ended well";
    case "error":
      return row.exit_code === null ? "ended badly" : `exit status ${row.exit_code}`;
    case "killed_limit":
      return `stopped at its limit${row.limit ? ` of ${row.limit}` : ""}`;
    case "signal":
      return "ended by a signal";
    default:
      return row.reason ? `${row.status}: ${row.reason}` : row.status;
  }
}

/** Returns who asked: the user, without the token. */
export function caller(of: string): string {
  return of.split("/")[0] || "nobody";
}
