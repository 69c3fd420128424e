import type { IconName } from "../kit/icons";

export interface View {
  path: string;
  name: string;
  icon: IconName;
  /** After `g`, what goes there. */
  key: string;
}

export const VIEWS: View[] = [
  { path: "/", name: "Chat", icon: "chat", key: "c" },
  { path: "/health", name: "Health", icon: "health", key: "h" },
  { path: "/changes", name: "Changes", icon: "changes", key: "l" },
  { path: "/insight", name: "Insight", icon: "insight", key: "i" },
  { path: "/guide", name: "Guide", icon: "guide", key: "g" },
  { path: "/memory", name: "Memory", icon: "memory", key: "m" },
];

/** Returns the path of the view that an address belongs to. */
export function viewOf(location: string): string {
  const first = `/${location.split("/")[1] ?? ""}`;
  return first === "/chat" ? "/" : first;
}
