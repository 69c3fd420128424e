/** Files on their way into the library. They go on whatever the page shows meanwhile, one after the other. */

import { useSyncExternalStore } from "react";
import { Failure } from "../api/http";
import { upload } from "../api/upload";
import type { Doc, Documents } from "../api/wire-admin";
import { bytes } from "../kit/numbers";

export type Phase = "queued" | "sending" | "exists" | "there" | "refused";

export interface Sent {
  id: number;
  file: File;
  phase: Phase;
  /** How much of it has been sent, 0 to 1. */
  share: number;
  doc: Doc | null;
  error: unknown;
}

/** More at once are not taken. */
export const FILES_MAX = 20;

let all: Sent[] = [];
let number = 0;
let chain = Promise.resolve();
let end = new AbortController();
const listeners = new Set<() => void>();

function tell(to: Sent[]): void {
  all = to;
  for (const listener of listeners) listener();
}

function change(id: number, to: Partial<Sent>): void {
  tell(all.map((one) => (one.id === id ? { ...one, ...to } : one)));
}

async function send(id: number, replace: boolean, signal: AbortSignal): Promise<void> {
  const one = all.find((each) => each.id === id);
  if (!one || signal.aborted) return;
  change(id, { phase: "sending", share: 0, error: null });
  const path = `/api/library/documents/${encodeURIComponent(one.file.name)}?replace=${replace}`;
  try {
    const onProgress = (share: number) => change(id, { share });
    const { document } = await upload<{ document: Doc }>(path, one.file, { signal, onProgress });
    change(id, { phase: "there", share: 1, doc: document });
  } catch (error) {
    const exists = error instanceof Failure && error.status === 409;
    change(id, exists ? { phase: "exists" } : { phase: "refused", error });
  }
}

function queue(id: number, replace: boolean): void {
  const { signal } = end;
  chain = chain.then(() => send(id, replace, signal));
}

export const uploads = {
  /** Takes files in; what the library would not read is refused before it is sent. */
  add(files: File[], library: Documents | undefined): void {
    const fresh = files.slice(0, FILES_MAX).map((file): Sent => {
      const why = refusal(file.name, file.size, library);
      number += 1;
      const error = why ? new Failure(why, "not_sent") : null;
      return { id: number, file, phase: why ? "refused" : "queued", share: 0, doc: null, error };
    });
    const over = files.length - fresh.length;
    const last = fresh.at(-1);
    if (over > 0 && last) {
      const why = `${over} more were not taken: ${FILES_MAX} files at a time. Drop the others afterwards.`;
      number += 1;
      fresh.push({
        ...last,
        id: number,
        file: new File([], "The others"),
        phase: "refused",
        error: new Failure(why, "not_sent"),
      });
    }
    tell([...all, ...fresh]);
    for (const one of fresh) if (one.phase === "queued") queue(one.id, false);
  },
  /** Sends one once more, over what is there. */
  replace(id: number): void {
    change(id, { phase: "queued" });
    queue(id, true);
  },
  again(id: number): void {
    change(id, { phase: "queued", error: null });
    queue(id, false);
  },
  /** Takes one off the list; what has arrived stays in the library. */
  drop(id: number): void {
    tell(all.filter((one) => one.id !== id));
  },
  /** Ends all of it, as when somebody signs out. */
  clear(): void {
    end.abort();
    end = new AbortController();
    tell([]);
  },
};

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useUploads(): Sent[] {
  return useSyncExternalStore(listen, () => all);
}

/** Returns why the library would not read a file; "" where it may. Pure. */
export function refusal(
  name: string,
  size: number,
  library: Pick<Documents, "kinds" | "bytes_max"> | undefined,
): string {
  if (size === 0) return "It is empty.";
  if (!library) return "";
  const at = name.lastIndexOf(".");
  const kind = at > 0 ? name.slice(at).toLowerCase() : "";
  if (!library.kinds.includes(kind))
    return `Council does not read ${kind || "files without an ending"}. It reads ${library.kinds.join(", ")}.`;
  if (size > library.bytes_max)
    return `It has ${bytes(size)}, and a document may have ${bytes(library.bytes_max)}. Cut it into parts.`;
  return "";
}

/** Returns how far a document is, in words. Pure. */
export function docWords(doc: Pick<Doc, "state" | "passages" | "reason">): string {
  const passages = `${doc.passages.toLocaleString("en-GB")} ${doc.passages === 1 ? "passage" : "passages"}`;
  switch (doc.state) {
    case "indexed":
      return `Read: ${passages} can be quoted`;
    case "partly":
      return `Read in part, ${passages}: ${doc.reason}`;
    case "left_out":
      return `Left out: ${doc.reason}`;
    default:
      return "Being read…";
  }
}
