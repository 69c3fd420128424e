import { useMemo } from "react";
import { useMe } from "../api/queries";
import type { Right } from "../api/wire";
import type { IconName } from "../kit/icons";

export interface View {
  path: string;
  name: string;
  icon: IconName;
  /** After `g`, what goes there. */
  key: string;
  /** Without it there is nothing to see there. */
  right?: Right;
}

export const VIEWS: View[] = [
  { path: "/", name: "Chat", icon: "chat", key: "c" },
  { path: "/health", name: "Health", icon: "health", key: "h" },
  { path: "/changes", name: "Changes", icon: "changes", key: "l" },
  { path: "/insight", name: "Insight", icon: "insight", key: "i" },
  { path: "/guide", name: "Guide", icon: "guide", key: "g" },
  { path: "/sandbox", name: "Sandbox", icon: "box", key: "s" },
  { path: "/memory", name: "Memory", icon: "memory", key: "m" },
  { path: "/admin", name: "Admin", icon: "sliders", key: "a", right: "operate" },
];

/** Returns the views that have something for whoever looks. */
export function useViews(): View[] {
  const rights = useMe()?.rights;
  return useMemo(() => VIEWS.filter((one) => !one.right || rights?.includes(one.right)), [rights]);
}

/** The parts of Insight. */
export const INSIGHT_PARTS: { path: string; name: string }[] = [
  { path: "/insight", name: "Now" },
  { path: "/insight/digest", name: "Digest" },
  { path: "/insight/figures", name: "Figures" },
  { path: "/insight/coverage", name: "Coverage" },
  { path: "/insight/snapshots", name: "Snapshots" },
];

/** The parts of Admin, each with the right that it takes. */
export const ADMIN_PARTS: { path: string; name: string; right: Right }[] = [
  { path: "/admin", name: "Providers", right: "operate" },
  { path: "/admin/budget", name: "Budget", right: "operate" },
  { path: "/admin/library", name: "Library", right: "operate" },
  { path: "/admin/tokens", name: "Users and tokens", right: "administer" },
  { path: "/admin/policy", name: "Policy", right: "operate" },
  { path: "/admin/audit", name: "Audit", right: "administer" },
];

/** Returns the path of the view that an address belongs to. */
export function viewOf(location: string): string {
  const first = `/${location.split("/")[1] ?? ""}`;
  return first === "/chat" ? "/" : first;
}
