/** The chat: conversations on the left, the talk in the middle, what stands behind the selected answer on the right. */

import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useRef, useState } from "react";
import { useLocation } from "wouter";
import { call, Failure } from "../api/http";
import { conversation, useMe, useRight } from "../api/queries";
import { documents } from "../api/queries-admin";
import type { Conversation, Message, Session } from "../api/wire";
import { Icon } from "../kit/icons";
import { FailureNote, Waiting } from "../kit/states";
import "../styles/chat.css";
import "../styles/markdown.css";
import { Composer } from "./composer";
import { Drop } from "./drop";
import { Evidence } from "./evidence";
import { Said } from "./said";
import { Scroller } from "./scroller";
import { SessionList } from "./sessions";
import { ask, type Talk, useKept, useUnsaved } from "./talk";
import { branch, type Chosen, follows } from "./tree";
import { uploads, useUploads } from "./uploads";
import { Welcome } from "./welcome";

const Files = lazy(() => import("./files"));

/** As much of the first question stands for a title until the service tells its own. */
const TITLE_CHARS = 60;

export default function Chat({ id }: { id: string }) {
  const who = useMe();
  if (!who) return <Waiting what="who you are" />;
  return who.signed_in ? <KeptChat key={id} id={id} /> : <UnsavedChat />;
}

function KeptChat({ id }: { id: string }) {
  const talk = useKept(id);
  const client = useQueryClient();
  const [, go] = useLocation();
  const [memory, setMemory] = useState(true);
  const begun = useRef<Session | null>(null);
  const on = talk.session?.memory ?? memory;

  async function begin(text: string, model: string) {
    // Where the first question could not be put, the conversation is there for the next try.
    const session = begun.current ?? (await call<Session>("/api/chat/sessions", { method: "POST", body: { memory } }));
    begun.current = session;
    const turn = await ask(session.id, { text, parent: null, model }, 0).catch((failure) => {
      // It may have been deleted meanwhile.
      if (failure instanceof Failure && failure.status === 404) begun.current = null;
      throw failure;
    });
    const title = text.slice(0, TITLE_CHARS);
    const known: Conversation = { ...session, title, turns: 1, messages: [turn.user, turn.assistant] };
    client.setQueryData(conversation(session.id).queryKey, known);
    void client.invalidateQueries({ queryKey: ["sessions"] });
    go(`/chat/${session.id}`);
  }

  async function changeMemory(wanted: boolean) {
    setMemory(wanted);
    if (!talk.session) return;
    await call(`/api/chat/sessions/${encodeURIComponent(id)}`, { method: "PATCH", body: { memory: wanted } });
    talk.reload();
  }

  return <Desk talk={talk} id={id} begin={id ? null : begin} memory={{ on, change: changeMemory }} />;
}

function UnsavedChat() {
  return <Desk talk={useUnsaved()} id="" begin={null} memory={null} />;
}

interface MemorySwitch {
  on: boolean;
  change: (wanted: boolean) => Promise<void>;
}

interface DeskProps {
  talk: Talk;
  id: string;
  begin: ((text: string, model: string) => Promise<void>) | null;
  memory: MemorySwitch | null;
}

