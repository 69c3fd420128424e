/** A conversation as the tree that it is: an edit or another try is one more branch. Pure. */

import type { Message } from "../api/wire";

/** What comes after a message where there are several ways on: the id of the one that was chosen, by what it follows. */
export type Chosen = Record<string, string>;

export interface Place {
  message: Message;
  /** The messages that follow the same one, oldest first, this one among them. */
  siblings: Message[];
}

const ROOT = "";

/** Returns the messages of one way through the tree: the one that was chosen, else the newest. */
export function branch(messages: Message[], chosen: Chosen): Place[] {
  const children = new Map<string, Message[]>();
  const known = new Set(messages.map((one) => one.id));
  for (const message of messages) {
    const parent = message.parent !== null && known.has(message.parent) ? message.parent : ROOT;
    const list = children.get(parent);
    if (list) list.push(message);
    else children.set(parent, [message]);
  }
  const way: Place[] = [];
  let at = ROOT;
  while (way.length <= messages.length) {
    const siblings = children.get(at);
    if (!siblings) break;
    const message = siblings.find((one) => one.id === chosen[at]) ?? siblings.at(-1);
    if (!message) break;
    way.push({ message, siblings });
    at = message.id;
  }
  return way;
}

/** Returns the messages with some of them new or changed, by id. */
export function merged(messages: Message[], fresh: Message[]): Message[] {
  const byId = new Map(fresh.map((one) => [one.id, one]));
  const kept = messages.map((one) => byId.get(one.id) ?? one);
  const known = new Set(messages.map((one) => one.id));
  return [...kept, ...fresh.filter((one) => !known.has(one.id))];
}

/** Returns the key of a choice: what a message follows. */
export function follows(message: Message): string {
  return message.parent ?? ROOT;
}
