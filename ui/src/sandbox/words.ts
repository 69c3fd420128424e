/** The sandbox in words. Pure. */

import type { Verdict } from "../api/wire";
import type { SandboxRecord, SandboxState } from "../api/wire-admin";
import { count } from "../kit/numbers";

/** What each layer takes from a job; one that is not here is shown by its name alone. */
const LAYERS: Record<string, { group: "sees" | "may" | "has"; takes: string }> = {
  "user namespace": { group: "may", takes: "rights outside: its user is nobody on this machine" },
  "mount namespace": { group: "sees", takes: "the machine's files, to change" },
  "read-only root": { group: "sees", takes: "the machine's files, to write" },
  "private /proc": { group: "sees", takes: "other processes and kernel settings, to read" },
  "limited tmpfs": { group: "has", takes: "disk: what it writes is in bounded memory" },
  "pid namespace": { group: "sees", takes: "other processes, to see or signal" },
  "net namespace": { group: "sees", takes: "every network, loopback too" },
  "ipc namespace": { group: "sees", takes: "shared memory and queues" },
  "uts namespace": { group: "sees", takes: "the host's name" },
  "cgroup namespace": { group: "sees", takes: "the names of groups" },
  "no capabilities": { group: "may", takes: "what root may do" },
  "no new privileges": { group: "may", takes: "setuid programs as a way up" },
  landlock: { group: "may", takes: "files and sockets once more, should the mounts be got around" },
  seccomp: { group: "may", takes: "system calls outside of a list" },
  rlimits: { group: "has", takes: "open files, core dumps, locked memory, stack" },
  "memory: cgroup": { group: "has", takes: "more memory than the whole job may have" },
  "memory: rlimit": { group: "has", takes: "more memory than each process may have" },
  "processes: cgroup": { group: "has", takes: "more processes than the whole job may have" },
  "processes: rlimit": { group: "has", takes: "more processes than its user may have" },
  "own uid": { group: "may", takes: "the same user as another job" },
};

export const GROUPS = [
  { group: "sees", title: "What code sees" },
  { group: "may", title: "What it may do" },
  { group: "has", title: "What it has to spend" },
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
