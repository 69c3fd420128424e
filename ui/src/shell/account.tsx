import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { call } from "../api/http";
import { restartLive } from "../api/live";
import { useMe } from "../api/queries";
import { uploads } from "../chat/uploads";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";
import { applyTheme, type Theme, theme } from "./theme";

const THEMES: { theme: Theme; name: string }[] = [
  { theme: "system", name: "As the system" },
  { theme: "light", name: "Light" },
  { theme: "dark", name: "Dark" },
];

export function Account() {
  const who = useMe();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [chosen, setChosen] = useState(theme());
  if (!who) return null;

  async function leave(all: boolean) {
    try {
      await call("/api/logout", { method: "POST", body: all ? { all: true } : {} });
    } finally {
      uploads.clear();
      client.clear();
      restartLive();
      go("/login");
    }
  }

  return (
    <Menu
      label={`Account: ${who.user}, ${who.role || "not signed in"}`}
      face={<span className="avatar">{initial(who.user)}</span>}
    >
      <p className="menu-title">
        {who.user}
        <span className="quiet"> · {who.signed_in ? who.role : "not signed in"}</span>
      </p>
      {!who.signed_in && (
        <button type="button" role="menuitem" onClick={() => go("/login")}>
          <Icon name="lock" size={16} /> Sign in
        </button>
      )}
      <p className="menu-group" id="theme-label">
        Appearance
      </p>
      {THEMES.map((one) => (
        <button
          key={one.theme}
          type="button"
          role="menuitemradio"
          aria-checked={chosen === one.theme}
          onClick={() => {
            applyTheme(one.theme);
            setChosen(one.theme);
          }}
        >
          <span className="menu-check">{chosen === one.theme && <Icon name="check" size={16} />}</span> {one.name}
        </button>
      ))}
      {who.signed_in && (
        <>
          <hr />
          <button type="button" role="menuitem" onClick={() => void leave(false)}>
            <Icon name="out" size={16} /> Sign out
          </button>
          <button type="button" role="menuitem" onClick={() => void leave(true)}>
            <Icon name="out" size={16} /> Sign out everywhere
          </button>
        </>
      )}
    </Menu>
  );
}

function initial(name: string): string {
  return (name[0] ?? "?").toUpperCase();
}
