/** Everything by its name: views, conversations, gates, changes, guides, and what one can do. */

import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useId, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { useLive } from "../api/live";
import { guides, newestChanges, sessions, useMe } from "../api/queries";
import { gateName } from "../health/words";
import { Dialog } from "../kit/dialog";
import { Icon, type IconName } from "../kit/icons";
import { fits } from "./fits";
import { applyTheme } from "./theme";
import { ADMIN_PARTS, INSIGHT_PARTS, useViews } from "./views";

interface Command {
  name: string;
  kind: string;
  icon: IconName;
  run: () => void;
}

const SHOWN_MAX = 12;

export default function Palette({ onClose, onKeys }: { onClose: () => void; onKeys: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const listId = useId();
  const wanted = useDeferredValue(text);
  const commands = useCommands(wanted, onClose, onKeys);
  const found = useMemo(() => fits(commands, text).slice(0, SHOWN_MAX), [commands, text]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: other words, another first row
  useEffect(() => setAt(0), [text]);

  function onKeyDown(event: React.KeyboardEvent) {
    if (event.key === "ArrowDown") setAt((at + 1) % Math.max(1, found.length));
    else if (event.key === "ArrowUp") setAt((at - 1 + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") found[at]?.run();
    else return;
    event.preventDefault();
  }

  return (
    <Dialog title="Go to" onClose={onClose} className="palette" bare>
      <div className="palette-field">
        <Icon name="search" />
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={found[at] ? `${listId}-${at}` : undefined}
          aria-label="Go to"
          placeholder="A view, a conversation, a gate, a guide…"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
      </div>
      <div role="listbox" id={listId} aria-label="What fits" className="palette-list">
        {found.map((command, index) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the field has the focus and names the row
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
          <div
            key={`${command.kind} ${command.name}`}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === at}
            className={index === at ? "palette-row current" : "palette-row"}
            onClick={command.run}
            onPointerMove={() => setAt(index)}
          >
            <Icon name={command.icon} size={16} />
            <span className="palette-name">{command.name}</span>
            <span className="quiet">{command.kind}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="palette-none">Nothing is called that.</p>}
    </Dialog>
  );
}

function useCommands(text: string, onClose: () => void, onKeys: () => void): Command[] {
  const [, go] = useLocation();
  const who = useMe();
  const views = useViews();
  const { live } = useLive();
  const kept = useQuery({ ...sessions(""), enabled: who?.signed_in === true }).data;
  const changes = useQuery(newestChanges).data;
  const found = useQuery({ ...guides(text.trim()), enabled: text.trim().length > 2 }).data;
  return useMemo(() => {
    const to = (path: string) => () => {
      onClose();
      go(path);
    };
    const light = (theme: "light" | "dark" | "system") => () => {
      applyTheme(theme);
      onClose();
    };
    return [
      { name: "New conversation", kind: "Chat", icon: "plus", run: to("/") },
      ...views.map((view): Command => ({ name: view.name, kind: "View", icon: view.icon, run: to(view.path) })),
      // The first of them is the view itself.
      ...INSIGHT_PARTS.slice(1).map(
        (one): Command => ({ name: one.name, kind: "Insight", icon: "insight", run: to(one.path) }),
      ),
      ...ADMIN_PARTS.filter((one) => who?.rights.includes(one.right)).map(
        (one): Command => ({ name: one.name, kind: "Admin", icon: "sliders", run: to(one.path) }),
      ),
      ...(live?.incidents ?? []).map(
        (one): Command => ({
          name: one.title,
          kind: "Incident",
          icon: "health",
          run: to(`/health/incident/${one.id}`),
        }),
      ),
      ...(live?.gates ?? []).map(
        (gate): Command => ({
          name: `${gateName(gate.name)} · ${gate.name}`,
          kind: "Gate",
          icon: "health",
          run: to(`/health/gate/${gate.name}`),
        }),
      ),
      ...(kept?.sessions ?? []).map(
        (one): Command => ({
          name: one.title || "Untitled",
          kind: "Conversation",
          icon: "chat",
          run: to(`/chat/${one.id}`),
        }),
      ),
      ...(changes?.changes ?? []).map(
        (one): Command => ({
          name: `${one.title || one.cid} · ${one.cid}`,
          kind: "Change",
          icon: "changes",
          run: to(`/changes/${one.cid}`),
        }),
      ),
      ...(found?.guides ?? []).map(
        (one): Command => ({
          name: one.heading || one.title,
          kind: "Guide",
          icon: "guide",
          run: to(`/guide/${one.slug}`),
        }),
      ),
      { name: "Light", kind: "Appearance", icon: "panel", run: light("light") },
      { name: "Dark", kind: "Appearance", icon: "panel", run: light("dark") },
      { name: "As the system", kind: "Appearance", icon: "panel", run: light("system") },
      { name: "Keys", kind: "Help", icon: "more", run: onKeys },
    ];
  }, [go, onClose, onKeys, who?.rights, views, live?.incidents, live?.gates, kept, changes, found]);
}
