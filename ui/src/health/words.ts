/** Gates, sentinels and parts as people call them. Pure. */

import type { Gate } from "../api/wire";
import { quantity } from "../kit/numbers";

const NAMES: Record<string, string> = {
  latency_p95: "Latency, 95th percentile",
  success_rate: "Success rate",
  local_processing: "Answered here",
  cost_per_100: "Cost of 100 answers",
  memory_growth: "Memory growth",
  fd_usage: "Open descriptors",
  gpu_memory: "GPU memory",
  error_rate: "Error rate",
  response_size: "Size of answers",
  concurrent_users: "Users at once",
  disk_usage: "Disk usage",
  network_errors: "Network errors",
};

export function gateName(name: string): string {
  return NAMES[name] ?? name.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());
}

/** Returns the limit of a gate: `< 1,000 ms`. */
export function limit(gate: Pick<Gate, "comparator" | "threshold" | "unit">): string {
  return `${gate.comparator} ${quantity(gate.threshold, gate.unit)}`;
}

/** Returns whether a gate is bad above its limit. */
export function badAbove(gate: Pick<Gate, "comparator">): boolean {
  return gate.comparator.startsWith("<");
}

/** Returns least and greatest of what a plot of a gate shows, so that the limit is always in sight. */
export function domain(gate: Pick<Gate, "comparator" | "threshold" | "unit">, values: number[]): [number, number] {
  const low = Math.min(...values, gate.threshold);
  const high = Math.max(...values, gate.threshold);
  if (badAbove(gate)) return [Math.min(0, low), high > gate.threshold ? high * 1.08 : gate.threshold * 1.15];
  const top = gate.unit === "%" ? Math.max(100, high) : high;
  return [low - (top - low) * 0.25, top + (top - low) * 0.05];
}
