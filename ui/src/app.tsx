/** The page: the state sentence on top of all, the rail, and one view, each loaded when it is first looked at. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { Route, Switch, useLocation } from "wouter";
import { me } from "./api/queries";
import { FailureNote, Waiting } from "./kit/states";
import { Back } from "./shell/back";
import { Boundary } from "./shell/boundary";
import { useShortcuts } from "./shell/keys";
import { Login } from "./shell/login";
import { Rail } from "./shell/rail";
import { StateBar } from "./shell/state-bar";

const Chat = lazy(() => import("./chat/view"));
const Health = lazy(() => import("./health/view"));
const Changes = lazy(() => import("./changes/view"));
const Quarantined = lazy(() => import("./changes/quarantine"));
const Insight = lazy(() => import("./insight/view"));
const Guides = lazy(() => import("./guide/view"));
const Memories = lazy(() => import("./memory/view"));
const Sandbox = lazy(() => import("./sandbox/view"));
const Admin = lazy(() => import("./admin/view"));
const Palette = lazy(() => import("./shell/palette"));
const Keys = lazy(() => import("./shell/keys-help"));

export function App() {
  const [location] = useLocation();
  const who = useQuery(me);
  const [overlay, setOverlay] = useState<"" | "palette" | "keys">("");
  useShortcuts(setOverlay);

  // Whoever reads a page by ear is told that it is another one.
  useEffect(() => {
    const name = location.split("/")[1] || "chat";
    document.title = `${name[0]?.toUpperCase()}${name.slice(1)} · Council`;
  }, [location]);

  if (location === "/login" || who.data?.role === "") return <Login />;
  if (who.isError && !who.data) {
    return (
      <main className="alone">
        <h1>Council</h1>
        <FailureNote error={who.error} onRetry={() => who.refetch()} />
        <Back />
      </main>
    );
  }
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Back />
      <StateBar onPalette={() => setOverlay("palette")} />
      <Rail />
      <main id="main" tabIndex={-1}>
        <Boundary key={location.split("/")[1]}>
          <Suspense fallback={<Waiting what="the view" lines={5} />}>
            <Switch>
              <Route path="/health/*?" component={Health} />
              <Route path="/changes/quarantine" component={Quarantined} />
              <Route path="/changes/:cid?">{({ cid }) => <Changes cid={cid ?? ""} />}</Route>
              <Route path="/insight/*?" component={Insight} />
              <Route path="/guide/:slug?">{({ slug }) => <Guides slug={slug ?? ""} />}</Route>
              <Route path="/memory" component={Memories} />
              <Route path="/sandbox" component={Sandbox} />
              <Route path="/admin/*?" component={Admin} />
              <Route path="/chat/:id">{({ id }) => <Chat id={id} />}</Route>
              <Route>
                <Chat id="" />
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </main>
      <Suspense fallback={null}>
        {overlay === "palette" && <Palette onClose={() => setOverlay("")} onKeys={() => setOverlay("keys")} />}
        {overlay === "keys" && <Keys onClose={() => setOverlay("")} />}
      </Suspense>
    </div>
  );
}
