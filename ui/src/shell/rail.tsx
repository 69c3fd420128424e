import { Link, useLocation } from "wouter";
import { useLive } from "../api/live";
import { Icon } from "../kit/icons";
import { useViews, viewOf } from "./views";

export function Rail() {
  const [location] = useLocation();
  const current = viewOf(location);
  const views = useViews();
  const { live } = useLive();
  const open = live?.incidents.length ?? 0;
  return (
    <nav className="rail" aria-label="Views">
      {views.map((view) => (
        <Link
          key={view.path}
          href={view.path}
          className={current === view.path ? "rail-item current" : "rail-item"}
          aria-current={current === view.path ? "page" : undefined}
        >
          <Icon name={view.icon} />
          <span>{view.name}</span>
          {view.path === "/health" && open > 0 && (
            <span className="rail-mark">
              {open}
              <span className="only-read"> open {open === 1 ? "incident" : "incidents"}</span>
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}