function Desk({ talk, id, begin, memory }: DeskProps) {
  const [chosen, setChosen] = useState<Chosen>({});
  const [selected, setSelected] = useState("");
  const [side, setSide] = useState<"" | "sessions" | "evidence">("");
  const [model, setModel] = useState("council");
  const [failure, setFailure] = useState<unknown>(null);
  const [about, setAbout] = useState({ hint: "", number: 0 });
  const mayAdd = useRight("operate");
  const sent = useUploads();
  const way = branch(talk.messages, chosen);
  const last = way.at(-1)?.message;
  const running = last?.state === "running" ? last.id : "";
  const answers = way.filter((one) => one.message.role === "assistant");
  const shown = answers.find((one) => one.message.id === selected)?.message ?? answers.at(-1)?.message;

  const attempt = useCallback(async (work: Promise<void>) => {
    setFailure(null);
    try {
      await work;
    } catch (error) {
      setFailure(error);
      throw error;
    }
  }, []);

  /** Shows the newest of what follows a message. */
  const forget = (message: Message) =>
    setChosen((before) => {
      const { [follows(message)]: _, ...rest } = before;
      return rest;
    });

  const say = (text: string) => {
    setSelected("");
    return attempt(begin ? begin(text, model) : talk.say({ text, parent: last?.id ?? null, model }));
  };

  const actions = {
    again: (user: Message) => {
      setSelected("");
      setChosen(({ [user.id]: _, ...rest }) => rest);
      void attempt(talk.again(user, model)).catch(() => undefined);
    },
    edit: (user: Message, text: string) => {
      setSelected("");
      forget(user);
      return attempt(talk.say({ text, parent: user.parent, model }));
    },
    choose: (message: Message) => setChosen((before) => ({ ...before, [follows(message)]: message.id })),
    select: (message: Message) => {
      setSelected(message.id);
      setSide("evidence");
    },
  };

  const client = useQueryClient();
  const addFiles = async (files: File[]) => {
    // What it reads is known before the first is sent; where that cannot be had, the service says so itself.
    uploads.add(files, await client.fetchQuery(documents).catch(() => undefined));
  };

  const isEmpty = !talk.waiting && !talk.error && way.length === 0;
  return (
    <div className={`chat ${side ? `show-${side}` : ""}`}>
      <SessionList current={id} onPick={() => setSide("")} unsaved={memory === null} />
      <section className="talk" aria-label="Conversation">
        <header className="talk-head">
          <button
            type="button"
            className="quiet-button narrow-only"
            onClick={() => setSide("sessions")}
            aria-label="Conversations"
          >
            <Icon name="list" />
          </button>
          <h1>{talk.session?.title || (id ? "Conversation" : "New conversation")}</h1>
          <button
            type="button"
            className="quiet-button not-wide"
            onClick={() => setSide("evidence")}
            disabled={!shown}
            aria-label="Evidence"
          >
            <Icon name="panel" />
          </button>
        </header>
        <Scroller pin={running || last?.id || ""}>
          {talk.waiting && <Waiting what="the conversation" lines={6} />}
          {talk.error !== null && <FailureNote error={talk.error} onRetry={talk.reload} />}
          {isEmpty && <Welcome onAsk={(text) => void say(text).catch(() => undefined)} unsaved={memory === null} />}
          {way.map((place) => (
            <Said
              key={place.message.id}
              place={place}
              selected={place.message.id === shown?.id && answers.length > 1}
              question={place.message.role === "assistant" ? parentOf(talk.messages, place.message) : null}
              busy={running !== ""}
              kept={memory !== null}
              {...actions}
            />
          ))}
          {failure !== null && <FailureNote error={failure} />}
        </Scroller>
        {sent.length > 0 && (
          <Suspense fallback={null}>
            <Files files={sent} onAsk={(hint) => setAbout((before) => ({ hint, number: before.number + 1 }))} />
          </Suspense>
        )}
        <Composer
          key={id}
          running={running !== ""}
          onStop={() => void attempt(talk.stop(running)).catch(() => undefined)}
          onSend={say}
          model={model}
          onModel={setModel}
          memory={memory}
          onFiles={mayAdd ? (files) => void addFiles(files) : null}
          about={about}
        />
      </section>
      <aside className="evidence-panel" aria-label="Evidence">
        <header className="panel-head">
          <h2>Evidence</h2>
          <button
            type="button"
            className="quiet-button not-wide"
            onClick={() => setSide("")}
            aria-label="Close the evidence"
          >
            <Icon name="cross" size={16} />
          </button>
        </header>
        {shown ? <Evidence key={shown.id} message={shown} /> : <Legend />}
      </aside>
      <Drop allowed={mayAdd} onFiles={(files) => void addFiles(files)} />
      {side !== "" && (
        <button type="button" className="veil" aria-label="Back to the conversation" onClick={() => setSide("")} />
      )}
    </div>
  );
}

function Legend() {
  return (
    <div className="evidence quiet">
      <p>
        What stands behind an answer shows here: how far it was checked, the program, tests or passages, cost and time.
      </p>
    </div>
  );
}

function parentOf(messages: Message[], message: Message): Message | null {
  return messages.find((one) => one.id === message.parent) ?? null;
}
