/** Admin: what serves and what it may cost, who may come in, and who may change it. What the blueprint holds is offered as a patch. */

import { lazy, Suspense } from "react";
import { Link, useLocation } from "wouter";
import { useMe } from "../api/queries";
import { Empty, Waiting } from "../kit/states";
import { ADMIN_PARTS } from "../shell/views";
import "../styles/admin.css";

const SHOWN: Record<string, React.LazyExoticComponent<React.ComponentType>> = {
  "/admin": lazy(() => import("./providers")),
  "/admin/budget": lazy(() => import("./budget")),
  "/admin/library": lazy(() => import("./library")),
  "/admin/tokens": lazy(() => import("./tokens")),
  "/admin/policy": lazy(() => import("./policy")),
  "/admin/audit": lazy(() => import("./audit")),
};

export default function Admin() {
  const [location] = useLocation();
  const who = useMe();
  if (!who) return <Waiting what="who you are" />;
  const open = ADMIN_PARTS.filter((one) => who.rights.includes(one.right));
  const current = open.find((one) => one.path === location);
  const Shown = current && SHOWN[current.path];
  return (
    <div className="view admin">
      <header className="view-head">
        <h1>Admin</h1>
        {open.length > 0 && (
          <nav className="segments" aria-label="Parts of Admin">
            {open.map((one) => (
              <Link
                key={one.path}
                href={one.path}
                className={one === current ? "current" : ""}
                aria-current={one === current ? "page" : undefined}
              >
                {one.name}
              </Link>
            ))}
          </nav>
        )}
      </header>
      {Shown ? (
        <Suspense fallback={<Waiting what="this part" lines={6} />}>
          <Shown />
        </Suspense>
      ) : (
        <Empty title="This is for those who look after Council">
          {open.length > 0
            ? "An administrator sees it."
            : "Operators see providers, budgets, documents and the policy; administrators change keys and tokens, too."}
          {!who.signed_in && (
            <>
              {" "}
              <Link href="/login">Sign in</Link>
            </>
          )}
        </Empty>
      )}
    </div>
  );
}
